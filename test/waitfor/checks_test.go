//go:build apiserver

package waitfor_test

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A condition counts for the newest spec, in any letter case.
func TestCondition(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin)
	crd := newWidgets(p, "v1")
	crd.install(t, "Widget")
	p.allow(t, inGroup(crd.group, "widgets", "one"))
	crd.create(t, "Widget", "one", "spec: {size: 1}")
	one := "widget." + crd.group + "/one"
	met, not := p.start(t, nil, one+"#condition=ready=true"), p.start(t, nil, one+"#condition=Paused=False")
	ready := p.start(t, nil, one+"#ready")
	met.await(t, "waiting for "+one)
	ready.await(t, "no status yet")

	crd.status(t, "Widget", "one", `conditions: [{type: Ready, status: "False", reason: Broken, message: no disk}, {type: Paused, status: "True"}]`)
	met.await(t, "Broken", "no disk")
	ready.await(t, "Broken", "no disk")
	crd.status(t, "Widget", "one", `conditions: [{type: Ready, status: "True", observedGeneration: 0}, {type: Paused, status: "False", observedGeneration: 0}]`)
	// Generation 0 is older than any that the API server counts.
	met.await(t, "generation 1")
	ready.await(t, "generation 1")
	crd.status(t, "Widget", "one", `conditions: [{type: Ready, status: "True", observedGeneration: 1}, {type: Paused, status: "False", observedGeneration: 1}]`)
	met.end(t, 0, one)
	ready.end(t, 0, one)
	not.end(t, 0, one)
}

// What is no value does not count: nothing, null and "". With a value to compare there must be exactly one.
func TestJSONPath(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin)
	crd := newWidgets(p, "v1")
	crd.install(t, "Widget")
	p.allow(t, inGroup(crd.group, "widgets", "one"))
	crd.create(t, "Widget", "one", `spec: {up: true, down: false, size: 3, big: 3000000000, half: 0.5, name: mnemosyne, empty: "", none: null, map: {a: b}, list: [1, 2], nodes: [{name: a, up: false}]}`)
	one := "widget." + crd.group + "/one#jsonpath="
	for _, path := range []string{
		"{.spec.up}=true", "{.spec.down}=false", "{.spec.down}", "{.spec.size}=3", "{.spec.big}=3000000000", "{.spec.half}=0.5", "{.spec.name}=mnemosyne",
		".spec.name=mnemosyne", `{.spec.name}="mnemosyne"`, "{.spec.map}", "{.spec.list}", "{.spec.list[1]}=2", "{.spec.nodes[?(@.name=='a')].up}=false",
	} {
		p.start(t, nil, one+path).end(t, 0, one+path)
	}
	for path, why := range map[string]string{
		"{.spec.up}=false": `is "true", not "false"`, "{.spec.nothing}": "has no value yet", "{.spec.nothing}=x": "has no value yet",
		"{.spec.empty}": "has no value yet", "{.spec.none}": "has no value yet", "{.spec.map}=x": "is a map or a list",
		"{.spec.list[*]}=1": "has 2 values", "{.spec.list[7]}": "finds nothing", "{.spec.nodes[?(@.up==true)].name}=a": "has no value yet",
	} {
		w := p.start(t, nil, one+path)
		w.await(t, why)
		p.signalled(t, w, why)
	}
	w := p.start(t, nil, one+"{.spec.nodes[?(@.up==true)].name}=a")
	w.await(t, "has no value yet")
	o, err := crd.all(t, "Widget").Get(t.Context(), "one", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o.Object["spec"] = parse(t, "nodes: [{name: a, up: true}]").Object
	if _, err := crd.all(t, "Widget").Update(t.Context(), o, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	w.end(t, 0, "is as asked for")
}

// A Deployment is ready when its controller has seen it and all its Pods are.
func TestDeploymentReady(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, inGroup("apps", "deployments", "web"))
	all := objects(t, admin, p.namespace, "apps", "v1", "deployments")
	_, err := all.Create(t.Context(), parse(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}`), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := p.start(t, nil, "deploy/web#ready")
	w.await(t, "no status yet")
	setStatus(t, all, "web", `{observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 1, availableReplicas: 1}`)
	w.await(t, "1 of 2 replicas are available")
	setStatus(t, all, "web", `{observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2,
  conditions: [{type: Progressing, status: "True", reason: NewReplicaSetAvailable}]}`)
	w.await(t, "condition Available is not True")
	setStatus(t, all, "web", `{observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2,
  conditions: [{type: Progressing, status: "True", reason: NewReplicaSetAvailable}, {type: Available, status: "True"}]}`)
	w.end(t, 0, "all 2 replicas are ready")
}

// A Job that has failed never completes: that ends the waiting, also where other targets are not met.
func TestJob(t *testing.T) {
	t.Parallel()
	p := newPod(t, admin, inGroup("batch", "jobs", "good", "bad"), named("secrets", "database"))
	good, bad := p.job(t, "good"), p.job(t, "bad")
	done := p.start(t, nil, "job/good#complete")
	fails := p.start(t, nil, "secret/database", "job/bad#complete")
	either := p.start(t, nil, "--any", "job/bad#complete", "job/good#complete")
	done.await(t, "it has not started yet")
	fails.awaitAll(t, "it is not there", "it has not started yet")
	either.awaitAll(t, "waiting for job/good", "waiting for job/bad")
	now := metav1.Now()
	bad.Status = batchv1.JobStatus{StartTime: &now, Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", Message: "it crashed 6 times"},
		{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", Message: "it crashed 6 times"},
	}}
	p.jobStatus(t, bad)
	fails.end(t, 3, "job/bad#complete has failed for good", "BackoffLimitExceeded: it crashed 6 times")
	either.await(t, "given up: job/bad#complete")
	good.Status = batchv1.JobStatus{StartTime: &now, CompletionTime: &now, Succeeded: 1, Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue}, {Type: batchv1.JobComplete, Status: corev1.ConditionTrue},
	}}
	p.jobStatus(t, good)
	done.end(t, 0, "it is complete")
	either.end(t, 0, "job/good#complete: it is complete")
	p.start(t, nil, "--fail-if=job/good#complete", "secret/database").end(t, 3, "--fail-if job/good#complete is met")
}

func (p *pod) job(t *testing.T, name string) *batchv1.Job {
	t.Helper()
	job, err := p.client.BatchV1().Jobs(p.namespace).Create(t.Context(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "job", Image: "job"}},
		}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func (p *pod) jobStatus(t *testing.T, job *batchv1.Job) {
	t.Helper()
	if _, err := p.client.BatchV1().Jobs(p.namespace).UpdateStatus(t.Context(), job, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
