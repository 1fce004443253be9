package target

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

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
		return c, checkKeys(c.Keys)
	case c.Word == Condition && valued:
		return parseCondition(c, value)
	case c.Word == JSONPath && valued:
		return parsePath(c, value)
	}
	return c, fmt.Errorf("%q is no check: there are %s", text, words)
}

func checkKeys(keys []string) error {
	for _, key := range keys {
		if key == "" {
			return errors.New("a key is empty: it is spelled key=user,password, without blanks")
		}
		if problems := validation.IsConfigMapKey(key); len(problems) > 0 {
			return fmt.Errorf("%q is no key of a Secret or ConfigMap: %s", key, problems[0])
		}
	}
	return nil
}

func parseCondition(c Check, text string) (Check, error) {
	var valued bool
	if c.Type, c.Status, valued = strings.Cut(text, "="); !valued {
		c.Status = "True"
	}
	if len(validation.IsQualifiedName(c.Type)) > 0 || !conditionStatus.MatchString(c.Status) {
		return c, fmt.Errorf("%q is no condition: it is spelled condition=Type or condition=Type=Status, for example condition=Ready", text)
	}
	return c, nil
}

// conditionStatus is True, False and Unknown, in any case as for kubectl, and what else somebody may have made of it.
var conditionStatus = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

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
