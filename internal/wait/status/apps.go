package status

import "fmt"

// need is a number of replicas that a workload must reach.
type need struct {
	have, want int64
	what       string
}

// missing names the first need that is not met.
func missing(needs ...need) (Result, bool) {
	for _, n := range needs {
		if n.have < n.want {
			return waiting(fmt.Sprintf("%d of %d replicas %s", n.have, n.want, n.what)), true
		}
	}
	return Result{}, false
}

// surplus is the last need: that nothing is left of an older revision or a larger size.
func surplus(have, want int64) (Result, bool) {
	if have <= want {
		return Result{}, false
	}
	return waiting(fmt.Sprintf("%d replicas too many are yet to go", have-want)), true
}

func allReady(want int64) Result {
	return current(fmt.Sprintf("all %d replicas are ready", want))
}

func deployment(o fields) Result {
	all := conditions(o)
	for _, c := range all {
		if c.kind == "Progressing" && c.reason == "ProgressDeadlineExceeded" {
			return Result{State: Failed, Message: c.sentence("it made no progress within its deadline")}
		}
	}
	want, have := o.count("spec.replicas", 1), o.count("status.replicas", 0)
	updated := o.count("status.updatedReplicas", 0)
	result, short := missing(
		need{have, want, "are created"},
		need{updated, want, "are of the newest revision"},
		need{o.count("status.availableReplicas", 0), updated, "are available"},
		need{o.count("status.readyReplicas", 0), want, "are ready"},
	)
	if short {
		return result
	}
	if result, more := surplus(have, want); more {
		return result
	}
	if !progressed(o, all) {
		return waiting("its newest ReplicaSet is not available yet")
	}
	if _, available := find(all, "Available", "True"); !available {
		c, _ := find(all, "Available", "False")
		return waiting(c.sentence("condition Available is not True"))
	}
	return allReady(want)
}

// progressed: the controller writes the condition Progressing only where there is a deadline, and takes the largest
// 32-bit number for none.
func progressed(o fields, all []condition) bool {
	const none = 1<<31 - 1
	if o.count("spec.progressDeadlineSeconds", none) == none {
		return true
	}
	for _, c := range all {
		if c.is("Progressing", "True") && c.reason == "NewReplicaSetAvailable" {
			return true
		}
	}
	return false
}

func statefulSet(o fields) Result {
	if o.text("spec.updateStrategy.type", "") == "OnDelete" {
		return current("its update strategy OnDelete leaves the rollout to whoever deletes its Pods")
	}
	want, have := o.count("spec.replicas", 1), o.count("status.replicas", 0)
	if result, short := missing(
		need{have, want, "are created"},
		need{o.count("status.readyReplicas", 0), want, "are ready"},
	); short {
		return result
	}
	if result, more := surplus(have, want); more {
		return result
	}
	const none = -1
	if partition := o.count("spec.updateStrategy.rollingUpdate.partition", none); partition != none {
		updated := need{o.count("status.updatedReplicas", 0), want - partition, "are of the newest revision"}
		if result, short := missing(updated); short {
			return result
		}
		return allReady(want)
	}
	if result, short := missing(need{o.count("status.currentReplicas", 0), want, "are of the current revision"}); short {
		return result
	}
	if o.text("status.currentRevision", "") != o.text("status.updateRevision", "") {
		return waiting("the rollout of its newest revision is not over")
	}
	return allReady(want)
}

func replicaSet(o fields) Result {
	if c, failing := find(conditions(o), "ReplicaFailure", "True"); failing {
		return waiting(c.sentence("its Pods cannot be created or deleted"))
	}
	want := o.count("spec.replicas", 1)
	if result, short := missing(
		need{o.count("status.fullyLabeledReplicas", 0), want, "have all labels of the template"},
		need{o.count("status.availableReplicas", 0), want, "are available"},
		need{o.count("status.readyReplicas", 0), want, "are ready"},
	); short {
		return result
	}
	if result, more := surplus(o.count("status.replicas", 0), want); more {
		return result
	}
	return allReady(want)
}

// daemonSet: how many are wanted only the controller knows, so nothing counts before it has seen the object.
func daemonSet(o fields) Result {
	want := o.count("status.desiredNumberScheduled", -1)
	if !o.has("metadata.generation") || !o.has("status.observedGeneration") || want < 0 {
		return waiting("its controller has not counted its nodes yet")
	}
	if result, short := missing(
		need{o.count("status.currentNumberScheduled", 0), want, "are created"},
		need{o.count("status.updatedNumberScheduled", 0), want, "are of the newest revision"},
		need{o.count("status.numberAvailable", 0), want, "are available"},
		need{o.count("status.numberReady", 0), want, "are ready"},
	); short {
		return result
	}
	return allReady(want)
}
