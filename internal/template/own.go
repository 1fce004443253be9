package template

import (
	"encoding/pem"
	"errors"
	"strings"

	"sigs.k8s.io/yaml"
)

// The functions that ESO adds to sprig's, as its guide describes them
// (https://external-secrets.io/latest/guides/templating/#helper-functions).

// toYAML writes a value as YAML, without the newline at its end; what cannot be written is an empty text.
func toYAML(value any) string {
	text, err := yaml.Marshal(value)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

// fromYAML reads a YAML document whose top is a map. If it cannot, the key Error says why.
func fromYAML(text string) map[string]any {
	document := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		document["Error"] = err.Error()
	}
	return document
}

// filterPEM keeps the PEM blocks of one type. A text with none of them is an error if something other than PEM ends it.
func filterPEM(kind, text string) (string, error) {
	var kept strings.Builder
	block, rest := pem.Decode([]byte(text))
	for ; block != nil; block, rest = pem.Decode(rest) {
		if strings.EqualFold(block.Type, kind) {
			kept.Write(pem.EncodeToMemory(block))
		}
	}
	if kept.Len() == 0 && len(rest) > 0 {
		return "", errors.New("there is no such PEM block, but something that is no PEM")
	}
	return kept.String(), nil
}
