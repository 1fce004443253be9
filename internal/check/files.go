package check

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// File is a file of the repository with YAML in it.
type File struct {
	// Docs are its documents, none if it is not YAML.
	Docs []*Doc
	// Err says why it is not YAML.
	Err error
}

// Doc is a document of a YAML file.
type Doc struct {
	File string
	// Node is the document's own value; its lines are the file's.
	Node *yaml.Node
	// Line is where it begins.
	Line                              int
	APIVersion, Kind, Namespace, Name string
}

// Group is the group of APIVersion.
func (d *Doc) Group() string {
	group, _, found := strings.Cut(d.APIVersion, "/")
	if !found {
		return ""
	}
	return group
}

// String is the text at a path, "" if there is none.
func (d *Doc) String(path ...string) string {
	if node := at(d.Node, path); node != nil && node.Kind == yaml.ScalarNode {
		return node.Value
	}
	return ""
}

// File reads a YAML file, nil if there is none. What cannot be read as YAML has no documents.
func (t *Tree) File(name string) *File {
	if file, known := t.files[name]; known && file != nil {
		return file
	} else if !known {
		return nil
	}
	file := &File{}
	t.files[name] = file
	if extension := filepath.Ext(name); extension != ".yaml" && extension != ".yml" && !isIndex(name) {
		return file
	}
	data, err := os.ReadFile(filepath.Join(t.dir, name))
	if err != nil {
		return file
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return file
		}
		if err != nil {
			file.Docs, file.Err = nil, err
			return file
		}
		if node.Kind == yaml.DocumentNode && len(node.Content) == 1 && node.Content[0].Kind == yaml.MappingNode {
			file.Docs = append(file.Docs, newDoc(name, node.Content[0]))
		}
	}
}

func newDoc(file string, node *yaml.Node) *Doc {
	d := &Doc{File: file, Node: node, Line: node.Line}
	d.APIVersion, d.Kind = d.String("apiVersion"), d.String("kind")
	d.Namespace, d.Name = d.String("metadata", "namespace"), d.String("metadata", "name")
	return d
}

// docOf finds the document of a file that an object was made of. Prefixes, suffixes and patches may have changed its name, and
// kustomize its namespace: that of the longest name that is left in the object's, and of those the one with its namespace, or with none.
func (t *Tree) docOf(file, kind, namespace, name string) *Doc {
	f := t.File(file)
	if f == nil {
		return nil
	}
	same := slices.DeleteFunc(slices.Clone(f.Docs), func(d *Doc) bool { return d.Kind != kind })
	if len(same) == 1 {
		return same[0]
	}
	same = slices.DeleteFunc(same, func(d *Doc) bool { return d.Name == "" || !strings.Contains(name, d.Name) })
	if len(same) == 0 {
		return nil
	}
	nearness := func(d *Doc) int {
		switch d.Namespace {
		case namespace:
			return 2
		case "":
			return 1
		}
		return 0
	}
	return slices.MaxFunc(same, func(a, b *Doc) int { return cmp.Or(len(a.Name)-len(b.Name), nearness(a)-nearness(b)) })
}

// at follows a path; the node of a field of a map is its key, where the line of a value in a block would be the next one. The
// last step returns the value if it is a scalar on the same line.
func at(node *yaml.Node, path []string) *yaml.Node {
	key := node
	for _, step := range path {
		key, node = child(node, step)
		if node == nil {
			return nil
		}
	}
	if node.Kind == yaml.ScalarNode {
		return &yaml.Node{Kind: node.Kind, Value: node.Value, Line: key.Line}
	}
	return key
}

// child is one step of a path: the node that shows where it is, and the value.
func child(node *yaml.Node, step string) (key, value *yaml.Node) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i], node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for _, element := range node.Content {
			if element.Kind == yaml.ScalarNode && element.Value == step {
				return element, element
			}
		}
		if index, err := strconv.Atoi(step); err == nil && index < len(node.Content) {
			return node.Content[index], node.Content[index]
		}
		field, want, _ := strings.Cut(step, "=")
		for _, element := range node.Content {
			if found := fieldAt(element, field); found != nil && found.Value == want {
				return element, element
			}
		}
	}
	return nil, nil
}

// fieldAt is the value of a field, "a.b" of one in another.
func fieldAt(node *yaml.Node, field string) *yaml.Node {
	for part := range strings.SplitSeq(field, ".") {
		if _, node = child(node, part); node == nil {
			return nil
		}
	}
	return node
}
