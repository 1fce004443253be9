package images

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Push writes the image to registry ("host:port") under its name without the registry host, where a mirror of that
// host is asked for it: "registry.k8s.io/pause:3.10" becomes "host:port/pause:3.10". Blobs that the registry has are
// not sent. The transport knows the registry's CA.
func Push(ctx context.Context, imageName string, image v1.Image, registry string, transport http.RoundTripper) error {
	from, err := name.NewTag(imageName, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("pushing an image: %w", err)
	}
	to, err := name.NewTag(registry + "/" + from.RepositoryStr() + ":" + from.TagStr())
	if err != nil {
		return fmt.Errorf("pushing image %s: %w", imageName, err)
	}
	err = remote.Write(to, image, remote.WithContext(ctx), remote.WithTransport(transport), remote.WithAuth(authn.Anonymous))
	if err != nil {
		return fmt.Errorf("pushing image %s to %s: %w", imageName, registry, err)
	}
	return nil
}
