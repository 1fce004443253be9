package target

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/client-go/util/jsonpath"
)

// parsePath reads {...}[=value].
func parsePath(c Check, text string) (Check, error) {
	if strings.HasPrefix(text, "'") || strings.HasPrefix(text, `"`) {
		return c, errors.New("leave the quotes around the path out: no shell takes them away")
	}
	c.Path, text = cutPath(text)
	if value, valued := strings.CutPrefix(text, "="); valued {
		value = unquote(value)
		c.Value = &value
	} else if text != "" {
		return c, fmt.Errorf("after the path comes =value or nothing, not %q", text)
	}
	if c.Value != nil && *c.Value == "" {
		return c, errors.New("the value after jsonpath={...}= is empty: leave = out to wait for any value")
	}
	parser, err := jsonpath.Parse("", c.Path)
	if err != nil {
		return c, fmt.Errorf("%q is no JSONPath (https://kubernetes.io/docs/reference/kubectl/jsonpath/): %w", c.Path, err)
	}
	if !leads(parser.Root.Nodes) {
		return c, fmt.Errorf("%q does not lead to a field: write for example jsonpath={.status.phase}=Running, or leave =Running out to wait for any value", c.Path)
	}
	return c, nil
}

// cutPath takes the path from the front of text. As for kubectl, its braces and first dot may be missing.
func cutPath(text string) (path, rest string) {
	if !strings.HasPrefix(text, "{") {
		path, _, _ = strings.Cut(text, "=")
		return "{." + strings.TrimPrefix(path, ".") + "}", text[len(path):]
	}
	var quote rune
	for i, r := range text {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == '}':
			return text[:i+1], text[i+1:]
		}
	}
	return text, "" // the parser says what is missing
}

// leads tells whether a path is one way into an object. {"text"} and {.} find something in every object, and so would
// never wait.
func leads(nodes []jsonpath.Node) bool {
	if len(nodes) != 1 {
		return false
	}
	way, ok := nodes[0].(*jsonpath.ListNode)
	if !ok || len(way.Nodes) == 0 || way.Nodes[len(way.Nodes)-1].Type() == jsonpath.NodeRecursive {
		return false
	}
	return !slices.ContainsFunc(way.Nodes, func(n jsonpath.Node) bool {
		switch n := n.(type) {
		case *jsonpath.FieldNode:
			return n.Value == ""
		case *jsonpath.ArrayNode, *jsonpath.FilterNode, *jsonpath.RecursiveNode, *jsonpath.UnionNode, *jsonpath.WildcardNode:
			return false
		}
		return true
	})
}

// unquote takes one pair of quotes away, as kubectl wait does.
func unquote(text string) string {
	if n := len(text); n > 1 && (text[0] == '\'' || text[0] == '"') && text[0] == text[n-1] {
		return text[1 : n-1]
	}
	return text
}
