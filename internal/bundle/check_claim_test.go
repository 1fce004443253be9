package bundle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/failure"
)

const (
	uaAuth = `auth:
        universalAuthCredentials:
          clientId: {name: infisical-identity, namespace: seed-system, key: clientId}
          clientSecret: {name: infisical-identity, namespace: seed-system, key: clientSecret}
`
	key = "{name: infisical-identity, namespace: seed-system, key: k}"
)

// Each row is a field that a claim may have; the claim works as External Secrets Operator would have it.
func TestParseHonours(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, with string }{
		"creationPolicy Owner":   {"creationPolicy: Orphan", "creationPolicy: Owner"},
		"creationPolicy Merge":   {"creationPolicy: Orphan", "creationPolicy: Merge"},
		"mergePolicy Merge":      {"creationPolicy: Orphan", "template: {mergePolicy: Merge, engineVersion: v2, type: Opaque, metadata: {labels: {a: '{{ .b }}'}}}"},
		"property":               {"{key: GITHUB_TOKEN}", "{key: GITHUB_TOKEN, property: a.b, decodingStrategy: Auto, conversionStrategy: Unicode, metadataPolicy: None}"},
		"extract alone":          {"data:\n    - secretKey: password\n      remoteRef: {key: GITHUB_TOKEN}\n    - {secretKey: username, remoteRef: {key: GIT_USER}}", "dataFrom: [{extract: {key: ALL, decodingStrategy: Base64, conversionStrategy: Unicode}}]"},
		"find":                   {"data:\n", "dataFrom: [{find: {path: /a, name: {regexp: '^GIT'}, conversionStrategy: Default}}]\n  data:\n"},
		"kubernetes auth":        {uaAuth, "auth: {kubernetesAuthCredentials: {identityId: " + key + ", serviceAccountTokenPath: " + key + "}}\n"},
		"jwt auth":               {uaAuth, "auth: {jwtAuthCredentials: {identityId: " + key + ", jwt: " + key + "}}\n"},
		"token auth":             {uaAuth, "auth: {tokenAuthCredentials: {accessToken: " + key + "}}\n"},
		"caProvider":             {"hostAPI", "caProvider: {type: ConfigMap, name: ca, namespace: pki, key: ca.crt}\n      hostAPI"},
		"recursive":              {"environmentSlug: prod", "environmentSlug: prod, recursive: true, secretsPath: /a"},
		"fields for others only": {"spec:\n  secretStoreRef", "spec:\n  refreshPolicy: Periodic\n  refreshInterval: 1h\n  secretStoreRef"},
	} {
		all := string(join(source, root, credential, store))
		if !strings.Contains(all, test.old) {
			t.Fatalf("%s: the test's documents have no %q", name, test.old)
		}
		if _, err := bundle.Parse([]byte(strings.Replace(all, test.old, test.with, 1))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each row is a field that a claim may not have; the error names it and the way out.
func TestParseRefusesWithACure(t *testing.T) {
	t.Parallel()
	const dataFrom = "dataFrom: [{ENTRY}]\n  data:\n"
	entry := func(text string) string { return strings.Replace(dataFrom, "{ENTRY}", text, 1) }
	for name, test := range map[string]struct {
		old, with string
		want      []string
	}{
		"creationPolicy None":   {"creationPolicy: Orphan", "creationPolicy: None", []string{"spec.target.creationPolicy: None", "use Orphan or Owner"}},
		"creationPolicy typo":   {"creationPolicy: Orphan", "creationPolicy: orphan", []string{"spec.target.creationPolicy: orphan"}},
		"manifest":              {"creationPolicy: Orphan", "manifest: {apiVersion: v1, kind: ConfigMap}", []string{"spec.target.manifest", "remove it"}},
		"immutable":             {"creationPolicy: Orphan", "immutable: true", []string{"spec.target.immutable", "replaceable"}},
		"templateFrom":          {"creationPolicy: Orphan", "template: {templateFrom: [{literal: x}]}", []string{"templateFrom", "spec.target.template.data"}},
		"finalizers":            {"creationPolicy: Orphan", "template: {metadata: {finalizers: [x]}}", []string{"metadata.finalizers", "remove them"}},
		"engine v1":             {"creationPolicy: Orphan", "template: {engineVersion: v1}", []string{"engineVersion: v1", "use v2"}},
		"mergePolicy":           {"creationPolicy: Orphan", "template: {mergePolicy: Keep}", []string{"mergePolicy: Keep", "Replace or Merge"}},
		"broken label":          {"creationPolicy: Orphan", "template: {metadata: {labels: {a: '{{ .b'}}}", []string{"spec.target.template.metadata.labels[a]"}},
		"broken annotation":     {"creationPolicy: Orphan", "template: {metadata: {annotations: {a: '{{ .b'}}}", []string{"spec.target.template.metadata.annotations[a]"}},
		"SecretStore":           {"{kind: ClusterSecretStore,", "{kind: SecretStore,", []string{`spec.secretStoreRef.kind "SecretStore"`, "make the store one"}},
		"nothing to fetch":      {"data:\n    - secretKey: password\n      remoteRef: {key: GITHUB_TOKEN}\n    - {secretKey: username, remoteRef: {key: GIT_USER}}", "data: []", []string{"spec.data and spec.dataFrom are empty"}},
		"version":               {"{key: GITHUB_TOKEN}", "{key: GITHUB_TOKEN, version: '2'}", []string{"spec.data[0].remoteRef.version", "remove it"}},
		"metadataPolicy":        {"{key: GITHUB_TOKEN}", "{key: GITHUB_TOKEN, metadataPolicy: Fetch}", []string{"remoteRef.metadataPolicy: Fetch", "remove it"}},
		"no key":                {"{key: GITHUB_TOKEN}", "{key: ''}", []string{"spec.data[0].remoteRef: key must be set"}},
		"no secretKey":          {"secretKey: password", "secretKey: ''", []string{"spec.data[0]: secretKey must be set"}},
		"decoding":              {"{key: GITHUB_TOKEN}", "{key: GITHUB_TOKEN, decodingStrategy: base64}", []string{`decodingStrategy "base64"`, "Base64URL"}},
		"conversion":            {"data:\n", entry("{extract: {key: A, conversionStrategy: None}}"), []string{`spec.dataFrom[0].extract.conversionStrategy "None"`}},
		"sourceRef of a datum":  {"remoteRef: {key: GITHUB_TOKEN}", "remoteRef: {key: A}\n      sourceRef: {storeRef: {name: x}}", []string{"spec.data[0].sourceRef", "spec.secretStoreRef"}},
		"sourceRef of dataFrom": {"data:\n", entry("{extract: {key: A}, sourceRef: {storeRef: {name: x}}}"), []string{"spec.dataFrom[0].sourceRef is", "spec.secretStoreRef"}},
		"generator":             {"data:\n", entry("{sourceRef: {generatorRef: {kind: Password, name: x}}}"), []string{"spec.dataFrom[0].sourceRef.generatorRef", "into the vault"}},
		"rewrite":               {"data:\n", entry("{extract: {key: A}, rewrite: [{regexp: {source: a, target: b}}]}"), []string{"spec.dataFrom[0].rewrite", "template.data"}},
		"tags":                  {"data:\n", entry("{find: {tags: {a: b}}}"), []string{"spec.dataFrom[0].find.tags", "find by name"}},
		"regexp":                {"data:\n", entry("{find: {name: {regexp: '('}}}"), []string{"spec.dataFrom[0].find.name.regexp", "missing closing"}},
		"both":                  {"data:\n", entry("{find: {}, extract: {key: A}}"), []string{"spec.dataFrom[0] has both"}},
		"neither":               {"data:\n", entry("{}"), []string{"spec.dataFrom[0] has neither"}},
		"extract without a key": {"data:\n", entry("{extract: {key: ''}}"), []string{"spec.dataFrom[0].extract: key must be set"}},
		"other login":           {uaAuth, "auth: {awsAuthCredentials: {identityId: " + key + "}}\n", []string{"auth.awsAuthCredentials is not supported", "use universalAuthCredentials"}},
		"no login":              {uaAuth, "auth: {}\n", []string{"auth: it holds 0 logins"}},
		"two logins":            {uaAuth, "auth: {tokenAuthCredentials: {accessToken: " + key + "}, jwtAuthCredentials: {identityId: " + key + ", jwt: " + key + "}}\n", []string{"auth: it holds 2 logins"}},
		"no token path":         {uaAuth, "auth: {kubernetesAuthCredentials: {identityId: " + key + "}}\n", []string{"serviceAccountTokenPath must be set", "projected token"}},
		"key without a name":    {uaAuth, "auth: {jwtAuthCredentials: {identityId: " + key + ", jwt: {namespace: x, key: kk}}}\n", []string{"jwtAuthCredentials.jwt: name and key"}},
		"no namespace":          {uaAuth, "auth: {tokenAuthCredentials: {accessToken: {name: x, key: kk}}}\n", []string{"tokenAuthCredentials.accessToken: a ClusterSecretStore must set its namespace"}},
		"two authorities":       {"hostAPI", "caBundle: eA==\n      caProvider: {type: Secret, name: ca, namespace: pki, key: ca.crt}\n      hostAPI", []string{"exclude each other"}},
		"caProvider type":       {"hostAPI", "caProvider: {type: File, name: ca, namespace: pki, key: ca.crt}\n      hostAPI", []string{`caProvider.type "File"`}},
		"caProvider namespace":  {"hostAPI", "caProvider: {type: Secret, name: ca, key: ca.crt}\n      hostAPI", []string{"caProvider: name, key and"}},
		"conditions":            {"spec:\n  provider", "spec:\n  conditions: [{namespaces: [a]}]\n  provider", []string{"spec.conditions", "without conditions"}},
		"controller":            {"spec:\n  provider", "spec:\n  controller: mine\n  provider", []string{"spec.controller", "default controller class"}},
		"user in hostAPI":       {"https://vault.", "https://me:hunter22@vault.", []string{"hostAPI: it must be an https URL without user"}},
		"organizationSlug":      {"environmentSlug: prod", "environmentSlug: prod, organizationSlug: x", []string{"secretsScope.organizationSlug"}},
		"no environment":        {", environmentSlug: prod", "", []string{"projectSlug and environmentSlug"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := string(join(source, root, credential, store))
			if !strings.Contains(all, test.old) {
				t.Fatalf("the test's documents have no %q", test.old)
			}
			_, err := bundle.Parse([]byte(strings.Replace(all, test.old, test.with, 1)))
			if !failure.IsInvalid(err) {
				t.Fatalf("Parse: %v, want an invalid bundle", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter22") {
				t.Errorf("the error shows a credential: %v", err)
			}
		})
	}
}

func TestAuthKeysAreWhatTheLoginReads(t *testing.T) {
	t.Parallel()
	for auth, want := range map[string][]string{
		uaAuth: {"universalAuthCredentials.clientId clientId", "universalAuthCredentials.clientSecret clientSecret"},
		"auth: {jwtAuthCredentials: {identityId: " + key + ", jwt: " + key + "}}\n":                            {"jwtAuthCredentials.identityId k", "jwtAuthCredentials.jwt k"},
		"auth: {kubernetesAuthCredentials: {identityId: " + key + ", serviceAccountTokenPath: " + key + "}}\n": {"kubernetesAuthCredentials.identityId k", "kubernetesAuthCredentials.serviceAccountTokenPath k"},
		"auth: {tokenAuthCredentials: {accessToken: " + key + "}}\n":                                           {"tokenAuthCredentials.accessToken k"},
	} {
		b, err := bundle.Parse(join(source, root, credential, strings.Replace(store, uaAuth, auth, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range bundle.AuthKeys(b.Claims[len(b.Claims)-1].Store) {
			got = append(got, k.Field+" "+k.Ref.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("AuthKeys = %q, want %q", got, want)
		}
	}
}
