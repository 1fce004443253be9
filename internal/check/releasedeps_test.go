package check_test

import (
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/check"
)

// What is said of dependencies of HelmReleases, and how sure it is.
func TestReleaseDependencies(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string][]string{
		"SC201/bad-releases": {
			"error: It waits for itself: a -> b -> kube-system/c -> a, so", "error: It waits for itself: self -> self, so none of them is ever Ready. Remove one of these",
			"error: It waits for itself: web -> database -> unit late -> unit infra -> web, so none of them is ever Ready. Remove the dependency, let unit infra be Ready without its releases",
		},
		"SC202/bad-release": {
			"error: It waits for HelmRelease default/bb, which is not in cluster clusters/home, so it is never installed. Correct the name", "let unit flux-system/apps depend on unit flux-system/infra.",
			"Give its namespace: there is a HelmRelease kube-system/c.",
		},
		"SC202/bad-release-chart":     {"warning: It waits for HelmRelease default/bb, which nothing brings that was looked into; not all charts were."},
		"SC202/bad-release-elsewhere": {"note: It waits for HelmRelease default/of-another-repository, which nothing brings that was looked into; unit flux-system/other was not looked into."},
		"SC203/bad-release":           {"warning: It waits for HelmRelease default/b, which is suspended, so", "warning: It waits for HelmRelease default/of-off of unit flux-system/off, which is suspended, so"},
		"SC104/bad-folder":            {"note: The unit is built from apps/kustomization.yaml, which lists other folders beside it, and nothing in this repository refers to the folder apps/forum: no cluster"},
	} {
		tree, err := check.Load(t.Context(), "testdata/"+dir, ".")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tree.Close() }()
		var all strings.Builder
		for _, f := range check.Run(tree) {
			all.WriteString(string(f.Severity) + ": " + f.Why + " " + f.How + "\n")
		}
		for _, text := range want {
			if !strings.Contains(all.String(), text) {
				t.Errorf("%s: no %q in\n%s", dir, text, all.String())
			}
		}
	}
}
