package talos

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Manifest is one inline manifest: YAML documents under a name.
type Manifest struct {
	Name     string
	Contents string
}

// ErrNoMachineConfig is the error of Manifests for a text with other documents than a machine config's.
var ErrNoMachineConfig = errors.New("not a machine config nor a patch of one")

// document is what can be in a document of a machine config, as far as it concerns inline manifests.
type document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Manifest   string `json:"manifest"`
	Cluster    struct {
		InlineManifests []struct {
			Name     string `json:"name"`
			Contents string `json:"contents"`
		} `json:"inlineManifests"`
	} `json:"cluster"`
}

// Manifests reads the inline manifests of a machine config or of a patch, in both generations: the field cluster.inlineManifests and,
// from Talos 1.14, documents KubeInlineManifestConfig. Names are checked as Talos does; where a document and the field have
// one of the same name, the field's counts. They come sorted by name.
func Manifests(patch []byte) ([]Manifest, error) {
	fields, documents := map[string]string{}, map[string]string{}
	for d, err := range documentsOf(patch) {
		if err != nil {
			return nil, err
		}
		switch {
		case d.Kind == "":
			for _, m := range d.Cluster.InlineManifests {
				if err := add(fields, m.Name, strings.TrimLeft(m.Contents, " \t\r\n")); err != nil {
					return nil, err
				}
			}
		case d.APIVersion != "v1alpha1":
			return nil, fmt.Errorf("%w: it has a %s %s", ErrNoMachineConfig, d.APIVersion, d.Kind)
		case d.Kind == "KubeInlineManifestConfig":
			if problems := validation.IsDNS1123Subdomain(d.Name); len(problems) > 0 {
				return nil, fmt.Errorf("inline manifest name %q is invalid: %s", d.Name, strings.Join(problems, "; "))
			}
			if err := add(documents, d.Name, d.Manifest); err != nil {
				return nil, err
			}
		}
	}
	maps.Copy(documents, fields)
	var all []Manifest
	for _, name := range slices.Sorted(maps.Keys(documents)) {
		all = append(all, Manifest{Name: name, Contents: documents[name]})
	}
	return all, nil
}

func add(to map[string]string, name, contents string) error {
	if strings.TrimSpace(name) == "" {
		return errors.New("inline manifest name can't be empty")
	}
	if _, twice := to[name]; twice {
		return fmt.Errorf("inline manifest name %q is duplicate", name)
	}
	to[name] = contents
	return nil
}

// documentsOf goes through the documents of a machine config; it ends with the first error.
func documentsOf(text []byte) func(yield func(document, error) bool) {
	return func(yield func(document, error) bool) {
		for raw, err := range split(text) {
			var d document
			if err == nil {
				err = yaml.Unmarshal(raw, &d)
			}
			if err != nil {
				yield(d, fmt.Errorf("read the machine config: %w", err))
				return
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// split goes through the YAML documents of a text that are not empty.
func split(text []byte) func(yield func([]byte, error) bool) {
	return func(yield func([]byte, error) bool) {
		reader := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for {
			raw, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if len(bytes.TrimSpace(raw)) == 0 && err == nil {
				continue
			}
			if !yield(raw, err) || err != nil {
				return
			}
		}
	}
}
