//go:build apiserver

package follow_test

import (
	"strings"
	"syscall"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The Deployment may look at the ExternalArtifact that two Kustomizations take their content from: one waits for the other at its
// revision.
func TestDeploymentOfAnExternalArtifact(t *testing.T) {
	access, args := ofDeployment(t, newClient(t, admin))
	live := plant(t, "external", "main")
	artifact := &sourcev1.ExternalArtifact{ObjectMeta: metav1.ObjectMeta{Namespace: "external", Name: "main"}}
	create(t, live, artifact, func() {
		artifact.Status.Artifact = &meta.Artifact{
			Revision: revision, Path: "it", URL: "http://source-watcher/it", Digest: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", LastUpdateTime: metav1.Now(),
		}
	})
	for name, condition := range map[string]metav1.Condition{"a": ready, "b": waiting} {
		k := &kustomizev1.Kustomization{}
		if err := live.Get(t.Context(), client.ObjectKey{Namespace: "external", Name: name}, k); err != nil {
			t.Fatal(err)
		}
		k.Spec.SourceRef.Kind = sourcev1.ExternalArtifactKind
		if err := live.Update(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		becomes(t, live, "external", name, condition)
	}
	p, _ := replica(t, access, append(args, "--root=external/main"))
	until(t, "b is asked for", func() bool { return asked(t, live, "external", "b") != "" })
	if code := p.end(t, syscall.SIGTERM); code != 0 || strings.Contains(p.stderr.String(), "forbidden") {
		t.Errorf("exit %d", code)
	}
}
