package check_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/check"
)

func loaded(t *testing.T, dir string) *check.Tree {
	t.Helper()
	tree, err := check.Load(t.Context(), dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

// What charts make is known with its namespace, its metadata, and its place in the repository.
func TestCharts(t *testing.T) {
	t.Parallel()
	tree := loaded(t, "testdata/layouts/charts")
	var got []string
	for _, r := range tree.Clusters[0].Releases {
		got = append(got, fmt.Sprintf("%s %s %q", r.Key(), r.Path, r.NotLooked))
		for _, o := range r.Objects {
			got = append(got, fmt.Sprintf("- %s %s:%d %v%v", o, o.File, o.Line, o.GetLabels(), o.GetAnnotations()))
		}
	}
	const metadata = " map[team:a]map[why:b]"
	want := []string{
		`default/ref charts/part ""`,
		"- ServiceAccount default/web charts/part/templates/a.yaml:3 map[]map[]",
		`default/same charts/part ""`,
		"- ServiceAccount kube-system/web charts/part/templates/a.yaml:3 map[]map[]",
		`default/web charts/web ""`,
		"- ServiceAccount apps/web charts/part/templates/a.yaml:3" + metadata,
		"- Service apps/apps-web charts/web/templates/all.yaml:3 map[own:c team:a]map[why:b]",
		"- ConfigMap apps/one charts/web/templates/all.yaml:1" + metadata,
		"- ConfigMap default/two charts/web/templates/all.yaml:1" + metadata,
		"- ClusterRole web charts/web/templates/all.yaml:1" + metadata,
		"- Thing apps/of-the-tree charts/web/templates/all.yaml:1" + metadata,
		"- Thing ${varies}/unknown charts/web/templates/all.yaml:1" + metadata,
		`default/more charts/more ""`,
		"- Kustomization default/more charts/more/templates/a.yaml:2 map[]map[]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	follows := check.NotLooked{What: "clusters/home: Kustomization default/more of the chart of HelmRelease default/more", Why: "what a chart makes is not followed any further"}
	if !slices.Equal(tree.NotLooked, []check.NotLooked{follows}) || !strings.Contains(tree.Clusters[0].Incomplete, "of HelmRelease default/more") {
		t.Errorf("not looked into: %v; %s", tree.NotLooked, tree.Clusters[0].Incomplete)
	}
	if found := check.Run(tree); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

// Of a chart that nobody can render here it is said why.
func TestChartsThatAreNotLookedInto(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, n := range loaded(t, "testdata/SC106/good").NotLooked {
		got[strings.TrimPrefix(n.What, "clusters/home: the objects of HelmRelease default/")] = n.Why
	}
	want := map[string]string{
		"suspended": "it is suspended", "open": "the tree does not bring all values of spec.valuesFrom", "variable": "a variable in it has a value that is not known",
		"patched": "spec.postRenderers change what the chart makes", "far": "the chart is installed into another cluster (spec.kubeConfig)", "other": "the chart is not of this repository",
		"asks": "a template of the chart asks for objects of the cluster (lookup)", "dependent": "what the chart makes depends on the cluster: its templates ask for the APIs that are served",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// A finding about an object of a chart names the release, and is told for each of them; Helm's words are told without what is secret.
func TestFindingsInCharts(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string][]string{
		"SC301/bad-chart":     {"charts/web/templates/web.yaml\n  2: error SC301: Deployment default/again (HelmRelease default/again, unit flux-system/apps): Nothing in the tree brings the Secret nobody"},
		"SC204/bad-chart":     {"The chart of HelmRelease default/one brings it too (charts/role/templates/role.yaml:2)", "Unit flux-system/apps brings it too (apps/settings.yaml:1)"},
		"SC205/bad-chart":     {"HelmRelease default/web (unit flux-system/apps): Nothing creates the namespace web of its chart"},
		"SC421/bad-hidden":    {"the value of day does not fit the schema, and may be secret"},
		"SC106/bad-variables": {"the reason may have what is secret in it"},
		"SC106/bad": {
			"the chart charts/template with its values, so nothing of it is installed: execution error at (template/templates/a.yaml:6:11): host is needed.",
			"additional properties 'replica' not allowed", "Chart.yaml file is missing", "It needs charts/nowhere, which is not", "Did you mean charts/parts?", "It needs values/home.yaml, which is not",
			"charts/parts has version 0.1.0, not \"1.x.x\"", "charts/indented/templates/a.yaml: ", "charts/kindless/templates/a.yaml: a document has no apiVersion or no kind", "may have what is secret in it",
		},
	} {
		tree := loaded(t, "testdata/"+dir)
		var result check.Result
		var out bytes.Buffer
		result.Add(tree, "")
		result.Text(&out)
		for _, text := range want {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: no %q in\n%s", dir, text, out.String())
			}
		}
		for _, secret := range []string{"do-not-tell", "/tree/", "seed-check-"} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s: %q in\n%s", dir, secret, out.String())
			}
		}
	}
}
