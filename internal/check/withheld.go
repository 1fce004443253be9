package check

import "strings"

// withheld stands among the values of a release for one that is not told: why, and what may be told of it.
type withheld struct{ why, text string }

// Why a value is withheld.
const (
	whySecret    = "secret"
	whyUnknown   = "not known"
	whySealed    = "encrypted"
	whyNotMerged = "not merged here"
)

// String is what is told in the place of the value.
func (w withheld) String() string { return strings.TrimSpace("(" + w.why + ") " + w.text) }

// mark withholds the values that are not known: a variable is left in them, or they are encrypted. Where Flux fills in no variables
// "${NAME}" is a text like any other.
func (o *Object) mark(values map[string]any) {
	filled := o.Unit.Spec.PostBuild != nil
	for _, marks := range []map[string]string{o.GetLabels(), o.GetAnnotations()} {
		filled = filled && marks["kustomize.toolkit.fluxcd.io/substitute"] != "disabled"
	}
	replace(values, func(value any) any {
		switch text, _ := value.(string); {
		case strings.HasPrefix(text, "ENC["):
			return withheld{whySealed, ""}
		case filled && !Substituted(text):
			return withheld{whyUnknown, text}
		}
		return value
	})
}

// hide withholds all values. Their keys are told, but for those in lists.
func hide(values map[string]any, w withheld) {
	for key, value := range values {
		if below, isMap := value.(map[string]any); isMap {
			hide(below, w)
		} else {
			values[key] = w
		}
	}
}

// replace puts others in the place of all values that are neither map nor list, and returns the value.
func replace(value any, other func(any) any) any {
	switch value := value.(type) {
	case map[string]any:
		for key := range value {
			value[key] = replace(value[key], other)
		}
		return value
	case []any:
		for i := range value {
			value[i] = replace(value[i], other)
		}
		return value
	}
	return other(value)
}

// hasWithheld tells whether a value is withheld, or one in it.
func hasWithheld(value any) bool {
	found := false
	replace(value, func(v any) any {
		_, is := v.(withheld)
		found = found || is
		return v
	})
	return found
}

// put puts a value where a targetPath leads, and tells whether it could: with an index or an escape it does not try.
func put(values map[string]any, path string, value any) bool {
	if strings.ContainsAny(path, `\[`) || !Substituted(path) {
		return false
	}
	steps := strings.Split(path, ".")
	last := len(steps) - 1
	for _, step := range steps[:last] {
		below, isMap := values[step].(map[string]any)
		if !isMap {
			below = map[string]any{}
			values[step] = below
		}
		values = below
	}
	values[steps[last]] = value
	return true
}
