package nudge

import (
	"testing"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const dependencyReady = "dependency ready"

// A dependency counts as kustomize-controller counts it.
func TestDependenciesMet(t *testing.T) {
	t.Parallel()
	elsewhere := func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Name = "other" }
	for name, test := range map[string]struct {
		others []client.Object
		met    bool
	}{
		"Ready": {[]client.Object{ready("a", "2"), ready("b", "2")}, true},
		"Ready at another revision than the source's": {[]client.Object{ready("a", "1"), ready("b", "1")}, false},
		"one is not there":                            {[]client.Object{ready("a", "2")}, false},
		"one is not Ready":                            {[]client.Object{ready("a", "2"), waitingFor("b")}, false},
		"one was not seen by Flux":                    {[]client.Object{ready("a", "2"), kustomization("b")}, false},
		"Ready at an older generation":                {[]client.Object{ready("a", "2"), change(ready("b", "2"), func(k *kustomizev1.Kustomization) { k.Generation++ })}, false},
		"two revisions of one source":                 {[]client.Object{ready("a", "2"), ready("b", "1")}, false},
		"nothing applied yet":                         {[]client.Object{ready("a", "2"), ready("b", "")}, false},
		"one of another source":                       {[]client.Object{ready("a", "2"), change(ready("b", "x"), elsewhere)}, true},
		"all of another source":                       {[]client.Object{change(ready("a", "x"), elsewhere), change(ready("b", ""), elsewhere)}, true},
		"a source of another namespace":               {[]client.Object{ready("a", "2"), change(ready("b", "x"), func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Namespace = "other" })}, true},
		"the same namespace, spelled out":             {[]client.Object{ready("a", "2"), change(ready("b", "1"), func(k *kustomizev1.Kustomization) { k.Spec.SourceRef.Namespace = "flux-system" })}, false},
	} {
		k := waitingFor("k", "a", "b")
		f := newFake(t, append(test.others, k)...)
		f.revision = "2"
		if c := f.cause(dependencyReady, k); (c.id != "") != test.met {
			t.Errorf("%s: cause %+v, want met=%v", name, c, test.met)
		}
	}
}

// A release counts as helm-controller counts it: no revision matters.
func TestDependenciesOfReleasesMet(t *testing.T) {
	t.Parallel()
	root := brings(kustomization("root"), "helm.toolkit.fluxcd.io_HelmRelease")
	elsewhere := change(readyRelease("b"), func(r *helmv2.HelmRelease) { r.Namespace, r.Labels = "other", nil })
	waits := release("r", "a", "b")
	for name, test := range map[string]struct {
		others []client.Object
		met    bool
	}{
		"Ready":                        {[]client.Object{readyRelease("a"), readyRelease("b")}, true},
		"another revision":             {[]client.Object{readyRelease("a"), change(readyRelease("b"), func(r *helmv2.HelmRelease) { r.Status.LastAttemptedRevision = "2" })}, true},
		"one is not there":             {[]client.Object{readyRelease("a")}, false},
		"one of another namespace":     {[]client.Object{readyRelease("a"), elsewhere}, false},
		"a Kustomization of that name": {[]client.Object{readyRelease("a"), ready("b", "1")}, false},
		"one is not Ready":             {[]client.Object{readyRelease("a"), release("b")}, false},
		"Ready at an older generation": {[]client.Object{readyRelease("a"), change(readyRelease("b"), func(r *helmv2.HelmRelease) { r.Generation++ })}, false},
	} {
		if c := causeOf(t, dependencyReady, waits, append(test.others, root)...); (c.id != "") != test.met {
			t.Errorf("%s: cause %+v, want met=%v", name, c, test.met)
		}
	}
	waits.Spec.DependsOn[1].Namespace = "other"
	if c := causeOf(t, dependencyReady, waits, readyRelease("a"), elsewhere, root); c.id == "" {
		t.Errorf("a dependency in another namespace, which nobody of the tree brought: %+v", c)
	}
}

// With an expression any change counts, but for a request and Flux's answer: else two that wait for each other would be
// asked for ever.
func TestExpressionIsLeftToFlux(t *testing.T) {
	t.Parallel()
	const expression = "dep.metadata.labels['version'] == 'v1'"
	of := func(do func(*kustomizev1.Kustomization)) string {
		k, a := waitingFor("k", "a"), says(kustomization("a"), meta.ReadyCondition, metav1.ConditionFalse, meta.BuildFailedReason, "")
		k.Spec.DependsOn[0].ReadyExpr = expression
		do(a)
		return causeOf(t, dependencyReady, k, a).id
	}
	before := of(func(*kustomizev1.Kustomization) {})
	if before == "" {
		t.Fatal("Flux is not asked to look at an expression")
	}
	for name, test := range map[string]struct {
		do   func(*kustomizev1.Kustomization)
		same bool
	}{
		"a condition":   {func(k *kustomizev1.Kustomization) { k.Status.Conditions[0].Message = "another" }, false},
		"a revision":    {func(k *kustomizev1.Kustomization) { k.Status.LastAttemptedRevision = "2" }, false},
		"a label":       {func(k *kustomizev1.Kustomization) { k.Labels["version"] = "v1" }, false},
		"an annotation": {func(k *kustomizev1.Kustomization) { k.Annotations = map[string]string{"version": "v1"} }, false},
		"a request to reconcile, handled": {func(k *kustomizev1.Kustomization) {
			k.Annotations, k.ResourceVersion = map[string]string{meta.ReconcileRequestAnnotation: "now"}, "8"
			k.Status.LastHandledReconcileAt = "now"
		}, true},
	} {
		if after := of(test.do); (after == before) != test.same {
			t.Errorf("%s: the same cause %v, want %v", name, after == before, test.same)
		}
	}
	r := release("r", "a")
	r.Spec.DependsOn[0].ReadyExpr = expression
	root := brings(kustomization("root"), "helm.toolkit.fluxcd.io_HelmRelease")
	other := change(release("a"), func(r *helmv2.HelmRelease) { r.Labels["version"] = "v1" })
	if one, two := causeOf(t, dependencyReady, r, root, release("a")).id, causeOf(t, dependencyReady, r, root, other).id; one == "" || one == two {
		t.Errorf("the causes of a release are %q, then %q", one, two)
	}
}

