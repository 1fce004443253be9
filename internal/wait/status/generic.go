package status

import (
	"fmt"
	"strings"
)

// generic is sure about an object that says in one of the ways that all kinds share that it is not Current.
func generic(o fields) (result Result, sure bool) {
	if o.text("metadata.deletionTimestamp", "") != "" {
		return Result{State: Terminating, Message: "it is being deleted"}, true
	}
	generation, observed := o.count("metadata.generation", 0), o.count("status.observedGeneration", 0)
	if o.has("metadata.generation") && o.has("status.observedGeneration") && generation != observed {
		return waiting(fmt.Sprintf("its controller has not seen its last change: %s", stale(generation, observed))), true
	}
	for _, c := range conditions(o) {
		switch {
		case c.is("Reconciling", "True"):
			return waiting(c.sentence("it is being reconciled")), true
		case c.is("Stalled", "True"):
			return Result{State: Failed, Message: c.sentence("it is stalled")}, true
		}
	}
	return Result{}, false
}

// unwritten is true for a status that no controller has written to. What stands there before may come from defaults
// of the CRD: Flux's have an observedGeneration.
func (f fields) unwritten() bool {
	value, _ := f.at("status")
	status, _ := value.(map[string]any) // of a wrong type: reading the conditions has found that
	for key, value := range status {
		items, isList := value.([]any)
		if key != "observedGeneration" && value != nil && (!isList || len(items) > 0) {
			return false
		}
	}
	return true
}

// byReady judges an object of any kind by its Ready condition. Without one there is nothing to wait for.
func byReady(o fields) Result {
	for _, c := range conditions(o) {
		if c.kind != "Ready" {
			continue
		}
		generation := o.count("metadata.generation", 0)
		observed := c.count("observedGeneration", generation)
		switch {
		case c.status != "True":
			return waiting(c.String())
		case observed < generation:
			return waiting("condition Ready is True, but stale: " + stale(generation, observed))
		}
		return current(c.String())
	}
	return current("it has no condition Ready to wait for")
}

func stale(generation, observed int64) string {
	return fmt.Sprintf("generation %d, observed %d", generation, observed)
}

// condition is one of status.conditions.
type condition struct {
	fields
	kind, status, reason, message string
}

func conditions(o fields) []condition {
	list := o.list("status.conditions")
	all := make([]condition, 0, len(list))
	for _, f := range list {
		all = append(all, read(f))
	}
	return all
}

func read(f fields) condition {
	return condition{
		fields: f, kind: f.text("type", ""), status: f.text("status", ""),
		reason: f.text("reason", ""), message: f.text("message", ""),
	}
}

// String is what the condition says, in a sentence with its own reason and message.
func (c condition) String() string {
	if c.status == "" {
		return c.sentence("condition " + c.kind + " is without a status")
	}
	return c.sentence("condition " + c.kind + " is " + c.status)
}

func (c condition) is(kind, status string) bool { return c.kind == kind && c.status == status }

// find returns the first condition that has the type and the status.
func find(all []condition, kind, status string) (condition, bool) {
	for _, c := range all {
		if c.is(kind, status) {
			return c, true
		}
	}
	return condition{}, false
}

// sentence puts the condition's own reason and message behind start.
func (c condition) sentence(start string) string { return sentence(start, c.reason, c.message) }

// sentence joins what is there of parts. Messages of controllers may have several lines.
func sentence(parts ...string) string {
	var said []string
	for _, part := range parts {
		if line := strings.Join(strings.Fields(part), " "); line != "" {
			said = append(said, line)
		}
	}
	return strings.Join(said, ": ")
}
