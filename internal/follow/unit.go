package follow

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/report"
)

// ID names a unit. Kind is empty for a Kustomization, else that of a part, in lower case.
type ID struct{ Kind, Namespace, Name string }

// String is the name in the report: "namespace/name", for a part "kind/namespace/name".
func (id ID) String() string {
	text := id.Name
	if id.Namespace != "" {
		text = id.Namespace + "/" + text
	}
	if id.Kind != "" {
		text = id.Kind + "/" + text
	}
	return text
}

// Part tells whether it is something that a Kustomization brings, and no Kustomization itself.
func (id ID) Part() bool { return id.Kind != "" }

// Key is namespace and name.
func (id ID) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: id.Namespace, Name: id.Name}
}

// Title is the ID as people say it: "HelmRelease apps/blog".
func (id ID) Title() string {
	k, known := kindOf(id.Kind)
	if !known {
		return id.String()
	}
	return k.Kind + " " + ID{"", id.Namespace, id.Name}.String()
}

// Unit is what is known of one Kustomization of the tree, or of a part of it: a HelmRelease, a source, an ExternalSecret or
// a store that the inventory of one lists.
type Unit struct {
	ID
	// Ready tells whether it is reconciled at its newest generation.
	Ready bool
	// At is when Ready was first seen true; for one that was Ready before, when its condition says so. It stays while the unit
	// cannot be read.
	At time.Time
	// Reason says why it is not Ready: the condition's message, or what is missing.
	Reason string
	// Failed tells whether to tell people: the last try of it has ended without success. If not Stalled, the next one comes.
	Failed, Stalled bool
	// Revision is what was applied last.
	Revision string
	// Phase is what it does or waits for.
	Phase report.Phase
	// Created is when it was created, in whole seconds; zero while it is not there.
	Created time.Time
	// Since is when its condition last became what it is, in whole seconds.
	Since time.Time
	// By is the Kustomization whose inventory has it, empty for a root; Needs are those that it depends on, and its source or
	// store if that is a unit too.
	By    ID
	Needs []ID
	// Workload tells that it runs something of its own, Checked that Ready says so of what it runs.
	Workload, Checked bool
}

// differs tells whether there is something to tell.
func (u *Unit) differs(before Unit) bool {
	return before.Ready != u.Ready || before.Reason != u.Reason || before.Phase != u.Phase || before.Failed != u.Failed || before.Stalled != u.Stalled
}
