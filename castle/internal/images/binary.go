package images

import (
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// format is part of the cache key: raise it when the same spec and binary begin to give another image.
const format = 1

// Binary returns the image that spec describes around the static binary at the given path, for this machine's
// architecture. The same spec and content give the same digest. The image is kept under cacheDir as an OCI layout
// named after spec and content, and comes from there when it is known already.
func Binary(spec Spec, binary, cacheDir string) (v1.Image, error) {
	image, err := cached(spec, binary, cacheDir)
	if err != nil {
		return nil, fmt.Errorf("image %s from %s: %w", spec.Name, binary, err)
	}
	return image, nil
}

func cached(spec Spec, binary, cacheDir string) (v1.Image, error) {
	key, err := cacheKey(spec, binary)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cacheDir, key)
	image, err := load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return image, err
	}
	if image, err = assemble(spec, binary); err != nil {
		return nil, err
	}
	if err := store(image, dir); err != nil {
		return nil, err
	}
	return load(dir)
}

// cacheKey leaves the name out: a tag is not part of an image.
func cacheKey(spec Spec, binary string) (string, error) {
	f, err := os.Open(binary)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", fmt.Errorf("hashing: %w", err)
	}
	spec.Name = ""
	if err := json.NewEncoder(hash).Encode([]any{format, runtime.GOARCH, spec}); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func assemble(spec Spec, binary string) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(
		func() (io.ReadCloser, error) { return archive(spec, binary), nil },
		tarball.WithCompressionLevel(cmp.Or(spec.Compression, gzip.BestSpeed)),
		tarball.WithCompressedCaching, // compress once: the digest needs it, and then the layout
		tarball.WithMediaType(types.OCILayer),
	)
	if err != nil {
		return nil, fmt.Errorf("packing the layer: %w", err)
	}
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH, Created: v1.Time{Time: epoch}, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Entrypoint: spec.Entrypoint, Cmd: spec.Command, User: spec.User, Env: spec.Env, WorkingDir: "/"},
	})
	if err != nil {
		return nil, fmt.Errorf("setting the configuration: %w", err)
	}
	return mutate.Append(image, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "castle"},
	})
}

// store writes the layout beside its place and moves it there, so that a half-written one is never found.
func store(image v1.Image, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "image-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	to, err := layout.Write(temp, empty.Index)
	if err == nil {
		err = to.AppendImage(image)
	}
	if err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	if err := os.Rename(temp, dir); err != nil && !errors.Is(err, fs.ErrExist) { // another start was faster
		return err
	}
	return nil
}

// load returns an error that is fs.ErrNotExist when the folder is not there.
func load(dir string) (v1.Image, error) {
	from, err := layout.FromPath(dir)
	if err != nil {
		return nil, err
	}
	index, err := from.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("%s holds %d images, not one: remove it", dir, len(manifest.Manifests))
	}
	return from.Image(manifest.Manifests[0].Digest)
}
