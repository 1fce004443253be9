package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/oci"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/tazlab/seed/internal/failure"
)

// refusals are the answers of a registry that another try does not change.
var refusals = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}

// OCI pulls the artifact that repo names into dir, trusting the ca.crt in certificates, the data of the
// Secret that spec.certSecretRef names (nil without one). It returns the revision as "tag@sha256:…".
func OCI(ctx context.Context, repo *sourcev1.OCIRepository, certificates map[string][]byte, dir string) (string, error) {
	doing := fmt.Sprintf("fetching OCIRepository %s/%s from %s", repo.Namespace, repo.Name, repo.Spec.URL)
	if err := CheckOCI(repo); err != nil {
		return "", failure.Blocked(fmt.Errorf("%s: %w", doing, err))
	}
	options, err := craneOptions(repo, certificates)
	if err != nil {
		return "", failure.Blocked(fmt.Errorf("%s: the Secret %s: %w", doing, repo.Spec.CertSecretRef.Name, err))
	}
	limit := defaultTimeout
	if repo.Spec.Timeout != nil {
		limit = repo.Spec.Timeout.Duration
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	address, tag := ociAddress(repo)
	found, err := oci.NewClient(options).Pull(ctx, address, dir)
	if err != nil {
		if refused, ok := errors.AsType[*transport.Error](err); ok && slices.Contains(refusals, refused.StatusCode) {
			err = failure.Blocked(err)
		}
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	if err := dropIgnored(dir, repo.Spec.Ignore); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	digest := found.Digest[strings.LastIndex(found.Digest, "@")+1:]
	if tag == "" {
		return digest, nil
	}
	return tag + "@" + digest, nil
}

// CheckOCI names the first field of repo that seed does not honour.
func CheckOCI(repo *sourcev1.OCIRepository) error {
	s := repo.Spec
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"spec.provider: " + s.Provider, s.Provider != "" && s.Provider != sourcev1.GenericOCIProvider},
		{"spec.secretRef", s.SecretRef != nil},
		{"spec.serviceAccountName", s.ServiceAccountName != ""},
		{"spec.proxySecretRef", s.ProxySecretRef != nil},
		{"spec.verify", s.Verify != nil},
		{"spec.ref.semver", s.Reference != nil && s.Reference.SemVer != ""},
		{"spec.layerSelector", s.LayerSelector != nil},
		{"spec.suspend", s.Suspend},
	} {
		if field.set {
			return fmt.Errorf("%s is not supported by seed in a planted unit's source", field.name)
		}
	}
	return nil
}

// ociAddress is the registry address with tag or digest, and the tag ("" with a digest).
func ociAddress(repo *sourcev1.OCIRepository) (address, tag string) {
	address, tag = strings.TrimPrefix(repo.Spec.URL, sourcev1.OCIRepositoryPrefix), "latest"
	if ref := repo.Spec.Reference; ref != nil {
		if ref.Digest != "" {
			return address + "@" + ref.Digest, ""
		}
		if ref.Tag != "" {
			tag = ref.Tag
		}
	}
	return address + ":" + tag, tag
}

func craneOptions(repo *sourcev1.OCIRepository, certificates map[string][]byte) ([]crane.Option, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if repo.Spec.CertSecretRef != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(certificates["ca.crt"]) {
			return nil, errors.New("no PEM certificate in its key ca.crt")
		}
	}
	options := []crane.Option{crane.WithTransport(&http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true,
	})}
	if repo.Spec.Insecure {
		options = append(options, crane.Insecure)
	}
	return options, nil
}
