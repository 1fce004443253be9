package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// bootstrapped is a tree as "flux bootstrap" writes it, without any ExternalSecret.
func bootstrapped(t *testing.T, url string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"clusters/home/flux-system/gotk-components.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: source-controller, namespace: flux-system, labels: {app.kubernetes.io/part-of: flux}}
`,
		"clusters/home/flux-system/gotk-sync.yaml": `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 1m0s, ref: {branch: main}, secretRef: {name: flux-system}, url: "` + url + `"}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec: {interval: 10m0s, path: ./clusters/home, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`,
		"clusters/home/flux-system/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [gotk-components.yaml, gotk-sync.yaml]\n",
	} {
		files(t, dir, map[string]string{name: content})
	}
	return dir
}

func files(t *testing.T, dir string, contents map[string]string) string {
	t.Helper()
	for name, content := range contents {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The Git Secret itself is the identity where no ExternalSecret brings it, from a file or a folder.
func TestRenderCarriesTheGitSecret(t *testing.T) {
	t.Parallel()
	tree := bootstrapped(t, "https://git.example.com/fleet.git")
	for name, test := range map[string]struct {
		stdin string
		args  []string
		want  map[string]string
	}{
		"file":   {"username=git\npassword=s3cr3t\n", []string{"--identity-file", "-"}, map[string]string{"username": "git", "password": "s3cr3t"}},
		"folder": {"", []string{"--identity-dir", files(t, t.TempDir(), map[string]string{"username": "git\n", "password": "s3cr3t\n", "ca.crt": "a\nb\n", "..data": "x"})}, map[string]string{"username": "git", "password": "s3cr3t", "ca.crt": "a\nb\n"}},
		"named":  {"", []string{"--identity-dir", files(t, t.TempDir(), map[string]string{"flux-system/username": "git", "flux-system/password": "s3cr3t"})}, map[string]string{"username": "git", "password": "s3cr3t"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := seed(t, test.stdin, append([]string{"render", "manifests", "--tree", tree, "--cluster", "clusters/home", "--image", "i"}, test.args...)...)
			if code != 0 {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			var found int
			for doc := range strings.SplitSeq("\n"+stdout, "\n---\n") {
				var s corev1.Secret
				if err := yaml.Unmarshal([]byte(doc), &s); err != nil || s.Kind != "Secret" {
					continue
				}
				found++
				if s.Namespace != "seed-system" || s.Name != "flux-system-"+s.Labels["seed.tazlab.net/set"] || len(s.StringData) != len(test.want) {
					t.Errorf("Secret %s/%s with %d keys", s.Namespace, s.Name, len(s.StringData))
				}
				for key, want := range test.want {
					if s.StringData[key] != want {
						t.Errorf("%s is %q, want %q", key, s.StringData[key], want)
					}
				}
			}
			if found != 1 {
				t.Errorf("%d Secrets in the manifest", found)
			}
		})
	}
}

// Each row is a mistake with an identity; none shows what is in it.
func TestRenderIdentityErrors(t *testing.T) {
	t.Parallel()
	tree := bootstrapped(t, "https://git.example.com/fleet.git")
	dir := func(contents map[string]string) []string {
		return []string{"--identity-dir", files(t, t.TempDir(), contents)}
	}
	for name, test := range map[string]struct {
		stdin string
		args  []string
		want  []string
	}{
		"none":                      {"", nil, []string{"GitRepository flux-system/flux-system, spec.secretRef", "nothing brings the Secret flux-system/flux-system", "ExternalSecret", "--identity-file"}},
		"password without username": {"password=s3cr3t\n", []string{"--identity-file", "-"}, []string{"password without username", "flux-system/flux-system"}},
		"key without known hosts":   {"identity=s3cr3t\n", []string{"--identity-file", "-"}, []string{"identity without known_hosts"}},
		"vault's login":             {"clientId=a\nclientSecret=s3cr3t\n", []string{"--identity-file", "-"}, []string{"a key that nothing reads from the Secret flux-system/flux-system", "username, password"}},
		"empty folder":              {"", []string{"--identity-dir", t.TempDir()}, []string{"reading the identity folder", "it is empty"}},
		"no folder":                 {"", []string{"--identity-dir", "/nonexistent"}, []string{"reading the identity folder /nonexistent", "no such file"}},
		"another Secret":            {"", dir(map[string]string{"other/username": "s3cr3t"}), []string{"asked for: flux-system"}},
		"files and folders":         {"", dir(map[string]string{"flux-system/username": "s3cr3t", "password": "s3cr3t"}), []string{"it holds files and folders"}},
		"folder in a folder":        {"", dir(map[string]string{"flux-system/a/b": "s3cr3t"}), []string{"the folder flux-system must hold a file for each key"}},
		"both":                      {"", append(dir(map[string]string{"username": "s3cr3t"}), "--identity-file", "-"), []string{"identity-file", "identity-dir"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, code := seed(t, test.stdin, append([]string{"render", "manifests", "--tree", tree, "--cluster", "clusters/home", "--image", "i"}, test.args...)...)
			if code == 0 || stdout != "" || strings.Contains(stderr, "s3cr3t") {
				t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("the error does not say %q: %s", want, stderr)
				}
			}
		})
	}
}

// A unit whose dependency has a readyExpr does not wait for its Ready, so a circle over it is none.
func TestRenderReadyExpr(t *testing.T) {
	t.Parallel()
	unit := func(name, dependsOn string) string {
		return "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\n" +
			"spec: {interval: 1m, prune: true, path: ./clusters, sourceRef: {kind: GitRepository, name: flux-system}, dependsOn: [" + dependsOn + "]}\n"
	}
	tree := bootstrapped(t, "https://git.example.com/fleet.git")
	file := "clusters/home/flux-system/gotk-sync.yaml"
	before, err := os.ReadFile(filepath.Join(tree, file))
	if err != nil {
		t.Fatal(err)
	}
	files(t, tree, map[string]string{file: string(before) + unit("a", "{name: b, readyExpr: dep.metadata.generation > 0}") + unit("b", "{name: a}")})
	stdout, stderr, code := seed(t, "username=git\npassword=s3cr3t\n", "render", "manifests", "--tree", tree, "--cluster", "clusters/home", "--image", "i", "--identity-file", "-")
	if code != 0 || stdout == "" {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// Each row is a mistake in the tree; the error names the object, the field and the cure.
func TestRenderTreeErrors(t *testing.T) {
	t.Parallel()
	unit := func(name, more string) string {
		return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + ", namespace: flux-system}\nspec: {interval: 1m, prune: true, path: ./" + name +
			", sourceRef: {kind: GitRepository, name: flux-system}" + more + "}\n"
	}
	for name, test := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"units that wait for each other": {map[string]string{
			"clusters/home/flux-system/gotk-sync.yaml": unit("a", ", dependsOn: [{name: b}]") + "---\n" + unit("b", ", dependsOn: [{name: a}]"),
			"a/a.yaml": "", "b/b.yaml": "",
		}, []string{"spec.dependsOn", "flux-system/a -> flux-system/b -> flux-system/a", "remove one"}},
		"unit without folder": {map[string]string{"clusters/home/flux-system/gotk-sync.yaml": unit("aps", ""), "apps/a.yaml": ""},
			[]string{"Kustomization flux-system/aps", `path "./aps"`, "the source has no aps; it has apps, clusters", "correct spec.path"}},
		"unit's path is a file": {map[string]string{"clusters/home/flux-system/gotk-sync.yaml": strings.Replace(unit("a", ""), "./a", "./a/a.yaml", 1), "a/a.yaml": ""},
			[]string{"Kustomization flux-system/a", "it is a file", `for example "a"`}},
		"same object twice": {map[string]string{"clusters/home/flux-system/gotk-sync.yaml": unit("a", "") + "---\n" + unit("a", "")}, []string{"clusters/home", "Kustomization", "a", "registered"}},
		"missing file":      {map[string]string{"clusters/home/flux-system/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [gotk-component.yaml, gotk-sync.yaml]\n"}, []string{"clusters/home/flux-system/kustomization.yaml refers to gotk-component.yaml", "it has gotk-components.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := bootstrapped(t, "https://git.example.com/fleet.git")
			for file, content := range test.files {
				if strings.HasSuffix(file, "gotk-sync.yaml") {
					before, err := os.ReadFile(filepath.Join(tree, file))
					if err != nil {
						t.Fatal(err)
					}
					content = string(before) + "---\n" + content
				}
				files(t, tree, map[string]string{file: content})
			}
			stdout, stderr, code := seed(t, "username=git\npassword=s3cr3t\n", "render", "manifests", "--tree", tree, "--cluster", "clusters/home", "--image", "i", "--identity-file", "-")
			if code != exitFailed || stdout != "" {
				t.Errorf("exit %d, stdout %q", code, stdout)
			}
			for _, want := range test.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("the error does not say %q: %s", want, stderr)
				}
			}
		})
	}
}

// A bundle that no ConfigMap can hold is found before anybody applies it.
func TestRenderRefusesABundleTooLarge(t *testing.T) {
	t.Parallel()
	tree := bootstrapped(t, "https://git.example.com/fleet.git")
	sync := filepath.Join(tree, "clusters/home/flux-system/gotk-sync.yaml")
	content, err := os.ReadFile(sync)
	if err != nil {
		t.Fatal(err)
	}
	large := strings.Replace(string(content), "spec: {interval: 1m0s", "spec: {ignore: \""+strings.Repeat("a", 1<<20)+"\", interval: 1m0s", 1)
	if err := os.WriteFile(sync, []byte(large), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := seed(t, "username=git\npassword=s3cr3t\n", "render", "manifests", "--tree", tree, "--cluster", "clusters/home", "--image", "i", "--identity-file", "-")
	if code != exitFailed || !strings.Contains(stderr, "a ConfigMap takes") || len(stderr) > 1000 {
		t.Errorf("exit %d: %.1000s", code, stderr)
	}
}

// A store with Kubernetes Auth reads a token from a file: the Pod gets one there, good for the vault alone.
func TestRenderMountsATokenForKubernetesAuth(t *testing.T) {
	t.Parallel()
	tree := files(t, bootstrapped(t, "https://git.example.com/fleet.git"), map[string]string{"clusters/home/eso.yaml": `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: flux-system, namespace: flux-system}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: vault}
  data:
    - {secretKey: username, remoteRef: {key: USER}}
    - {secretKey: password, remoteRef: {key: TOKEN}}
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: vault}
spec:
  provider:
    infisical:
      hostAPI: https://vault.example.com:8443
      secretsScope: {projectSlug: homelab, environmentSlug: prod}
      auth:
        kubernetesAuthCredentials:
          identityId: {name: login, namespace: external-secrets, key: id}
          serviceAccountTokenPath: {name: login, namespace: external-secrets, key: path}
`})
	render := func(path string) (string, string, int) {
		return seed(t, "id=1234\npath="+path+"\n", "render", "manifests", "--tree", tree, "--cluster", "clusters/home", "--image", "i", "--identity-file", "-")
	}
	stdout, stderr, code := render("/var/run/secrets/vault/token")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{"mountPath: /var/run/secrets/vault", "audience: vault.example.com", "path: token", "expirationSeconds: 600", "namespace: seed-system"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in the manifest", want)
		}
	}
	for _, path := range []string{"token", "/token", "/var/run/secrets/../secrets/x/token", "/var/run/secrets/kubernetes.io/serviceaccount/token", "/etc/seed/token"} {
		if _, stderr, code := render(path); code != exitFailed || !strings.Contains(stderr, "ClusterSecretStore vault: the identity's serviceAccountTokenPath") {
			t.Errorf("%s: exit %d: %s", path, code, stderr)
		}
	}
}
