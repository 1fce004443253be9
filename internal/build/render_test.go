package build_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/tazlab/seed/internal/build"
)

// values are of variables: what YAML takes for a text, and what it does not.
var values = []string{"north", "example.com", "/path", "https://example.com/?a=b&c#d", "it's", `"q"`, "a,b", "a:b", "c:", "", "8080", "1.5", "10.0.0.1", "true", "No", "y", "~",
	"null", "a b", "x: y", "x #y", "- a", "{a: 1}", "[a", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "=", "<<", "2001-01-01", "é", "$", "$$", `\`, "a\tb", " a", "a "}

// pieces are what texts are made of.
var pieces = []string{"a", "word", "${A}", "${A}", "${B:-x}", "${C:=y z}", "${A^^}", "$", "$$", "$${A}", "{", "}", "[", "]", ",", ".", "/", "-", "- ", ":", ": ", "#", " #", "?", "? ",
	"'", `"`, "&", "*", "!", "|", ">", "%", "@", "`", `\`, "=", "<<", "~", "null", "yes", "0", "1", "0x1", "1.5", "2001-01-01", " ", "  ", "\n", "\n\n", "\n  ", "é", "\u00a0", "\u2028"}

// Render, which reads nodes where it is certain, and Kustomization, which does what kustomize-controller does, agree on objects
// of all kinds of texts, styles, comments and variables; also on whether they can be built.
func TestRenderIsKustomization(t *testing.T) {
	t.Parallel()
	random, built := rand.New(rand.NewPCG(8, 2026)), 0 // the same objects each time
	for range 300 {
		text, err := yaml.String(node(random, 3))
		if err != nil {
			continue // not even YAML
		}
		vars := map[string]string{"A": values[random.IntN(len(values))], "B": values[random.IntN(len(values))], "C": "c"}
		if compare(t, head+text, vars) {
			built++
		}
	}
	if built < 150 {
		t.Errorf("only %d objects could be built", built)
	}
}

// head begins an object.
const head = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n"

// compare builds an object in both ways, and tells whether it can be built.
func compare(t *testing.T, manifest string, vars map[string]string) bool {
	t.Helper()
	dir := write(t, map[string]string{"app/a.yaml": manifest, "app/kustomization.yaml": "resources: [a.yaml]\n"})
	unit := kustomization("app", func(s *kustomizev1.KustomizationSpec) { s.PostBuild = &kustomizev1.PostBuild{Substitute: vars} })
	want, wantErr := build.Kustomization(t.Context(), unit, dir, nil)
	got, err := build.Render(unit, dir, build.Variables{Values: vars}, nil)
	if unset := func(r build.Rendered) bool { return len(r.Unset) > 0 }; wantErr != nil && slices.ContainsFunc(got, unset) {
		return false // told, and no error
	}
	if wantErr == nil != (err == nil) {
		t.Fatalf("%v, want %v:\n%s\nwith %v", err, wantErr, manifest, vars)
	}
	if err != nil {
		return false
	}
	if len(got) != len(want) {
		t.Fatalf("%d objects, want %d:\n%s\nwith %v", len(got), len(want), manifest, vars)
	}
	for i := range want {
		if !reflect.DeepEqual(got[i].Object, want[i].Object) {
			a, _ := json.Marshal(got[i])
			b, _ := json.Marshal(want[i])
			t.Fatalf("built\n%s\nwant\n%s\nof\n%s\nwith %v", a, b, manifest, vars)
		}
	}
	return true
}

// node makes a mapping of random nodes, depth deep.
func node(random *rand.Rand, depth int) *yaml.Node {
	mapping := &yaml.Node{Kind: yaml.MappingNode}
	for i := range 1 + random.IntN(3) {
		key := &yaml.Node{Kind: yaml.ScalarNode, Value: "key" + strings.Repeat("s", i)}
		if random.IntN(8) == 0 && depth < 3 {
			key = scalar(random)
		}
		value := scalar(random)
		switch kind := random.IntN(6); {
		case kind == 0 && depth > 0:
			value = node(random, depth-1)
		case kind == 1 && depth > 0:
			value = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{scalar(random), node(random, depth-1), scalar(random)}}
		}
		mapping.Content = append(mapping.Content, comment(random, key), comment(random, value))
	}
	if random.IntN(5) == 0 {
		mapping.Style = yaml.FlowStyle
	}
	return mapping
}

// scalar makes a text, or what YAML takes it for.
func scalar(random *rand.Rand) *yaml.Node {
	var text strings.Builder
	for range random.IntN(5) {
		text.WriteString(pieces[random.IntN(len(pieces))])
	}
	made := &yaml.Node{Kind: yaml.ScalarNode, Value: text.String(), Tag: []string{"", yaml.NodeTagString, yaml.NodeTagString}[random.IntN(3)]}
	made.Style = []yaml.Style{0, 0, 0, yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle, yaml.TaggedStyle}[random.IntN(8)]
	return made
}

// comment gives some nodes comments.
func comment(random *rand.Rand, to *yaml.Node) *yaml.Node {
	words := []string{"# a", "# ${A}: b", "# a\n# b", "#!a", "# it's \""}
	for i, at := range []*string{&to.HeadComment, &to.LineComment, &to.FootComment} {
		if random.IntN(12) == 0 && (i > 0 || to.Kind != yaml.ScalarNode) {
			*at = words[random.IntN(len(words))]
		}
	}
	return to
}

// What YAML can spell in more than one way, each beside no variable, one that is a word, and one that is not.
func TestRenderReadsWhatYAMLSpells(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"0x1F", "1_000", "0o17", "017", "-0", "+1", "1e3", "1.0", ".5", "9007199254740991", "9223372036854775808", "18446744073709551616", ".nan", "yes", "No", "TRUE", "~", "", "null",
		"!!str 5", "!!int '5'", "!!str null", "!!bool true", "!!null ''", "!!float 5", "!!binary aGk=", "!custom x", "2001-01-01", "2001-01-01T00:00:00Z", "1:20", `"\xff\0"`,
		"{b: , c: 1}", "{b, c}", "{b: [], c: {}}", "[{b: 1}, [c]]", "{b: c} # d", "{b: c, # d\n  e: f}", "[b, # c\n  d] # e", "{'b: c': ''}", "\n  1: a\n  true: b\n  null: c", "\n  b: 1\n  b: 2",
		"\n  <<: {b: c}", "\n  '<<': a", "&x {b: 1}\nb: *x\nc: {<<: *x, d: 2}", "\n  ? [a]\n  : b", "\n  ? |\n    a\n  : b", "\n  ${A}: b\n  north: c", "\n  ${A}: b",
		"|\n  b\n   c\n", "|-\n  e\n\n", "|+\n  g\n\n", ">\n  i\n  j\n\n  k\n\n    l\n  m", ">-\n  o", "|2\n    b\n  c", "\n- |2\n    e\n- - |2\n     f\n   g", "|\n\n  b", "b\n  c\n\n  d", "'it''s'",
		"b # c\n# d\ne:\n# f\n- g # h\n# i\n- j: k # l\n  # m\n\n# n", "b\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}]", "b\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}",
	} {
		for _, before := range []string{"", "z: ${A}\n", "z: x ${A}\n"} {
			compare(t, head+before+"a: "+text+"\n", map[string]string{"A": "north"})
		}
	}
}

// Each value in each place where it may be taken for something else.
func TestRenderReplacesVariables(t *testing.T) {
	t.Parallel()
	for _, value := range values {
		for _, text := range []string{"${A}", "x${A}", "${A}x", "x ${A}", "'${A}'", "[\"${A}\"]", "{b: \"${A}\"}", "\n- ${A}\n- ${B:-x}", "\n  ${A}: b", "|\n  a\n  ${A}", "$${A}", "\"\\x7f\"\nb: ${A}"} {
			compare(t, head+"a: "+text+"\n", map[string]string{"A": value})
		}
	}
}

// A name that Flux refuses refuses the whole unit, also where nothing uses the variable, but not where none would be replaced.
func TestRenderRefusesNamesOfVariables(t *testing.T) {
	t.Parallel()
	const off = "labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\n"
	for _, test := range []struct {
		name, manifest string
		want           bool
	}{
		{"cluster-name", head + "a: b\n", false},
		{"cluster-name", strings.TrimSuffix(head, "}\n") + ", " + off + "a: b\n", true},
		{"1a", head + "a: b\n", false},
		{"a.b", head + "a: b\n", false},
		{"ä", head + "a: b\n", false},
		{"a ", head + "a: b\n", false},
		{"", head + "a: b\n", false},
		{"_a1", head + "a: b\n", true},
	} {
		if built := compare(t, test.manifest, map[string]string{"A": "north", test.name: "x"}); built != test.want {
			t.Errorf("a variable %q in\n%s: built %v, want %v", test.name, test.manifest, built, test.want)
		}
	}
}

// All names that are refused are told.
func TestMisnamed(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"app/a.yaml": head})
	unit := kustomization("app", func(s *kustomizev1.KustomizationSpec) { s.PostBuild = &kustomizev1.PostBuild{} })
	_, err := build.Render(unit, dir, build.Variables{Values: map[string]string{"b-b": "", "A": "", "a-a": ""}}, nil)
	misnamed, is := errors.AsType[build.Misnamed](err)
	if !is || !slices.Equal(misnamed.Names, []string{"a-a", "b-b"}) || !strings.Contains(err.Error(), "Thing a: spec.postBuild") {
		t.Errorf("%v", err)
	}
}

// A value of the wrong type is told from a field that is not known, and does not hide the unit.
func TestMistypedUnits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"path": "a"}`:                                 false,
		`{"newer": {"a": 1}, "path": "a"}`:              false,
		`{"dependsOn": ["infra"], "path": "a"}`:         true,
		`{"postBuild": {"substitute": {"PORT": 8080}}}`: true,
		`{"interval": "10minutes"}`:                     true,
		`{"prune": "true", "newer": 1}`:                 true,
	} {
		object := &unstructured.Unstructured{}
		manifest := `{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": "a", "namespace": "b"}, "spec": ` + text + `}`
		if err := object.UnmarshalJSON([]byte(manifest)); err != nil {
			t.Fatal(err)
		}
		units := build.Units([]*unstructured.Unstructured{object})
		if len(units) != 1 || units[0].Mistyped() != want || units[0].Name != "a" || units[0].Namespace != "b" {
			t.Errorf("%s: %+v, want mistyped %v", text, units, want)
		}
	}
}
