// Package report records how long each part of a birth took, as data and as a table.
package report

import (
	"slices"
	"time"
)

// State is how a step ended.
type State string

// The states of a step.
const (
	Done    State = "done"
	Skipped State = "skipped" // there was nothing to do
	Failed  State = "failed"  // tried again
	Blocked State = "blocked" // waits for a cure from outside
)

// FollowStep is the step in which the units come: all of them lie in it.
const FollowStep = "follow"

// Report is the timeline of one birth.
type Report struct {
	// Machine is when the node's kernel started, APIServer when kube-system was created, Seed when seed began.
	Machine   time.Time `json:"machine"`
	APIServer time.Time `json:"apiServer"`
	Seed      time.Time `json:"seed"`
	// Ended is when the tree stood and nothing but letting go was left; the zero time means: not yet.
	Ended time.Time `json:"ended,omitzero"`
	// Deadline is the one at which the birth has ended although its goal did not stand; 0 is none.
	Deadline time.Duration `json:"deadline,omitempty"`
	// Set is the inline manifest whose run ended the birth.
	Set string `json:"set,omitempty"`
	// Revision is what was fetched from the root source.
	Revision string `json:"revision,omitempty"`
	Steps    []Step `json:"steps"`
	// Dropped is how many of the oldest steps are left out.
	Dropped int    `json:"dropped,omitempty"`
	Units   []Unit `json:"units,omitempty"`
	// DroppedParts is how many parts are left out of Units.
	DroppedParts int `json:"droppedParts,omitempty"`
	// Until names the units that were the goal, parts among them; none is all of the tree. They are also the apps.
	Until []string `json:"until,omitempty"`
	// Nudges is how often Flux was asked to look again, by cause.
	Nudges map[string]int `json:"nudges,omitempty"`
	// Saved is when the report was last written. Live tells that it is no record but was read off a running cluster.
	Saved time.Time `json:"saved,omitzero"`
	Live  bool      `json:"live,omitempty"`
	// PeakMemory is the most memory that seed has held at once, in bytes, files of its program included; 0 is unknown.
	PeakMemory int64 `json:"peakMemory,omitempty"`

	zero time.Time // see Zero: kept while the report does not change, since it takes a look at every moment
}

// Step is one step of the flow, or one try of it.
type Step struct {
	Name  string    `json:"name"`
	Start time.Time `json:"start"`
	// Took is how long it took, in nanoseconds.
	Took  time.Duration `json:"took"`
	State State         `json:"state"`
	// Detail is one line: what was done, or why it was not.
	Detail string `json:"detail,omitempty"`
}

// Unit is a Kustomization of the tree and the moment it became Ready.
type Unit struct {
	Name  string    `json:"name"`
	Ready bool      `json:"ready"`
	At    time.Time `json:"at"`
	// Detail is the revision, or why it is not Ready.
	Detail string `json:"detail,omitempty"`
	// By is the unit that brought it, and Needs are those that it depends on.
	By    string   `json:"by,omitempty"`
	Needs []string `json:"needs,omitempty"`
	// Workload tells that it runs something of its own: not Flux, nor only other units.
	Workload bool `json:"workload,omitempty"`
	// Unchecked tells that Ready says only that it was applied, not that it runs.
	Unchecked bool `json:"unchecked,omitempty"`
	// Stalled tells that Flux does not try it again until it is changed: its phase is failed, with Flux's message.
	Stalled bool `json:"stalled,omitempty"`
	// Part tells that it is no Kustomization but something that one brought, By: a HelmRelease, a source, an ExternalSecret, a
	// store. Its Name is "kind/namespace/name", the kind in lower case; without a namespace "kind/name". Parts never count for what the tree is judged by.
	Part bool `json:"part,omitempty"`
	// Spans are what happened to it, in order; a report of an older seed has none.
	Spans []Span `json:"spans,omitempty"`
}

// The bounds of a report keep it far below what a ConfigMap takes, however long a birth was blocked.
const (
	maxSteps  = 200
	maxDetail = 500 // bytes
)

// Add records that the step name began at start and ended now. Of very many steps the oldest are dropped.
func (r *Report) Add(name string, start time.Time, state State, detail string) {
	r.Steps = append(r.Steps, Step{Name: name, Start: start, Took: time.Since(start), State: state, Detail: shorten(detail, maxDetail)})
	r.PeakMemory = peakMemory()
	r.trim()
}

func (r *Report) trim() {
	if drop := len(r.Steps) - maxSteps; drop > 0 {
		r.Steps = slices.Delete(r.Steps, 0, drop)
		r.Dropped += drop
	}
}
