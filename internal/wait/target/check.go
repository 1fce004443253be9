package target

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/util/jsonpath"

	"github.com/tazlab/seed/internal/wait/kinds"
)

// Word is the word with which a check begins.
type Word string

// The checks, in kubectl wait's words where it has one.
const (
	// Exists is met by an object that is there and is not being deleted.
	Exists Word = "exists"
	// Key is met by a Secret or ConfigMap that has all keys, none of them empty.
	Key Word = "key"
	// Condition is met by a condition of that type and status that is not older than the object's spec.
	Condition Word = "condition"
	// JSONPath is met by a value that is there and not empty, or by one that equals.
	JSONPath Word = "jsonpath"
	// Ready is met by what has reached the state that its spec asks for, by the rules of kstatus.
	Ready Word = "ready"
	// Complete is met by a Job that has completed, and fails with a Job that has failed.
	Complete Word = "complete"
	// Deleted is met by what is not, or no longer, there.
	Deleted Word = "deleted"
)

const words = "exists, key=a,b, condition=Type[=Status], jsonpath={...}[=value], ready, complete, deleted"

// Check is what an object must pass.
type Check struct {
	Word Word
	// Keys are those of Key.
	Keys []string
	// Type and Status are those of Condition.
	Type, Status string
	// Path is JSONPath's, in braces.
	Path string
	// Value is what JSONPath must give; nil: anything but nothing.
	Value *string
}

// parseCheck reads [all|any|min=N&]CHECK; the words before & are for a selection.
func parseCheck(o *Object, text string, selected bool) error {
	first, rest, more := strings.Cut(text, "&")
	name, value, valued := strings.Cut(first, "=")
	quantity := true
	switch {
	case name == "all" && !valued:
	case name == "any" && !valued:
		o.Least = 1
	case name == "min":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return fmt.Errorf("%q: min is how many of the selection are enough, from 1 on", first)
		}
		o.Least = n
	default:
		quantity = false
	}
	if quantity {
		if !selected {
			return fmt.Errorf("%s is for a label selector, KIND?SELECTOR: an object with a name is only one", first)
		}
		if text = rest; more && rest == "" {
			return fmt.Errorf("no check follows %s&: write one of %s", first, words)
		}
	}
	var err error
	if o.Check, err = parseWord(text); err != nil {
		return err
	}
	return suits(o)
}

func parseWord(text string) (Check, error) {
	name, value, valued := strings.Cut(text, "=")
	c := Check{Word: Word(name)}
	switch {
	case text == "":
		return Check{Word: Exists}, nil
	case slices.Contains([]Word{Exists, Ready, Complete, Deleted}, c.Word) && !valued:
		return c, nil
	case c.Word == Key && valued:
		c.Keys = strings.Split(value, ",")
		for _, key := range c.Keys {
			if problems := validation.IsConfigMapKey(key); len(problems) > 0 {
				return c, fmt.Errorf("%q is no key of a Secret or ConfigMap: %s", key, problems[0])
			}
		}
		return c, nil
	case c.Word == Condition && valued:
		return parseCondition(c, value)
	case c.Word == JSONPath && valued:
		return parsePath(c, value)
	}
	return c, fmt.Errorf("%q is no check: there are %s", text, words)
}

func parseCondition(c Check, text string) (Check, error) {
	var valued bool
	if c.Type, c.Status, valued = strings.Cut(text, "="); !valued {
		c.Status = "True"
	}
	if c.Type == "" || c.Status == "" || strings.ContainsAny(text, " &") {
		return c, fmt.Errorf("%q is no condition: it is spelled condition=Type or condition=Type=Status, for example condition=Ready", text)
	}
	return c, nil
}

func parsePath(c Check, text string) (Check, error) {
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
	if err := jsonpath.New("").Parse(c.Path); err != nil || c.Path == "{}" {
		return c, fmt.Errorf("%q is no JSONPath (https://kubernetes.io/docs/reference/kubectl/jsonpath/): %w", c.Path, err)
	}
	return c, nil
}

// cutPath takes the path from the front of text. As for kubectl, its braces and first dot may be missing.
func cutPath(text string) (path, rest string) {
	if !strings.HasPrefix(text, "{") {
		path, value, valued := strings.Cut(text, "=")
		if valued {
			rest = "=" + value
		}
		return "{." + strings.TrimPrefix(path, ".") + "}", rest
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

// unquote takes one pair of quotes away, as kubectl wait does.
func unquote(text string) string {
	if n := len(text); n > 1 && (text[0] == '\'' || text[0] == '"') && text[0] == text[n-1] {
		return text[1 : n-1]
	}
	return text
}

// suits finds checks that the kind can never pass.
func suits(o *Object) error {
	builtin, found := kinds.Builtin(o.Kind, o.Version, o.Group)
	is := func(group string, plurals ...string) bool {
		return found && builtin.Group == group && slices.Contains(plurals, builtin.Resource)
	}
	switch {
	case o.Check.Word == Key && !is("", "secrets", "configmaps"):
		return errors.New("key= is for Secrets and ConfigMaps: use jsonpath={...} for other kinds")
	case o.Check.Word == Complete && !is("batch", "jobs"):
		return errors.New("complete is for Jobs: use ready or condition=Type for other kinds")
	case o.Check.Word == Condition && found && !builtin.Status:
		return fmt.Errorf("a %s has no conditions: use exists", builtin.Kind)
	case o.Check.Word == Deleted && o.Least > 0:
		return errors.New("deleted is met when none of the selection is left: leave any or min=N out")
	}
	return nil
}
