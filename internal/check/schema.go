package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	openapierrors "k8s.io/kube-openapi/pkg/validation/errors"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
)

// definition is a CustomResourceDefinition of the tree.
type definition struct {
	*Object
	spec apiextensionsv1.CustomResourceDefinitionSpec
	// versions are the schemas that were read, by version; nil where one cannot be.
	versions map[string]*structural.Structural
}

// definitions are those of a cluster, by group and kind; nil for one that several units bring: which of them counts?
func (c *Cluster) definitions() map[schema.GroupKind]*definition {
	all := map[schema.GroupKind]*definition{}
	for _, o := range c.Objects() {
		if o.GetKind() != "CustomResourceDefinition" || o.GroupVersionKind().Version != "v1" {
			continue
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &crd) != nil {
			continue
		}
		key := schema.GroupKind{Group: crd.Spec.Group, Kind: crd.Spec.Names.Kind}
		if _, twice := all[key]; twice {
			all[key] = nil
		} else {
			all[key] = &definition{o, crd.Spec, map[string]*structural.Structural{}}
		}
	}
	return all
}

// findUnfit finds objects that do not fit the definition of their kind in the tree: the API server refuses them.
func findUnfit(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		definitions := c.definitions()
		for _, o := range c.Objects() {
			gvk := o.GroupVersionKind()
			d := definitions[gvk.GroupKind()]
			switch {
			case d == nil && !isUnitKind(gvk), hasVariable(o.Object), o.skipped():
			case d == nil:
				all = append(all, o.mistyped()...)
			case len(d.spec.Versions) > 0 && !o.pruned():
				all = append(all, d.unfit(o)...)
			}
		}
	}
	return all
}

// pruned tells whether Helm applies an object in the way in which the API server leaves out what it does not know.
func (o *Object) pruned() bool {
	if o.Release == nil {
		return false
	}
	serverSide, set, _ := unstructured.NestedBool(o.Release.Object.Object, "spec", "install", "serverSideApply")
	return set && !serverSide
}

// hasVariable tells whether a variable is left somewhere in a value.
func hasVariable(value any) bool {
	switch value := value.(type) {
	case string:
		return !Substituted(value)
	case map[string]any:
		for key, v := range value {
			if !Substituted(key) || hasVariable(v) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, hasVariable)
	}
	return false
}

// unfit finds what the API server would refuse of an object.
func (d *definition) unfit(o *Object) []Finding {
	version := o.GroupVersionKind().Version
	where := fmt.Sprintf("%s:%d", d.File, d.Line)
	at := slices.IndexFunc(d.spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == version && v.Served })
	if at < 0 {
		var served []string
		for _, v := range d.spec.Versions {
			if v.Served {
				served = append(served, v.Name)
			}
		}
		f := o.finding("apiVersion")
		f.Why = fmt.Sprintf("The definition of its kind in the tree (%s) serves no version %s, so it cannot be applied.", where, version)
		f.How = "Write it for a version that is served: " + strings.Join(served, ", ") + "."
		return []Finding{f}
	}
	s := d.schema(d.spec.Versions[at])
	if s == nil {
		return nil
	}
	var all []Finding
	hidden := o.Unit.secret() || o.Release != nil && o.Release.secret
	for _, p := range problems(s, runtime.DeepCopyJSON(o.Object), hidden) {
		f := o.finding(p.at...)
		for path := p.at; f.Line == o.Line && len(path) > 0; path = path[:len(path)-1] {
			f.Line = o.LineOf(path...)
		}
		f.Why = fmt.Sprintf("The definition of its kind in the tree (%s) does not allow it: %s.", where, p.text)
		f.How = fmt.Sprintf("Write it as \"kubectl explain %s\" says of that version.", d.spec.Names.Plural)
		all = append(all, f)
	}
	return all
}

// schema reads the schema of a version once.
func (d *definition) schema(v apiextensionsv1.CustomResourceDefinitionVersion) *structural.Structural {
	if s, known := d.versions[v.Name]; known {
		return s
	}
	d.versions[v.Name] = nil
	var internal apiextensions.JSONSchemaProps
	if v.Schema != nil && v.Schema.OpenAPIV3Schema != nil && apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &internal, nil) == nil {
		if s, err := structural.NewStructural(&internal); err == nil {
			d.versions[v.Name] = s
		}
	}
	return d.versions[v.Name]
}

// problem is one thing that a schema does not allow.
type problem struct {
	at   []string
	text string
}

// problems are those of an object, which is changed as the API server would: defaults are filled in, nulls that may not be are
// left out. Rules in CEL are not looked at. Hidden says that a value may be secret: some of the words have it.
func problems(s *structural.Structural, object map[string]any, hidden bool) []problem {
	var all []problem
	unknown := pruning.PruneWithOptions(object, s, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, field := range unknown {
		all = append(all, problem{steps(field), "it has no field " + field})
	}
	complete(s, object)
	schema := s.ToKubeOpenAPI()
	for _, err := range validate.NewSchemaValidator(schema, nil, "", strfmt.Default).Validate(object).Errors {
		if invalid, ok := errors.AsType[*openapierrors.Validation](err); ok {
			text := strings.ReplaceAll(oneLine(err.Error()), " in body", "")
			if hidden {
				text = "the value of " + invalid.Name + " does not fit the schema, and may be secret"
			}
			all = append(all, problem{steps(invalid.Name), text})
		}
	}
	return all
}

// complete fills defaults in, and leaves out nulls that may not be.
func complete(s *structural.Structural, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, v := range value {
			below := fieldOf(s, name)
			if below != nil && v == nil && !below.Nullable {
				delete(value, name)
			}
		}
		for name, below := range s.Properties {
			if _, set := value[name]; !set && below.Default.Object != nil {
				value[name] = runtime.DeepCopyJSONValue(below.Default.Object)
			}
		}
		for name, v := range value {
			if below := fieldOf(s, name); below != nil {
				complete(below, v)
			}
		}
	case []any:
		for _, v := range value {
			if s.Items != nil {
				complete(s.Items, v)
			}
		}
	}
}

// fieldOf is the schema of a field, nil if it has none.
func fieldOf(s *structural.Structural, name string) *structural.Structural {
	if below, known := s.Properties[name]; known {
		return &below
	}
	if s.AdditionalProperties != nil {
		return s.AdditionalProperties.Structural
	}
	return nil
}

// steps is a path of OpenAPI as one of Object.LineOf.
func steps(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
}
