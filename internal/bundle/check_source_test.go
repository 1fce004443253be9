package bundle

import (
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
)

// agrees wants exactly one problem with these words, or none where they are empty.
func agrees(t *testing.T, problems []string, words string) {
	t.Helper()
	switch {
	case words == "" && len(problems) > 0:
		t.Errorf("problems %q, want none", problems)
	case words != "" && (len(problems) != 1 || !strings.Contains(problems[0], words)):
		t.Errorf("problems %q, want one with %q", problems, words)
	}
	if strings.Contains(strings.Join(problems, ""), "s3cr3t") {
		t.Errorf("a secret is in %q", problems)
	}
}

func TestCheckGitRepository(t *testing.T) {
	t.Parallel()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	secret := &meta.LocalObjectReference{Name: "s"}
	for name, test := range map[string]struct {
		change func(*sourcev1.GitRepositorySpec)
		want   string
	}{
		"plain": {func(*sourcev1.GitRepositorySpec) {}, ""},
		"all of it": {func(s *sourcev1.GitRepositorySpec) {
			s.Provider, s.SecretRef, s.ProxySecretRef, s.SparseCheckout = "generic", secret, secret, []string{"a"}
		}, ""},
		"http":       {func(s *sourcev1.GitRepositorySpec) { s.URL = "http://git.test/tree" }, ""},
		"ssh":        {func(s *sourcev1.GitRepositorySpec) { s.URL, s.SecretRef = "ssh://git@git.test/tree", secret }, ""},
		"GitHub App": {func(s *sourcev1.GitRepositorySpec) { s.Provider, s.SecretRef = "github", secret }, ""},
		"semver":     {func(s *sourcev1.GitRepositorySpec) { s.Reference.SemVer = "1.x" }, ""},
		"verify, pinned": {func(s *sourcev1.GitRepositorySpec) {
			s.Reference.Commit, s.Verification = commit, &sourcev1.GitRepositoryVerification{Mode: "HEAD"}
		}, ""},

		"aws":                {func(s *sourcev1.GitRepositorySpec) { s.Provider = "aws" }, "spec.provider: aws is not supported"},
		"azure":              {func(s *sourcev1.GitRepositorySpec) { s.Provider = "azure" }, "spec.provider: azure is not supported"},
		"service account":    {func(s *sourcev1.GitRepositorySpec) { s.ServiceAccountName = "x" }, "spec.serviceAccountName is not supported"},
		"include":            {func(s *sourcev1.GitRepositorySpec) { s.Include = make([]sourcev1.GitRepositoryInclude, 1) }, "spec.include is not supported"},
		"submodules":         {func(s *sourcev1.GitRepositorySpec) { s.RecurseSubmodules = true }, "spec.recurseSubmodules is not supported"},
		"suspend":            {func(s *sourcev1.GitRepositorySpec) { s.Suspend = true }, "spec.suspend is true"},
		"short commit":       {func(s *sourcev1.GitRepositorySpec) { s.Reference.Commit = "0123456" }, "write all 40 hexadecimal digits"},
		"no range":           {func(s *sourcev1.GitRepositorySpec) { s.Reference.SemVer = "one" }, `spec.ref.semver "one"`},
		"verify, not pinned": {func(s *sourcev1.GitRepositorySpec) { s.Verification = &sourcev1.GitRepositoryVerification{} }, "set spec.ref.commit"},
		"verify, no ref": {func(s *sourcev1.GitRepositorySpec) {
			s.Reference, s.Verification = nil, &sourcev1.GitRepositoryVerification{}
		}, "set spec.ref.commit"},
		"verify a tag": {func(s *sourcev1.GitRepositorySpec) {
			s.Reference.Commit, s.Verification = commit, &sourcev1.GitRepositoryVerification{Mode: "Tag"}
		}, "spec.verify.mode Tag needs a tag"},
		"App without Secret": {func(s *sourcev1.GitRepositorySpec) { s.Provider = "github" }, "needs spec.secretRef"},
		"App over SSH": {func(s *sourcev1.GitRepositorySpec) {
			s.Provider, s.SecretRef, s.URL = "github", secret, "ssh://git@git.test/tree"
		}, "spec.url is of SSH"},
		"ssh without Secret":  {func(s *sourcev1.GitRepositorySpec) { s.URL = "ssh://git@git.test/tree" }, "needs spec.secretRef with identity and known_hosts"},
		"ssh as of scp":       {func(s *sourcev1.GitRepositorySpec) { s.URL = "git@git.test:tree" }, "spec.url: first path segment"},
		"other scheme":        {func(s *sourcev1.GitRepositorySpec) { s.URL = "git://git.test/tree" }, "SSH is written ssh://git@HOST/PATH"},
		"no host":             {func(s *sourcev1.GitRepositorySpec) { s.URL = "https:///tree" }, "spec.url names no host"},
		"user":                {func(s *sourcev1.GitRepositorySpec) { s.URL = "https://s3cr3t@git.test/tree" }, "spec.url holds a user name"},
		"password of ssh":     {func(s *sourcev1.GitRepositorySpec) { s.URL = "ssh://git:s3cr3t@git.test/tree" }, "spec.url holds a password"},
		"password of no URL":  {func(s *sourcev1.GitRepositorySpec) { s.URL = "https://git:s3cr3t@git.test:x/tree" }, "spec.url: "},
		"password, no scheme": {func(s *sourcev1.GitRepositorySpec) { s.URL = "ftp://git:s3cr3t@git.test/tree" }, "seed fetches over https, http and ssh"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &sourcev1.GitRepository{Spec: sourcev1.GitRepositorySpec{URL: "https://git.test/tree", Reference: &sourcev1.GitRepositoryRef{Branch: "main"}}}
			test.change(&g.Spec)
			agrees(t, checkGitRepository(g), test.want)
		})
	}
}

