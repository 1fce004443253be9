package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tazlab/seed/internal/birth"
	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/fetch"
)

// cutBundle builds a copy of the tree, so that nothing of the user's is touched, cuts the bundle out and
// returns it with the claims of the planted units.
func cutBundle(ctx context.Context, tree, cluster string, stderr io.Writer) ([]byte, []bundle.Claim, error) {
	folder, err := fetch.Local(tree, "seed-render-")
	if err != nil {
		return nil, nil, fmt.Errorf("reading the tree %s: %w", tree, err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	dir := filepath.Join(folder, fetch.Tree)
	// The root Kustomization is known only once its folder is built; a stand-in builds it the first time.
	first := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Name: cluster}, Spec: kustomizev1.KustomizationSpec{Path: cluster}}
	objects, err := build.Kustomization(ctx, first, dir, nil)
	if err != nil {
		return nil, nil, err
	}
	found, err := bundle.FindRoot(objects, cluster)
	if err != nil {
		return nil, nil, err
	}
	key := types.NamespacedName{Namespace: found.GetNamespace(), Name: found.GetName()}
	root := build.Units([]*unstructured.Unstructured{found})[0]
	if root.Unknown != nil {
		return nil, nil, root.Unknown
	}
	built, err := build.NewTree(ctx, root.Kustomization, dir, nil)
	if err != nil {
		return nil, nil, err
	}
	data, err := bundle.Cut(built.All(), key)
	for name, failed := range built.Failed {
		if errors.Is(failed, build.ErrMissing) {
			continue // an error below
		}
		fmt.Fprintf(stderr, "seed: warning: unit %s was left out: %v\n", name, failed)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cutting the bundle out of %s: %w", cluster, err)
	}
	claims, err := birth.Check(built, root.Kustomization)
	if err != nil {
		return nil, nil, fmt.Errorf("checking what seed would plant in %s: %w", cluster, err)
	}
	return data, claims, nil
}
