package bundle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	ssautil "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/failure"
)

const identityID = "3c90c3cc-0d44-4b50-8888-8dd25736052a"

// annotated gives a store the annotation with which seed logs in by a token of its own.
func annotated(store string) string {
	return strings.Replace(store, "metadata: {name: ", "metadata: {annotations: {seed.tazlab.net/jwt-identity-id: "+identityID+"}, name: ", 1)
}

// With the annotation nothing is carried: what the store logs in with is claimed first, also where it is brought by the
// store itself.
func TestParseWithAJWTIdentity(t *testing.T) {
	t.Parallel()
	named := func(name, secret string) string {
		return strings.NewReplacer("name: infisical}", "name: "+name+"}", "infisical-identity", secret).Replace(store)
	}
	brings := func(name, secret, from string) string {
		return strings.NewReplacer("name: login,", "name: "+name+",", "infisical-identity", secret).Replace(login(from))
	}
	trusting := strings.Replace(store, "      hostAPI", "      caProvider: {type: Secret, name: ca, namespace: seed-system, key: clientId}\n      hostAPI", 1)
	for name, test := range map[string]struct {
		docs []string
		want []string
	}{
		"its own auth Secret": {[]string{credential, annotated(store), login("infisical")}, []string{
			"seed-system/infisical-identity from infisical", "flux-system/flux-system from infisical",
		}},
		"of another store": {[]string{credential, annotated(store), login("first"), annotated(named("first", "of-first")), brings("b", "of-first", "first")}, []string{
			"seed-system/of-first from first", "seed-system/infisical-identity from first", "flux-system/flux-system from infisical",
		}},
		"of each other": {[]string{credential, annotated(store), login("first"), annotated(named("first", "of-first")), brings("b", "of-first", "infisical")}, []string{
			"seed-system/of-first from infisical", "seed-system/infisical-identity from first", "flux-system/flux-system from infisical",
		}},
		"for a store without": {[]string{credential, store, login("first"), annotated(named("first", "of-first")), brings("b", "of-first", "first")}, []string{
			"seed-system/of-first from first", "seed-system/infisical-identity from first", "flux-system/flux-system from infisical",
		}},
		// Whom to trust is known before anything is asked.
		"authority of another store": {[]string{credential, annotated(trusting), login("infisical"), brings("ca", "ca", "first"), annotated(named("first", "of-first")), brings("b", "of-first", "first")}, []string{
			"seed-system/of-first from first", "seed-system/ca from first", "seed-system/infisical-identity from infisical", "flux-system/flux-system from infisical",
		}},
		"its own authority": {[]string{credential, annotated(trusting), login("infisical"), brings("ca", "ca", "infisical")}, []string{
			"seed-system/ca carried [clientId]", "seed-system/infisical-identity from infisical", "flux-system/flux-system from infisical",
		}},
		// Without the annotation the circle is broken by the inline manifest, before all that needs it.
		"circle without": {[]string{credential, store, login("first"), named("first", "of-first"), brings("b", "of-first", "infisical")}, []string{
			"seed-system/infisical-identity carried [clientId clientSecret]", "seed-system/of-first from infisical", "flux-system/flux-system from infisical",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := bundle.Parse(join(append([]string{source, root}, test.docs...)...))
			if err != nil {
				t.Fatal(err)
			}
			if got := claims(b); !slices.Equal(got, test.want) {
				t.Errorf("claims %q, want %q", got, test.want)
			}
		})
	}
}

// Each row is a mistake with the annotation; the error names Secret, store and cure.
func TestParseNamesWhatIsWrongWithAJWTIdentity(t *testing.T) {
	t.Parallel()
	const annotation = "seed.tazlab.net/jwt-identity-id"
	other := strings.Replace(store, "name: infisical}", "name: other}", 1)
	for name, test := range map[string]struct {
		docs []string
		want []string
	}{
		"nobody brings it":   {[]string{credential, annotated(store)}, []string{"ClusterSecretStore infisical, spec.provider.infisical.auth", "nothing brings the Secret seed-system/infisical-identity", "add an ExternalSecret with that target"}},
		"of a store without": {[]string{credential, annotated(store), login("other"), other}, []string{"ClusterSecretStore infisical, spec", "the Secret seed-system/infisical-identity is brought by ExternalSecret seed-system/login from ClusterSecretStore other, which has no annotation " + annotation, "annotate that store too"}},
		"no such store":      {[]string{credential, annotated(store), login("absent")}, []string{"names ClusterSecretStore absent, which is not there"}},
		"a key is missing":   {[]string{credential, annotated(store), strings.Replace(login("infisical"), "secretKey: clientSecret", "secretKey: secret", 1)}, []string{"ClusterSecretStore infisical", "ExternalSecret seed-system/login brings the Secret seed-system/infisical-identity without the key \"clientSecret\"", "spec.data"}},
		"no UUID":            {[]string{credential, strings.Replace(annotated(store), identityID, "my-cluster", 1), login("infisical")}, []string{"ClusterSecretStore infisical", annotation, "a UUID"}},
		"UUID as a URN":      {[]string{credential, strings.Replace(annotated(store), identityID, "urn:uuid:"+identityID, 1), login("infisical")}, []string{annotation, "a UUID"}},
		"empty":              {[]string{credential, strings.Replace(annotated(store), identityID, `""`, 1), login("infisical")}, []string{annotation, "a UUID"}},
		"host is a path":     {[]string{credential, strings.Replace(annotated(store), "https://vault.example.com", "https://..", 1), login("infisical")}, []string{"hostAPI", "by a DNS name"}},
		"host in capitals":   {[]string{credential, strings.Replace(annotated(store), "vault.", "Vault.", 1), login("infisical")}, []string{"hostAPI", "lower case"}},
		"on another kind":    {[]string{annotated(credential), store}, []string{"ExternalSecret flux-system/flux-system", annotation, "belongs on a ClusterSecretStore"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bundle.Parse(join(append([]string{source, root}, test.docs...)...))
			if !failure.IsInvalid(err) {
				t.Fatalf("Parse: %v, want an invalid bundle", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
		})
	}
}

// What is cut out of a tree is what Parse takes, and a misspelt annotation is found in the tree, too.
func TestCutWithAJWTIdentity(t *testing.T) {
	t.Parallel()
	docs := []string{source, root, credential, annotated(store), login("infisical"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: y}\n"}
	tree, err := ssautil.ReadObjects(strings.NewReader(string(join(docs...))))
	if err != nil {
		t.Fatal(err)
	}
	data, err := bundle.Cut(tree, types.NamespacedName{Namespace: "flux-system", Name: "flux-system"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(claims(b)); !strings.HasPrefix(got, "[seed-system/infisical-identity from infisical ") || bundle.JWTIdentity(b.Claims[0].Store) != identityID || bundle.VaultHost(b.Claims[0].Store) != "vault.example.com" {
		t.Errorf("claims %s", got)
	}
	for _, object := range tree {
		if object.GetKind() == "ClusterSecretStore" {
			object.SetAnnotations(map[string]string{"seed.tazlab.net/jwt-identity": identityID})
		}
	}
	if _, err := bundle.Claims(tree, b.Source); err == nil || !strings.Contains(err.Error(), "does not know the annotation seed.tazlab.net/jwt-identity:") {
		t.Errorf("Claims: %v, want the misspelt annotation", err)
	}
}