func TestCheckOCIRepository(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("a", 64)
	secret := &meta.LocalObjectReference{Name: "s"}
	for name, test := range map[string]struct {
		change func(*sourcev1.OCIRepositorySpec)
		want   string
	}{
		"plain": {func(*sourcev1.OCIRepositorySpec) {}, ""},
		"all of it": {func(s *sourcev1.OCIRepositorySpec) {
			s.Provider, s.Insecure, s.SecretRef, s.CertSecretRef, s.ProxySecretRef = "generic", true, secret, secret, secret
			s.LayerSelector = &sourcev1.OCILayerSelector{MediaType: "x", Operation: "copy"}
		}, ""},
		"port":   {func(s *sourcev1.OCIRepositorySpec) { s.URL = "oci://registry.test:5000/a/b" }, ""},
		"semver": {func(s *sourcev1.OCIRepositorySpec) { s.Reference.SemVer, s.Reference.SemverFilter = "1.x", ".*-rc.*" }, ""},
		"no ref": {func(s *sourcev1.OCIRepositorySpec) { s.Reference = nil }, ""},
		"verify, pinned": {func(s *sourcev1.OCIRepositorySpec) {
			s.Reference.Digest, s.Verify = digest, &sourcev1.OCIRepositoryVerification{}
		}, ""},

		"aws":                {func(s *sourcev1.OCIRepositorySpec) { s.Provider = "aws" }, "spec.provider: aws is not supported"},
		"service account":    {func(s *sourcev1.OCIRepositorySpec) { s.ServiceAccountName = "x" }, "spec.serviceAccountName is not supported"},
		"suspend":            {func(s *sourcev1.OCIRepositorySpec) { s.Suspend = true }, "spec.suspend is true"},
		"verify, not pinned": {func(s *sourcev1.OCIRepositorySpec) { s.Verify = &sourcev1.OCIRepositoryVerification{} }, "set spec.ref.digest"},
		"verify, no ref": {func(s *sourcev1.OCIRepositorySpec) {
			s.Reference, s.Verify = nil, &sourcev1.OCIRepositoryVerification{}
		}, "set spec.ref.digest"},
		"no digest":     {func(s *sourcev1.OCIRepositorySpec) { s.Reference.Digest = "abc" }, `spec.ref.digest "abc"`},
		"no range":      {func(s *sourcev1.OCIRepositorySpec) { s.Reference.SemVer = "one" }, `spec.ref.semver "one"`},
		"no filter":     {func(s *sourcev1.OCIRepositorySpec) { s.Reference.SemverFilter = "(" }, "spec.ref.semverFilter"},
		"operation":     {func(s *sourcev1.OCIRepositorySpec) { s.LayerSelector = &sourcev1.OCILayerSelector{Operation: "move"} }, `spec.layerSelector.operation "move"`},
		"other scheme":  {func(s *sourcev1.OCIRepositorySpec) { s.URL = "https://registry.test/a" }, "oci://HOST/PATH"},
		"tag":           {func(s *sourcev1.OCIRepositorySpec) { s.URL = "oci://registry.test/a:v1" }, "spec.url"},
		"no repository": {func(s *sourcev1.OCIRepositorySpec) { s.URL = "oci://registry.test/A" }, "spec.url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &sourcev1.OCIRepository{Spec: sourcev1.OCIRepositorySpec{URL: "oci://registry.test/a/b", Reference: &sourcev1.OCIRepositoryRef{Tag: "v1"}}}
			test.change(&o.Spec)
			agrees(t, checkOCIRepository(o), test.want)
		})
	}
}
