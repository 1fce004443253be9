package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/tazlab/seed/internal/build"
	"github.com/tazlab/seed/internal/fetch"
)

// ErrNoCluster says that nothing could be looked into.
var ErrNoCluster = errors.New("no cluster was found: nothing holds a Flux Kustomization whose spec.path is its own folder, or a FluxInstance with spec.sync")

// Load reads the repository in the folder root, and builds all clusters in the folder only of it ("." for all). Close the
// tree when it is no longer needed.
func Load(ctx context.Context, root, only string) (*Tree, error) {
	go build.Warm() // while files are read
	temporary, err := fetch.Local(root, "seed-check-")
	if err != nil {
		return nil, fmt.Errorf("reading the repository %s: %w", root, err)
	}
	t := &Tree{temporary: temporary, dir: filepath.Join(temporary, fetch.Tree), original: root, files: map[string]*File{}, folders: map[string]bool{".": true}, indexes: map[string]*Index{}, rendered: map[string][]build.Rendered{}, reached: map[string]map[string]bool{}}
	if err := t.load(ctx, path.Clean(filepath.ToSlash(only))); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Tree) load(ctx context.Context, only string) error {
	if err := t.list(); err != nil {
		return err
	}
	for _, start := range t.starts(only) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !t.isBuilt(start) {
			t.Clusters = append(t.Clusters, t.build(start))
		}
	}
	slices.SortFunc(t.Clusters, func(a, b *Cluster) int { return strings.Compare(a.Name, b.Name) })
	t.noteTemplates()
	t.noteOthers(only)
	if len(t.Clusters) == 0 {
		err := ErrNoCluster
		for _, n := range t.NotLooked {
			err = fmt.Errorf("%w; not looked into: %s: %s", err, n.What, n.Why)
		}
		return err
	}
	return nil
}

// isBuilt tells whether what looks like a root is a unit of a cluster: one that builds the folder in which it stands. Of a root that
// was not looked into it is taken for one.
func (t *Tree) isBuilt(s start) bool {
	return s.doc != nil && s.rank() == 0 && slices.ContainsFunc(t.Clusters, func(c *Cluster) bool {
		return c.Root.NotLooked != "" && below(clean(c.Root.Spec.Path), s.doc.File) || slices.ContainsFunc(c.Units, func(u *Unit) bool { return u != c.Root && u.Dir == s.dir && u.File == s.doc.File })
	})
}

// list notes what files and folders there are.
func (t *Tree) list() error {
	return filepath.WalkDir(t.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(t.dir, name)
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			t.folders[relative] = true
		default:
			t.files[relative] = nil
		}
		return nil
	})
}

// yamlFiles are the names of all files with YAML, sorted.
func (t *Tree) yamlFiles() []string {
	var names []string
	for name := range t.files {
		if extension := path.Ext(name); extension == ".yaml" || extension == ".yml" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// noteOthers tells of Flux Kustomizations that no root leads to.
func (t *Tree) noteOthers(only string) {
	known := map[string]bool{}
	for _, c := range t.Clusters {
		for _, unit := range c.Units {
			known[unit.File] = true
			for file := range t.ReadBy(unit) {
				known[file] = true
			}
		}
	}
	for _, name := range t.yamlFiles() {
		if only != "." && !below(only, name) || known[name] || t.inChart(name) || !t.mentions(name, kustomizev1.GroupVersion.Group, instances) {
			continue
		}
		if err := t.File(name).Err; err != nil {
			t.NotLooked = append(t.NotLooked, NotLooked{name, "it is not YAML: " + oneLine(err.Error())})
		}
		if slices.ContainsFunc(t.File(name).Docs, isUnit) {
			t.NotLooked = append(t.NotLooked, NotLooked{name, "no root that was found leads to its Flux Kustomizations; name the folder of its cluster if it is one"})
		}
	}
}

// inChart tells whether a file is of a chart: its release says what is not looked into, and a template is no YAML.
func (t *Tree) inChart(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if t.IsFile(dir + "/Chart.yaml") {
			return true
		}
	}
	return false
}

// noteTemplates tells of Flux Kustomizations that are still templates.
func (t *Tree) noteTemplates() {
	found := t.templates()
	for _, folder := range slices.Sorted(maps.Keys(found)) {
		t.NotLooked = append(t.NotLooked, NotLooked{folder, fmt.Sprintf("%d of its files are templates of Flux Kustomizations (.j2, .tmpl), not YAML: render them first", found[folder])})
	}
}

// templates are how many files are templates of Flux Kustomizations, by the first folder of their paths.
func (t *Tree) templates() map[string]int {
	found := map[string]int{}
	for name := range t.files {
		if !slices.Contains([]string{".j2", ".jinja", ".jinja2", ".tmpl", ".gotmpl", ".tpl"}, path.Ext(name)) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(t.dir, name))
		if err == nil && strings.Contains(string(data), "kustomize.toolkit.fluxcd.io") {
			first, _, _ := strings.Cut(name, "/")
			found[first]++
		}
	}
	return found
}
