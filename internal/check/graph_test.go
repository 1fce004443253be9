package check_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/check"
)

// unitsOf writes a repository with units, each with what it depends on, and loads it.
func unitsOf(t *testing.T, units map[string][]string) *check.Tree {
	t.Helper()
	dir := t.TempDir()
	sync, err := os.ReadFile("testdata/SC207/good/clusters/home/sync.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"clusters/home/sync.yaml": string(sync)}
	for name, before := range units {
		var text strings.Builder
		text.WriteString("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\n" +
			"spec:\n  path: ./apps/" + name + "\n  sourceRef: {kind: GitRepository, name: flux-system}\n  dependsOn: [")
		for _, other := range before {
			text.WriteString("{name: " + other + "},")
		}
		files["clusters/home/"+name+".yaml"] = text.String() + "]\n"
		files["apps/"+name+"/a.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + ", namespace: default}\n"
	}
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := check.Load(t.Context(), dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

// A dependency that another one implies is left out, and so is a chain that is shorter than the longest.
var some = map[string][]string{"crds": nil, "operator": {"crds"}, "store": {"operator", "crds"}, "app": {"store", "crds", "operator"}, "blog": nil, "side": {"crds"}}

const someText = `clusters/home: 6 units below the root flux-system/flux-system

level 0, the fast track: these wait for nothing
  blog
  crds

level 1
  operator: waits for crds
  side: waits for crds

level 2
  store: waits for operator, and so for crds

level 3
  app: waits for store, and so for crds, operator

critical path, the longest chain: 4 units, one after the other (counted in units, not in time)
  crds -> operator -> store -> app
`

func TestGraphText(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	unitsOf(t, some).Clusters[0].GraphText(&out)
	if out.String() != someText {
		t.Errorf("got\n%s\nwant\n%s", out.String(), someText)
	}
}

func TestGraphMermaid(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	check.GraphMermaid(&out, unitsOf(t, some).Clusters)
	want := `flowchart LR
  subgraph c0["clusters/home"]
    direction LR
    subgraph c0fast["fast track"]
      direction LR
      c0u0["blog"]
      c0u1["crds"]
    end
    c0u2["operator"]
    c0u3["side"]
    c0u4["store"]
    c0u5["app"]
    c0u1 --> c0u2
    c0u1 --> c0u3
    c0u2 --> c0u4
    c0u4 --> c0u5
  end
  classDef critical stroke-width:3px
  class c0u1,c0u2,c0u4,c0u5 critical
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// Units of which the same is to be said are told together, and what one unit brings nearly all of is said once.
func TestGraphOfCrowds(t *testing.T) {
	t.Parallel()
	many := map[string][]string{"crds": nil, "other": nil}
	for i := range 6 {
		many[fmt.Sprintf("app-%d", i)] = []string{"crds"}
	}
	var text bytes.Buffer
	unitsOf(t, many).Clusters[0].GraphText(&text)
	if want := "  app-0, app-1, app-2, app-3, app-4, app-5: each waits for crds\n"; !strings.Contains(text.String(), want) {
		t.Errorf("no %q in\n%s", want, text.String())
	}
	tree, err := check.Load(t.Context(), "testdata/layouts/crowd", ".")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	text.Reset()
	tree.Clusters[0].GraphText(&text)
	for _, want := range []string{"  apps: brings 6 units, which is not said of each\n", "  a, b, c, d, e\n", "  f: waits for a\n", "  apps -> a -> f\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	var mermaid bytes.Buffer
	check.GraphMermaid(&mermaid, tree.Clusters)
	if want := "    c0u0 -.-> c0most\n"; strings.Count(mermaid.String(), "-.->") != 1 || !strings.Contains(mermaid.String(), want) {
		t.Errorf("not one arrow %q in\n%s", want, mermaid.String())
	}
}

// What Pods wait for by themselves is said of each app, with where it comes from. It is no level, but may be critical.
const podsText = `clusters/home: 7 units below the root flux-system/flux-system

level 0, the fast track: these wait for nothing
  apps
    Pods of api wait for Secret api of configs (ExternalSecret api-credential, store vault of
        stores), https://login.example.com/health?..., postgres://web@db-primary.default.svc/web of
        database (PostgresCluster db), Secret db-pguser-web of database (PostgresCluster db)
    Pods of first wait for CRD certificates.cert-manager.io of operators (HelmRelease
        flux-system/cert-manager), Deployment web
    Pods of second wait for pod?app=web (Deployment web), unit late, Job gone to be gone
    Pods of web, worker wait for Secret web of configs (ExternalSecret, store vault of stores),
        Secret db-pguser-web of database (PostgresCluster db), ConfigMap settings of configs
  operators

level 1
  after: waits for apps
    Pods of either wait for one of tcp://10.0.0.1:80, Secret api, Secret web of configs
        (ExternalSecret, store vault of stores)
  configs: waits for operators
  database: waits for operators
  stores: waits for operators

level 2
  late: waits for configs, and so for operators

critical path, the longest chain: 5 units, one after the other (counted in units, not in time)
  operators -> configs -> late ~> apps -> after
  (~> where not the unit waits, but its Pods)
`

func TestGraphOfPods(t *testing.T) {
	t.Parallel()
	tree, err := check.Load(t.Context(), "testdata/layouts/pods", ".")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	var text, mermaid bytes.Buffer
	tree.Clusters[0].GraphText(&text)
	if text.String() != podsText {
		t.Errorf("got\n%s\nwant\n%s", text.String(), podsText)
	}
	check.GraphMermaid(&mermaid, tree.Clusters)
	for _, want := range []string{
		`c0u3 -.->|"Secret api and 2 more"| c0u0`, `-.->|"unit late"| c0u0`, "class c0u1,c0u3,c0u6,c0u0,c0u2 critical",
	} {
		if !strings.Contains(mermaid.String(), want) {
			t.Errorf("no %q in\n%s", want, mermaid.String())
		}
	}
}

// A unit that is never Ready, since its Pods wait for what comes after it, is named, and ends no graph.
func TestGraphOfDeadlocks(t *testing.T) {
	t.Parallel()
	tree, err := check.Load(t.Context(), "testdata/SC209/bad", ".")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	var text bytes.Buffer
	tree.Clusters[0].GraphText(&text)
	for _, want := range []string{"never Ready, for they wait for what comes only after them (SC209): apps, checked\n", "Pods of web wait for Secret web of configs"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

// Nor do units that bring what the other waits for, with Pods in them, end any.
func TestGraphOfParents(t *testing.T) {
	t.Parallel()
	tree, err := check.Load(t.Context(), "testdata/SC201/bad-parent", ".")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	var text bytes.Buffer
	tree.Clusters[0].GraphText(&text)
	if want := "\nnever, for they wait for each other: child, first, of-first, of-second, parent, second\n"; !strings.Contains(text.String(), want) {
		t.Errorf("no %q in\n%s", want, text.String())
	}
}

// Units that wait for each other, and one for what is not there, end no graph.
func TestGraphOfWhatNeverStarts(t *testing.T) {
	t.Parallel()
	tree := unitsOf(t, map[string][]string{"a": {"b"}, "b": {"a"}, "self": {"self"}, "behind": {"a"}, "lost": {"nobody"}})
	var text, mermaid bytes.Buffer
	tree.Clusters[0].GraphText(&text)
	check.GraphMermaid(&mermaid, tree.Clusters)
	for _, want := range []string{"never, for they wait for each other: a, b, self\n", "behind: waits for a", "lost: needs flux-system/nobody, which is not in this cluster"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if strings.Count(mermaid.String(), "-->") != 4 {
		t.Errorf("not every dependency has its arrow:\n%s", mermaid.String())
	}
}

// A dependency with readyExpr is one, but makes no circle: Flux need not wait until it is Ready.
func TestGraphOfExpressions(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	unitsOf(t, map[string][]string{"a": {"b, readyExpr: 'true'"}, "b": {"a"}, "c": {"d, readyExpr: 'true'"}, "d": nil}).Clusters[0].GraphText(&text)
	want := `clusters/home: 4 units below the root flux-system/flux-system

level 0, the fast track: these wait for nothing
  a: waits for b
  d

level 1
  b: waits for a
  c: waits for d
`
	if !strings.HasPrefix(text.String(), want) || strings.Contains(text.String(), "wait for each other") {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}
