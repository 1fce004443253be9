package stock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/tazlab/seed/castle/internal/life"
)

// Tree writes the castle's tree in the layout of "flux bootstrap" into dir and returns the files with Flux's manifests, whose
// kustomize-controller has these flags beside its own, and with the sync objects as the castle's cluster has them.
func Tree(ctx context.Context, c *life.Castle, dir string, flags ...string) (components, sync string, err error) {
	if err := c.CopyTree(dir); err != nil {
		return "", "", err
	}
	folder := filepath.Join(dir, "clusters/base")
	index := filepath.Join(folder, "kustomization.yaml")
	kustomization, err := os.ReadFile(index)
	if err != nil {
		return "", "", err
	}
	kustomization = bytes.Replace(kustomization, []byte("- flux.yaml"), []byte("- "+manifests), 1)
	components, sync = filepath.Join(folder, manifests), filepath.Join(dir, "sync.yaml")
	if err := errors.Join(Manifests(ctx, c, components, flags...), os.WriteFile(index, kustomization, 0o600)); err != nil {
		return "", "", err
	}
	return components, sync, writeSync(dir, sync)
}

// manifests is the name that flux bootstrap gives to the file of Flux's manifests.
const manifests = "gotk-components.yaml"

// Manifests writes Flux's manifests into file; kustomize-controller has these flags beside its own.
func Manifests(ctx context.Context, c *life.Castle, file string, flags ...string) error {
	packed, err := c.Artifact(ctx, "flux")
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(packed, manifests))
	if err == nil {
		data, err = withFlags(data, flags)
	}
	if err == nil {
		err = os.WriteFile(file, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write Flux's manifests: %w", err)
	}
	return nil
}

// withFlags adds flags as people do, with a patch in the kustomization.yaml beside the manifests.
func withFlags(data []byte, flags []string) ([]byte, error) {
	if len(flags) == 0 {
		return data, nil
	}
	var index bytes.Buffer
	fmt.Fprintf(&index, "resources: [%s]\npatches:\n  - target: {kind: Deployment, name: kustomize-controller}\n    patch: |\n", manifests)
	for _, flag := range flags {
		fmt.Fprintf(&index, "      - {op: add, path: /spec/template/spec/containers/0/args/-, value: %q}\n", flag)
	}
	disk := filesys.MakeFsInMemory()
	if err := errors.Join(disk.WriteFile("/"+manifests, data), disk.WriteFile("/kustomization.yaml", index.Bytes())); err != nil {
		return nil, err
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/")
	if err != nil {
		return nil, fmt.Errorf("add %q to kustomize-controller: %w", flags, err)
	}
	out, err := built.AsYaml()
	for _, flag := range flags { // a patch whose target is not there is no error
		if err == nil && !bytes.Contains(out, []byte(flag)) {
			err = fmt.Errorf("add %s to kustomize-controller: the manifests have no such Deployment", flag)
		}
	}
	return out, err
}

// writeSync writes the root source and the root Kustomization of the castle's cluster into file.
func writeSync(dir, file string) error {
	built, err := buildCluster(dir)
	if err != nil {
		return err
	}
	var all []byte
	for _, resource := range built.Resources() {
		if kind := resource.GetKind(); resource.GetName() != Namespace || (kind != "GitRepository" && kind != "Kustomization") {
			continue
		}
		text, err := resource.AsYAML()
		if err != nil {
			return err
		}
		all = append(append(all, text...), "---\n"...)
	}
	return os.WriteFile(file, all, 0o600)
}

// Units are the names of all Kustomizations of the tree in dir, the root's among them. All are in Namespace.
func Units(dir string) ([]string, error) {
	built, err := buildCluster(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, resource := range built.Resources() {
		if resource.GetKind() == "Kustomization" {
			names = append(names, resource.GetName())
		}
	}
	return names, nil
}

func buildCluster(dir string) (resmap.ResMap, error) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(dir, life.Cluster))
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", life.Cluster, err)
	}
	return built, nil
}
