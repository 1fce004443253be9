package eso

import (
	"os"
	"regexp"
	"slices"
	"testing"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	engine "github.com/external-secrets/external-secrets/pkg/template/v2"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const file = "../../internal/template/testdata/cases.yaml"

type cases struct {
	Refused []string
	Values  map[string]string
	Cases   []struct {
		Name, Template, Want string
		Fails                bool
	}
}

func read(t *testing.T) (cases, map[string][]byte) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all cases
	if err := yaml.UnmarshalStrict(text, &all); err != nil {
		t.Fatal(err)
	}
	values := map[string][]byte{}
	for key, value := range all.Values {
		values[key] = []byte(value)
	}
	return all, values
}

// The operator's controller renders spec.target.template.data, metadata.labels and metadata.annotations like this, each
// into its own target.
func TestTheOperatorRendersTheCases(t *testing.T) {
	t.Parallel()
	all, values := read(t)
	for _, test := range all.Cases {
		t.Run(test.Name, func(t *testing.T) {
			t.Parallel()
			var filled corev1.Secret
			text := map[string][]byte{test.Name: []byte(test.Template)}
			err := engine.Execute(text, values, esv1.TemplateScopeValues, esv1.TemplateTargetData, &filled)
			if got := string(filled.Data[test.Name]); got != test.Want || (err != nil) != test.Fails {
				t.Errorf("%s: the operator renders %q, %v", file, got, err)
			}
		})
	}
}

// Every function of the operator is either in a case, so that seed's equals it, or refused by seed by name.
func TestNoFunctionIsForgotten(t *testing.T) {
	t.Parallel()
	all, _ := read(t)
	var used []byte
	for _, test := range all.Cases {
		used = append(used, test.Template...)
	}
	for name := range engine.FuncMap() {
		if !slices.Contains(all.Refused, name) && !regexp.MustCompile(`[^.$\w]`+name+`\b`).Match(used) {
			t.Errorf("%s: no case has the function %s, and it is not refused", file, name)
		}
	}
	for _, name := range all.Refused {
		if engine.FuncMap()[name] == nil {
			t.Errorf("%s: the operator has no function %s that seed could refuse", file, name)
		}
	}
}
