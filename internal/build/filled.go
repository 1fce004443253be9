package build

import (
	"errors"
	"slices"
	"strings"
)

// ErrFilled marks the error of an object that cannot be read any more once its variables are filled in. What the libraries say of that
// repeats parts of the object, and a value may be of a Secret: so it is left out, whatever the values are of.
var ErrFilled = errors.New("with the values of its variables it cannot be read any more (why is not said here, for a value may be secret): " +
	"correct the value that begins with a character such as *, &, [, {, @ or !, or has \": \" in it; quotes around it must be part of the value, for kustomize drops those of the file")

// before are the beginnings of all that SubstituteVariables says before it has filled anything in: which reference leads nowhere, which name
// is none, which variable has no value. https://github.com/fluxcd/pkg/blob/kustomize/v1.35.6/kustomize/kustomize_varsub.go
var before = []string{"substitute from '", "envsubst error: '", "envsubst error: variable substitution failed: "}

// withoutValues is an error of SubstituteVariables as it may be told.
func withoutValues(err error) error {
	if slices.ContainsFunc(before, func(begin string) bool { return strings.HasPrefix(err.Error(), begin) }) {
		return err
	}
	return ErrFilled
}
