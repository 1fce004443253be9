package artifacts

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The media types of a Helm chart: https://github.com/helm/community/blob/main/hips/hip-0006.md
const (
	chartConfig  types.MediaType = "application/vnd.cncf.helm.config.v1+json"
	chartContent types.MediaType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

// pushChart writes a packed chart as `helm push` does, but for the configuration: there Helm repeats Chart.yaml, which
// Flux takes from the chart itself.
func pushChart(ctx context.Context, a Artifact, url string, transport http.RoundTripper) (string, error) {
	ref, err := name.NewTag(strings.TrimPrefix(url, "oci://"), name.StrictValidation)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(filepath.Join(a.Dir, "chart.tgz"))
	if err != nil {
		return "", err
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, chartConfig)
	image, err = mutate.Append(image, mutate.Addendum{Layer: static.NewLayer(content, chartContent)})
	if err != nil {
		return "", err
	}
	annotated, ok := mutate.Annotations(image, map[string]string{
		"org.opencontainers.image.source": a.Source, "org.opencontainers.image.revision": a.Revision,
	}).(v1.Image)
	if !ok {
		return "", fmt.Errorf("annotating %s made no image of it", url)
	}
	if err := remote.Write(ref, annotated, remote.WithContext(ctx), remote.WithTransport(transport), remote.WithAuth(authn.Anonymous)); err != nil {
		return "", err
	}
	digest, err := annotated.Digest()
	return digest.String(), err
}
