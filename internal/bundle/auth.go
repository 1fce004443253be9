package bundle

import (
	"fmt"
	"net"
	"net/url"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	esmeta "github.com/external-secrets/external-secrets/apis/meta/v1"
	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/util/validation"
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

// JWTIdentity is the machine identity as which seed logs in at the store's vault with a token of its own, as
// JWTIdentityAnnotation names it; "" without that.
func JWTIdentity(store *esv1.ClusterSecretStore) string {
	return store.Annotations[JWTIdentityAnnotation]
}

// VaultHost is the host name or address of the store's vault, without the port. A token with this audience is for that
// vault.
func VaultHost(store *esv1.ClusterSecretStore) string {
	vault, err := url.Parse(store.Spec.Provider.Infisical.HostAPI)
	if err != nil {
		return "" // checkStore has refused it
	}
	return vault.Hostname()
}

// checkIdentity checks what a login by JWTIdentityAnnotation needs; the host becomes a folder's name.
func checkIdentity(store *esv1.ClusterSecretStore) []string {
	id, annotated := store.Annotations[JWTIdentityAnnotation]
	if !annotated {
		return nil
	}
	var problems []string
	if len(id) != len(uuid.Nil.String()) || uuid.Validate(id) != nil {
		problems = append(problems, fmt.Sprintf("the annotation %s must be the ID of a machine identity in Infisical, a UUID such as %s", JWTIdentityAnnotation, uuid.Nil))
	}
	if host := VaultHost(store); net.ParseIP(host) == nil && len(validation.IsDNS1123Subdomain(host)) > 0 {
		problems = append(problems, "spec.provider.infisical.hostAPI: with the annotation "+JWTIdentityAnnotation+" it must name the vault by a DNS name in lower case, or by an address")
	}
	return problems
}
