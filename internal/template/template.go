// Package template fills in the templates of an ExternalSecret as External Secrets Operator does.
package template

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	// Go's own text/template without the calling of methods. That one feature makes the linker keep every exported
	// method of the whole program: a fifth of seed's size.
	engine "github.com/DataDog/datadog-agent/pkg/template/text"

	"github.com/tazlab/seed/internal/secret"
)

// Template is one text of spec.target.template. Make it with Parse.
type Template struct{ parsed *engine.Template }

// Parse parses the text at key of spec.target.template.data, metadata.labels or metadata.annotations: External
// Secrets Operator (ESO) fills in the values of all three, and no key
// (https://github.com/external-secrets/external-secrets/blob/v0.20.4/pkg/controllers/externalsecret/externalsecret_controller_template.go).
// The error for a function that seed lacks says why, and what to do; the caller adds the field.
//
// That ESO runs with other delimiters than {{ and }} (--template-left-delimiter), seed cannot know.
func Parse(key, text string) (*Template, error) {
	parsed, err := engine.New(key).Option("missingkey=error").Funcs(functions).Parse(text)
	if err == nil {
		return &Template{parsed}, nil
	}
	if found := undefined.FindStringSubmatch(err.Error()); found != nil {
		return nil, fmt.Errorf("seed lacks the function %s: %s", found[1], why(found[1]))
	}
	return nil, err
}

// Execute fills the values in, as texts. As with ESO a missing value is an error where it is a field (.password), and
// an empty text where it is looked up (index . "password")
// (https://github.com/external-secrets/external-secrets/blob/v0.20.4/pkg/template/v2/template.go).
// The error says the place in the template and shows no value; the caller adds the field.
func (t *Template) Execute(values map[string]secret.String) ([]byte, error) {
	revealed := make(map[string]string, len(values))
	for key, value := range values {
		revealed[key] = value.Reveal()
	}
	var out bytes.Buffer
	if err := t.parsed.Execute(&out, revealed); err != nil {
		return nil, errors.New(harmless(err.Error()))
	}
	return out.Bytes(), nil
}

var (
	// undefined finds, in an error of parsing, the function that is not there.
	undefined = regexp.MustCompile(`function "([^"]*)" not defined`)
	// place finds line, column and node at the start of an error of filling in: all are text of the template.
	place = regexp.MustCompile(`(?s)^template: [^:]*:(\d+):(\d+): executing ".*?" at <(.*?)>: `)
	// missing and absent find what comes after the place if the engine, and no function, raised the error.
	missing = regexp.MustCompile(`^map has no entry for key "([^"]*)"$`)
	absent  = regexp.MustCompile(`^template "([^"]*)" not defined$`)
)

// harmless says what is wrong without the values, which the engine and the functions put into some errors.
func harmless(failed string) string {
	const misused = "it does with a value what cannot be done with it"
	at := place.FindStringSubmatch(failed)
	if at == nil {
		return misused
	}
	where, cause := fmt.Sprintf("line %s, column %s, <%s>: ", at[1], at[2], at[3]), failed[len(at[0]):]
	if found := missing.FindStringSubmatch(cause); found != nil {
		return where + "neither spec.data nor spec.dataFrom brings a value " + found[1]
	}
	if found := absent.FindStringSubmatch(cause); found != nil {
		return where + "no template is defined under the name " + found[1]
	}
	return where + misused
}
