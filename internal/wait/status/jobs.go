package status

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Complete judges whether the Job o has run to its end: Current with its condition Complete, Failed and Final as
// soon as it can never have it. It is an error for any other kind, and for a Job with a field of a wrong type.
//
// A finished Job stays finished while it is being deleted, as its time to live does; one that is deleted before is
// Terminating.
func Complete(o *unstructured.Unstructured) (Result, error) {
	object, err := open(o)
	if err != nil {
		return Result{}, err
	}
	if kind := o.GroupVersionKind().GroupKind(); kind != (schema.GroupKind{Group: "batch", Kind: "Job"}) {
		return Result{}, fmt.Errorf("judging %s %s: only a Job of the group batch completes: wait for it to be ready instead", kind, name(o))
	}
	result := job(object)
	if result.State == InProgress && object.text("metadata.deletionTimestamp", "") != "" {
		result = Result{State: Terminating, Message: "it is being deleted before it is complete"}
	}
	if err := object.check(o); err != nil {
		return Result{}, err
	}
	return result, nil
}

// job goes by the conditions, https://pkg.go.dev/k8s.io/api/batch/v1#JobStatus: Complete, Failed and FailureTarget
// are never taken back, and a Job with one of the latter two is never Complete. FailureTarget says that it will have
// failed once its Pods are gone.
func job(o fields) Result {
	all := conditions(o)
	for _, kind := range []string{"Failed", "FailureTarget"} {
		if c, failed := find(all, kind, "True"); failed {
			return Result{State: Failed, Final: true, Message: c.sentence("it has failed")}
		}
	}
	if _, complete := find(all, "Complete", "True"); complete {
		return current("it is complete")
	}
	if _, met := find(all, "SuccessCriteriaMet", "True"); met {
		return waiting("it has succeeded, but not all its Pods are gone")
	}
	if c, suspended := find(all, "Suspended", "True"); suspended {
		return waiting(c.sentence("it is suspended"))
	}
	if o.text("status.startTime", "") == "" {
		return waiting("it has not started yet")
	}
	return waiting(fmt.Sprintf("its Pods: %d active, %d succeeded of %d, %d failed", o.count("status.active", 0),
		o.count("status.succeeded", 0), o.count("spec.completions", 1), o.count("status.failed", 0)))
}
