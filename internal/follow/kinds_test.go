package follow

import (
	"strings"
	"testing"
)

func TestGoals(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"kustomization/apps":            "flux-system/apps",
		"ks/other/apps":                 "other/apps",
		"helmrelease/blog":              "helmrelease/flux-system/blog",
		"HelmRelease/apps/blog":         "helmrelease/apps/blog",
		"hr/apps/blog":                  "helmrelease/apps/blog",
		"gitrepo/x":                     "gitrepository/flux-system/x",
		"es/apps/login":                 "externalsecret/apps/login",
		"css/vault":                     "clustersecretstore/vault",
		"ocirepository/flux-system/pgo": "ocirepository/flux-system/pgo",
	} {
		goal, err := ParseGoal(text)
		if err != nil || goal.In("flux-system").String() != want {
			t.Errorf("%s: %s, %v, want %s", text, goal.In("flux-system"), err, want)
		}
		again, err := ParseGoal(goal.String())
		if err != nil || again != goal {
			t.Errorf("%s is spelt %s, which is %v, %v", text, goal, again, err)
		}
	}
	for text, want := range map[string]string{
		"apps": "KIND/NAME", "": "KIND/NAME", "ks/": "KIND/NAME", "ks/a/b/c": "KIND/NAME", "ks//a": "KIND/NAME",
		"deployment/apps/blog": "it knows kustomization or ks, helmrelease or hr", "css/a/vault": "has no namespace: write css/vault",
	} {
		if goal, err := ParseGoal(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %q", text, goal, err, want)
		}
	}
	var goals Goals
	if goals.Set("ks/a") != nil || goals.Set("hr/b/c") != nil || goals.Set("x") == nil || goals.String() != "kustomization/a,helmrelease/b/c" {
		t.Errorf("goals %s", &goals)
	}
}
