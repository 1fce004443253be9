package fetch

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/fluxcd/pkg/tar"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/tazlab/seed/internal/failure"
)

// ociRepository pulls the layer that repo selects into dir and leaves what Flux's artifact would hold.
func ociRepository(ctx context.Context, f *fetching, repo *sourcev1.OCIRepository, dir string) (Result, error) {
	at, mirrored, err := f.mirrors.repository(strings.TrimPrefix(repo.Spec.URL, sourcev1.OCIRepositoryPrefix), repo.Spec.Insecure)
	if err != nil {
		return Result{}, failure.Blocked(fmt.Errorf("spec.url: %w", err))
	}
	if !mirrored {
		return pull(ctx, f, repo, at, dir)
	}
	repo = repo.DeepCopy()
	repo.Spec.Insecure = false // of the registry, not of its mirror
	result, err := pull(ctx, f, repo, at, dir)
	if err != nil {
		return Result{}, fmt.Errorf("at its mirror %s: %w", at, err)
	}
	result.Notes = append(result.Notes, "from the mirror "+at.Name())
	return result, nil
}

// pull does it at one repository.
func pull(ctx context.Context, f *fetching, repo *sourcev1.OCIRepository, at name.Repository, dir string) (Result, error) {
	options, err := f.registryOptions(ctx, repo)
	if err != nil {
		return Result{}, err
	}
	ref, err := reference(repo, at, options)
	if err != nil {
		return Result{}, err
	}
	revision, digest, err := resolve(ref, options)
	if err != nil {
		return Result{}, fmt.Errorf("looking for %s: %w", ref, err)
	}
	image, err := remote.Image(ref.Context().Digest(digest), options...)
	if err != nil {
		return Result{}, fmt.Errorf("pulling %s: %w", digest, err)
	}
	layer, err := selectLayer(repo, image)
	if err != nil {
		return Result{}, err
	}
	if err := extract(ctx, layer, dir); err != nil {
		return Result{}, fmt.Errorf("unpacking the layer of %s: %w", digest, err)
	}
	// "copy" makes the layer itself Flux's artifact, which the Kustomization then unpacks: the same files, but
	// nothing is ignored.
	if err := keep(dir, repo.Spec.Ignore, repo.GetLayerOperation() != sourcev1.OCILayerCopy); err != nil {
		return Result{}, err
	}
	result := Result{Revision: revision}
	if repo.Spec.Verify != nil {
		result.Notes = append(result.Notes, leftSignature)
	}
	return result, nil
}

// selectLayer takes the first layer of the media type asked for, else the first.
func selectLayer(repo *sourcev1.OCIRepository, image v1.Image) (v1.Layer, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	wanted := repo.GetLayerMediaType()
	for _, layer := range layers {
		is, err := layer.MediaType()
		if err != nil {
			return nil, fmt.Errorf("reading the manifest: %w", err)
		}
		if wanted == "" || string(is) == wanted {
			return layer, nil
		}
	}
	if wanted == "" {
		return nil, failure.Blocked(errors.New("the artifact has no layer: push it anew"))
	}
	return nil, failure.Blocked(fmt.Errorf("the artifact has no layer of the media type %s: correct spec.layerSelector.mediaType", wanted))
}

// extract unpacks a layer. Its digest is compared only by who reads it to its end.
func extract(ctx context.Context, layer v1.Layer, dir string) error {
	blob, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }()
	unzipped, err := gzip.NewReader(blob)
	if err != nil {
		return failure.Blocked(fmt.Errorf("it is not compressed with gzip: %w", err))
	}
	files := 0
	err = tar.Untar(&boundedReader{unzipped, newBudget(ctx, maxFetched)}, dir, tar.WithMaxUntarSize(tar.UnlimitedUntarSize),
		tar.WithSkipGzip(), tar.WithSkipSymlinks(), tar.WithFilter(func(string, os.FileInfo) bool {
			files++
			return files > maxEntries
		}))
	if err == nil && files > maxEntries {
		err = errTooLarge
	}
	if errors.Is(err, errTooLarge) {
		return failure.Blocked(fmt.Errorf("it holds more than %d MiB or %d entries, and seed holds them in memory: push less into the artifact (spec.ignore and .sourceignore count only once it is unpacked)", maxFetched>>20, maxEntries))
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, blob)
	return err
}

// boundedReader spends a budget on what is read.
type boundedReader struct {
	io.Reader
	budget *budget
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if over := b.budget.spend(n); over != nil {
		return 0, over
	}
	return n, err
}
