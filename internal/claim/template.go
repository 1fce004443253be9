package claim

import (
	"fmt"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"

	"github.com/tazlab/seed/internal/secret"
	"github.com/tazlab/seed/internal/template"
)

// parseTemplate returns the function that turns the values into the Secret's data. Without template.data
// the values are the data; with it, each entry is a template over the values.
func parseTemplate(es *esv1.ExternalSecret) (func(map[string]secret.String) (map[string][]byte, error), error) {
	if es.Spec.Target.Template == nil || len(es.Spec.Target.Template.Data) == 0 {
		return plain, nil
	}
	templates := map[string]*template.Template{}
	for key, text := range es.Spec.Target.Template.Data {
		t, err := template.Parse(key, text)
		if err != nil {
			return nil, fmt.Errorf("spec.target.template.data[%s]: %w", key, err)
		}
		templates[key] = t
	}
	return func(values map[string]secret.String) (map[string][]byte, error) {
		data := map[string][]byte{}
		for key, t := range templates {
			filled, err := t.Execute(values)
			if err != nil {
				return nil, fmt.Errorf("spec.target.template.data[%s] cannot be filled in: %w", key, err)
			}
			data[key] = filled
		}
		return data, nil
	}, nil
}

func plain(values map[string]secret.String) (map[string][]byte, error) {
	data := map[string][]byte{}
	for key, value := range values {
		data[key] = []byte(value.Reveal())
	}
	return data, nil
}
