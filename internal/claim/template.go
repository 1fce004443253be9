package claim

import (
	"bytes"
	"fmt"
	"regexp"
	"text/template"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"

	"github.com/tazlab/seed/internal/bundle"
	"github.com/tazlab/seed/internal/secret"
)

// parseTemplate returns the function that turns the values into the Secret's data. Without template.data
// the values are the data; with it, each entry is a template over the values.
func parseTemplate(es *esv1.ExternalSecret) (func(map[string]secret.String) (map[string][]byte, error), error) {
	if es.Spec.Target.Template == nil || len(es.Spec.Target.Template.Data) == 0 {
		return plain, nil
	}
	templates := map[string]*template.Template{}
	for key, text := range es.Spec.Target.Template.Data {
		t, err := bundle.ParseTemplate(key, text)
		if err != nil {
			return nil, err
		}
		templates[key] = t
	}
	return func(values map[string]secret.String) (map[string][]byte, error) {
		revealed := map[string]string{}
		for key, value := range values {
			revealed[key] = value.Reveal()
		}
		data := map[string][]byte{}
		for key, t := range templates {
			var out bytes.Buffer
			if err := t.Execute(&out, revealed); err != nil {
				return nil, fmt.Errorf("spec.target.template.data[%s] cannot be filled in: %s", key, harmless(err))
			}
			data[key] = out.Bytes()
		}
		return data, nil
	}, nil
}

// missing finds, in an error of text/template, the name of a value that is not there.
var missing = regexp.MustCompile(`map has no entry for key "([^"]*)"`)

// harmless says what is wrong without the values, which text/template puts into some of its errors.
func harmless(err error) string {
	if found := missing.FindStringSubmatch(err.Error()); found != nil {
		return "spec.data brings no value " + found[1]
	}
	return "it does with a value what cannot be done with a text"
}

func plain(values map[string]secret.String) (map[string][]byte, error) {
	data := map[string][]byte{}
	for key, value := range values {
		data[key] = []byte(value.Reveal())
	}
	return data, nil
}
