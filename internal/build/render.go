package build

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// Rendered is an object of a build with its place in the source.
type Rendered struct {
	*unstructured.Unstructured
	// File holds the object, or is the kustomization.yaml that generates it, relative to the folder of the source. It is ""
	// where kustomize does not say.
	File string
	// Unset are the variables in it that have neither a value nor a default, which Flux refuses.
	Unset []string
}

// Places tells where an object of that kind and name stands, relative to the folder of the source: "" if that is not sure.
type Places func(kind, name string) string

// Render builds spec.path of k in the folder root as Kustomization does, for who only looks: it tells where each object comes
// from, and a variable without value is no error. Kustomize is asked for the places only if places, which may be nil, does not
// know them all: to keep the books takes it a fifth of the time.
func Render(k *kustomizev1.Kustomization, root string, vars Variables, places Places) ([]Rendered, error) {
	objects, err := render(k, root, vars, places)
	if err != nil {
		return nil, fmt.Errorf("building Kustomization %s/%s, path %q: %w", k.Namespace, k.Name, k.Spec.Path, err)
	}
	return objects, nil
}

func render(k *kustomizev1.Kustomization, root string, vars Variables, places Places) ([]Rendered, error) {
	resources, files, err := placed(k, root, places)
	if err != nil {
		return nil, err
	}
	var all []Rendered
	misnamed := vars.misnamed()
	for i, res := range resources {
		if len(misnamed) > 0 && vars.replaces(k, res) {
			return nil, fmt.Errorf("%s %s: %w", res.GetKind(), res.GetName(), Misnamed{misnamed})
		}
		objects, unset, err := vars.fill(k, res)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", res.GetKind(), res.GetName(), err)
		}
		for _, object := range objects { // more than one if it is a List
			all = append(all, Rendered{Unstructured: object, File: files[i], Unset: unset})
		}
	}
	return all, nil
}

// placed builds the folder of k, and finds the file of each resource.
func placed(k *kustomizev1.Kustomization, root string, places Places) (resources []*resource.Resource, files []string, err error) {
	if places != nil {
		_, built, err := resourcesOf(k, root, nil)
		if err != nil {
			return nil, nil, err
		}
		for _, res := range built.Resources() {
			files = append(files, places(res.GetKind(), res.GetName()))
		}
		if !slices.Contains(files, "") {
			return built.Resources(), files, nil
		}
		files = nil
	}
	kept := false // origin annotations that the source itself asks for
	_, built, err := resourcesOf(k, root, func(manifest []byte) (out []byte, err error) {
		out, kept, err = withOrigins(manifest)
		return out, err
	})
	if err != nil {
		return nil, nil, err
	}
	for _, res := range built.Resources() {
		file, err := fileOf(k.Spec.Path, res, kept)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file)
	}
	return built.Resources(), files, nil
}

// withOrigins makes a kustomization.yaml tell the origin of each object, and tells whether it did already.
func withOrigins(manifest []byte) (out []byte, kept bool, err error) {
	if !bytes.Contains(manifest, []byte("buildMetadata")) && !bytes.HasPrefix(manifest, []byte("{")) { // as nearly all are
		return append(bytes.TrimRight(manifest, "\n"), "\nbuildMetadata: ["+types.OriginAnnotations+"]\n"...), false, nil
	}
	var content map[string]any
	if err := yaml.Unmarshal(manifest, &content); err != nil {
		return nil, false, err
	}
	options, _, _ := unstructured.NestedStringSlice(content, "buildMetadata")
	if kept = slices.Contains(options, types.OriginAnnotations); !kept {
		content["buildMetadata"] = append(options, types.OriginAnnotations)
	}
	out, err = yaml.Marshal(content)
	return out, kept, err
}

// fileOf reads, and removes unless it is kept, what kustomize says of the origin of an object.
func fileOf(dir string, res *resource.Resource, kept bool) (string, error) {
	origin, err := res.GetOrigin()
	if err != nil || origin == nil {
		return "", err
	}
	if !kept {
		if err := res.SetOrigin(nil); err != nil {
			return "", err
		}
	}
	file := origin.Path
	if origin.ConfiguredIn != "" {
		file = origin.ConfiguredIn
	}
	if file == "" || origin.Repo != "" {
		return "", nil
	}
	return filepath.Join(dir, file), nil
}
