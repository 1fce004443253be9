//go:build root

package e2e_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"

	"github.com/tazlab/seed/castle/internal/life"
)

var (
	kustomizations  = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	gitRepositories = schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}
)

const fluxSystem = "flux-system"

func field(object map[string]any, path ...string) (any, bool) {
	value, found, _ := unstructured.NestedFieldNoCopy(object, path...)
	return value, found
}

// ready tells whether a Kustomization is Ready, and its message.
func (w *world) ready(t *testing.T, name string) (bool, string) {
	t.Helper()
	object, err := w.dynamic.Resource(kustomizations).Namespace(fluxSystem).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, c := range conditions {
		if condition, ok := c.(map[string]any); ok && condition["type"] == "Ready" {
			return condition["status"] == "True", fmt.Sprint(condition["message"])
		}
	}
	return false, "no condition"
}

// request asks Flux to reconcile now, as "flux reconcile" does, and returns what the object says once Flux has done so.
func (w *world) request(t *testing.T, resource schema.GroupVersionResource, name string) (handled string) {
	t.Helper()
	handled = time.Now().Format(time.RFC3339Nano)
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, requestedAt, handled)
	if _, err := w.dynamic.Resource(resource).Namespace(fluxSystem).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	return handled
}

// await watches one object of Flux's namespace until done says so.
func (w *world) await(t *testing.T, resource schema.GroupVersionResource, name, what string, done func(map[string]any) bool) {
	t.Helper()
	selector := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String()}
	w.until(t, resource, fluxSystem, selector, what+" of "+name, func(object *unstructured.Unstructured) bool { return done(object.Object) })
}

// until watches the objects that selector selects, all if it is empty, until done says so of one as it is or becomes.
func (w *world) until(t *testing.T, resource schema.GroupVersionResource, namespace string, selector metav1.ListOptions, what string, done func(*unstructured.Unstructured) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := w.follow(ctx, resource, namespace, selector, done); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

// follow shows done each state of the objects that selector selects, until done says so or ctx ends.
func (w *world) follow(ctx context.Context, resource schema.GroupVersionResource, namespace string, selector metav1.ListOptions, done func(*unstructured.Unstructured) bool) error {
	objects := w.dynamic.Resource(resource).Namespace(namespace)
	list := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.FieldSelector, o.LabelSelector = selector.FieldSelector, selector.LabelSelector
			return objects.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector, o.LabelSelector = selector.FieldSelector, selector.LabelSelector
			return objects.Watch(ctx, o)
		},
	}
	_, err := watchtools.UntilWithSync(ctx, list, &unstructured.Unstructured{}, nil, func(e watch.Event) (bool, error) {
		object, ok := e.Object.(*unstructured.Unstructured)
		return ok && done(object), nil
	})
	return err
}

// job is the name of the newest set's Job, and of its ConfigMap and bindings.
func (w *world) job(t *testing.T) string {
	t.Helper()
	job, err := life.NewestJob(t.Context(), w.core)
	if err != nil || job == nil {
		t.Fatalf("seed's Job: %v (%v)", job, err)
	}
	return job.Name
}

func (w *world) deleteJob(t *testing.T) {
	t.Helper()
	foreground := metav1.DeletePropagationForeground
	jobs, name := w.core.BatchV1().Jobs(life.SeedNamespace), w.job(t)
	watcher, err := jobs.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	if err := jobs.Delete(t.Context(), name, metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		t.Fatal(err)
	}
	for e := range watcher.ResultChan() {
		if e.Type == watch.Deleted {
			return
		}
	}
	t.Fatal("the Job was not deleted")
}

// requestedAt asks Flux to reconcile an object; versions has it under requestTo and the name of a Kustomization.
const requestedAt, requestTo = "reconcile.fluxcd.io/requestedAt", "request to Kustomization "

// versions are the resource versions of what seed writes at a birth.
func (w *world) versions(t *testing.T) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for _, namespace := range []string{life.SeedNamespace, fluxSystem} {
		secrets, err := w.core.CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range secrets.Items {
			versions["Secret "+s.Namespace+"/"+s.Name] = s.ResourceVersion
		}
		maps, err := w.core.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range maps.Items {
			versions["ConfigMap "+m.Namespace+"/"+m.Name] = m.ResourceVersion
		}
	}
	list, err := w.dynamic.Resource(kustomizations).Namespace(fluxSystem).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range list.Items {
		annotations := k.GetAnnotations()
		versions[requestTo+k.GetName()] = annotations[requestedAt]
		delete(annotations, requestedAt)
		versions["Kustomization "+k.GetName()] = fmt.Sprint(k.GetGeneration(), annotations)
	}
	return versions
}

