package chart

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	helm "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/chart/v2/util"
)

// loaded is a chart with its dependencies, as source-controller packs it.
// https://github.com/fluxcd/source-controller/blob/v1.9.5/internal/helm/chart/builder_local.go
type loaded struct {
	*helm.Chart
	// root is the folder of the repository, dir that of the chart in it.
	root, dir string
	// folders are those of its dependencies in the repository, by the names that the chart has for them.
	folders map[string]string
}

func load(root string, r Release) (*loaded, error) {
	info, err := os.Stat(filepath.Join(root, r.Chart))
	if err != nil {
		return nil, missing(r.Chart, err)
	}
	c := &loaded{root: root, dir: r.Chart, folders: map[string]string{}}
	if c.Chart, err = loader.Load(filepath.Join(root, r.Chart)); err != nil {
		return nil, err
	}
	if err := c.replaceValues(r); err != nil {
		return nil, err
	}
	if info.IsDir() { // what is in an archive is complete
		err = c.addDependencies()
	}
	return c, err
}

// missing is the error for a name of the repository that could not be read.
func missing(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return Missing{name}
	}
	return err
}

// inside makes a path that begins at the repository's root one in the repository, whatever ".." it has.
func inside(name string) string { return strings.TrimPrefix(path.Join("/", name), "/") }

// replaceValues puts values files in the place of the chart's own.
func (c *loaded) replaceValues(r Release) error {
	if len(r.ValuesFiles) == 0 {
		return nil
	}
	if !slices.ContainsFunc(c.Raw, func(f *common.File) bool { return f.Name == util.ValuesfileName }) {
		return fmt.Errorf("the chart has no %s, in whose place spec.chart.spec.valuesFiles could be put", util.ValuesfileName)
	}
	merged := map[string]any{}
	for _, name := range r.ValuesFiles {
		data, err := os.ReadFile(filepath.Join(c.root, inside(name)))
		if errors.Is(err, fs.ErrNotExist) && r.IgnoreMissing {
			continue
		}
		if err != nil {
			return missing(inside(name), err)
		}
		values, err := loader.LoadValues(bytes.NewReader(data))
		if err != nil {
			return fmt.Errorf("values file %s: %w", inside(name), err)
		}
		merged = loader.MergeMaps(merged, values)
	}
	c.Values = merged
	return nil
}

// addDependencies loads those of other folders. As for source-controller a lock counts more than Chart.yaml, nothing is missing
// where there are as many as there should be, and dependencies of dependencies must be in these.
func (c *loaded) addDependencies() error {
	for _, d := range c.Metadata.Dependencies {
		c.folders[cmp.Or(d.Alias, d.Name)] = c.folder(d)
	}
	wanted, there := c.Metadata.Dependencies, c.Dependencies()
	if c.Lock != nil {
		wanted = c.Lock.Dependencies
	}
	if len(wanted) == len(there) {
		return nil
	}
	for _, d := range wanted {
		name := cmp.Or(d.Alias, d.Name)
		if slices.ContainsFunc(there, func(o *helm.Chart) bool { return o.Name() == name }) || !local(d) {
			continue
		}
		if err := c.addDependency(d); err != nil {
			return fmt.Errorf("its dependency %s: %w", name, err)
		}
	}
	return nil
}

// local tells whether a dependency must be in the repository.
func local(d *helm.Dependency) bool {
	return d.Repository == "" || strings.HasPrefix(d.Repository, "file://")
}

// folder is where a dependency is, if it is in the repository.
func (c *loaded) folder(d *helm.Dependency) string {
	address, err := url.Parse(d.Repository)
	if err != nil || d.Repository == "" || !local(d) {
		return path.Join(c.dir, "charts", d.Name)
	}
	return inside(path.Join(c.dir, address.Host, address.Path)) // the host of "file://../x" is ".."
}

func (c *loaded) addDependency(d *helm.Dependency) error {
	folder := c.folder(d)
	if _, err := os.Stat(filepath.Join(c.root, folder)); err != nil {
		return missing(folder, err)
	}
	library, err := loader.Load(filepath.Join(c.root, folder))
	if err != nil {
		return err
	}
	if !util.IsCompatibleRange(d.Version, library.Metadata.Version) {
		return fmt.Errorf("%s has version %s, not %q", folder, library.Metadata.Version, d.Version)
	}
	library.Metadata.Name = cmp.Or(d.Alias, library.Metadata.Name)
	c.AddDependency(library)
	return nil
}

// complete fails if a dependency that the values switch on is not in the repository.
func (c *loaded) complete() error {
	for _, d := range c.Metadata.Dependencies {
		if !slices.ContainsFunc(c.Dependencies(), func(o *helm.Chart) bool { return o.Name() == d.Name }) {
			return Unknown(fmt.Sprintf("the chart's dependency %s comes from %s", d.Name, cmp.Or(d.Repository, "elsewhere")))
		}
	}
	return nil
}

// fileOf is where a template or definition stands in the repository, of which Helm says the charts that it is in, by their names.
func (c *loaded) fileOf(name string) string {
	_, name, _ = strings.Cut(name, "/") // the name of the chart itself
	parts := strings.SplitN(name, "/", 3)
	if len(parts) == 3 && parts[0] == "charts" && c.folders[parts[1]] != "" {
		return path.Join(c.folders[parts[1]], parts[2])
	}
	return path.Join(c.dir, name)
}
