package artifacts

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/fluxcd/flux2/v2/pkg/manifestgen/kustomization"
	"github.com/fluxcd/flux2/v2/pkg/manifestgen/sync"
)

// Bootstrap writes into dir what "flux bootstrap git --token-auth --url URL --path FOLDER" commits: Flux'
// components, the root sync and a kustomization.yaml, by flux2's own code.
func Bootstrap(ctx context.Context, cacheDir, dir, url, folder string) error {
	if err := bootstrap(ctx, cacheDir, dir, url, folder); err != nil {
		return fmt.Errorf("writing a repository as flux bootstrap does: %w", err)
	}
	return nil
}

func bootstrap(ctx context.Context, cacheDir, dir, url, folder string) error {
	flux, err := FluxManifests(ctx, cacheDir)
	if err != nil {
		return err
	}
	target := filepath.Join(dir, folder, "flux-system")
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	components, err := os.ReadFile(filepath.Join(flux.Dir, "gotk-components.yaml"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(target, "gotk-components.yaml"), components, 0o644); err != nil {
		return err
	}
	options := sync.MakeDefaultOptions()
	options.URL, options.TargetPath = url, path.Clean(folder)
	manifest, err := sync.Generate(options)
	if err != nil {
		return err
	}
	if _, err := manifest.WriteFile(dir); err != nil {
		return err
	}
	index := kustomization.MakeDefaultOptions()
	index.BaseDir, index.TargetPath = dir, path.Join(folder, "flux-system")
	manifest, err = kustomization.Generate(index)
	if err != nil {
		return err
	}
	_, err = manifest.WriteFile(dir)
	return err
}
