package artifacts

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// ESOCRDs returns the CustomResourceDefinitions of External Secrets Operator at the version of upstream.sum: one
// file, bundle.yaml, which is its module's deploy/crds/bundle.yaml unchanged. No CRD in it has a conversion webhook
// (the API server converts nothing: v1beta1 is listed but not served), so the CRDs work without the operator's
// webhook; a bundle in which one has is an error. The result is kept under cacheDir.
func ESOCRDs(ctx context.Context, cacheDir string) (Artifact, error) {
	v, err := version(esoModule)
	if err != nil {
		return Artifact{}, err
	}
	dir, err := cached(cacheDir, "external-secrets-crds-"+v, "bundle.yaml", func() ([]byte, error) { return crds(ctx) })
	if err != nil {
		return Artifact{}, fmt.Errorf("packing the CRDs of External Secrets Operator %s: %w", v, err)
	}
	return Artifact{Dir: dir, Source: "https://" + esoModule, Revision: v}, nil
}

func crds(ctx context.Context) ([]byte, error) {
	modules, err := download(ctx, esoModule)
	if err != nil {
		return nil, err
	}
	bundle, err := os.ReadFile(filepath.Join(modules[esoModule].Dir, "deploy", "crds", "bundle.yaml"))
	if err != nil {
		return nil, err
	}
	for document := range bytes.SplitSeq(bundle, []byte("\n---\n")) {
		var crd struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     struct{ Conversion map[string]any }
		}
		if err := yaml.Unmarshal(document, &crd); err != nil {
			return nil, fmt.Errorf("reading bundle.yaml: %w", err)
		}
		if crd.Kind != "CustomResourceDefinition" || crd.Spec.Conversion != nil {
			return nil, fmt.Errorf("bundle.yaml holds %s %q with conversion %v: not a CRD without a webhook", crd.Kind,
				crd.Metadata.Name, crd.Spec.Conversion)
		}
	}
	return bundle, nil
}
