//go:build apiserver

package api_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/object"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/ssa"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/apply"
	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/cluster"
	"github.com/tazlab/seed/internal/fetch"
)

// start reads the tree at path and prepares the cluster and the files for one run.
func start(t *testing.T, live cluster.Client, path, namespace string) *comparisonRun {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := &comparisonRun{live: live, namespace: namespace, raw: t.TempDir()}
	if err := yaml.UnmarshalStrict([]byte(strings.ReplaceAll(string(data), "NAMESPACE", namespace)), &r.comparison); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	r.put(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+namespace+"}\n")
	r.put(t, r.Cluster)
	for name, content := range r.Files {
		file := filepath.Join(r.raw, name)
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(file, 0o700)
		} else if err = os.MkdirAll(filepath.Dir(file), 0o700); err == nil {
			err = os.WriteFile(file, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	folder, err := fetch.Local(r.raw, "seed-compare-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	r.dir = filepath.Join(folder, fetch.Tree)
	return r
}

// put brings objects into the cluster.
func (r *comparisonRun) put(t *testing.T, manifests string) {
	t.Helper()
	manager := r.Manager
	if manager == "" {
		manager = "somebody"
	}
	for _, object := range objects(t, manifests) {
		if err := r.live.Patch(t.Context(), object, client.Apply, client.FieldOwner(manager)); err != nil { //nolint:staticcheck // unstructured
			t.Fatal(err)
		}
	}
}

func objects(t *testing.T, manifests string) []*unstructured.Unstructured {
	t.Helper()
	found, err := ssautil.ReadObjects(strings.NewReader(manifests))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// unit is the Kustomization.
func (r *comparisonRun) unit() *kustomizev1.Kustomization {
	k := kustomization("unit")
	k.Namespace = r.namespace
	k.Labels = map[string]string{compared: "true"}
	common := k.Spec
	r.Spec.DeepCopyInto(&k.Spec)
	k.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "source"}
	k.Spec.Interval, k.Spec.RetryInterval = common.Interval, &metav1.Duration{Duration: 1e9}
	return k
}

// controller lets the real controller do it.
func (r *comparisonRun) controller(t *testing.T) (inventory []string, refusal string) {
	t.Helper()
	publish(t, r.live, r.namespace, r.raw)
	k, refusal := reconciled(t, r.live, r.unit())
	if refusal != "" {
		return nil, refusal
	}
	if k.Status.Inventory == nil { // nothing to apply
		return nil, ""
	}
	for _, entry := range k.Status.Inventory.Entries {
		inventory = append(inventory, entry.ID+" "+entry.Version)
	}
	slices.Sort(inventory)
	return inventory, ""
}

// seed lets seed do it.
func (r *comparisonRun) seed(t *testing.T) (*ssa.ChangeSet, error) {
	t.Helper()
	built, err := build.Kustomization(t.Context(), r.unit(), r.dir, build.Vars(r.live, objects(t, r.Root)))
	if err != nil {
		return nil, err
	}
	return apply.New(r.live).Apply(t.Context(), r.unit(), built)
}

// ids are the objects of a change set as an inventory names them.
func (r *comparisonRun) ids(changes *ssa.ChangeSet) []string {
	var ids []string
	for _, entry := range changes.Entries {
		ids = append(ids, entry.ObjMetadata.String()+" "+entry.GroupVersion)
	}
	slices.Sort(ids)
	return ids
}

// get reads the object with an ID of an inventory; nil if it is not there.
func (r *comparisonRun) get(t *testing.T, id string) *unstructured.Unstructured {
	t.Helper()
	id, version, _ := strings.Cut(id, " ")
	meta, err := object.ParseObjMetadata(id)
	if err != nil {
		t.Fatal(err)
	}
	got := &unstructured.Unstructured{}
	got.SetGroupVersionKind(meta.GroupKind.WithVersion(version))
	err = r.live.Get(t.Context(), client.ObjectKey{Namespace: meta.Namespace, Name: meta.Name}, got)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// versions are the versions of the named objects; and no object that was not there before has fields of
// anybody but kustomize-controller.
func (r *comparisonRun) versions(t *testing.T, ids []string) map[string]string {
	t.Helper()
	there := map[string]bool{}
	for _, object := range append(objects(t, r.Cluster), objects(t, r.Root)...) {
		there[ssautil.FmtUnstructured(object)] = true
	}
	versions := map[string]string{}
	for _, id := range ids {
		object := r.get(t, id)
		if object == nil {
			versions[id] = "absent"
			continue
		}
		if !there[ssautil.FmtUnstructured(object)] {
			checkOwnership(t, r.live, object)
		}
		versions[id] = fmt.Sprint(object.GetUID(), " ", object.GetGeneration(), " ", object.GetResourceVersion())
		if ssautil.IsCRD(object) { // the API server goes on with its status
			versions[id] = fmt.Sprint(object.GetUID(), " ", object.GetGeneration())
		}
	}
	return versions
}