// The revision of an ExternalArtifact counts as that of any source. Where its kind is not served nobody is asked.
func TestDependencyOfAnExternalArtifact(t *testing.T) {
	t.Parallel()
	of := func(k *kustomizev1.Kustomization) *kustomizev1.Kustomization {
		k.Spec.SourceRef.Kind = sourcev1.ExternalArtifactKind
		return k
	}
	artifact := &sourcev1.ExternalArtifact{ObjectMeta: metadata("main")}
	artifact.Status.Artifact = &meta.Artifact{Revision: "latest@sha256:2"}
	a, k := of(ready("a", "latest@sha256:2")), of(waitingFor("k", "a"))
	if c := causeOf(t, dependencyReady, k, a, artifact); c.id == "" {
		t.Error("nobody is asked")
	}
	if c := causeOf(t, dependencyReady, k, of(ready("a", "latest@sha256:1")), artifact); c.id != "" {
		t.Errorf("asked because of another revision: %+v", c)
	}
	f := newFake(t, a, k)
	f.lost = sourcev1.ExternalArtifactKind
	if c := f.cause(dependencyReady, k); c.id != "" {
		t.Errorf("asked because of a source that nobody knows: %+v", c)
	}
}

// A dependency that became Ready once more is another cause, and so is a new revision.
func TestReadiness(t *testing.T) {
	t.Parallel()
	of := func(k *kustomizev1.Kustomization) string {
		return causeOf(t, dependencyReady, waitingFor("k", "a"), k).id
	}
	before := of(ready("a", "1"))
	later := of(change(ready("a", "1"), func(k *kustomizev1.Kustomization) { k.Status.Conditions[0].LastTransitionTime = after(time.Second) }))
	checked := of(change(ready("a", "1"), func(k *kustomizev1.Kustomization) {
		k.ResourceVersion, k.Status.LastHandledReconcileAt = "8", "now"
	}))
	if later == before || of(ready("a", "2")) == before || checked != before {
		t.Errorf("causes %q, %q, %q, %q", before, later, of(ready("a", "2")), checked)
	}
}

// conditioned is a Kustomization or a HelmRelease.
type conditioned interface {
	client.Object
	GetConditions() []metav1.Condition
	SetConditions([]metav1.Condition)
}

// working is what d says while its controller reconciles it once more, as after each interval.
func working(d conditioned) conditioned {
	if _, is := d.(*helmv2.HelmRelease); is {
		return says(d, meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, firstStep)
	}
	d.SetConditions(nil)
	says(d, meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, "Building manifests for revision 1 with a timeout of 30s")
	return says(d, meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, "Reconciliation in progress")
}

// Who waits for an expression that is false is asked to look at what is new, once, and not after each interval of what it
// depends on.
func TestIntervalIsNoNews(t *testing.T) {
	t.Parallel()
	root := brings(kustomization("root"), "helm.toolkit.fluxcd.io_HelmRelease")
	k, r := waitingFor("it", "a", "c"), release("it", "a", "c")
	k.Spec.DependsOn[1].ReadyExpr, r.Spec.DependsOn[1].ReadyExpr = "false", "false"
	for name, test := range map[string]struct {
		waits client.Object
		ready func(name string) conditioned
	}{
		"Kustomization": {k, func(name string) conditioned { return ready(name, "1") }},
		"HelmRelease":   {r, func(name string) conditioned { return readyRelease(name) }},
	} {
		f := newFake(t)
		n := f.nudger()
		at := func(name string, d time.Duration) conditioned {
			o := test.ready(name)
			conditions := o.GetConditions()
			conditions[0].LastTransitionTime = after(d)
			o.SetConditions(conditions)
			return o
		}
		judge := func(when, want string, a, c client.Object) {
			t.Helper()
			f.judge(n, root, a, c, test.waits)
			expect(t, f, name+": "+when, want)
		}
		judge("at first", "it", at("a", 0), at("c", 0))
		for minute := range 3 {
			before, later := time.Duration(minute)*time.Minute, time.Duration(minute+1)*time.Minute
			judge("a is at work", "", working(at("a", before)), at("c", before))
			judge("a is Ready once more", "", at("a", later), at("c", before))
			judge("c is at work", "", at("a", later), working(at("c", before)))
			judge("c is Ready once more", "", at("a", later), at("c", later))
		}
		labelled := func(c conditioned) conditioned {
			c.SetLabels(map[string]string{"version": "v1"})
			return c
		}
		judge("c has a label, and is at work", "it", at("a", 0), labelled(working(at("c", 0))))
		judge("c has a label", "", at("a", 0), labelled(at("c", 0)))
		judge("c has failed", "it", at("a", 0), labelled(says(at("c", 0), "Healthy", metav1.ConditionFalse, "HealthCheckFailed", "")))
		another := at("a", 0)
		another.SetUID("another")
		judge("a is another one", "it", another, labelled(at("c", 0)))
		f.judge(n, root)
		if len(n.said) != 0 {
			t.Errorf("%s: remembers what is gone: %v", name, n.said)
		}
	}
}
