package bundle

import (
	"fmt"
	"net/url"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
)

func checkGitRepository(g *sourcev1.GitRepository) []string {
	problems := unsupported(map[string]bool{
		"spec.provider: " + g.Spec.Provider: g.Spec.Provider != "" && g.Spec.Provider != sourcev1.GitProviderGeneric,
		"spec.serviceAccountName":           g.Spec.ServiceAccountName != "",
		"spec.verify":                       g.Spec.Verification != nil,
		"spec.include":                      len(g.Spec.Include) > 0,
		"spec.recurseSubmodules":            g.Spec.RecurseSubmodules,
		"spec.proxySecretRef":               g.Spec.ProxySecretRef != nil,
	})
	if g.Spec.Suspend {
		problems = append(problems, "spec.suspend is true: Flux would never fetch it")
	}
	u, err := url.Parse(g.Spec.URL)
	if err != nil {
		return append(problems, fmt.Sprintf("spec.url: %v", err))
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		problems = append(problems, fmt.Sprintf("spec.url %q: seed fetches over https and http", g.Spec.URL))
	}
	if u.User != nil {
		problems = append(problems, "spec.url holds a user name: credentials belong into the Secret that spec.secretRef names")
	}
	return problems
}

func checkKustomization(k *kustomizev1.Kustomization) []string {
	problems := unsupported(map[string]bool{"spec.kubeConfig": k.Spec.KubeConfig != nil})
	if k.Spec.Suspend {
		problems = append(problems, "spec.suspend is true: Flux would never apply it")
	}
	if k.Spec.Path == "" {
		problems = append(problems, "spec.path is empty: name the cluster's folder")
	}
	return problems
}

// checkOCIRepository is checkGitRepository for OCI artifacts.
func checkOCIRepository(o *sourcev1.OCIRepository) []string {
	s := o.Spec
	return unsupported(map[string]bool{
		"spec.provider: " + s.Provider: s.Provider != "" && s.Provider != sourcev1.GenericOCIProvider,
		"spec.secretRef":               s.SecretRef != nil,
		"spec.serviceAccountName":      s.ServiceAccountName != "",
		"spec.proxySecretRef":          s.ProxySecretRef != nil,
		"spec.verify":                  s.Verify != nil,
		"spec.ref.semver":              s.Reference != nil && s.Reference.SemVer != "",
		"spec.layerSelector":           s.LayerSelector != nil,
		"spec.suspend":                 s.Suspend,
	})
}
