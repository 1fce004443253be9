package bundle

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// unpinned is why a source with spec.verify is refused: seed does not check signatures.
const unpinned = "spec.verify: seed leaves signatures to source-controller, so the bytes must be pinned: set %s, or remove spec.verify from the objects that seed starts from"

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// checkGitRepository names what seed cannot fetch as source-controller would, and what that could not fetch.
func checkGitRepository(g *sourcev1.GitRepository) []string {
	s := g.Spec
	problems := unsupported(map[string]bool{
		"spec.provider: " + s.Provider: s.Provider == sourcev1.GitProviderAWS || s.Provider == sourcev1.GitProviderAzure,
		"spec.serviceAccountName":      s.ServiceAccountName != "",
		"spec.include":                 len(s.Include) > 0,
		"spec.recurseSubmodules":       s.RecurseSubmodules,
	})
	if s.Suspend {
		problems = append(problems, "spec.suspend is true: Flux would never fetch it")
	}
	ref := s.Reference
	if ref == nil {
		ref = &sourcev1.GitRepositoryRef{}
	}
	if ref.Commit != "" && !fullCommit.MatchString(ref.Commit) {
		problems = append(problems, fmt.Sprintf("spec.ref.commit %q is no whole SHA-1: write all 40 hexadecimal digits", ref.Commit))
	}
	problems = append(problems, checkRange(ref.SemVer)...)
	if s.Verification != nil && ref.Commit == "" {
		problems = append(problems, fmt.Sprintf(unpinned, "spec.ref.commit"))
	}
	if s.Verification != nil && ref.Commit != "" && s.Verification.VerifyTag() {
		problems = append(problems, fmt.Sprintf("spec.verify.mode %s needs a tag, and spec.ref.commit comes before one: Flux would never fetch it", s.Verification.Mode))
	}
	if s.Provider == sourcev1.GitProviderGitHub && s.SecretRef == nil {
		problems = append(problems, "spec.provider github needs spec.secretRef with the data of a GitHub App")
	}
	return append(problems, checkGitURL(s)...)
}

func checkGitURL(s sourcev1.GitRepositorySpec) []string {
	u, err := url.Parse(s.URL)
	if err != nil {
		// The text of the URL stays out: it may hold a password.
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err
		}
		return []string{fmt.Sprintf("spec.url: %v", err)}
	}
	password := false
	if u.User != nil {
		_, password = u.User.Password()
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh":
		return []string{fmt.Sprintf("spec.url %q: seed fetches over https, http and ssh, and SSH is written ssh://git@HOST/PATH", u.Redacted())}
	case u.Host == "":
		return []string{"spec.url names no host"}
	case u.Scheme != "ssh" && u.User != nil:
		return []string{"spec.url holds a user name: credentials belong into the Secret that spec.secretRef names"}
	case password:
		return []string{"spec.url holds a password: credentials belong into the Secret that spec.secretRef names"}
	case u.Scheme == "ssh" && s.SecretRef == nil:
		return []string{"spec.url is of SSH, which needs spec.secretRef with identity and known_hosts"}
	case u.Scheme == "ssh" && s.Provider == sourcev1.GitProviderGitHub:
		return []string{"spec.provider github logs in over https, and spec.url is of SSH"}
	}
	return nil
}

// checkOCIRepository names what seed cannot fetch as source-controller would, and what that could not fetch.
func checkOCIRepository(o *sourcev1.OCIRepository) []string {
	s := o.Spec
	problems := unsupported(map[string]bool{
		"spec.provider: " + s.Provider: s.Provider != "" && s.Provider != sourcev1.GenericOCIProvider,
		"spec.serviceAccountName":      s.ServiceAccountName != "",
	})
	if s.Suspend {
		problems = append(problems, "spec.suspend is true: Flux would never fetch it")
	}
	ref := s.Reference
	if ref == nil {
		ref = &sourcev1.OCIRepositoryRef{}
	}
	if _, err := v1.NewHash(ref.Digest); ref.Digest != "" && err != nil {
		problems = append(problems, fmt.Sprintf("spec.ref.digest %q: %v", ref.Digest, err))
	}
	problems = append(problems, checkRange(ref.SemVer)...)
	if _, err := regexp.Compile(ref.SemverFilter); err != nil {
		problems = append(problems, fmt.Sprintf("spec.ref.semverFilter: %v", err))
	}
	if s.Verify != nil && ref.Digest == "" {
		problems = append(problems, fmt.Sprintf(unpinned, "spec.ref.digest"))
	}
	if operation := o.GetLayerOperation(); operation != sourcev1.OCILayerExtract && operation != sourcev1.OCILayerCopy {
		problems = append(problems, fmt.Sprintf("spec.layerSelector.operation %q: Flux knows extract and copy", operation))
	}
	return append(problems, checkOCIURL(s.URL)...)
}

func checkOCIURL(address string) []string {
	path, ok := strings.CutPrefix(address, sourcev1.OCIRepositoryPrefix)
	if !ok {
		return []string{"spec.url must be of the form oci://HOST/PATH"}
	}
	repository, err := name.NewRepository(path)
	if err != nil {
		return []string{fmt.Sprintf("spec.url: %v", err)}
	}
	if strings.Contains(strings.TrimPrefix(path, repository.RegistryStr()), ":") {
		return []string{"spec.url holds a tag: it belongs into spec.ref"}
	}
	return nil
}

func checkRange(semverRange string) []string {
	if _, err := semver.NewConstraint(semverRange); semverRange != "" && err != nil {
		return []string{fmt.Sprintf("spec.ref.semver %q: %v", semverRange, err)}
	}
	return nil
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
