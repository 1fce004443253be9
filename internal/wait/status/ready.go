// Package status tells from an object alone whether it has reached the state that its spec asks for, by the rules of kstatus.
package status

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// State is how far an object is, in kstatus's words.
type State string

// The states. An object that is not there has none.
const (
	Current     State = "Current"
	InProgress  State = "InProgress"
	Failed      State = "Failed"
	Terminating State = "Terminating"
)

// Result is what an object says about itself. The zero Result is not Current.
type Result struct {
	State State
	// Message says in one sentence what is there or what is missing, without the object's name. It may end with a
	// condition's own reason and message, in one line.
	Message string
	// Final marks a Failed object that can never become Current: a failed Job or Pod. Another object may still take
	// its name, as when a StatefulSet replaces its Pod.
	Final bool
}

// Ready judges o by the rules of kstatus, https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus.
// statusSubresource says that the kind of o has one, so that a status is yet to come where there is none. Ready is
// never Current where kstatus is not, and differs from it only here:
//
//   - no-status: with statusSubresource, an object without a status is InProgress. That is one without
//     status.observedGeneration for the kinds of apps and policy that have it, and for a kind without a rule of its
//     own one whose status is empty or has nothing but observedGeneration and empty lists. kstatus: mostly Current.
//   - job: a Job is Current only when it is Complete (kstatus: when it has started), and Failed from FailureTarget on.
//   - pod-failed: a Pod in phase Failed is Failed. kstatus: Current.
//   - pod-unschedulable: such a Pod is InProgress for as long as it is. kstatus: Failed after 15 seconds.
//   - pod-phase: a Pod in any other phase than the known five is InProgress. kstatus: an error.
//   - ready-condition: a Ready condition that is neither True, False nor Unknown, or whose own observedGeneration is
//     older than the object, is InProgress. kstatus passes over the one and believes the other.
//   - type: a field of the wrong type is an error wherever a rule reads it, and so is an object without a kind.
//     kstatus takes a default for some fields, and Current for the kind.
//
// The error, with a Result that is not Current, says which field cannot be read; a later version of the object may
// be mended.
func Ready(o *unstructured.Unstructured, statusSubresource bool) (Result, error) {
	object, err := open(o)
	if err != nil {
		return Result{}, err
	}
	result := judge(object, o.GroupVersionKind().GroupKind(), statusSubresource)
	if err := object.check(o); err != nil {
		return Result{}, err
	}
	return result, nil
}

// rule judges the objects of one kind.
type rule struct {
	// observed: the kind's controller always writes status.observedGeneration.
	observed bool
	judge    func(fields) Result
}

var rules = map[schema.GroupKind]rule{
	{Group: "apps", Kind: "Deployment"}:                               {observed: true, judge: deployment},
	{Group: "apps", Kind: "StatefulSet"}:                              {observed: true, judge: statefulSet},
	{Group: "apps", Kind: "DaemonSet"}:                                {observed: true, judge: daemonSet},
	{Group: "apps", Kind: "ReplicaSet"}:                               {observed: true, judge: replicaSet},
	{Group: "extensions", Kind: "Deployment"}:                         {observed: true, judge: deployment},
	{Group: "extensions", Kind: "DaemonSet"}:                          {observed: true, judge: daemonSet},
	{Group: "extensions", Kind: "ReplicaSet"}:                         {observed: true, judge: replicaSet},
	{Group: "batch", Kind: "Job"}:                                     {judge: job},
	{Group: "batch", Kind: "CronJob"}:                                 {judge: always("a CronJob has nothing to wait for")},
	{Kind: "ConfigMap"}:                                               {judge: always("a ConfigMap has nothing to wait for")},
	{Kind: "Secret"}:                                                  {judge: always("a Secret has nothing to wait for")},
	{Kind: "Pod"}:                                                     {judge: pod},
	{Kind: "PersistentVolumeClaim"}:                                   {judge: claim},
	{Kind: "Service"}:                                                 {judge: service},
	{Group: "policy", Kind: "PodDisruptionBudget"}:                    {observed: true, judge: always("its disruptions are counted")},
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}: {judge: definition},
}

func judge(o fields, kind schema.GroupKind, statusSubresource bool) Result {
	if result, sure := generic(o); sure {
		return result
	}
	own, known := rules[kind]
	switch {
	case statusSubresource && own.observed && !o.has("status.observedGeneration"), statusSubresource && !known && o.unwritten():
		return waiting("no status yet")
	case known:
		return own.judge(o)
	}
	return byReady(o)
}

func current(message string) Result { return Result{State: Current, Message: message} }

func waiting(message string) Result { return Result{State: InProgress, Message: message} }

func always(message string) func(fields) Result {
	return func(fields) Result { return current(message) }
}
