package charts

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
)

// Render does what source-controller and helm-controller do with a folder of charts: it puts the libraries into the chart, as
// Chart.yaml says, checks the values, and fills in the templates. The result are the files by name.
func Render(folder, release, namespace string, values ...string) (map[string]string, error) {
	chart, err := loader.LoadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, dependency := range chart.Metadata.Dependencies {
		library, err := loader.LoadDir(filepath.Join(folder, strings.TrimPrefix(dependency.Repository, "file://")))
		if err != nil {
			return nil, err
		}
		chart.AddDependency(library)
	}
	merged := map[string]any{}
	for _, text := range values {
		layer, err := loader.LoadValues(strings.NewReader(text))
		if err != nil {
			return nil, err
		}
		merged = loader.MergeMaps(merged, layer)
	}
	options := common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	filled, err := util.ToRenderValues(chart, merged, options, nil)
	if err != nil {
		return nil, err
	}
	return engine.Render(chart, filled)
}

// Documents are the objects of what was rendered, as YAML, in the order of the files' names.
func Documents(files map[string]string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for document := range strings.SplitSeq(files[name], "\n---\n") {
			if strings.TrimSpace(document) != "" {
				all = append(all, document)
			}
		}
	}
	return all
}
