package build

import (
	"regexp"
	"strings"

	ssautil "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// plain reads nodes as they come back when they are written as YAML and read again. Kustomize-controller does that with each
// object, twice if it has variables; it takes longer than all else that is done with an object. What comes back is not always
// what was there: plain reads only the nodes for which that is certain.
type plain struct {
	// replace fills in the variables of a text, and tells whether it can; it is nil where they are left alone.
	replace func(string) (string, bool)
}

// value reads a node, and tells whether it is certain.
func (p plain) value(node *yaml.Node) (value any, certain bool) {
	switch tag := node.ShortTag(); {
	case node.Kind == yaml.MappingNode && tag == yaml.NodeTagMap:
		return p.mapping(node)
	case node.Kind == yaml.SequenceNode && tag == yaml.NodeTagSeq:
		list := make([]any, len(node.Content))
		for i, element := range node.Content {
			if list[i], certain = p.value(element); !certain {
				return nil, false
			}
		}
		return list, true
	case node.Kind == yaml.ScalarNode && tag == yaml.NodeTagString && node.Style&yaml.FoldedStyle == 0:
		return p.text(node.Value)
	case node.Kind == yaml.ScalarNode && node.Style == 0 && node.Value != "":
		return scalar(node)
	}
	return nil, false
}

func (p plain) mapping(node *yaml.Node) (value map[string]any, certain bool) {
	value = make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, certain := p.value(node.Content[i])
		key, text := name.(string)
		if _, twice := value[key]; !certain || !text || twice {
			return nil, false
		}
		if value[key], certain = p.value(node.Content[i+1]); !certain {
			return nil, false
		}
	}
	return value, true
}

// scalar reads what is no text. Numbers with a fraction are spelt in too many ways.
func scalar(node *yaml.Node) (value any, certain bool) {
	if node.Decode(&value) != nil {
		return nil, false
	}
	switch value := value.(type) {
	case bool, nil:
		return value, true
	case int:
		return int64(value), true
	}
	return nil, false
}

func (p plain) text(text string) (string, bool) {
	for _, c := range []byte(text) {
		if c != '\n' && (c < ' ' || c > '~') {
			return "", false
		}
	}
	if p.replace == nil || !strings.Contains(text, "$") {
		return text, true
	}
	return p.replace(text)
}

// word matches what is the same text with and without quotes, and keyword those words that YAML 1.1 takes for something else.
var (
	word    = regexp.MustCompile(`^[A-Za-z/$][!-~]*[!-9;-~]$`)
	keyword = regexp.MustCompile(`(?i)^(yes|no|on|off|true|false|null)$`)
)

// replace fills in the variables of a text where the result does not depend on what stands around it.
func (v Variables) replace(text string) (string, bool) {
	if !word.MatchString(text) {
		return "", false
	}
	out, unset, err := v.eval(text)
	return out, err == nil && len(unset) == 0 && word.MatchString(out) && !keyword.MatchString(out)
}

// plain is fill for a resource whose nodes are certain and that is a single object, nil for others.
func (v Variables) plain(res *resource.Resource, replaces bool) *unstructured.Unstructured {
	var reader plain
	if replaces {
		reader.replace = v.replace
	}
	content, certain := reader.value(res.YNode())
	fields, object := content.(map[string]any)
	if !certain || !object {
		return nil
	}
	u := &unstructured.Unstructured{Object: fields}
	if u.GetKind() == "" || u.IsList() || ssautil.IsKustomization(u) {
		return nil
	}
	return u
}
