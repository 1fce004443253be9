package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tazlab/seed/internal/bundle"
)

// findPassword finds credentials for Git over HTTPS with a password and no username.
// https://fluxcd.io/flux/components/source/gitrepositories/#basic-access-authentication
func findPassword(t *Tree) []Finding {
	var all []Finding
	for _, c := range t.Clusters {
		for _, source := range c.Objects() {
			text := func(fields ...string) string {
				s, _, _ := unstructured.NestedString(source.Object, fields...)
				return s
			}
			if source.GetKind() != "GitRepository" || !strings.HasPrefix(text("spec", "url"), "http") || text("spec", "secretRef", "name") == "" {
				continue
			}
			for _, by := range c.credentials(source.GetNamespace(), text("spec", "secretRef", "name")) {
				keys, known := credentialKeys(by)
				if !known || !slices.Contains(keys, "password") || slices.Contains(keys, "username") {
					continue
				}
				f := by.finding("spec")
				if by.GetKind() == "Secret" {
					f = by.finding()
				}
				f.Why = fmt.Sprintf("It brings a password without a username for %s, and source-controller refuses that.", source)
				f.How = "Add the key username; for a token of GitHub any text will do, as git."
				all = append(all, f)
			}
		}
	}
	return all
}

// credentials are the Secrets, and ExternalSecrets for them, of a name.
func (c *Cluster) credentials(namespace, name string) []*Object {
	var all []*Object
	for _, o := range c.Objects() {
		target, _, _ := unstructured.NestedString(o.Object, "spec", "target", "name")
		secret := o.GetKind() == "Secret" && o.GroupVersionKind().Group == "" && o.GetName() == name
		external := o.GetKind() == esv1.ExtSecretKind && o.GroupVersionKind().Group == esv1.Group && cmp.Or(target, o.GetName()) == name
		if o.GetNamespace() == namespace && (secret || external) {
			all = append(all, o)
		}
	}
	if len(all) > 1 { // each may bring a part
		return nil
	}
	return all
}

// credentialKeys are the keys of the Secret that o is or brings.
func credentialKeys(o *Object) (keys []string, known bool) {
	if o.GetKind() == "Secret" {
		return bringer{Object: o}.keys()
	}
	var es esv1.ExternalSecret
	if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &es) != nil || es.Spec.Target.Manifest != nil {
		return nil, false
	}
	switch es.Spec.Target.CreationPolicy {
	case esv1.CreatePolicyMerge, esv1.CreatePolicyNone:
		return nil, false
	}
	if template := es.Spec.Target.Template; template != nil && len(template.TemplateFrom) > 0 {
		return nil, false
	}
	return bundle.Keys(&es)
}
