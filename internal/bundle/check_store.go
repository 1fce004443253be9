package bundle

import (
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
)

func checkStore(store *esv1.ClusterSecretStore) []string {
	if store.Spec.Provider == nil || store.Spec.Provider.Infisical == nil {
		return []string{"spec.provider: seed knows the provider infisical only: keep what seed starts from in Infisical"}
	}
	const field = "spec.provider.infisical"
	vault := store.Spec.Provider.Infisical
	problems := refused(
		refusal{len(store.Spec.Conditions) > 0, "spec.conditions", "use a ClusterSecretStore without conditions for what seed starts from"},
		refusal{store.Spec.Controller != "", "spec.controller", "use a ClusterSecretStore of the default controller class for what seed starts from"},
	)
	if u, err := url.Parse(vault.HostAPI); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		problems = append(problems, fmt.Sprintf("%s.hostAPI: it must be an https URL without user and query, for example https://app.infisical.com", field))
	}
	if vault.SecretsScope.ProjectSlug == "" || vault.SecretsScope.EnvironmentSlug == "" {
		problems = append(problems, field+".secretsScope: projectSlug and environmentSlug must both be set")
	}
	problems = append(problems, checkTrust(field, vault)...)
	problems = append(problems, checkIdentity(store)...)
	return append(problems, checkAuth(field+".auth", store)...)
}

func checkTrust(field string, vault *esv1.InfisicalProvider) []string {
	var problems []string
	if len(vault.CABundle) > 0 && !holdsCertificate(vault.CABundle) {
		problems = append(problems, field+".caBundle: there is no PEM certificate in it")
	}
	if vault.CAProvider == nil {
		return problems
	}
	if len(vault.CABundle) > 0 {
		problems = append(problems, field+": caBundle and caProvider exclude each other: keep one")
	}
	if types := []esv1.CAProviderType{esv1.CAProviderTypeSecret, esv1.CAProviderTypeConfigMap}; !slices.Contains(types, vault.CAProvider.Type) {
		problems = append(problems, fmt.Sprintf("%s.caProvider.type %q: it is Secret or ConfigMap", field, vault.CAProvider.Type))
	}
	if vault.CAProvider.Name == "" || vault.CAProvider.Key == "" || vault.CAProvider.Namespace == nil || *vault.CAProvider.Namespace == "" {
		problems = append(problems, field+".caProvider: name, key and (in a ClusterSecretStore) namespace must all be set")
	}
	return problems
}

// holdsCertificate tells whether data is PEM with a certificate, as it is or in base64: External Secrets Operator
// takes both.
func holdsCertificate(data []byte) bool {
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(data)))
	pool := x509.NewCertPool()
	return pool.AppendCertsFromPEM(data) || err == nil && pool.AppendCertsFromPEM(decoded)
}

// checkAuth wants exactly one login, of those that seed knows, with all its references complete.
func checkAuth(field string, store *esv1.ClusterSecretStore) []string {
	auth := store.Spec.Provider.Infisical.Auth
	others := map[string]bool{
		"azureAuthCredentials":      auth.AzureAuthCredentials != nil,
		"gcpIdTokenAuthCredentials": auth.GcpIDTokenAuthCredentials != nil,
		"gcpIamAuthCredentials":     auth.GcpIamAuthCredentials != nil,
		"ldapAuthCredentials":       auth.LdapAuthCredentials != nil,
		"ociAuthCredentials":        auth.OciAuthCredentials != nil,
		"awsAuthCredentials":        auth.AwsAuthCredentials != nil,
	}
	const known = "universalAuthCredentials, kubernetesAuthCredentials, jwtAuthCredentials or tokenAuthCredentials"
	var problems []string
	for _, name := range sortedKeys(others) {
		problems = append(problems, refused(refusal{others[name], field + "." + name, "use " + known})...)
	}
	logins := 0
	for _, set := range []bool{auth.UniversalAuthCredentials != nil, auth.KubernetesAuthCredentials != nil, auth.JwtAuthCredentials != nil, auth.TokenAuthCredentials != nil} {
		if set {
			logins++
		}
	}
	if logins > 1 || logins == 0 && len(problems) == 0 {
		problems = append(problems, fmt.Sprintf("%s: it holds %d logins: set exactly one of %s", field, logins, known))
	}
	for _, key := range AuthKeys(store) {
		switch {
		case key.Ref.Name == "" && key.Field == "kubernetesAuthCredentials.serviceAccountTokenPath":
			// External Secrets Operator would send the token that the API server accepts; seed never does.
			problems = append(problems, field+"."+key.Field+" must be set: name a Secret key that holds the path of a projected token with the vault as its audience")
		case key.Ref.Name == "" || key.Ref.Key == "":
			problems = append(problems, field+"."+key.Field+": name and key must both be set")
		case key.Ref.Namespace == nil || *key.Ref.Namespace == "":
			problems = append(problems, field+"."+key.Field+": a ClusterSecretStore must set its namespace")
		}
	}
	return problems
}
