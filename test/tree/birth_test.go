package tree_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	jwtIdentity = "seed.tazlab.net/jwt-identity-id"
	identity    = "infisical-identity"
)

// What External Secrets Operator logs in with is not in seed's namespace, which goes with seed. Where the store has seed log in
// by a token, it is brought from the vault itself, and stays whatever happens to the object that brings it.
func TestTheIdentityOfTheStore(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"tazlab": "", "castle": load(t, root, "castle").vars["VAULT_JWT_IDENTITY_ID"]} {
		c := load(t, root, name)
		for _, key := range []string{"clientId", "clientSecret"} {
			if namespace := field(t, c, "ClusterSecretStore", "spec", "provider", "infisical", "auth", "universalAuthCredentials", key, "namespace"); namespace != "flux-system" {
				t.Errorf("%s: the store's %s is in the namespace %s", name, key, namespace)
			}
		}
		if got := field(t, c, "ClusterSecretStore", "metadata", "annotations", jwtIdentity); got != want {
			t.Errorf("%s: the store names the identity %q, want %q", name, got, want)
		}
		at := slices.IndexFunc(c.byUnit["infrastructure-configs"], func(o *unstructured.Unstructured) bool {
			return o.GetKind() == "ExternalSecret" && o.GetName() == identity
		})
		if at < 0 {
			if want != "" {
				t.Errorf("%s: no unit brings %s", name, identity)
			}
			continue
		}
		target, _, err := unstructured.NestedMap(c.byUnit["infrastructure-configs"][at].Object, "spec", "target")
		if err != nil || target["creationPolicy"] != "Orphan" || target["deletionPolicy"] != "Retain" {
			t.Errorf("%s: %v: the target of %s is %v", name, err, identity, target)
		}
	}
}

// Without the variable the component is an error of the build, not an identity without a name.
func TestTheIdentityNeedsItsVariable(t *testing.T) {
	t.Parallel()
	dir := copied(t)
	file := filepath.Join(dir, "clusters/tazlab/kustomization.yaml")
	content := read(t, "clusters/tazlab/kustomization.yaml") + blockOf(t, "docs/tree.md", "clusters/tazlab/kustomization.yaml, at its end")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	vars := filepath.Join(dir, "clusters/tazlab/cluster-vars.yaml")
	with := read(t, "clusters/tazlab/cluster-vars.yaml") + "  VAULT_JWT_IDENTITY_ID: 00000000-0000-4000-8000-000000000001\n"
	if err := os.WriteFile(vars, []byte(with), 0o600); err != nil {
		t.Fatal(err)
	}
	c := load(t, dir, "tazlab")
	testUnits(t, c)
	if got := field(t, c, "ClusterSecretStore", "metadata", "annotations", jwtIdentity); got != c.vars["VAULT_JWT_IDENTITY_ID"] || got == "" {
		t.Errorf("the store names the identity %q", got)
	}
	if err := os.WriteFile(vars, []byte(read(t, "clusters/tazlab/cluster-vars.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	err := loadRoot(t, dir, "tazlab").tree.Failed["flux-system/infrastructure-configs"]
	if err == nil || !strings.Contains(err.Error(), "VAULT_JWT_IDENTITY_ID") {
		t.Errorf("without the variable: %v", err)
	}
}

// withNetwork is a copy of the tree in which the castle's network comes from the tree.
func withNetwork(t *testing.T) string {
	t.Helper()
	dir := copied(t)
	const line = "  - ../base\n"
	content := read(t, "clusters/castle/kustomization.yaml")
	if strings.Count(content, line) != 1 {
		t.Fatalf("clusters/castle does not name %q once", line)
	}
	content = strings.Replace(content, line, line+"  - components/cni\n", 1)
	if err := os.WriteFile(filepath.Join(dir, "clusters/castle/kustomization.yaml"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The castle with its component cni: seed plants the network first, and Flux, which needs it, after.
func TestTheNetworkFromTheTree(t *testing.T) {
	t.Parallel()
	c := load(t, withNetwork(t), "castle")
	testUnits(t, c)
	c.render(t) // which plans the order in which units are planted
	units := map[string]*kustomizev1.Kustomization{}
	for _, unit := range c.units(t) {
		units[unit.Name] = unit
	}
	if cni := units["cni"]; cni == nil || cni.Annotations["seed.tazlab.net/plant"] != "true" || len(cni.Spec.DependsOn) > 0 {
		t.Errorf("the unit of the network is not planted, or waits: %+v", cni)
	}
	if first := units["flux"].Spec.DependsOn; len(first) != 1 || first[0].Name != "cni" {
		t.Errorf("Flux depends on %v", first)
	}
	for _, object := range c.byUnit["cni"] {
		if object.GetNamespace() != "kube-system" || object.GetLabels()[standIn] != "true" || object.GetAnnotations()[standIn] == "" {
			t.Errorf("%s %s/%s does not say that it is a stand-in, or is where its Pod may not run", object.GetKind(), object.GetNamespace(), object.GetName())
		}
		if object.GetKind() == "ConfigMap" {
			given, _, err := unstructured.NestedString(object.Object, "data", "10-castle.conflist")
			if err != nil || !sameJSON(t, given, read(t, "castle/internal/node/files/castle.conflist")) {
				t.Errorf("%v: the network is not that of the castle:\n%s", err, given)
			}
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Error(err)
	}
	return reflect.DeepEqual(x, y)
}

// Flux's Pods run on a node that keeps its taint: at birth there may be no other.
func TestFluxRunsOnAControlPlane(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tazlab", "castle"} {
		for _, unit := range load(t, root, name).units(t) {
			if unit.Name != "flux" {
				continue
			}
			tolerates := false
			for _, patch := range unit.Spec.Patches {
				tolerates = tolerates || strings.Contains(patch.Patch, "key: node-role.kubernetes.io/control-plane") &&
					strings.Contains(patch.Patch, "effect: "+string(corev1.TaintEffectNoSchedule)) &&
					patch.Target.Kind == "Deployment" && patch.Target.LabelSelector == "app.kubernetes.io/part-of=flux"
			}
			if !tolerates {
				t.Errorf("%s: Flux does not tolerate the taint of a control plane", name)
			}
		}
	}
}
