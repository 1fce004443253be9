package nudge

import (
	"errors"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tazlab/seed/internal/live"
)

// gitSource could not be fetched.
func gitSource(reason, message string) *sourcev1.GitRepository {
	g := &sourcev1.GitRepository{ObjectMeta: metadata("main")}
	g.Spec.SecretRef = &meta.LocalObjectReference{Name: "git"}
	return says(g, meta.ReadyCondition, metav1.ConditionFalse, reason, message)
}

// credential is the metadata of a Secret.
func credential(name, version string, at time.Time) *metav1.PartialObjectMetadata {
	stamp := metav1.NewTime(at)
	m := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Namespace: "flux-system", Name: name, UID: "uid", ResourceVersion: version, CreationTimestamp: after(-24 * time.Hour),
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "seed", Time: &stamp}},
	}}
	m.APIVersion, m.Kind = "v1", "Secret"
	return m
}

const absent = `failed to get secret 'flux-system/git': secrets "git" not found`

// A source is asked for when its credential is written, once for each time. Before any inventory only the root waits for it.
func TestCredentialWritten(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	n := f.nudger()
	root := lost(meta.ArtifactFailedReason, "Source artifact not found, retrying in 30s")
	root.Name = "root"
	source := gitSource(sourcev1.AuthenticationFailedReason, absent)
	judge := func(when, want string, more ...client.Object) {
		t.Helper()
		f.objects = append(more, root, source)
		n.judge(t.Context())
		expect(t, f, when, want)
	}
	judge("there is none", "")
	if f.watches() != "GitRepository Secret" || !f.watched[live.Query{Kind: credential("", "", now.Time).GroupVersionKind(), Namespace: "flux-system", Name: "git", Metadata: true}] {
		t.Errorf("watched %v", f.watched)
	}
	judge("another one", "", credential("other", "1", now.Time))
	judge("it is written", "main", credential("git", "1", now.Add(time.Second)))
	judge("nothing is new", "", credential("git", "1", now.Add(time.Second)))
	judge("it is written again", "main", credential("git", "2", now.Add(time.Minute)))
	source = says(&sourcev1.GitRepository{ObjectMeta: metadata("main")}, meta.ReadyCondition, metav1.ConditionTrue, meta.SucceededReason, "")
	judge("all is well", "", credential("git", "3", now.Add(time.Minute)))
	if f.watches() != "GitRepository" {
		t.Errorf("still watches %s", f.watches())
	}
}

func TestCredentialThatIsNoCause(t *testing.T) {
	t.Parallel()
	const clone = "failed to checkout and determine revision: unable to clone 'https://git.example.com/x.git': "
	root := brings(kustomization("root"), "source.toolkit.fluxcd.io_GitRepository")
	root.Status.Inventory.Entries = append(root.Status.Inventory.Entries, brings(kustomization("x"), "source.toolkit.fluxcd.io_OCIRepository").Status.Inventory.Entries...)
	public := gitSource(sourcev1.AuthenticationFailedReason, "x")
	public.Spec.SecretRef = nil
	image := &sourcev1.OCIRepository{ObjectMeta: metadata("image")}
	image.Spec.SecretRef, image.Spec.CertSecretRef = &meta.LocalObjectReference{Name: "git"}, &meta.LocalObjectReference{Name: "ca"}
	says(image, meta.ReadyCondition, metav1.ConditionFalse, sourcev1.OCIPullFailedReason, "failed to determine artifact digest: GET https://registry/v2/: unexpected status code 401 Unauthorized")
	for name, test := range map[string]struct {
		source  client.Object
		secrets []client.Object
		want    string
	}{
		"the server wants another":   {gitSource(sourcev1.GitOperationFailedReason, clone+"authentication required: invalid credentials"), []client.Object{credential("git", "1", now.Time)}, "main"},
		"SSH wants another":          {gitSource(sourcev1.GitOperationFailedReason, clone+"ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey]"), []client.Object{credential("git", "1", now.Time)}, "main"},
		"just before it was told":    {gitSource(sourcev1.AuthenticationFailedReason, absent), []client.Object{credential("git", "1", now.Add(-2*time.Second))}, "main"},
		"there all the time":         {gitSource(sourcev1.AuthenticationFailedReason, absent), []client.Object{credential("git", "1", now.Add(-time.Hour))}, ""},
		"the server does not answer": {gitSource(sourcev1.GitOperationFailedReason, clone+"dial tcp: connect: connection refused"), []client.Object{credential("git", "1", now.Time)}, ""},
		"a public source":            {public, []client.Object{credential("git", "1", now.Time)}, ""},
		"an image, without its CA":   {image, []client.Object{credential("git", "1", now.Time)}, ""},
		"an image":                   {image, []client.Object{credential("git", "1", now.Time), credential("ca", "1", now.Add(-time.Hour))}, "image"},
	} {
		f := newFake(t)
		f.objects = append(test.secrets, root, test.source)
		f.nudger().judge(t.Context())
		expect(t, f, name, test.want)
	}
}

// Without the right to watch the Secret there is no cause, and nothing else ends.
func TestForbiddenWatch(t *testing.T) {
	t.Parallel()
	f := newFake(t, brings(ready("root", "1"), "source.toolkit.fluxcd.io_GitRepository"), gitSource(sourcev1.AuthenticationFailedReason, absent), waitingFor("b", "root"))
	n := f.nudger()
	n.list = func(q live.Query) ([]client.Object, error) {
		if q.Metadata {
			return nil, errors.New("secrets is forbidden")
		}
		return f.list(q)
	}
	n.judge(t.Context())
	expect(t, f, "forbidden", "b")
}
