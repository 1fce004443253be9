package bundle

import (
	"errors"
	"fmt"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// File is the key of a ConfigMap, and the file in a Pod, that holds a bundle.
const File = "bundle.yaml"

// Objects are those of the bundle.
func (b *Bundle) Objects() []*unstructured.Unstructured { return b.objects }

// Extract finds the bundles in what carries them: an inline manifest, a patch or document of Talos' machine config with one, a
// ConfigMap or a list of them, or the bundle as it is.
func Extract(data []byte) ([]string, error) {
	objects, err := readObjects(data)
	if err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	var found []string
	for _, object := range objects {
		if object.GetKind() == kustomizev1.KustomizationKind {
			return []string{string(data)}, nil
		}
		found = append(found, extract(object.Object)...)
	}
	if len(found) == 0 {
		return nil, errors.New("there is no bundle in it: give what \"seed render\" printed, or the ConfigMap of the namespace seed-system that holds " + File)
	}
	return found, nil
}

// extract looks for the key of a bundle, also in the texts that Talos' machine config holds manifests in.
func extract(value any) []string {
	var found []string
	switch value := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(value) {
			switch text, isText := value[key].(string); {
			case isText && key == File:
				found = append(found, text)
			case isText && (key == "contents" || key == "manifest"):
				if more, err := Extract([]byte(text)); err == nil {
					found = append(found, more...)
				}
			default:
				found = append(found, extract(value[key])...)
			}
		}
	case []any:
		for _, element := range value {
			found = append(found, extract(element)...)
		}
	}
	return found
}
