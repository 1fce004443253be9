package build

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/kustomize"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/yaml"
)

// Variables are what is known, without a cluster, of the variables of a Kustomization.
type Variables struct {
	// Values are those of the variables that are known. A value with a variable in it is not known any further.
	Values map[string]string
	// Open says that there may be others, whose values are not known: they are left in the objects as they are.
	Open bool
}

// Misnamed is the error of variables with names that Flux refuses, and with them the whole unit, if it would replace any variable there
// (https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution).
type Misnamed struct {
	// Names are those of the variables, sorted.
	Names []string
}

func (m Misnamed) Error() string {
	return fmt.Sprintf("spec.postBuild: no name of a variable: %s: it has other characters than letters, digits and _, or a digit first", strings.Join(m.Names, ", "))
}

// variableName matches what Flux takes for the name of a variable.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// misnamed are the variables with names that Flux refuses.
func (v Variables) misnamed() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(v.Values)), variableName.MatchString)
}

// fill reads a resource with its variables replaced, as kustomize-controller does, and returns those without a value.
func (v Variables) fill(k *kustomizev1.Kustomization, res *resource.Resource) (objects []*unstructured.Unstructured, unset []string, err error) {
	replaces := v.replaces(k, res)
	if object := v.plain(res, replaces); object != nil {
		return []*unstructured.Unstructured{object}, nil, nil
	}
	data, err := res.MarshalJSON()
	if err != nil {
		return nil, nil, err
	}
	if !replaces || !bytes.ContainsRune(data, '$') {
		objects, err = read(data)
		return objects, nil, err
	}
	manifest, err := yaml.JSONToYAML(data)
	if err != nil {
		return nil, nil, err
	}
	text, unset, err := v.eval(string(manifest))
	if err != nil {
		return nil, nil, fmt.Errorf("spec.postBuild: %w", err)
	}
	content, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		objects, err = read(content)
	}
	if err != nil && (v.partial() || len(unset) > 0) { // what is left of a variable need not be YAML
		objects, err = v.fillTexts(data)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("spec.postBuild: %w", ErrFilled)
	}
	return objects, unset, nil
}

// replaces tells whether the variables of a resource are replaced.
func (v Variables) replaces(k *kustomizev1.Kustomization, res *resource.Resource) bool {
	const mark = "kustomize.toolkit.fluxcd.io/substitute"
	always := k.GetSubstituteStrategy() == kustomizev1.SubstituteStrategyAlways
	return k.Spec.PostBuild != nil && (len(v.Values) > 0 || v.Open || always) &&
		res.GetLabels()[mark] != kustomize.DisabledValue && res.GetAnnotations()[mark] != kustomize.DisabledValue
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
func (v Variables) fillTexts(data []byte) ([]*unstructured.Unstructured, error) {
	var content map[string]any
	if err := json.Unmarshal(data, &content); err != nil {
		return nil, err
	}
	data, err := json.Marshal(v.walk(content))
	if err != nil {
		return nil, err
	}
	return read(data)
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

// read is ReadObjects of fluxcd/pkg/ssa for JSON, which most often is one object.
func read(data []byte) ([]*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(data); err != nil || object.IsList() || ssautil.IsKustomization(object) {
		return ssautil.ReadObjects(bytes.NewReader(data))
	}
	return []*unstructured.Unstructured{object}, nil
}
