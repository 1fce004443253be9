// Package artifacts packs the OCI artifacts that the castle's tree refers to, from Go modules, and pushes them.
package artifacts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/fluxcd/pkg/oci"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
)

// Artifact is content ready to be pushed.
type Artifact struct {
	// Dir holds the content.
	Dir string
	// Source and Revision become the annotations org.opencontainers.image.source and .revision.
	Source, Revision string
	// Chart says that the content is a packed Helm chart.
	Chart bool
}

// Push writes the artifact to url ("oci://host:port/repository:tag") as `flux push artifact --reproducible` does, a Helm
// chart as `helm push`, and returns its digest ("sha256:..."). The transport knows the registry's CA.
func Push(ctx context.Context, a Artifact, url string, transport http.RoundTripper) (string, error) {
	ref, err := oci.ParseArtifactURL(url)
	if err != nil {
		return "", fmt.Errorf("pushing an artifact: %w", err)
	}
	if a.Chart {
		digest, err := pushChart(ctx, a, url, transport)
		if err != nil {
			return "", fmt.Errorf("pushing chart %s: %w", url, err)
		}
		return digest, nil
	}
	client := oci.NewClient([]crane.Option{crane.WithTransport(transport), crane.WithAuth(authn.Anonymous)})
	pushed, err := client.Push(ctx, ref, a.Dir, oci.WithPushMetadata(oci.Metadata{
		Source: a.Source, Revision: a.Revision, Created: time.Unix(0, 0).UTC().Format(time.RFC3339),
	}))
	if err != nil {
		return "", fmt.Errorf("pushing artifact %s: %w", url, err)
	}
	digest, err := name.NewDigest(pushed)
	if err != nil {
		return "", fmt.Errorf("pushing artifact %s: %w", url, err)
	}
	return digest.DigestStr(), nil
}

// packing is part of the cache key: raise it when the same modules begin to be packed another way.
const packing = 1

// cached returns the folder under cacheDir whose only file is called file and holds what make returns. make is called
// only when no earlier call with the same upstream versions left the file there.
func cached(cacheDir, artifact, file string, make func() ([]byte, error)) (string, error) {
	key := sha256.Sum256(fmt.Appendln([]byte(sums), packing))
	dir := filepath.Join(cacheDir, artifact+"-"+hex.EncodeToString(key[:6]))
	if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
		return dir, nil
	}
	content, err := make()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Written beside the folder and moved in: neither a half nor a left-over file is ever packed.
	temp, err := os.MkdirTemp(cacheDir, "packing-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := os.WriteFile(filepath.Join(temp, file), content, 0o644); err != nil {
		return "", err
	}
	return dir, os.Rename(filepath.Join(temp, file), filepath.Join(dir, file))
}