// testOwnership looks at every object in the inventories, least or more: Flux' own first reconcile changed nothing, and
// nobody but kustomize-controller owns its fields, beside the cluster's own controllers.
func testOwnership(t *testing.T, w *world, least int) {
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(w.core.Discovery()))
	list, err := w.dynamic.Resource(kustomizations).Namespace(fluxSystem).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, k := range list.Items {
		entries, _, _ := unstructured.NestedSlice(k.Object, "status", "inventory", "entries")
		for _, e := range entries {
			id, _ := e.(map[string]any)["id"].(string)
			parts := strings.Split(id, "_") // namespace_name_group_kind, with __ for a colon
			name := strings.ReplaceAll(strings.Join(parts[1:len(parts)-2], "_"), "__", ":")
			mapping, err := mapper.RESTMapping(schema.GroupKind{Group: parts[len(parts)-2], Kind: parts[len(parts)-1]})
			if err != nil {
				t.Fatal(err)
			}
			object, err := w.dynamic.Resource(mapping.Resource).Namespace(parts[0]).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			checkOwnership(t, object)
			seen++
		}
	}
	if seen < least {
		t.Errorf("only %d objects in the inventories", seen)
	}
}

func checkOwnership(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	newest := int64(1)
	if object.GetKind() == "ExternalSecret" { // the operator adds an empty field to a template, once
		newest = 2
	}
	if object.GetGeneration() > newest {
		t.Errorf("%s %s has generation %d: Flux changed what seed applied", object.GetKind(), object.GetName(), object.GetGeneration())
	}
	for _, entry := range object.GetManagedFields() {
		switch entry.Manager {
		case "kustomize-controller", "gotk-kustomize-controller", "gotk-source-controller", "kube-apiserver", "kube-controller-manager", "source-controller", "helm-controller", "external-secrets", "database-stand-in":
		case "flux": // seed's nudge, in the name of "flux reconcile": the annotation and nothing else
			annotation := requestedAt
			if object.GetKind() == "ExternalSecret" { // one that its operator looked at before the store was valid
				annotation = "force-sync"
			}
			fields := strings.ReplaceAll(entry.FieldsV1.GetRawString(), `".":{},`, "")
			if fields != `{"f:metadata":{"f:annotations":{"f:`+annotation+`":{}}}}` {
				t.Errorf("%s %s: flux owns %s", object.GetKind(), object.GetName(), fields)
			}
		default:
			t.Errorf("%s %s: fields are owned by %s", object.GetKind(), object.GetName(), entry.Manager)
		}
	}
}

// testNoSecret looks for the credentials in every log of the node, those of seed and of External Secrets Operator among
// them, and in what seed left in the cluster.
func testNoSecret(t *testing.T, w *world) {
	hidden := map[string]string{}
	for name, value := range map[string]string{"the Git token": w.Services().GitToken, "the client secret": w.Services().ClientSecret} {
		hidden[name] = value
		hidden[name+", encoded"] = base64.StdEncoding.EncodeToString([]byte(value))
		hidden[name+", as basic auth"] = base64.StdEncoding.EncodeToString([]byte("git:" + value))
	}
	look := func(where, text string) {
		for name, value := range hidden {
			if strings.Contains(text, value) {
				t.Errorf("%s is in %s", name, where)
			}
		}
	}
	files, operator := 0, false
	err := filepath.WalkDir(filepath.Join(w.NodeDir(), "log"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		look(path, string(data))
		files++
		operator = operator || strings.Contains(path, "/pods/external-secrets_external-secrets-") && len(data) > 0
		return err
	})
	if err != nil || files < 15 || !operator {
		t.Fatalf("%d log files, External Secrets Operator's among them: %v; %v", files, operator, err)
	}
	events, err := w.core.CoreV1().Events("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Items {
		look("Event "+e.Name, e.Message)
	}
	report, err := w.core.CoreV1().ConfigMaps(life.SeedNamespace).Get(t.Context(), life.SeedReport, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range report.Data {
		look("the report's "+key, value)
	}
	look("the termination message", w.seedContainer(t).Message)
}
