package nudge

import (
	"testing"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// store is a ClusterSecretStore with what External Secrets Operator says of it.
func store(name string, status corev1.ConditionStatus, reason string, since time.Time) *esv1.ClusterSecretStore {
	s := &esv1.ClusterSecretStore{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}}
	s.Status.Conditions = []esv1.SecretStoreStatusCondition{{Type: esv1.SecretStoreReady, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(since)}}
	return s
}

var secretsRoot = brings(kustomization("root"), "external-secrets.io_ExternalSecret")

// Who failed for want of a store is asked in the moment when that is valid, once.
func TestStoreValid(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n := f.nudger()
	f.now = now.Add(time.Minute)
	valid := f.now
	f.judge(n, secretsRoot, externalSecret())
	expect(t, f, "no store", "")
	f.judge(n, secretsRoot, externalSecret(), store("vault", corev1.ConditionFalse, esv1.ReasonInvalidProviderConfig, now.Time))
	expect(t, f, "the store fails to log in", "")
	f.judge(n, secretsRoot, externalSecret(), store("vault", corev1.ConditionTrue, esv1.ReasonStoreValid, valid))
	expect(t, f, "the operator itself may not see it yet", "")
	f.now = valid.Add(time.Second)
	for range 2 {
		f.judge(n, secretsRoot, externalSecret(), store("vault", corev1.ConditionTrue, esv1.ReasonStoreValid, valid))
	}
	expect(t, f, "the store is valid", "secret")
	if f.told["ExternalSecret: store valid"] != 1 || f.watches() != "ClusterSecretStore ExternalSecret" {
		t.Errorf("told %v, watches %s", f.told, f.watches())
	}
	synced := change(externalSecret(), func(e *esv1.ExternalSecret) { e.Status.Conditions[0].Status = corev1.ConditionTrue })
	f.judge(n, secretsRoot, synced)
	if f.watches() != "ExternalSecret" {
		t.Errorf("still watches %s", f.watches())
	}
}

// A sync is a login: nobody is asked whose failure may have had another reason.
func TestStoreThatIsNoCause(t *testing.T) {
	t.Parallel()
	valid := store("vault", corev1.ConditionTrue, esv1.ReasonStoreValid, now.Time)
	message := func(text string) *esv1.ExternalSecret {
		return change(externalSecret(), func(e *esv1.ExternalSecret) { e.Status.Conditions[0].Message = text })
	}
	at := func(d time.Duration) *esv1.ExternalSecret {
		return change(externalSecret(), func(e *esv1.ExternalSecret) { e.Status.Conditions[0].LastTransitionTime = after(d) })
	}
	two := change(at(0), func(e *esv1.ExternalSecret) {
		e.Spec.DataFrom = []esv1.ExternalSecretDataFromRemoteRef{{SourceRef: &esv1.StoreGeneratorSourceRef{SecretStoreRef: &esv1.SecretStoreRef{Name: "own", Kind: "SecretStore"}}}}
	})
	own := func(namespace string) *esv1.SecretStore {
		s := &esv1.SecretStore{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "own", UID: "own"}}
		s.Status = store("", corev1.ConditionTrue, esv1.ReasonStoreValid, now.Time).Status
		return s
	}
	for name, test := range map[string]struct {
		secret  *esv1.ExternalSecret
		elapsed time.Duration
		stores  []client.Object
		want    string
	}{
		"before":                          {at(-time.Hour), time.Second, []client.Object{valid}, "secret"},
		"in the same second":              {at(time.Second), time.Second, []client.Object{valid}, "secret"},
		"after the store was valid":       {at(2 * time.Second), 3 * time.Second, []client.Object{valid}, ""},
		"the store was valid long ago":    {at(-time.Hour), time.Minute, []client.Object{valid}, ""},
		"nobody knows whether it is":      {at(0), time.Second, []client.Object{store("vault", corev1.ConditionTrue, esv1.ReasonValidationUnknown, now.Time)}, ""},
		"another store":                   {at(0), time.Second, []client.Object{store("other", corev1.ConditionTrue, esv1.ReasonStoreValid, now.Time)}, ""},
		"the Secret could not be written": {message("could not update secret"), time.Second, []client.Object{valid}, ""},
		"one of two stores":               {two, time.Second, []client.Object{valid}, ""},
		"one of another namespace":        {two, time.Second, []client.Object{valid, own("other")}, ""},
		"both":                            {two, time.Second, []client.Object{valid, own("flux-system")}, "secret"},
	} {
		f := newFake(t)
		f.now = now.Add(test.elapsed)
		f.judge(f.nudger(), append(test.stores, secretsRoot, test.secret)...)
		expect(t, f, name, test.want)
	}
}
