package bundle

import (
	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	esmeta "github.com/external-secrets/external-secrets/apis/meta/v1"
)

// AuthKey is one key of a Secret that a store's auth block reads.
type AuthKey struct {
	// Field names it below spec.provider.infisical.auth, for example "universalAuthCredentials.clientId".
	Field string
	Ref   esmeta.SecretKeySelector
}

// AuthKeys lists what the auth block of an Infisical store reads from Secrets, in the order of the API.
// It knows the logins that seed knows, and is empty for any other.
func AuthKeys(store *esv1.ClusterSecretStore) []AuthKey {
	auth := store.Spec.Provider.Infisical.Auth
	switch {
	case auth.UniversalAuthCredentials != nil:
		return []AuthKey{
			{"universalAuthCredentials.clientId", auth.UniversalAuthCredentials.ClientID},
			{"universalAuthCredentials.clientSecret", auth.UniversalAuthCredentials.ClientSecret},
		}
	case auth.JwtAuthCredentials != nil:
		return []AuthKey{
			{"jwtAuthCredentials.identityId", auth.JwtAuthCredentials.IdentityID},
			{"jwtAuthCredentials.jwt", auth.JwtAuthCredentials.JWT},
		}
	case auth.KubernetesAuthCredentials != nil:
		return []AuthKey{
			{"kubernetesAuthCredentials.identityId", auth.KubernetesAuthCredentials.IdentityID},
			{"kubernetesAuthCredentials.serviceAccountTokenPath", auth.KubernetesAuthCredentials.ServiceAccountTokenPath},
		}
	case auth.TokenAuthCredentials != nil:
		return []AuthKey{{"tokenAuthCredentials.accessToken", auth.TokenAuthCredentials.AccessToken}}
	}
	return nil
}
