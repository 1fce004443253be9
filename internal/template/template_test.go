package template

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/secret"
)

type testCase struct {
	Name, Template, Want string
	Fails                bool
}

// cases is testdata/cases.yaml, which External Secrets Operator's own code is held against in test/eso.
type cases struct {
	Refused []string
	Values  map[string]string
	Cases   []testCase
}

func read(t *testing.T) (cases, map[string]secret.String) {
	t.Helper()
	text, err := os.ReadFile("testdata/cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all cases
	if err := yaml.UnmarshalStrict(text, &all); err != nil {
		t.Fatal(err)
	}
	values := map[string]secret.String{}
	for key, value := range all.Values {
		values[key] = secret.New(value)
	}
	return all, values
}

func TestRendersWhatExternalSecretsOperatorRenders(t *testing.T) {
	t.Parallel()
	all, values := read(t)
	for _, test := range all.Cases {
		t.Run(test.Name, func(t *testing.T) {
			t.Parallel()
			parsed, err := Parse(test.Name, test.Template)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the same each time
				got, err := parsed.Execute(values)
				if string(got) != test.Want || (err != nil) != test.Fails {
					t.Fatalf("got %q, %v; want %q, an error: %v", got, err, test.Want, test.Fails)
				}
				if err != nil && strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("the error shows a value: %v", err)
				}
			}
		})
	}
}

// A function without a case would be one of which nobody knows that External Secrets Operator has it too.
func TestEachFunctionHasACase(t *testing.T) {
	t.Parallel()
	all, _ := read(t)
	var text strings.Builder
	for _, test := range all.Cases {
		text.WriteString(test.Template)
	}
	for name := range functions {
		if !regexp.MustCompile(`[^.$\w]` + name + `\b`).MatchString(text.String()) {
			t.Errorf("%s is in no case", name)
		}
	}
}

func TestFunctionsThatSeedLacks(t *testing.T) {
	t.Parallel()
	all, _ := read(t)
	known := slices.Concat(all.Refused, []string{"sha512sum", "hexdec", "certSANs"})
	if got := slices.Sorted(maps.Keys(lacking)); !slices.Equal(got, slices.Sorted(slices.Values(known))) {
		t.Errorf("refused are %v, want %v", got, known)
	}
	for name, cure := range map[string]string{
		"randAlphaNum": "put the finished text into the vault", "now": "clock", "camelcase": "lower", "semver": "semverCompare",
		"getSecretKey": "spec.data", "sha512sum": "later version", "pkcs12key": "put the finished text into the vault",
		"env": "has no env either", "expandenv": "either", "tpl": "has no tpl either", "include": "either",
	} {
		_, err := Parse("password", "{{ "+name+" .password }}")
		if err == nil || !strings.Contains(err.Error(), "seed lacks the function "+name) || !strings.Contains(err.Error(), cure) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsSayThePlaceAndNoValue(t *testing.T) {
	t.Parallel()
	values := map[string]secret.String{"token": secret.New("s3cr3t"), "spoof": secret.New(`map has no entry for key "s3cr3t"`)}
	for text, want := range map[string]string{
		"a\n b {{ .tokn }}":           "line 2, column 6, <.tokn>: neither spec.data nor spec.dataFrom brings a value tokn",
		"{{ range .token }}{{ end }}": "line 1, column 9, <.token>: it does with a value what cannot be done with it",
		"{{ fail .token }}":           "line 1, column 3, <fail .token>: it does",
		"{{ fail .spoof }}":           "line 1, column 3, <fail .spoof>: it does",
		`{{ template "pair" . }}`:     "no template is defined under the name pair",
		`{{ index .token 99 }}`:       "<index .token 99>",
		`{{ define ":" }}{{ .token.x }}{{ end }}{{ template ":" . }}`: "it does with a value",
	} {
		parsed, err := Parse("password", text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parsed.Execute(values)
		if err == nil || got != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: got %q, %v; want %s", text, got, err, want)
		}
	}
}

func TestATextThatIsNoTemplate(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{{ .token", "{{ end }}", "{{ if }}{{ end }}", "{{ $x }}"} {
		if _, err := Parse("password", text); err == nil || !strings.HasPrefix(err.Error(), "template: password:1:") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
