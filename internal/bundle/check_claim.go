package bundle

import (
	"fmt"
	"regexp"
	"slices"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"

	"github.com/tazlab/seed/internal/template"
)

func checkExternalSecret(es *esv1.ExternalSecret) []string {
	problems := checkTarget(es.Spec.Target)
	if kind := es.Spec.SecretStoreRef.Kind; kind != esv1.ClusterSecretStoreKind {
		problems = append(problems, fmt.Sprintf("spec.secretStoreRef.kind %q: seed logs in at a ClusterSecretStore: make the store one, and name its kind here", kind))
	}
	if len(es.Spec.Data)+len(es.Spec.DataFrom) == 0 {
		problems = append(problems, "spec.data and spec.dataFrom are empty: nothing would be fetched")
	}
	for i, from := range es.Spec.DataFrom {
		problems = append(problems, checkDataFrom(fmt.Sprintf("spec.dataFrom[%d]", i), from)...)
	}
	for i, data := range es.Spec.Data {
		field := fmt.Sprintf("spec.data[%d]", i)
		if data.SecretKey == "" {
			problems = append(problems, field+": secretKey must be set")
		}
		problems = append(problems, refused(refusal{data.SourceRef != nil, field + ".sourceRef", "name the store in spec.secretStoreRef"})...)
		problems = append(problems, checkRemoteRef(field+".remoteRef", data.RemoteRef)...)
	}
	return problems
}

func checkTarget(target esv1.ExternalSecretTarget) []string {
	policies := []esv1.ExternalSecretCreationPolicy{"", esv1.CreatePolicyOwner, esv1.CreatePolicyOrphan, esv1.CreatePolicyMerge}
	problems := refused(
		refusal{target.Manifest != nil, "spec.target.manifest", "seed needs a Secret: remove it"},
		refusal{target.Immutable, "spec.target.immutable", "remove it: a credential must be replaceable"},
		refusal{!slices.Contains(policies, target.CreationPolicy), "spec.target.creationPolicy: " + string(target.CreationPolicy), "use Orphan or Owner: with None nobody makes the Secret that seed needs"},
	)
	if target.Template != nil {
		problems = append(problems, checkTemplate(target.Template)...)
	}
	return problems
}

func checkDataFrom(field string, from esv1.ExternalSecretDataFromRemoteRef) []string {
	problems := refused(
		refusal{from.SourceRef != nil && from.SourceRef.GeneratorRef != nil, field + ".sourceRef.generatorRef", "a generator needs External Secrets Operator: put the value into the vault and use spec.data"},
		refusal{from.SourceRef != nil && from.SourceRef.GeneratorRef == nil, field + ".sourceRef", "name the store in spec.secretStoreRef"},
		refusal{len(from.Rewrite) > 0, field + ".rewrite", "name the keys with spec.data or spec.target.template.data"},
	)
	switch {
	case from.Extract != nil && from.Find != nil:
		problems = append(problems, field+" has both extract and find: make two entries of them")
	case from.Extract != nil:
		problems = append(problems, checkRemoteRef(field+".extract", *from.Extract)...)
	case from.Find != nil:
		problems = append(problems, checkFind(field+".find", *from.Find)...)
	case from.SourceRef == nil:
		problems = append(problems, field+" has neither extract nor find: nothing would be fetched")
	}
	return problems
}

func checkFind(field string, find esv1.ExternalSecretFind) []string {
	problems := refused(refusal{len(find.Tags) > 0, field + ".tags", "External Secrets Operator cannot do it for Infisical either: find by name"})
	if find.Name != nil {
		if _, err := regexp.Compile(find.Name.RegExp); err != nil {
			problems = append(problems, fmt.Sprintf("%s.name.regexp: %v", field, err))
		}
	}
	return append(problems, checkStrategies(field, find.ConversionStrategy, find.DecodingStrategy)...)
}

func checkRemoteRef(field string, ref esv1.ExternalSecretDataRemoteRef) []string {
	problems := refused(
		refusal{ref.Version != "", field + ".version", "External Secrets Operator ignores it for Infisical: remove it"},
		refusal{ref.MetadataPolicy != "" && ref.MetadataPolicy != esv1.ExternalSecretMetadataPolicyNone, field + ".metadataPolicy: " + string(ref.MetadataPolicy), "External Secrets Operator ignores it for Infisical: remove it"},
	)
	if ref.Key == "" {
		problems = append(problems, field+": key must be set")
	}
	return append(problems, checkStrategies(field, ref.ConversionStrategy, ref.DecodingStrategy)...)
}

// checkStrategies refuses what the CRD would refuse.
func checkStrategies(field string, conversion esv1.ExternalSecretConversionStrategy, decoding esv1.ExternalSecretDecodingStrategy) []string {
	var problems []string
	if !slices.Contains([]esv1.ExternalSecretConversionStrategy{"", esv1.ExternalSecretConversionDefault, esv1.ExternalSecretConversionUnicode}, conversion) {
		problems = append(problems, fmt.Sprintf("%s.conversionStrategy %q: it is Default or Unicode", field, conversion))
	}
	if !slices.Contains([]esv1.ExternalSecretDecodingStrategy{"", esv1.ExternalSecretDecodeNone, esv1.ExternalSecretDecodeBase64, esv1.ExternalSecretDecodeBase64URL, esv1.ExternalSecretDecodeAuto}, decoding) {
		problems = append(problems, fmt.Sprintf("%s.decodingStrategy %q: it is None, Base64, Base64URL or Auto", field, decoding))
	}
	return problems
}

func checkTemplate(t *esv1.ExternalSecretTemplate) []string {
	const field = "spec.target.template"
	merges := []esv1.TemplateMergePolicy{"", esv1.MergePolicyReplace, esv1.MergePolicyMerge}
	problems := refused(
		refusal{len(t.TemplateFrom) > 0, field + ".templateFrom", "write the templates into " + field + ".data"},
		refusal{len(t.Metadata.Finalizers) > 0, field + ".metadata.finalizers", "remove them"},
		refusal{t.EngineVersion != "" && t.EngineVersion != esv1.TemplateEngineV2, field + ".engineVersion: " + string(t.EngineVersion), "use v2"},
		refusal{!slices.Contains(merges, t.MergePolicy), field + ".mergePolicy: " + string(t.MergePolicy), "use Replace or Merge"},
	)
	for _, part := range []struct {
		name  string
		texts map[string]string
	}{
		{"data", t.Data}, {"metadata.labels", t.Metadata.Labels}, {"metadata.annotations", t.Metadata.Annotations},
	} {
		for _, key := range sortedKeys(part.texts) {
			if _, err := template.Parse(key, part.texts[key]); err != nil {
				problems = append(problems, fmt.Sprintf("%s.%s[%s]: %v", field, part.name, key, err))
			}
		}
	}
	return problems
}
