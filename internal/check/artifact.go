package check

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// copied is a folder or file of an artifact that comes from the repository.
type copied struct{ from, to string }

// repository is where a file of a unit's source stands in the repository, "" if that is not known.
func (u *Unit) repository(name string) string {
	if u.copied == nil {
		return name
	}
	for _, c := range u.copied {
		if name == c.to {
			return c.from
		}
		if below(c.to, name) {
			return path.Join(c.from, strings.TrimPrefix(name, c.to))
		}
	}
	return ""
}

// artifact makes the artifact that a unit names, if an ArtifactGenerator in the tree makes it of this repository.
// https://fluxcd.io/flux/components/source/artifactgenerators/
func (l *loader) artifact(unit *Unit) (dir, why string) {
	other := "its source is " + sourceID(unit) + ", "
	namespace := cmp.Or(unit.Spec.SourceRef.Namespace, unit.Namespace)
	for _, object := range l.cluster.Objects() {
		if object.GetKind() != "ArtifactGenerator" || object.GetNamespace() != namespace {
			continue
		}
		artifacts, _, _ := unstructured.NestedSlice(object.Object, "spec", "artifacts")
		for _, artifact := range artifacts {
			content, _ := artifact.(map[string]any)
			if name, _, _ := unstructured.NestedString(content, "name"); name != unit.Spec.SourceRef.Name {
				continue
			}
			copies, why := l.copies(object, content)
			if why != "" {
				return "", other + why
			}
			unit.copied = copies
			dir := filepath.Join(l.tree.temporary, "artifacts", strings.ReplaceAll(l.cluster.Name, "/", "-")+"-"+unit.Namespace+"-"+unit.Name)
			if err := l.tree.lay(dir, copies); err != nil {
				return "", other + "which cannot be made: " + err.Error()
			}
			return dir, ""
		}
	}
	return "", other + "not this repository"
}

// copies reads what an artifact is made of. Only whole folders and single files of the root's own source are followed.
func (l *loader) copies(generator *Object, artifact map[string]any) (all []copied, why string) {
	sources, _, _ := unstructured.NestedSlice(generator.Object, "spec", "sources")
	own := map[string]bool{}
	for _, source := range sources {
		content, _ := source.(map[string]any)
		text := func(field string) string { s, _, _ := unstructured.NestedString(content, field); return s }
		id := fmt.Sprintf("%s %s/%s", text("kind"), cmp.Or(text("namespace"), generator.GetNamespace()), text("name"))
		own[text("alias")] = id == sourceID(l.cluster.Root)
	}
	list, _, _ := unstructured.NestedSlice(artifact, "copy")
	for _, entry := range list {
		content, _ := entry.(map[string]any)
		from, _, _ := unstructured.NestedString(content, "from")
		to, _, _ := unstructured.NestedString(content, "to")
		alias, from, _ := strings.Cut(strings.TrimPrefix(from, "@"), "/")
		to, there := strings.CutPrefix(to, "@artifact/")
		from, whole := strings.CutSuffix(from, "/**")
		strategy, _, _ := unstructured.NestedString(content, "strategy")
		switch {
		case !own[alias]:
			return nil, "which holds files of other sources"
		case !there || content["exclude"] != nil || strategy != "" && strategy != "Overwrite" || strings.ContainsAny(from, "*?[{"):
			return nil, "which is made by patterns that are not followed here"
		case !whole && strings.HasSuffix(to, "/"):
			to += path.Base(from)
		}
		if whole != l.tree.IsFolder(from) || !whole && !l.tree.IsFile(from) {
			return nil, "which is made of " + from + ", and that is not what it is taken for"
		}
		all = append(all, copied{path.Clean(from), path.Clean("./" + to)})
	}
	return all, ""
}

// lay makes the folder of an artifact.
func (t *Tree) lay(dir string, copies []copied) error {
	for _, c := range copies {
		from, to := filepath.Join(t.dir, c.from), filepath.Join(dir, c.to)
		if t.IsFolder(c.from) {
			if err := os.CopyFS(to, os.DirFS(from)); err != nil {
				return err
			}
			continue
		}
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o700)
		}
		if err == nil {
			err = os.WriteFile(to, data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
