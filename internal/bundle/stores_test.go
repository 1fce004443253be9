package bundle_test

import (
	"fmt"
	"testing"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"

	"github.com/tazlab/seed/internal/bundle"
)

// Each store is named once, however it is spelt.
func TestStores(t *testing.T) {
	t.Parallel()
	vault, own := esv1.SecretStoreRef{Kind: "ClusterSecretStore", Name: "vault"}, esv1.SecretStoreRef{Name: "own"}
	data := func(ref esv1.SecretStoreRef) esv1.ExternalSecretData {
		return esv1.ExternalSecretData{SourceRef: &esv1.StoreSourceRef{SecretStoreRef: ref}}
	}
	from := func(ref *esv1.SecretStoreRef) esv1.ExternalSecretDataFromRemoteRef {
		return esv1.ExternalSecretDataFromRemoteRef{SourceRef: &esv1.StoreGeneratorSourceRef{SecretStoreRef: ref}}
	}
	for name, test := range map[string]struct {
		spec esv1.ExternalSecretSpec
		want string
	}{
		"none":              {esv1.ExternalSecretSpec{}, "[]"},
		"one for all":       {esv1.ExternalSecretSpec{SecretStoreRef: vault, Data: []esv1.ExternalSecretData{{}}}, "[{vault ClusterSecretStore}]"},
		"its kind defaults": {esv1.ExternalSecretSpec{SecretStoreRef: own}, "[{own SecretStore}]"},
		"of single values": {esv1.ExternalSecretSpec{
			SecretStoreRef: vault, Data: []esv1.ExternalSecretData{data(own)},
			DataFrom: []esv1.ExternalSecretDataFromRemoteRef{from(&esv1.SecretStoreRef{Kind: "SecretStore", Name: "own"}), from(&vault), {}},
		}, "[{vault ClusterSecretStore} {own SecretStore}]"},
		"a generator":   {esv1.ExternalSecretSpec{DataFrom: []esv1.ExternalSecretDataFromRemoteRef{from(nil)}}, "[]"},
		"of one name":   {esv1.ExternalSecretSpec{SecretStoreRef: vault, Data: []esv1.ExternalSecretData{data(esv1.SecretStoreRef{Name: "vault"})}}, "[{vault ClusterSecretStore} {vault SecretStore}]"},
		"a value alone": {esv1.ExternalSecretSpec{Data: []esv1.ExternalSecretData{data(own)}}, "[{own SecretStore}]"},
	} {
		if got := fmt.Sprint(bundle.Stores(&esv1.ExternalSecret{Spec: test.spec})); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
