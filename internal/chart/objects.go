package chart

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	helm "helm.sh/helm/v4/pkg/chart/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// separator is Helm's own: what stands behind the dashes, in their line, belongs to the document. Templates that trim white space
// make such lines (https://github.com/helm/helm/blob/v4.2.2/pkg/release/v1/util/manifest.go).
var separator = regexp.MustCompile(`(?:^|\s*\n)---\s*`)

// objects are those of rendered files, and of the folder crds.
func (c *loaded) objects(files map[string]string, r Release) ([]Object, error) {
	var all []Object
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		objects, err := read(separator.ReplaceAllString(strings.TrimSpace(files[name]), "\n---\n"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.fileOf(name), err)
		}
		for _, o := range objects {
			hook, installs := hookOf(o)
			if !hook || installs && !r.SkipHooks {
				all = append(all, Object{Unstructured: o, File: c.fileOf(name), Hook: hook})
			}
		}
	}
	if r.SkipCRDs {
		return all, nil
	}
	for _, file := range c.CRDObjects() {
		objects, err := read(string(file.File.Data))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.fileOf(file.Filename), err)
		}
		for _, o := range objects {
			if o.GetKind() == "CustomResourceDefinition" { // helm-controller leaves others out
				all = append(all, Object{Unstructured: o, File: c.fileOf(file.Filename), Definition: true})
			}
		}
	}
	return all, nil
}

var errNoKind = errors.New("a document has no apiVersion or no kind")

// read reads YAML documents. A List is what is in it; what has no name gets one from the API server.
func read(text string) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	add := func(o *unstructured.Unstructured) error {
		if o.GetAPIVersion() == "" || o.GetKind() == "" {
			return errNoKind
		}
		if o.GetName() == "" {
			o.SetName(Varies)
		}
		all = append(all, o)
		return nil
	}
	for reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		o, err := decode(document)
		switch {
		case err != nil:
			return nil, err
		case o == nil:
		case o.IsList():
			err = o.EachListItem(func(item runtime.Object) error {
				one, _ := item.(*unstructured.Unstructured)
				return add(one)
			})
		default:
			err = add(o)
		}
		if err != nil {
			return nil, err
		}
	}
}

// decode reads a document, nil if it is empty. Its errors do not repeat it: it may hold what is secret.
func decode(document []byte) (*unstructured.Unstructured, error) {
	data, err := yaml.YAMLToJSON(document)
	if err != nil || string(data) == "null" {
		return nil, err
	}
	o := &unstructured.Unstructured{}
	err = o.UnmarshalJSON(data)
	if runtime.IsMissingKind(err) || runtime.IsMissingVersion(err) {
		return nil, errNoKind
	}
	if err != nil {
		return nil, errors.New("a document is no object of Kubernetes")
	}
	return o, nil
}

// events are those of a release's life at which Helm runs hooks, with whether the first installation is one of them.
var events = map[string]bool{
	"pre-install": true, "post-install": true, "pre-delete": false, "post-delete": false, "pre-upgrade": false, "post-upgrade": false,
	"pre-rollback": false, "post-rollback": false, "test": false, "test-success": false,
}

// hookOf tells whether an object is a hook, and whether an installation runs it. With an event that Helm does not know it never does.
func hookOf(o *unstructured.Unstructured) (hook, installs bool) {
	text, hook := o.GetAnnotations()["helm.sh/hook"]
	for event := range strings.SplitSeq(text, ",") {
		runs, known := events[strings.ToLower(strings.TrimSpace(event))]
		if !known {
			return hook, false
		}
		installs = installs || runs
	}
	return hook, installs
}

// refersElsewhere tells whether the schema of a chart, or of one in it, names another document. Helm would fetch that.
func refersElsewhere(c *helm.Chart) bool {
	var schema any
	if len(c.Schema) > 0 && json.Unmarshal(c.Schema, &schema) == nil && refers(schema) {
		return true
	}
	return slices.ContainsFunc(c.Dependencies(), refersElsewhere)
}

// drafts are the schemas of schemas that Helm's library brings along.
var drafts = regexp.MustCompile(`^https?://json-schema\.org/(draft-0[467]/|draft/2019-09/|draft/2020-12/)?schema#?$`)

func refers(schema any) bool {
	switch schema := schema.(type) {
	case map[string]any:
		for key, value := range schema {
			text, isText := value.(string)
			switch {
			case !isText && refers(value):
				return true
			case isText && (key == "$ref" || key == "$dynamicRef" || key == "$recursiveRef") && !strings.HasPrefix(text, "#"):
				return true
			case isText && key == "$schema" && !drafts.MatchString(text):
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(schema, refers)
	}
	return false
}
