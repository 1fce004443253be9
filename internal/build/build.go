// Package build turns a Flux Kustomization and the files of its source into objects, with the code that
// kustomize-controller itself uses, so that the result is the same.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/kustomize"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/resmap"
)

// Kustomization builds spec.path of k in the folder root, which holds the files of its source. Variables
// come from vars, which may be nil if k substitutes none. Root is only read. A reference to something
// outside root is an error: seed never fetches while it builds.
func Kustomization(ctx context.Context, k *kustomizev1.Kustomization, root string, vars client.Reader) ([]*unstructured.Unstructured, error) {
	objects, err := build(ctx, k, root, vars)
	if err != nil {
		return nil, fmt.Errorf("building Kustomization %s/%s, path %q: %w", k.Namespace, k.Name, k.Spec.Path, err)
	}
	return objects, nil
}

func build(ctx context.Context, k *kustomizev1.Kustomization, root string, vars client.Reader) ([]*unstructured.Unstructured, error) {
	u, resources, err := resourcesOf(k, root, nil)
	if err != nil {
		return nil, err
	}
	if k.Spec.PostBuild != nil {
		if err := substitute(ctx, u, k, resources, vars); err != nil {
			return nil, err
		}
	}
	var stream bytes.Buffer // JSON, since kustomize makes its YAML out of that, and the reader JSON out of YAML
	for _, resource := range resources.Resources() {
		data, err := resource.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", resource.GetKind(), resource.GetName(), err)
		}
		stream.Write(append(data, '\n'))
	}
	objects, err := ssautil.ReadObjects(&stream)
	if err != nil && k.Spec.PostBuild != nil { // it has the whole object in it
		err = fmt.Errorf("spec.postBuild: %w", ErrFilled)
	}
	return objects, err
}

// resourcesOf builds the folder of k, and returns k as the libraries want it. Change may change the kustomization.yaml that is
// built.
func resourcesOf(k *kustomizev1.Kustomization, root string, change func([]byte) ([]byte, error)) (u unstructured.Unstructured, resources resmap.ResMap, err error) {
	dir, err := securejoin.SecureJoin(root, k.Spec.Path)
	if err != nil {
		return u, nil, err
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		if why := absent(root, dir); why != "" {
			return u, nil, missing{"the source has no such folder: " + why + ": correct spec.path"}
		}
		return u, nil, fmt.Errorf("reading the folder: %w", stripRoot(err))
	case !info.IsDir():
		return u, nil, missing{fmt.Sprintf("it is a file; spec.path must name a folder, for example %q", filepath.Dir(k.Spec.Path))}
	}
	if u.Object, err = runtime.DefaultUnstructuredConverter.ToUnstructured(k); err != nil {
		return u, nil, err
	}
	resources, err = kustomizeBuild(u, root, dir, change)
	return u, resources, err
}

// kustomizeBuild lets Flux' generator merge the Kustomization's fields into a kustomization.yaml, and
// builds with that.
func kustomizeBuild(u unstructured.Unstructured, root, dir string, change func([]byte) ([]byte, error)) (resmap.ResMap, error) {
	manifest, kfile, _, err := kustomize.NewGenerator(root, u).GenerateManifest(dir)
	if err == nil && change != nil {
		manifest, err = change(manifest)
	}
	if err != nil {
		return nil, err
	}
	source, err := newFiles(root, kfile, manifest)
	if err != nil {
		return nil, err
	}
	resources, err := run(source, dir)
	if source.refused != nil {
		return nil, source.refused
	}
	if err != nil { // without the path of the temporary folder
		return nil, errors.New(strings.ReplaceAll(err.Error(), strings.TrimSuffix(root, "/")+"/", ""))
	}
	for _, resource := range resources.Resources() {
		if resource.GetName() == "" || resource.GetKind() == "" || resource.GetApiVersion() == "" {
			return nil, fmt.Errorf("an object without apiVersion, kind or metadata.name: %s %s %s", resource.GetApiVersion(), resource.GetKind(), resource.GetName())
		}
	}
	return resources, nil
}

// substitute replaces ${var} strictly, as kustomize-controller 1.9 does by default.
func substitute(ctx context.Context, u unstructured.Unstructured, k *kustomizev1.Kustomization, resources resmap.ResMap, vars client.Reader) error {
	always := k.GetSubstituteStrategy() == kustomizev1.SubstituteStrategyAlways
	for _, resource := range resources.Resources() {
		name := resource.GetKind() + " " + resource.GetName()
		out, err := kustomize.SubstituteVariables(ctx, readOnly{reader: vars}, u, resource,
			kustomize.SubstituteWithStrict(true), kustomize.SubstituteWithAlways(always))
		if err != nil {
			return fmt.Errorf("spec.postBuild in %s: %w", name, withoutValues(err))
		}
		if out == nil { // substitution is switched off for this object
			continue
		}
		if _, err := resources.Replace(resource); err != nil {
			return fmt.Errorf("spec.postBuild in %s: %w", name, ErrFilled)
		}
	}
	return nil
}

// stripRoot drops the path of the temporary folder from err.
func stripRoot(err error) error {
	if pathErr, ok := err.(*os.PathError); ok { //nolint:errorlint // os.Stat returns it bare
		return pathErr.Err
	}
	return err
}
