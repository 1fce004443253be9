package benchwaitfor

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/tazlab/seed/castle/internal/images"
	"github.com/tazlab/seed/castle/internal/life"
	"github.com/tazlab/seed/castle/internal/node"
)

// The images of the init containers. waitfor's is the castle's own; kubectl's holds nothing beside kubectl but the
// loop's shell.
var waitforImage = images.Waitfor(life.Version)

const kubectlImage = "ghcr.io/tazlab/kubectl-and-sh:bench"

// weight is the size of an image's layers in bytes: as files, and packed as small as gzip can.
type weight struct {
	image         string
	files, packed int64
}

// kubectl assembles its image, of two layers: the castle's images hold one program each.
func (b *bench) kubectl() (v1.Image, error) {
	alone, err := b.image(images.Spec{Name: kubectlImage, Path: "/bin/kubectl"}, b.tools["kubectl"])
	if err != nil {
		return nil, err
	}
	shell, err := b.image(images.Busybox, busybox)
	if err != nil {
		return nil, err
	}
	layers, err := alone.Layers()
	if err != nil {
		return nil, err
	}
	both, err := mutate.AppendLayers(shell, layers...)
	if err != nil {
		return nil, fmt.Errorf("put kubectl into an image with a shell: %w", err)
	}
	return both, nil
}

func (b *bench) image(spec images.Spec, binary string) (v1.Image, error) {
	return images.Binary(spec, binary, filepath.Join(b.castle.Cache, "images"))
}

// weigh packs the images' layers anew: the castle's own packing is made to be fast.
func (b *bench) weigh() error {
	own, err1 := b.image(waitforImage, b.tools["waitfor"])
	both, err2 := b.kubectl()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for _, image := range []struct {
		name    string
		content v1.Image
	}{{"waitfor", own}, {"kubectl and busybox", both}} {
		layers, err := image.content.Layers()
		if err != nil {
			return fmt.Errorf("pack the image of %s: %w", image.name, err)
		}
		w := weight{image: image.name}
		for _, layer := range layers {
			files, packed, err := weighLayer(layer)
			if err != nil {
				return fmt.Errorf("pack the image of %s: %w", image.name, err)
			}
			w.files, w.packed = w.files+files, w.packed+packed
		}
		b.images = append(b.images, w)
	}
	return nil
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

// load puts kubectl's image on the node, so that no Pod waits for it; the castle's own images are there.
func (b *bench) load(ctx context.Context) error {
	image, err := b.kubectl()
	if err != nil {
		return err
	}
	tag, err := name.NewTag(kubectlImage)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-waitfor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "image.tar")
	if err := tarball.WriteToFile(file, tag, image); err != nil {
		return fmt.Errorf("write image %s: %w", kubectlImage, err)
	}
	return node.Import(ctx, b.castle.NodeDir(), file)
}
