//go:build !agent

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/check"
)

// secrets are what Secrets of the tree hold, in one way or another.
var secrets = []string{"hunter2", "tell-nobody", "home.example", "aHVudGVyMg", "from-replacement", "in-list", "s3cr3t-port", "folder-x"}

const releasesText = `clusters/home: 7 HelmReleases

  (secret), apps/deep.yaml:1
    chart of a name that the tree does not say, not looked into: what it is depends on a Secret
    may have other values: what it is depends on a Secret
    values: none

  default/copied (unit flux-system/copies), copies/copied.yaml:1
    chart charts/web 1.2.3 of GitRepository flux-system/flux-system, rendered: 1 object
    may have other values: spec.values, into which kustomize may put what is in a Secret
    values: none

  default/far (unit flux-system/apps), apps/others.yaml:1, suspended
    chart podinfo 6.x of HelmRepository flux-system/podinfo, not looked into: the chart is not of this repository
    may have other values: key values.yaml of Secret elsewhere, which the tree does not bring
    may have other values: key values.yaml of ConfigMap shared, which something else may write too
    may have other values: key no.yaml of ConfigMap defaults, which is not in it
    may have other values: key encrypted.yaml of Secret sealed, which is encrypted
    may have other values: key ca of Secret web, which targetPath puts at hosts[0].ca
    values:
      tls:
        ca: (not merged here) key ca of ConfigMap defaults
        crt: (secret) key crt of Secret web

  default/image (unit flux-system/apps), apps/others.yaml:38
    chart web v3 of OCIRepository default/web, not looked into: the chart is not of this repository
    values: none

  default/literal (unit flux-system/plain), plain/literal.yaml:1
    chart charts/web 1.2.3 of GitRepository flux-system/flux-system, not looked into: a variable in it has a value that is not known
    values:
      query: rate(${__interval})
      sealed: (encrypted)

  default/unknown (unit flux-system/open), open/unknown.yaml:1
    chart charts/web 1.2.3 of GitRepository flux-system/flux-system, not looked into: the tree does not bring all values of spec.valuesFrom
    values:
      deep:
        size: (not known) ${SIZE}
      list:
      - (not known) x-${WHERE}
      - plain

  default/web (unit flux-system/apps), apps/web.yaml:1
    chart charts/web 1.2.3 of GitRepository flux-system/flux-system, rendered: 1 object
    values:
      auth:
        password: (secret) in Secret web
        users: (secret) in Secret web
      host: (secret) web.${DOMAIN}
      image:
        name: web
        tag: v2
      port: (secret) ${PORT}
      replicas: 2
      town: tromso
      url: (secret) https://${DOMAIN}

`

func TestCheckReleases(t *testing.T) {
	t.Parallel()
	dir := copyTree(t, "layouts/releases")
	text, stderr, code := seed(t, "", "check", "--releases", dir)
	if code != 0 {
		t.Fatalf("exit code %d: %s%s", code, text, stderr)
	}
	text = strings.ReplaceAll(text, dir+"/", "")
	if list, _, _ := strings.Cut(text, "not looked into: clusters/home: unit"); !strings.HasPrefix(text, releasesText) {
		t.Errorf("got\n%s\nwant\n%s", list, releasesText)
	}
	if !strings.Contains(text, "0 errors") {
		t.Errorf("the findings are not told:\n%s", text)
	}
	stdout, stderr, code := seed(t, "", "check", "--releases", "--format", "json", dir)
	var result check.Result
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || code != 0 || len(result.Releases) != 7 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	web := result.Releases[6]
	auth, _ := web.Values["auth"].(map[string]any)
	if web.Name != "web" || web.Values["replicas"] != 2.0 || auth["password"] != "(secret) in Secret web" || len(web.Withheld) != 5 || web.Withheld[0].Key != "auth.password" || result.Clusters[0].Name != web.Cluster {
		t.Errorf("%+v", web)
	}
	for _, secret := range secrets {
		if strings.Contains(text+stdout+stderr, secret) {
			t.Errorf("%s is shown:\n%s%s", secret, text, stdout)
		}
	}
}

// Without the flag the JSON has no releases; with it the exit code is that of the findings, and a repository without any has a list.
func TestCheckReleasesFlag(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		args []string
		want int
		out  string
		not  string
	}{
		{"not asked for", []string{"--format", "json", copyTree(t, "layouts/releases")}, 0, `"findings"`, `"releases"`},
		{"none", []string{"--format", "json", "--releases", copyTree(t, "SC206/good")}, 0, `"releases": []`, ""},
		{"none, for people", []string{"--releases", copyTree(t, "SC206/good")}, 0, "clusters/home: 0 HelmReleases\n", ""},
		{"with errors", []string{"--releases", copyTree(t, "SC201/bad-releases")}, 1, "error SC201: HelmRelease default/a", ""},
		{"annotations", []string{"--releases", "--format", "github", copyTree(t, "SC206/good")}, 2, "annotations have no room for values", ""},
		{"a graph", []string{"--releases", "--graph", "text", copyTree(t, "SC206/good")}, 2, "give one of them", ""},
	} {
		stdout, stderr, code := seed(t, "", append([]string{"check"}, test.args...)...)
		if code != test.want || !strings.Contains(stdout+stderr, test.out) || test.not != "" && strings.Contains(stdout, test.not) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s%s", test.name, code, test.want, test.out, stdout, stderr)
		}
	}
}
