//go:build apiserver

package plant_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The classic layout in small: the root folder holds Flux itself and the root sync, a unit the store and the
// ExternalSecret. Words in capitals are replaced.
const (
	rootFlux = `apiVersion: v1
kind: Namespace
metadata: {name: NAME, labels: {app.kubernetes.io/part-of: flux}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: source-controller, namespace: NAME, labels: {app.kubernetes.io/part-of: flux}}
spec:
  selector: {matchLabels: {app: source-controller}}
  template:
    metadata: {labels: {app: source-controller}}
    spec: {containers: [{name: manager, image: example.com/source-controller}]}
`
	rootSync = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: NAME}
spec: {interval: 1m, timeout: TIMEOUT, url: GIT/fleet.git, ref: {branch: main}, secretRef: {name: git}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: NAME}
spec: {interval: 10m, path: ./clusters/home, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: credentials, namespace: NAME}
spec: {interval: 10m, path: ./credentials, prune: true, sourceRef: {kind: GitRepository, name: flux-system}}
`
	universalAuth = `        universalAuthCredentials:
          clientId: {name: NAME, namespace: seed-system, key: clientId}
          clientSecret: {name: NAME, namespace: seed-system, key: clientSecret}`
	credentials = `apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: vault, annotations: {ANNOTATIONS}}
spec:
  provider:
    infisical:
      hostAPI: VAULT
      secretsScope: {projectSlug: homelab, environmentSlug: prod, secretsPath: /git}
      auth:
AUTH
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: git, namespace: NAME}
spec:
  refreshInterval: 1h
  secretStoreRef: {kind: ClusterSecretStore, name: vault}
  target:
    creationPolicy: Orphan
    template: {data: {username: git, password: "{{ .TOKEN }}", ca.crt: "{{ .CA }}"}}
  data:
    - {secretKey: TOKEN, remoteRef: {key: TOKEN}}
    - {secretKey: CA, remoteRef: {key: CA}}
`
)

// tree writes the tree of this world into a new folder.
func (w *world) tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	fill := strings.NewReplacer("ANNOTATIONS", w.annotations, "AUTH", strings.ReplaceAll(w.auth, "NAME", w.name), "NAME", w.name, "VAULT", w.vault.server.URL, "GIT", w.git.server.URL, "TIMEOUT", w.gitTimeout)
	for file, content := range map[string]string{
		"clusters/home/flux.yaml": fill.Replace(rootFlux) + "---\n" + fluxCRDs,
		"clusters/home/sync.yaml": fill.Replace(rootSync),
		"credentials/claims.yaml": fill.Replace(credentials + w.moreClaims),
	} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
