package benchwaitfor

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/node"
)

// The images of the init containers. kubectl's holds nothing beside kubectl but the loop's shell.
const (
	waitforImage = "ghcr.io/tazlab/waitfor:bench"
	kubectlImage = "ghcr.io/tazlab/kubectl-and-sh:bench"
)

// weight is the size of an image's layers in bytes: as files, and packed as small as gzip can.
type weight struct {
	image         string
	files, packed int64
}

// assemble makes both images, in layers of one program each.
func (b *bench) assemble() (map[string]v1.Image, error) {
	cache := filepath.Join(b.castle.Cache, "images")
	own, err := images.Binary(images.Spec{Name: waitforImage, Path: "/waitfor"}, b.tools["waitfor"], cache)
	if err != nil {
		return nil, err
	}
	kubectl, err := images.Binary(images.Spec{Name: kubectlImage, Path: "/bin/kubectl"}, b.tools["kubectl"], cache)
	if err != nil {
		return nil, err
	}
	shell, err := images.Binary(images.Busybox, busybox, cache)
	if err != nil {
		return nil, err
	}
	layers, err := kubectl.Layers()
	if err != nil {
		return nil, err
	}
	both, err := mutate.AppendLayers(shell, layers...)
	if err != nil {
		return nil, fmt.Errorf("put kubectl into an image with a shell: %w", err)
	}
	return map[string]v1.Image{waitforImage: own, kubectlImage: both}, nil
}

// weigh packs the images' layers anew: the castle's own packing is made to be fast.
func (b *bench) weigh() ([]weight, error) {
	all, err := b.assemble()
	if err != nil {
		return nil, err
	}
	var weights []weight
	for _, image := range []string{waitforImage, kubectlImage} {
		layers, err := all[image].Layers()
		if err != nil {
			return nil, err
		}
		w := weight{image: image}
		for _, layer := range layers {
			files, packed, err := weighLayer(layer)
			if err != nil {
				return nil, fmt.Errorf("pack image %s: %w", image, err)
			}
			w.files, w.packed = w.files+files, w.packed+packed
		}
		weights = append(weights, w)
	}
	return weights, nil
}

func weighLayer(layer v1.Layer) (files, packed int64, err error) {
	content, err := layer.Uncompressed()
	if err != nil {
		return 0, 0, err
	}
	defer content.Close()
	var size counter
	zip, err := gzip.NewWriterLevel(&size, gzip.BestCompression)
	if err != nil {
		return 0, 0, err
	}
	if files, err = io.Copy(zip, content); err == nil {
		err = zip.Close()
	}
	return files, int64(size), err
}

// counter counts what is written to it.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// load puts both images on the node, so that no Pod waits for one.
func (b *bench) load(ctx context.Context) error {
	all, err := b.assemble()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-waitfor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for image, content := range all {
		tag, err := name.NewTag(image)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, "image.tar")
		if err := tarball.WriteToFile(file, tag, content); err != nil {
			return fmt.Errorf("write image %s: %w", image, err)
		}
		if err := node.Import(ctx, b.castle.NodeDir(), file); err != nil {
			return err
		}
	}
	return nil
}
