package follow

import (
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tazlab/seed/internal/report"
)

func condition(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, ObservedGeneration: 2}
}

func TestPhase(t *testing.T) {
	t.Parallel()
	const yes, no, unknown = metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown
	ready := func(status metav1.ConditionStatus, reason string) metav1.Condition {
		return condition(meta.ReadyCondition, status, reason)
	}
	progressing := ready(unknown, meta.ProgressingReason)
	older := ready(no, meta.BuildFailedReason)
	older.ObservedGeneration = 1
	pathless := ready(no, meta.ArtifactFailedReason)
	pathless.Message = "kustomization path not found: stat /tmp/kustomization-1464362706/apps: no such file or directory"
	for want, cases := range map[report.Phase][]struct {
		observed   int64
		conditions []metav1.Condition
	}{
		report.PhaseQueued:  {{-1, nil}, {1, []metav1.Condition{ready(yes, meta.ReconciliationSucceededReason)}}, {-1, []metav1.Condition{older}}},
		report.PhaseDepends: {{-1, []metav1.Condition{ready(no, meta.DependencyNotReadyReason)}}},
		report.PhaseSource:  {{-1, []metav1.Condition{ready(no, meta.ArtifactFailedReason)}}},
		report.PhaseWorking: {
			{-1, []metav1.Condition{progressing}},
			{2, []metav1.Condition{progressing, condition(meta.HealthyCondition, yes, meta.SucceededReason)}},
			{-1, []metav1.Condition{progressing, condition(meta.HealthyCondition, no, meta.HealthCheckFailedReason)}},
			{-1, []metav1.Condition{ready(no, meta.HealthCheckCanceledReason), condition(meta.HealthyCondition, unknown, meta.ProgressingReason)}},
		},
		report.PhaseHealth: {{-1, []metav1.Condition{progressing, condition(meta.HealthyCondition, unknown, meta.ProgressingReason)}}},
		report.PhaseFailed: {
			{-1, []metav1.Condition{ready(no, meta.HealthCheckFailedReason), condition(meta.HealthyCondition, no, meta.HealthCheckFailedReason)}},
			{-1, []metav1.Condition{ready(no, meta.BuildFailedReason)}}, {-1, []metav1.Condition{ready(no, "OfTomorrow")}},
			{-1, []metav1.Condition{pathless}},
		},
		report.PhaseReady: {{2, []metav1.Condition{ready(yes, meta.ReconciliationSucceededReason)}}},
	} {
		for i, test := range cases {
			if got := phase(&facts{generation: 2, observed: test.observed, conditions: test.conditions}); got != want {
				t.Errorf("case %d of %s: %s", i, want, got)
			}
		}
	}
}

func TestWorkload(t *testing.T) {
	t.Parallel()
	const deployment, unit = "blog_blog_apps_Deployment", "flux-system_child_kustomize.toolkit.fluxcd.io_Kustomization"
	for _, test := range []struct {
		want    bool
		planted string
		ids     []string
	}{
		{true, "", []string{"_blog__Namespace", deployment}},
		{true, "false", []string{"web_web_helm.toolkit.fluxcd.io_HelmRelease"}},
		{false, "", []string{"_blog__Namespace", "blog_settings__ConfigMap"}},
		{false, "true", []string{deployment}},
		{false, "", []string{deployment, unit}},
		{false, "", nil},
	} {
		k := &kustomizev1.Kustomization{}
		if test.planted != "" {
			k.Annotations = map[string]string{"seed.tazlab.net/plant": test.planted}
		}
		for _, id := range test.ids {
			if k.Status.Inventory == nil {
				k.Status.Inventory = &kustomizev1.ResourceInventory{}
			}
			k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: id, Version: "v1"})
		}
		if got := workload(k); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
