package bundle

import (
	"fmt"
	"net/url"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"

	"github.com/tazlab/seed/internal/template"
)

func checkExternalSecret(es *esv1.ExternalSecret) []string {
	target := es.Spec.Target
	problems := unsupported(map[string]bool{
		"spec.dataFrom":         len(es.Spec.DataFrom) > 0,
		"spec.target.manifest":  target.Manifest != nil,
		"spec.target.immutable": target.Immutable,
		"spec.target.creationPolicy: " + string(target.CreationPolicy): target.CreationPolicy != "" &&
			target.CreationPolicy != esv1.CreatePolicyOwner && target.CreationPolicy != esv1.CreatePolicyOrphan,
	})
	if kind := es.Spec.SecretStoreRef.Kind; kind != esv1.ClusterSecretStoreKind {
		problems = append(problems, fmt.Sprintf("spec.secretStoreRef.kind %q: seed logs in at a ClusterSecretStore", kind))
	}
	if len(es.Spec.Data) == 0 {
		problems = append(problems, "spec.data is empty: nothing would be fetched")
	}
	for i, data := range es.Spec.Data {
		problems = append(problems, checkData(fmt.Sprintf("spec.data[%d]", i), data)...)
	}
	if target.Template != nil {
		problems = append(problems, checkTemplate(target.Template)...)
	}
	return problems
}

func checkData(field string, data esv1.ExternalSecretData) []string {
	ref := data.RemoteRef
	problems := unsupported(map[string]bool{
		field + ".sourceRef":                    data.SourceRef != nil,
		field + ".remoteRef.property":           ref.Property != "",
		field + ".remoteRef.version":            ref.Version != "",
		field + ".remoteRef.metadataPolicy":     ref.MetadataPolicy != "" && ref.MetadataPolicy != esv1.ExternalSecretMetadataPolicyNone,
		field + ".remoteRef.conversionStrategy": ref.ConversionStrategy != "" && ref.ConversionStrategy != esv1.ExternalSecretConversionDefault,
		field + ".remoteRef.decodingStrategy":   ref.DecodingStrategy != "" && ref.DecodingStrategy != esv1.ExternalSecretDecodeNone,
	})
	if data.SecretKey == "" || ref.Key == "" {
		problems = append(problems, field+": secretKey and remoteRef.key must both be set")
	}
	return problems
}

func checkTemplate(t *esv1.ExternalSecretTemplate) []string {
	problems := unsupported(map[string]bool{
		"spec.target.template.templateFrom":        len(t.TemplateFrom) > 0,
		"spec.target.template.metadata.finalizers": len(t.Metadata.Finalizers) > 0,
		"spec.target.template.engineVersion":       t.EngineVersion != "" && t.EngineVersion != esv1.TemplateEngineV2,
		"spec.target.template.mergePolicy":         t.MergePolicy != "" && t.MergePolicy != esv1.MergePolicyReplace,
	})
	for _, key := range sortedKeys(t.Data) {
		if _, err := template.Parse(key, t.Data[key]); err != nil {
			problems = append(problems, fmt.Sprintf("spec.target.template.data[%s]: %v", key, err))
		}
	}
	return problems
}

func checkStore(store *esv1.ClusterSecretStore) []string {
	if store.Spec.Provider == nil || store.Spec.Provider.Infisical == nil {
		return []string{"spec.provider: seed knows the provider infisical only"}
	}
	vault := store.Spec.Provider.Infisical
	problems := unsupported(map[string]bool{
		"spec.conditions":                    len(store.Spec.Conditions) > 0,
		"spec.controller":                    store.Spec.Controller != "",
		"spec.provider.infisical.caProvider": vault.CAProvider != nil,
	})
	if u, err := url.Parse(vault.HostAPI); err != nil || u.Scheme != "https" || u.Host == "" {
		problems = append(problems, fmt.Sprintf("spec.provider.infisical.hostAPI %q: must be an https URL", vault.HostAPI))
	}
	if vault.SecretsScope.ProjectSlug == "" || vault.SecretsScope.EnvironmentSlug == "" {
		problems = append(problems, "spec.provider.infisical.secretsScope: projectSlug and environmentSlug must both be set")
	}
	auth := vault.Auth.UniversalAuthCredentials
	if auth == nil {
		return append(problems, "spec.provider.infisical.auth: seed logs in with universalAuthCredentials only")
	}
	for field, ref := range map[string]struct{ name, key string }{
		"clientId":     {auth.ClientID.Name, auth.ClientID.Key},
		"clientSecret": {auth.ClientSecret.Name, auth.ClientSecret.Key},
	} {
		if ref.name == "" || ref.key == "" {
			problems = append(problems, "spec.provider.infisical.auth.universalAuthCredentials."+field+": name and key must both be set")
		}
	}
	if auth.ClientID.Namespace == nil || auth.ClientSecret.Namespace == nil {
		problems = append(problems, "spec.provider.infisical.auth.universalAuthCredentials: a ClusterSecretStore must set the namespace of clientId and clientSecret")
	}
	return problems
}
