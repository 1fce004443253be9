package build_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/tazlab/seed/internal/build"
)

// values are of variables: what YAML takes for a text, and what it does not.
var values = []string{"north", "example.com", "/path", "https://example.com/?a=b&c#d", "it's", `"q"`, "a,b", "a:b", "c:", "", "8080", "1.5", "10.0.0.1", "true", "No", "y", "~",
	"null", "a b", "x: y", "x #y", "- a", "{a: 1}", "[a", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "=", "<<", "2001-01-01", "é", "$", "$$", `\`, "a\tb", " a", "a "}

// pieces are what texts are made of.
var pieces = []string{"a", "word", "${A}", "${A}", "${B:-x}", "${C:=y z}", "${A^^}", "$", "$$", "$${A}", "{", "}", "[", "]", ",", ".", "/", "-", "- ", ":", ": ", "#", " #", "?", "? ",
	"'", `"`, "&", "*", "!", "|", ">", "%", "@", "`", `\`, "=", "<<", "~", "null", "yes", "0", "1", "0x1", "1.5", "2001-01-01", " ", "  ", "\t", "\n", "\n\n", "\n  ", "é", "\u00a0", "\u2028"}

// Render, which reads nodes where it is certain, and Kustomization, which does what kustomize-controller does, agree on objects
// of all kinds of texts, styles, comments and variables; also on whether they can be built.
func TestRenderIsKustomization(t *testing.T) {
	t.Parallel()
	random, built := rand.New(rand.NewPCG(8, 2026)), 0 // the same objects each time
	for range 500 {
		text, err := yaml.String(node(random, 3))
		if err != nil {
			continue // not even YAML
		}
		manifest := "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n" + text
		vars := map[string]string{"A": values[random.IntN(len(values))], "B": values[random.IntN(len(values))], "C": "c"}
		if compare(t, manifest, vars) {
			built++
		}
	}
	if built < 250 {
		t.Errorf("only %d objects could be built", built)
	}
}

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

// What YAML can spell in more than one way.
func TestRenderReadsWhatYAMLSpells(t *testing.T) {
	t.Parallel()
	for _, manifest := range []string{
		"a: 0x1F\nb: 1_000\nc: 0o17\nd: 017\ne: -0\nf: +1\ng: 1e3\nh: 1.0\ni: .5\nj: 9007199254740991\nk: 9223372036854775808\nl: 18446744073709551616",
		"a: yes\nb: No\nc: true\nd: TRUE\ne: on\nf: ~\ng:\nh: null\ni: Null\nj: ''\nk: !!str 5\nl: !!int '5'\nm: !!str null\nn: .nan\no: !!bool true",
		"a: 2001-01-01\nb: 2001-01-01T00:00:00Z\nc: !!binary aGk=\nd: 1:20\ne: !!float 5\nf: !custom x\ng: !!null ''",
		"a: {b: , c: 1}\nd: [1, , 2]\ne: {f, g}", "a: {b: [], c: {}}\nd: []\ne: {}\nf: [{a: 1}, [b]]",
		"a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}", "'<<': a\n<<: {b: c}", "1: a\ntrue: b\nnull: c\n1.5: d", "a: 1\na: 2", "? [a]\n: b", "? |\n  a\n: b",
		"a: |\n  b\n   c\n\nd: |-\n  e\n\n\nf: |+\n  g\n\nh: >\n  i\n  j\n\n  k\n\n    l\n  m\nn: >-\n  o", "a: |2\n    b\n  c\nd:\n- |2\n    e\n- - |1\n   f",
		"a: {b: c} # d\n# e\nf:\n# g\n- h # i\n# j\n- k: l # m\n  # n\n\n# o", "a: [b, # c\n  d] # e", "a: b\n...\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {a: '${A}'}",
		"items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}]", "a: \"\\x41\\u00e9\\n\\t\\\"\"\nb: 'it''s'\nc: a\n  b\n\n  c", "a: \"\\xff\\u0000\"", "sops: {a: b}\nb: c",
	} {
		for _, value := range []string{"north", "8080", "x: y"} {
			for _, last := range []string{"", "\nz: ${A}", "\nz: x ${A}"} {
				compare(t, "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\n"+manifest+last+"\n", map[string]string{"A": value})
			}
		}
	}
}
