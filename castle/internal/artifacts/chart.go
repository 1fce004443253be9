package artifacts

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// ESOChart returns the Helm chart of External Secrets Operator as its module holds it at the version of upstream.sum:
// one file, chart.tgz, to be pushed as a Helm chart.
//
// Its version is what the module says, and that is the release before: the project raises it after the tag. Whoever uses
// it names the operator's image. Two things differ from the chart that the project publishes. It has no dependency
// (bitwarden-sdk-server, off by default, whose files are not in the module); the chart begins to fail here should it get
// another one. And it has no CRDs, which the project generates when it publishes: ESOCRDs has them.
//
// The result is kept under cacheDir.
func ESOChart(ctx context.Context, cacheDir string) (Artifact, error) {
	v, err := version(esoModule)
	if err != nil {
		return Artifact{}, err
	}
	dir, err := cached(cacheDir, "external-secrets-chart-"+v, "chart.tgz", func() ([]byte, error) { return chart(ctx) })
	if err != nil {
		return Artifact{}, fmt.Errorf("packing the chart of External Secrets Operator %s: %w", v, err)
	}
	return Artifact{Dir: dir, Source: "https://" + esoModule, Revision: v, Chart: true}, nil
}

func chart(ctx context.Context) ([]byte, error) {
	modules, err := download(ctx, esoModule)
	if err != nil {
		return nil, err
	}
	files := os.DirFS(filepath.Join(modules[esoModule].Dir, "deploy", "charts", "external-secrets"))
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !inChart(name) {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err == nil && name == "Chart.yaml" {
			content, err = withoutDependency(content)
		}
		if err != nil {
			return err
		}
		return add(archive, path.Join("external-secrets", name), content)
	})
	if err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// inChart leaves out what the chart's .helmignore names, and the lock of the dependencies.
func inChart(name string) bool {
	switch folder, _, _ := strings.Cut(name, "/"); folder {
	case "Chart.yaml", "values.yaml", "values.schema.json", "README.md", "files":
		return true
	case "templates":
		return !strings.HasPrefix(name, "templates/crds/")
	}
	return false
}

// withoutDependency takes the one known dependency out of Chart.yaml.
func withoutDependency(content []byte) ([]byte, error) {
	var known struct {
		Dependencies []struct{ Name, Condition string }
	}
	var all map[string]any
	if err := yaml.Unmarshal(content, &known); err != nil {
		return nil, fmt.Errorf("reading Chart.yaml: %w", err)
	}
	if err := yaml.Unmarshal(content, &all); err != nil {
		return nil, fmt.Errorf("reading Chart.yaml: %w", err)
	}
	const optional = "bitwarden-sdk-server"
	if d := known.Dependencies; len(d) != 1 || d[0].Name != optional || d[0].Condition != optional+".enabled" {
		return nil, fmt.Errorf("Chart.yaml names the dependencies %+v: only %s can be left out", d, optional)
	}
	delete(all, "dependencies")
	return yaml.Marshal(all)
}

// add writes a file whose header has nothing but its name and size, so that the same content gives the same archive.
func add(to *tar.Writer, name string, content []byte) error {
	header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
	if err := to.WriteHeader(header); err != nil {
		return err
	}
	_, err := to.Write(content)
	return err
}
