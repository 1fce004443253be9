package vaultstandin

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
)

// readStrings reads string fields of a JSON body, trimmed. What is no JSON at
// all is a 500 at Infisical: its error handler knows no such error.
func readStrings(r *http.Request, names ...string) ([]string, *apiError) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return nil, internalError()
	}
	var body map[string]any
	err := json.NewDecoder(r.Body).Decode(&body)
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return nil, invalid(issue{Code: "invalid_type", Expected: "object", Received: wrongType.Value, Path: []string{}, Message: "Expected object, received " + wrongType.Value})
	}
	if err != nil {
		return nil, internalError()
	}
	var values []string
	var issues []issue
	for _, name := range names {
		value, ok := body[name].(string)
		if !ok {
			issues = append(issues, notString(name, body))
		}
		values = append(values, strings.TrimSpace(value))
	}
	if issues != nil {
		return nil, invalid(issues...)
	}
	return values, nil
}

func notString(name string, body map[string]any) issue {
	i := issue{Code: "invalid_type", Expected: "string", Path: []string{name}}
	value, present := body[name]
	if !present {
		i.Received, i.Message = "undefined", "Required"
		return i
	}
	switch value.(type) {
	case nil:
		i.Received = "null"
	case bool:
		i.Received = "boolean"
	case float64:
		i.Received = "number"
	case []any:
		i.Received = "array"
	default:
		i.Received = "object"
	}
	i.Message = "Expected string, received " + i.Received
	return i
}
