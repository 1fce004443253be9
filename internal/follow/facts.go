package follow

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/fluxcd/cli-utils/pkg/object"
	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/bundle"
)

// facts are what an object says of itself, the same for all kinds.
type facts struct {
	conditions           []metav1.Condition
	generation, observed int64
	suspended            bool
	revision             string
	// needs are the units that it depends on, sources what it takes its content from.
	needs, sources []ID
	// whole tells that the object has no status to wait for.
	whole bool
}

// condition is the one of that type; nil is none.
func (f *facts) condition(kind string) *metav1.Condition {
	return apimeta.FindStatusCondition(f.conditions, kind)
}

// stalled is the condition that says so of the newest generation; nil is none.
func (f *facts) stalled() *metav1.Condition {
	c := f.condition(meta.StalledCondition)
	if c == nil || c.Status != metav1.ConditionTrue || c.ObservedGeneration != 0 && c.ObservedGeneration != f.generation {
		return nil
	}
	return c
}

// factsOf collects what object says.
func factsOf(object client.Object) facts {
	f := facts{generation: object.GetGeneration()}
	switch o := object.(type) {
	case *kustomizev1.Kustomization:
		f.conditions, f.observed, f.suspended, f.revision = o.Status.Conditions, o.Status.ObservedGeneration, o.Spec.Suspend, o.Status.LastAppliedRevision
		for _, d := range o.Spec.DependsOn {
			f.needs = append(f.needs, ID{Namespace: cmp.Or(d.Namespace, o.Namespace), Name: d.Name})
		}
		f.from(o, o.Spec.SourceRef.Kind, o.Spec.SourceRef.Namespace, o.Spec.SourceRef.Name)
	case *helmv2.HelmRelease:
		f.conditions, f.observed, f.suspended, f.revision = o.Status.Conditions, o.Status.ObservedGeneration, o.Spec.Suspend, o.Status.LastAttemptedRevision
		for _, d := range o.Spec.DependsOn {
			f.needs = append(f.needs, ID{"helmrelease", cmp.Or(d.Namespace, o.Namespace), d.Name})
		}
		if ref := o.Spec.ChartRef; ref != nil {
			f.from(o, ref.Kind, ref.Namespace, ref.Name)
		}
		if o.Spec.Chart != nil {
			ref := o.Spec.Chart.Spec.SourceRef
			f.from(o, ref.Kind, ref.Namespace, ref.Name)
		}
	case *esv1.ExternalSecret:
		f.external(o)
	case *esv1.SecretStore:
		f.ofStore(o.Status)
	case *esv1.ClusterSecretStore:
		f.ofStore(o.Status)
	default:
		f.ofSource(object)
	}
	return f
}

func (f *facts) from(of client.Object, kind, namespace, name string) {
	f.sources = append(f.sources, ID{strings.ToLower(kind), cmp.Or(namespace, of.GetNamespace()), name})
}

func (f *facts) ofSource(object client.Object) {
	var artifact *meta.Artifact
	switch o := object.(type) {
	case *sourcev1.GitRepository:
		f.conditions, f.observed, f.suspended, artifact = o.Status.Conditions, o.Status.ObservedGeneration, o.Spec.Suspend, o.Status.Artifact
	case *sourcev1.OCIRepository:
		f.conditions, f.observed, f.suspended, artifact = o.Status.Conditions, o.Status.ObservedGeneration, o.Spec.Suspend, o.Status.Artifact
	case *sourcev1.HelmRepository:
		f.conditions, f.observed, f.suspended, artifact = o.Status.Conditions, o.Status.ObservedGeneration, o.Spec.Suspend, o.Status.Artifact
		// https://fluxcd.io/flux/components/source/helmrepositories/#helm-oci-repository
		f.whole = o.Spec.Type == sourcev1.HelmRepositoryTypeOCI
	case *sourcev1.Bucket:
		f.conditions, f.observed, f.suspended, artifact = o.Status.Conditions, o.Status.ObservedGeneration, o.Spec.Suspend, o.Status.Artifact
	case *sourcev1.HelmChart:
		f.conditions, f.observed, f.suspended, artifact = o.Status.Conditions, o.Status.ObservedGeneration, o.Spec.Suspend, o.Status.Artifact
		f.from(o, o.Spec.SourceRef.Kind, "", o.Spec.SourceRef.Name)
	}
	if artifact != nil {
		f.revision = artifact.Revision
	}
}

// external reads an ExternalSecret. External Secrets Operator does not say of which generation a condition is, only of which
// one it synced last.
func (f *facts) external(o *esv1.ExternalSecret) {
	f.observed = synced(o)
	for _, c := range o.Status.Conditions {
		f.said(string(c.Type), c.Status, c.Reason, c.Message, c.LastTransitionTime)
	}
	for _, ref := range bundle.Stores(o) {
		id := ID{strings.ToLower(ref.Kind), o.Namespace, ref.Name}
		if ref.Kind == esv1.ClusterSecretStoreKind {
			id.Namespace = ""
		}
		f.sources = append(f.sources, id)
	}
}

// synced is the generation that was synced last; the newest one where the operator does not sync anew for a change.
// https://github.com/external-secrets/external-secrets/blob/v0.20.4/pkg/controllers/externalsecret/externalsecret_controller.go
func synced(o *esv1.ExternalSecret) int64 {
	once := o.Spec.RefreshPolicy == esv1.RefreshPolicyCreatedOnce ||
		o.Spec.RefreshPolicy != esv1.RefreshPolicyOnChange && o.Spec.RefreshInterval != nil && o.Spec.RefreshInterval.Duration <= 0
	text, _, _ := strings.Cut(o.Status.SyncedResourceVersion, "-")
	generation, err := strconv.ParseInt(text, 10, 64)
	if once || err != nil {
		return o.Generation
	}
	return generation
}

func (f *facts) ofStore(status esv1.SecretStoreStatus) {
	f.observed = f.generation
	for _, c := range status.Conditions {
		f.said(string(c.Type), c.Status, c.Reason, c.Message, c.LastTransitionTime)
	}
}

func (f *facts) said(kind string, status corev1.ConditionStatus, reason, message string, since metav1.Time) {
	f.conditions = append(f.conditions, metav1.Condition{
		Type: kind, Status: metav1.ConditionStatus(status), Reason: reason, Message: message, LastTransitionTime: since, ObservedGeneration: f.generation,
	})
}

// brings are the units in the inventory of k. An entry that cannot be read names an object that kustomize-controller wrote
// itself; none has been seen.
func brings(k *kustomizev1.Kustomization) []ID {
	if k.Status.Inventory == nil {
		return nil
	}
	var all []ID
	for _, entry := range k.Status.Inventory.Entries {
		id, err := object.ParseObjMetadata(entry.ID)
		if err != nil {
			continue
		}
		for _, kind := range kinds {
			if kind.GroupKind() == id.GroupKind {
				all = append(all, ID{kind.id(), id.Namespace, id.Name})
			}
		}
	}
	return all
}

// transition is when the Ready condition last changed.
func (f *facts) transition(otherwise time.Time) time.Time {
	if c := f.condition(meta.ReadyCondition); c != nil {
		return c.LastTransitionTime.Time
	}
	return otherwise
}
