package nudge

import (
	"testing"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Only what its controller has left for later may be asked for.
func TestWaiting(t *testing.T) {
	t.Parallel()
	unreleased := func(reason string) *helmv2.HelmRelease {
		return says(&helmv2.HelmRelease{ObjectMeta: metadata("r")}, meta.ReadyCondition, metav1.ConditionFalse, reason, "Helm failed")
	}
	remediating := func(action string) *helmv2.HelmRelease {
		return says(unreleased(helmv2.InstallFailedReason), meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, "Running '"+action+"' action with timeout of 5m0s")
	}
	git := &sourcev1.GitRepository{ObjectMeta: metadata("g")}
	says(git, meta.ReadyCondition, metav1.ConditionFalse, sourcev1.AuthenticationFailedReason, "")
	secret := externalSecret()
	for name, test := range map[string]struct {
		object client.Object
		want   bool
	}{
		"left for later":                   {waitingFor("a"), true},
		"left for later after a failure":   {says(waitingFor("a"), meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingWithRetryReason, ""), true},
		"at work":                          {says(waitingFor("a"), meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, ""), false},
		"applying or checking its health":  {says(kustomization("a"), meta.ReadyCondition, metav1.ConditionUnknown, meta.ProgressingReason, ""), false},
		"Ready":                            {ready("a", "1"), false},
		"not seen by Flux":                 {kustomization("a"), false},
		"given up":                         {says(waitingFor("a"), meta.StalledCondition, metav1.ConditionTrue, "InvalidCELExpression", ""), false},
		"suspended":                        {change(waitingFor("a"), func(k *kustomizev1.Kustomization) { k.Spec.Suspend = true }), false},
		"being deleted":                    {change(waitingFor("a"), func(k *kustomizev1.Kustomization) { k.DeletionTimestamp = &now }), false},
		"its newest generation not judged": {change(waitingFor("a"), func(k *kustomizev1.Kustomization) { k.Generation++ }), false},

		"asked by another": {change(waitingFor("a"), func(k *kustomizev1.Kustomization) {
			k.Annotations = map[string]string{meta.ReconcileRequestAnnotation: "now"}
		}), false},
		"asked, and answered": {change(waitingFor("a"), func(k *kustomizev1.Kustomization) {
			k.Annotations, k.Status.LastHandledReconcileAt = map[string]string{meta.ReconcileRequestAnnotation: "now"}, "now"
		}), true},

		"a release that waits for others":  {release("a"), true},
		"a release, suspended":             {change(release("a"), func(r *helmv2.HelmRelease) { r.Spec.Suspend = true }), false},
		"a release, given up":              {says(release("a"), meta.StalledCondition, metav1.ConditionTrue, "RetriesExceeded", ""), false},
		"a release, Ready":                 {readyRelease("a"), false},
		"a release whose install failed":   {remediating("install"), true},
		"a release whose upgrade failed":   {remediating("upgrade"), true},
		"a release that is taken away":     {remediating("uninstall"), false},
		"a release that is rolled back":    {remediating("rollback"), false},
		"a release that is tested":         {remediating("test"), false},
		"a release that is tried again":    {says(unreleased(helmv2.InstallFailedReason), meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, "Fulfilling prerequisites"), false},
		"a release that is upgraded again": {says(unreleased(helmv2.UpgradeFailedReason), meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingReason, "Fulfilling prerequisites"), false},
		"a release that is left for later": {says(unreleased(helmv2.InstallFailedReason), meta.ReconcilingCondition, metav1.ConditionTrue, meta.ProgressingWithRetryReason, "retrying after 5m0s"), true},
		"a source":                         {git, true},
		"a source, suspended":              {change(git.DeepCopy(), func(g *sourcev1.GitRepository) { g.Spec.Suspend = true }), false},
		"an ExternalSecret":                {secret, true},
		"an ExternalSecret, being deleted": {change(secret.DeepCopy(), func(e *esv1.ExternalSecret) { e.DeletionTimestamp = &now }), false},
		"an ExternalSecret, Ready":         {change(secret.DeepCopy(), func(e *esv1.ExternalSecret) { e.Status.Conditions[0].Status = corev1.ConditionTrue }), false},
	} {
		if got := waiting(kustomizationKind, test.object) != nil; got != test.want {
			t.Errorf("%s: waiting %v, want %v", name, got, test.want)
		}
	}
}

// After a remediation it is the install that tells why.
func TestFailureOfRemediatedRelease(t *testing.T) {
	t.Parallel()
	r := says(&helmv2.HelmRelease{ObjectMeta: metadata("r")}, helmv2.ReleasedCondition, metav1.ConditionFalse, helmv2.InstallFailedReason, "why")
	says(r, helmv2.RemediatedCondition, metav1.ConditionTrue, helmv2.UninstallSucceededReason, "gone")
	remediated := says(r.DeepCopy(), meta.ReadyCondition, metav1.ConditionFalse, helmv2.UninstallSucceededReason, "gone")
	later := says(r.DeepCopy(), meta.ReadyCondition, metav1.ConditionFalse, meta.DependencyNotReadyReason, "not ready")
	if got := waiting(releaseKind, remediated).failed.Message; got != "why" {
		t.Errorf("a remediated release has failed because %q", got)
	}
	if got := waiting(releaseKind, later).failed.Message; got != "not ready" {
		t.Errorf("one that waits since has failed because %q", got)
	}
}

// externalSecret is one that External Secrets Operator could not sync, in its words.
func externalSecret() *esv1.ExternalSecret {
	e := &esv1.ExternalSecret{ObjectMeta: metadata("secret")}
	e.Spec.SecretStoreRef = esv1.SecretStoreRef{Name: "vault", Kind: "ClusterSecretStore"}
	e.Status.Conditions = []esv1.ExternalSecretStatusCondition{{
		Type: esv1.ExternalSecretReady, Status: corev1.ConditionFalse, Reason: esv1.ConditionReasonSecretSyncedError,
		Message: "could not get secret data from provider", LastTransitionTime: now,
	}}
	return e
}
