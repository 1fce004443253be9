// Package charts renders the charts of this repository for tests of them, and of what they install.
package charts

import (
	"fmt"
	"path"

	"github.com/fluxcd/pkg/runtime/transform"
	"sigs.k8s.io/yaml"

	"github.com/tazlab/seed/internal/chart"
)

// Render renders a folder of charts/ of the repository in the folder root, and returns the objects as YAML. Values are YAML too;
// later ones go over earlier ones.
func Render(root, name, release, namespace string, values ...string) ([]string, error) {
	merged := map[string]any{}
	for _, text := range values {
		var layer map[string]any
		if err := yaml.Unmarshal([]byte(text), &layer); err != nil {
			return nil, fmt.Errorf("reading values for chart %s: %w", name, err)
		}
		merged = transform.MergeMaps(merged, layer)
	}
	objects, err := chart.Render(root, chart.Release{Chart: path.Join("charts", name), Name: release, Namespace: namespace, Values: merged})
	if err != nil {
		return nil, fmt.Errorf("rendering chart %s: %w", name, err)
	}
	var documents []string
	for _, o := range objects {
		document, err := yaml.Marshal(o.Object)
		if err != nil {
			return nil, fmt.Errorf("%s %s of chart %s: %w", o.GetKind(), o.GetName(), name, err)
		}
		documents = append(documents, string(document))
	}
	return documents, nil
}
