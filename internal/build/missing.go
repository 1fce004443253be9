package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
)

// ErrMissing marks the error of a path or a reference that leads to nothing in the source: only a commit cures it.
var ErrMissing = errors.New("it is not in the source")

// missing is an error that is ErrMissing and has a better text.
type missing struct{ text string }

func (m missing) Error() string { return m.text }

// Is makes errors.Is find ErrMissing.
func (missing) Is(target error) bool { return target == ErrMissing }

// ErrRemote marks the error of a reference that leads out of the source: Flux may be able to fetch it.
var ErrRemote = errors.New("it refers to something outside the source")

// elsewhere is an error that is ErrRemote and has a better text.
type elsewhere struct{ text string }

func (e elsewhere) Error() string { return e.text }

// Is makes errors.Is find ErrRemote.
func (elsewhere) Is(target error) bool { return target == ErrRemote }

// maxNear is how many names are told of a folder in which something is missing.
const maxNear = 8

// absent says why path, below root, cannot be reached, and what is where it stops: "" if it is there. Both are
// cleaned and absolute.
func absent(root, path string) string {
	relative, err := filepath.Rel(root, path)
	if err != nil || strings.HasPrefix(relative, "..") {
		return "it lies outside of the source"
	}
	at := root
	for part := range strings.SplitSeq(relative, string(filepath.Separator)) {
		next := filepath.Join(at, part)
		if _, err := os.Stat(next); err == nil {
			at = next
			continue
		}
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return shown(root, at) + " is a file, not a folder"
		}
		return fmt.Sprintf("%s has no %s%s", shown(root, at), part, near(at, part))
	}
	return ""
}

// shown is a path as the source's owner knows it.
func shown(root, path string) string {
	relative, err := filepath.Rel(root, path)
	if err != nil || relative == "." {
		return "the source"
	}
	return relative
}

// near names what a folder has, what begins like name first.
func near(dir, name string) string {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return ": it is empty"
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	slices.SortStableFunc(names, func(a, b string) int { return common(b, name) - common(a, name) })
	if len(names) > maxNear {
		names = append(names[:maxNear], "...")
	}
	return "; it has " + strings.Join(names, ", ")
}

// common is the length of the longest common beginning.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// missingIn returns what is wrong with the first reference of a kustomization.yaml in dir to a file or folder
// that is not there; kustomize would say so in a paragraph.
func missingIn(root, dir string, data []byte) string {
	var k types.Kustomization
	if k.Unmarshal(data) != nil {
		return ""
	}
	references := slices.Concat(k.Resources, k.Components, k.Bases)     //nolint:staticcheck // trees still have the old fields
	for _, patch := range slices.Concat(k.Patches, k.PatchesJson6902) { //nolint:staticcheck // as above
		if patch.Path != "" {
			references = append(references, patch.Path)
		}
	}
	for _, reference := range references {
		if filepath.IsAbs(reference) || strings.ContainsAny(reference, "\n") {
			continue // kustomize has its own words for these
		}
		if why := absent(root, filepath.Join(dir, reference)); why != "" {
			return fmt.Sprintf("refers to %s: %s", reference, why)
		}
	}
	return ""
}
