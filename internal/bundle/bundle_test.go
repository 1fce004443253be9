package bundle_test

import (
	"slices"
	"strings"
	"testing"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/failure"
)

const (
	source = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 1m
  url: https://git.example.com/fleet.git
  ref: {branch: main}
  secretRef: {name: flux-system}
`
	root = `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 10m
  path: ./clusters/home
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
`
	credential = `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: flux-system, namespace: flux-system}
spec:
  secretStoreRef: {kind: ClusterSecretStore, name: infisical}
  target: {creationPolicy: Orphan}
  data:
    - secretKey: password
      remoteRef: {key: GITHUB_TOKEN}
    - {secretKey: username, remoteRef: {key: GIT_USER}}
`
	store = `apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: infisical}
spec:
  provider:
    infisical:
      hostAPI: https://vault.example.com
      secretsScope: {projectSlug: homelab, environmentSlug: prod}
      auth:
        universalAuthCredentials:
          clientId: {name: infisical-identity, namespace: seed-system, key: clientId}
          clientSecret: {name: infisical-identity, namespace: seed-system, key: clientSecret}
`
)

func join(docs ...string) []byte { return []byte(strings.Join(docs, "---\n")) }

func TestParseAcceptsABundle(t *testing.T) {
	t.Parallel()
	b, err := bundle.Parse(join(source, root, credential, store))
	if err != nil {
		t.Fatal(err)
	}
	if git, ok := b.Source.(*sourcev1.GitRepository); !ok || git.Spec.URL != "https://git.example.com/fleet.git" || b.Root.Spec.Path != "./clusters/home" {
		t.Errorf("source %v, root path %q", b.Source, b.Root.Spec.Path)
	}
	if got := claims(b); !slices.Equal(got, []string{"seed-system/infisical-identity carried [clientId clientSecret]", "flux-system/flux-system from infisical"}) {
		t.Fatalf("claims %q", got)
	}
	scope := b.Claims[1].Store.Spec.Provider.Infisical.SecretsScope
	if !scope.ExpandSecretReferences || scope.SecretsPath != "/" {
		t.Errorf("secretsScope %+v, want the defaults of the CRD", scope)
	}
}

func TestParseKeepsAnExplicitFalse(t *testing.T) {
	t.Parallel()
	explicit := strings.Replace(store, "environmentSlug: prod", "environmentSlug: prod, expandSecretReferences: false", 1)
	b, err := bundle.Parse(join(source, root, credential, explicit))
	if err != nil {
		t.Fatal(err)
	}
	if b.Claims[1].Store.Spec.Provider.Infisical.SecretsScope.ExpandSecretReferences {
		t.Error("expandSecretReferences is true, want the explicit false")
	}
}

// Every row is a mistake that somebody makes; the error must name the object and the field or reference.
func TestParseNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	replace := func(doc, old, with string) string {
		if !strings.Contains(doc, old) {
			t.Fatalf("the test's document has no %q", old)
		}
		return strings.Replace(doc, old, with, 1)
	}
	for name, test := range map[string]struct {
		docs []string
		want []string
	}{
		"unknown field":          {[]string{replace(source, "interval", "intervall"), root, credential, store}, []string{"GitRepository flux-system/flux-system", "spec.intervall"}},
		"unknown field, deep":    {[]string{source, root, replace(credential, "remoteRef: {key", "remoteRef: {keys"), store}, []string{"ExternalSecret flux-system/flux-system", "keys"}},
		"unknown kind":           {[]string{source, root, credential, store, "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"}, []string{"Secret x", "does not know the kind v1 Secret"}},
		"old API version":        {[]string{source, root, replace(credential, "external-secrets.io/v1", "external-secrets.io/v1beta1"), store}, []string{"ExternalSecret flux-system/flux-system", "seed reads external-secrets.io/v1, not external-secrets.io/v1beta1", "change its apiVersion"}},
		"no kind":                {[]string{source, root, credential, store, "metadata: {name: x}\n"}, []string{"object x", "no apiVersion and kind"}},
		"duplicate key":          {[]string{source + "spec: {}\n", root, credential, store}, []string{"document 1", "spec"}},
		"no source":              {[]string{root, credential, store}, []string{"0 GitRepository"}},
		"two roots":              {[]string{source, root, replace(root, "name: flux-system", "name: other"), credential, store}, []string{"2 Kustomization"}},
		"other source":           {[]string{source, replace(root, "kind: GitRepository, name: flux-system", "kind: GitRepository, name: fleet"), credential, store}, []string{"spec.sourceRef names GitRepository flux-system/fleet"}},
		"no store":               {[]string{source, root, credential}, []string{"spec.secretStoreRef names ClusterSecretStore infisical, which is not there"}},
		"store nobody names":     {[]string{replace(source, "  secretRef: {name: flux-system}\n", ""), root, store}, []string{"ClusterSecretStore infisical: no ExternalSecret in the bundle names it"}},
		"secret nobody needs":    {[]string{replace(source, "  secretRef: {name: flux-system}\n", ""), root, credential, store}, []string{"nothing in the bundle refers to its target Secret flux-system"}},
		"suspended root":         {[]string{source, replace(root, "prune: true", "suspend: true"), credential, store}, []string{"Kustomization flux-system/flux-system: spec.suspend is true"}},
		"unknown scheme":         {[]string{replace(source, "https://git.example.com/fleet.git", "git://git.example.com/fleet.git"), root, credential, store}, []string{"spec.url", "https, http and ssh"}},
		"credential in URL":      {[]string{replace(source, "https://git.example.com", "https://user:pw@git.example.com"), root, credential, store}, []string{"spec.url holds a user name"}},
		"signature":              {[]string{source + "  verify: {secretRef: {name: keys}}\n", root, credential, store}, []string{"spec.verify: seed leaves signatures to source-controller"}},
		"templateFrom":           {[]string{source, root, replace(credential, "creationPolicy: Orphan", "template: {templateFrom: [{target: Data}]}"), store}, []string{"spec.target.template.templateFrom"}},
		"broken template":        {[]string{source, root, replace(credential, "creationPolicy: Orphan", `template: {data: {password: "{{ .TOKEN"}}`), store}, []string{"ExternalSecret flux-system/flux-system", "spec.target.template.data[password]"}},
		"unknown function":       {[]string{source, root, replace(credential, "creationPolicy: Orphan", `template: {data: {password: "{{ randAlphaNum 9 }}"}}`), store}, []string{"spec.target.template.data[password]", "randAlphaNum", "another text each time"}},
		"other provider":         {[]string{source, root, credential, "apiVersion: external-secrets.io/v1\nkind: ClusterSecretStore\nmetadata: {name: infisical}\nspec: {provider: {fake: {data: []}}}\n"}, []string{"ClusterSecretStore infisical", "provider infisical only"}},
		"vault over http":        {[]string{source, root, credential, replace(store, "https://vault", "http://vault")}, []string{"hostAPI", "must be an https URL"}},
		"no namespace":           {[]string{source, root, credential, strings.ReplaceAll(store, "namespace: seed-system, ", "")}, []string{"universalAuthCredentials.clientId: a ClusterSecretStore must set its namespace", "universalAuthCredentials.clientSecret: a"}},
		"password alone":         {[]string{source, root, replace(credential, "secretKey: username", "secretKey: user"), store}, []string{"GitRepository flux-system/flux-system, spec.secretRef", "ExternalSecret flux-system/flux-system brings a password without username"}},
		"unknown annotation":     {[]string{source, root, credential, replace(store, "{name: infisical}", "{name: infisical, annotations: {seed.tazlab.net/jwt: x}}")}, []string{"ClusterSecretStore infisical", "seed.tazlab.net/jwt"}},
		"twice":                  {[]string{source, root, credential, store, store}, []string{"ClusterSecretStore infisical is there twice"}},
		"ConfigMap nobody needs": {[]string{source, root, credential, store, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca, namespace: flux-system}\n"}, []string{"ConfigMap flux-system/ca", "takes certificates from it"}},
		"helm source":            {[]string{replace(source, "GitRepository", "HelmRepository"), root, credential, store}, []string{"HelmRepository flux-system/flux-system", "does not know the kind"}},
		"empty":                  {[]string{""}, []string{"0 Kustomization and 0 GitRepository"}},
		"not YAML":               {[]string{"a: [\n"}, []string{"document 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bundle.Parse(join(test.docs...))
			if !failure.IsInvalid(err) {
				t.Fatalf("Parse: %v, want an invalid bundle", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "user:pw") {
				t.Errorf("the error shows the credential: %v", err)
			}
		})
	}
}

func TestParseReportsAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	_, err := bundle.Parse(join(strings.Replace(source, "url", "uri", 1), strings.Replace(root, "path", "pth", 1), credential, store))
	if err == nil || !strings.Contains(err.Error(), "spec.uri") || !strings.Contains(err.Error(), "spec.pth") {
		t.Errorf("Parse: %v, want both mistakes", err)
	}
}
