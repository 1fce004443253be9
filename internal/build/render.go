package build

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/kustomize"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// Variables are what is known, without a cluster, of the variables of a Kustomization.
type Variables struct {
	// Values are those of the variables that are known. A value with a variable in it is not known any further.
	Values map[string]string
	// Open says that there may be others, whose values are not known: they are left in the objects as they are.
	Open bool
}

// Rendered is an object of a build with its place in the source.
type Rendered struct {
	*unstructured.Unstructured
	// File holds the object, or is the kustomization.yaml that generates it, relative to the folder of the source. It is ""
	// where kustomize does not say.
	File string
	// Unset are the variables in it that have neither a value nor a default, which Flux refuses.
	Unset []string
}

// Render builds spec.path of k in the folder root as Kustomization does, for who only looks: it tells where each object comes
// from, and a variable without value is no error.
func Render(k *kustomizev1.Kustomization, root string, vars Variables) ([]Rendered, error) {
	objects, err := render(k, root, vars)
	if err != nil {
		return nil, fmt.Errorf("building Kustomization %s/%s, path %q: %w", k.Namespace, k.Name, k.Spec.Path, err)
	}
	return objects, nil
}

func render(k *kustomizev1.Kustomization, root string, vars Variables) ([]Rendered, error) {
	kept := false // origin annotations that the source itself asks for
	_, resources, err := resourcesOf(k, root, func(manifest []byte) ([]byte, error) {
		var content map[string]any
		if err := yaml.Unmarshal(manifest, &content); err != nil {
			return nil, err
		}
		options, _, _ := unstructured.NestedStringSlice(content, "buildMetadata")
		if kept = slices.Contains(options, types.OriginAnnotations); !kept {
			content["buildMetadata"] = append(options, types.OriginAnnotations)
		}
		return yaml.Marshal(content)
	})
	if err != nil {
		return nil, err
	}
	var all []Rendered
	for _, res := range resources.Resources() {
		file, err := fileOf(k.Spec.Path, res, kept)
		if err != nil {
			return nil, err
		}
		unset, err := vars.fill(k, res)
		if err != nil {
			return nil, fmt.Errorf("spec.postBuild in %s %s: %w", res.GetKind(), res.GetName(), err)
		}
		data, err := res.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", res.GetKind(), res.GetName(), err)
		}
		objects, err := read(data)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", res.GetKind(), res.GetName(), err)
		}
		for _, object := range objects { // more than one if it is a List
			all = append(all, Rendered{Unstructured: object, File: file, Unset: unset})
		}
	}
	return all, nil
}

// read is ReadObjects of fluxcd/pkg/ssa for JSON, which most often is one object.
func read(data []byte) ([]*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(data); err != nil || object.IsList() || ssautil.IsKustomization(object) {
		return ssautil.ReadObjects(bytes.NewReader(data))
	}
	return []*unstructured.Unstructured{object}, nil
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

// fill replaces the variables in a resource, as kustomize-controller does, and returns those without a value.
func (v Variables) fill(k *kustomizev1.Kustomization, res *resource.Resource) ([]string, error) {
	const mark = "kustomize.toolkit.fluxcd.io/substitute"
	always := k.GetSubstituteStrategy() == kustomizev1.SubstituteStrategyAlways
	if k.Spec.PostBuild == nil || len(v.Values) == 0 && !v.Open && !always ||
		res.GetLabels()[mark] == kustomize.DisabledValue || res.GetAnnotations()[mark] == kustomize.DisabledValue {
		return nil, nil
	}
	if data, err := res.MarshalJSON(); err != nil || !bytes.Contains(data, []byte("$")) {
		return nil, err
	}
	data, err := res.AsYAML()
	if err != nil {
		return nil, err
	}
	text, unset, err := v.eval(string(data))
	if err != nil {
		return nil, err
	}
	content, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = res.UnmarshalJSON(content)
	}
	if err != nil && (v.partial() || len(unset) > 0) { // what is left of a variable need not be YAML
		return unset, v.fillTexts(res)
	}
	return unset, err
}

// partial tells whether not all values are known.
func (v Variables) partial() bool {
	for _, value := range v.Values {
		if strings.Contains(value, "${") {
			return true
		}
	}
	return v.Open
}

// eval replaces the variables in a text. Those without a value stay, and are returned unless v is open.
func (v Variables) eval(text string) (string, []string, error) {
	unset := map[string]bool{}
	for {
		last, missing := "", false
		out, err := envsubst.Eval(text, func(name string) (string, bool) {
			value, there := v.Values[name]
			last, missing = name, !there
			switch {
			case there:
				return value, true
			case v.Open || unset[name]:
				return "${" + name + "}", true
			}
			return "", false
		})
		if err == nil || !missing || v.Open || unset[last] { // it is not about a variable without value
			return out, slices.Sorted(maps.Keys(unset)), err
		}
		unset[last] = true
	}
}

// fillTexts is fill, for each text of the resource by itself.
func (v Variables) fillTexts(res *resource.Resource) error {
	content, err := res.Map()
	if err != nil {
		return err
	}
	data, err := json.Marshal(v.walk(content))
	if err != nil {
		return err
	}
	return res.UnmarshalJSON(data)
}

func (v Variables) walk(value any) any {
	switch value := value.(type) {
	case string:
		if out, _, err := v.eval(value); err == nil {
			return out
		}
	case map[string]any:
		for name := range value {
			value[name] = v.walk(value[name])
		}
	case []any:
		for i := range value {
			value[i] = v.walk(value[i])
		}
	}
	return value
}
