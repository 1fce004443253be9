package build

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	securefs "github.com/fluxcd/pkg/kustomize/filesys"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// remote matches what kustomize would fetch: URLs, and Git repositories in the spellings it knows
// (https://github.com/kubernetes-sigs/kustomize/blob/api/v0.21.1/api/internal/git/repospec.go).
var remote = regexp.MustCompile(`(?i)^\s*(git::|[a-z][a-z0-9+.-]*://|github\.com[/:]|[a-z][a-z0-9-]*@[^/]*[/:])`)

// files are those of a source, with one of them, the kustomization.yaml that Flux' generator makes, in
// memory: nothing is written to the folder, so that units can share it. A kustomization.yaml that refers
// to something outside the source cannot be read, because kustomize itself would fetch it or run git.
type files struct {
	filesys.FileSystem
	root filesys.ConfirmedDir
	// generated is the path of the file in memory, content what it holds.
	generated string
	content   []byte
	// refused is the first refusal: kustomize takes an error of ReadFile for a missing file.
	refused error
	// alone says that no other build runs. Without it a kustomization.yaml with a schema of its own cannot be read, and
	// ownSchema then says that there was one.
	alone, ownSchema bool
}

// errOwnSchema is the reason of ownSchema.
var errOwnSchema = errors.New("it brings an OpenAPI schema of its own")

// newFiles returns the files below root, of which kfile is replaced by content.
func newFiles(root, kfile string, content []byte) (*files, error) {
	disk, err := securefs.MakeFsOnDiskSecure(root)
	if err != nil {
		return nil, err
	}
	cleanRoot, _, err := disk.CleanedAbs(root)
	if err != nil {
		return nil, err
	}
	dir, _, err := disk.CleanedAbs(filepath.Dir(kfile)) // as kustomize spells it
	if err != nil {
		return nil, err
	}
	return &files{FileSystem: disk, root: cleanRoot, generated: dir.Join(filepath.Base(kfile)), content: content}, nil
}

// ReadFile implements filesys.FileSystem.
func (f *files) ReadFile(path string) (data []byte, err error) {
	if path == f.generated {
		data = f.content
	} else if data, err = f.FileSystem.ReadFile(path); err != nil {
		return nil, err
	}
	if !slices.Contains(konfig.RecognizedKustomizationFileNames(), filepath.Base(path)) {
		return data, nil
	}
	if !f.alone && bytes.Contains(data, []byte("openapi")) { // for kustomize to tell whether it is the field
		f.ownSchema = true
		return nil, errOwnSchema
	}
	name, err := filepath.Rel(f.root.String(), path)
	if err != nil {
		return nil, err
	}
	var k types.Kustomization
	if k.Unmarshal(data) != nil {
		return data, nil //nolint:nilerr // that it is invalid is kustomize's to say
	}
	reference := remoteIn(k)
	if why := missingIn(f.root.String(), filepath.Dir(path), k); why != "" && f.refused == nil && reference == "" {
		f.refused = missing{fmt.Sprintf("%s %s: correct the reference, or add what it names", name, why)}
		return nil, f.refused
	}
	if reference != "" {
		f.refused = elsewhere{fmt.Sprintf("%s refers to %s, which is not in the source: seed fetches nothing while it builds; copy it into the source, or leave this unit to Flux", name, reference)}
		return nil, f.refused
	}
	return data, nil
}

// remoteIn returns the first reference of a kustomization.yaml that leaves the source, or "".
func remoteIn(k types.Kustomization) string {
	references := slices.Concat(k.Resources, k.Components, k.Bases, k.Crds, k.Configurations, k.Generators, k.Transformers, k.Validators) //nolint:staticcheck // trees still have the old fields
	references = append(references, k.OpenAPI["path"])
	for _, patch := range k.PatchesStrategicMerge { //nolint:staticcheck // as above
		references = append(references, string(patch))
	}
	for _, patch := range slices.Concat(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // as above
		references = append(references, patch.Path)
	}
	for _, replacement := range k.Replacements {
		references = append(references, replacement.Path)
	}
	for _, generator := range k.ConfigMapGenerator {
		references = append(references, sources(generator.KvPairSources)...)
	}
	for _, generator := range k.SecretGenerator {
		references = append(references, sources(generator.KvPairSources)...)
	}
	for _, reference := range references {
		if remote.MatchString(reference) {
			return reference
		}
	}
	return ""
}

// key is what stands before the path in "key=path".
var key = regexp.MustCompile(`^[^=/:]+=`)

// sources are the paths that a ConfigMap or Secret generator reads.
func sources(from types.KvPairSources) []string {
	paths := append(slices.Clone(from.EnvSources), from.EnvSource)
	for _, file := range from.FileSources {
		paths = append(paths, key.ReplaceAllString(file, ""))
	}
	return paths
}
