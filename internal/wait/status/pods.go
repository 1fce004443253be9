package status

import "strings"

func pod(o fields) Result {
	switch phase := o.text("status.phase", ""); phase {
	case "Succeeded":
		return current("its containers have ended well")
	case "Failed":
		return Result{State: Failed, Final: true, Message: sentence("it has failed", o.text("status.reason", ""), o.text("status.message", ""))}
	case "Running":
		return running(o)
	case "Pending":
		return pending(o)
	case "":
		return waiting("no node and no scheduler has seen it yet")
	default:
		return waiting("it is in the phase " + phase)
	}
}

func running(o fields) Result {
	all := conditions(o)
	if _, ready := find(all, "Ready", "True"); ready {
		return current("it is running and ready")
	}
	var looping []string
	for _, c := range waitingContainers(o, "status.containerStatuses") {
		if c.reason == "CrashLoopBackOff" {
			looping = append(looping, c.name)
		}
	}
	if len(looping) > 0 {
		return Result{State: Failed, Message: "containers crash again and again: " + strings.Join(looping, ", ")}
	}
	c, _ := find(all, "Ready", "False")
	return waiting(c.sentence("it is running, but not ready"))
}

// pending says why. An unschedulable Pod is no failure: a node may join, or another Pod leave.
func pending(o fields) Result {
	if c, unscheduled := find(conditions(o), "PodScheduled", "False"); unscheduled {
		return waiting(c.sentence("no node has been found for it"))
	}
	for _, list := range []string{"status.initContainerStatuses", "status.containerStatuses"} {
		for _, c := range waitingContainers(o, list) {
			if c.reason != "PodInitializing" { // waits for another one, which says more
				return waiting(sentence("its container "+c.name+" is waiting", c.reason, c.message))
			}
		}
	}
	return waiting("it is pending")
}

type container struct{ name, reason, message string }

// waitingContainers are those of a list of container statuses that are not started.
func waitingContainers(o fields, list string) []container {
	var all []container
	for _, f := range o.list(list) {
		if reason := f.text("state.waiting.reason", ""); reason != "" {
			all = append(all, container{f.text("name", ""), reason, f.text("state.waiting.message", "")})
		}
	}
	return all
}
