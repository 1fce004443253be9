package vaultstandin

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// query is a checked request for secrets.
type query struct {
	identity            *identity
	environment, folder string
	kind, version       string
	recursive, imports  bool
	expand, hide        bool
}

// readQuery authenticates a read and checks its parameters in the server's
// order: token, form of the parameters, project, environment, permission.
func (s *Server) readQuery(e *Entry, r *http.Request, noEnvironment string) (query, *apiError) {
	values := r.URL.Query()
	e.Folder = cleanFolder(values.Get("secretPath"))
	id, apiErr := s.authenticate(e, r)
	if apiErr != nil {
		return query{}, apiErr
	}
	q := query{
		identity: id, environment: values.Get("environment"), folder: e.Folder,
		kind: choice(values, "type", "shared"), version: values.Get("version"),
		recursive: choice(values, "recursive", "false") == "true",
		imports:   choice(values, "include_imports", "false") == "true",
		expand:    choice(values, "expandSecretReferences", "false") == "true",
		hide:      choice(values, "viewSecretValue", "true") == "false",
	}
	if issues := wrongChoices(values); issues != nil {
		return query{}, invalid(issues...)
	}
	if apiErr := s.checkProject(values); apiErr != nil {
		return query{}, apiErr
	}
	if q.environment == "" {
		return query{}, badRequest(noEnvironment)
	}
	if !id.mayRead(q.folder) {
		denied := newError(http.StatusForbidden, "PermissionDenied", "You are not allowed to describeSecret on secrets")
		denied.Details = []any{}
		return query{}, denied
	}
	return q, nil
}

func (s *Server) checkProject(values url.Values) *apiError {
	id, slug := values.Get("workspaceId"), values.Get("workspaceSlug")
	switch {
	case id == "" && slug == "":
		return badRequest("You must provide projectSlug or workspaceId")
	case id != "" && id != s.projectID:
		return notFound("Project with ID '%s' not found", id)
	case id == "" && slug != s.project:
		return notFound("Project with slug '%s' not found", slug)
	}
	return nil
}

func choice(values url.Values, name, fallback string) string {
	if values.Has(name) {
		return values.Get(name)
	}
	return fallback
}

// wrongChoices finds parameters that are none of their allowed words: a boolean
// is "true" or "false", nothing else.
func wrongChoices(values url.Values) (issues []issue) {
	booleans := []string{"true", "false"}
	for _, p := range []struct {
		name    string
		allowed []string
	}{
		{"viewSecretValue", booleans}, {"expandSecretReferences", booleans},
		{"recursive", booleans}, {"include_imports", booleans},
		{"type", []string{"shared", "personal"}},
	} {
		got := choice(values, p.name, p.allowed[0])
		if !slices.Contains(p.allowed, got) {
			issues = append(issues, issue{
				Code: "invalid_enum_value", Received: got, Options: p.allowed, Path: []string{p.name},
				Message: "Invalid enum value. Expected '" + strings.Join(p.allowed, "' | '") + "', received '" + got + "'",
			})
		}
	}
	return issues
}

// reference is Infisical's syntax: ${KEY} in the same folder,
// ${environment.folder.folder.KEY} anywhere in the project.
var reference = regexp.MustCompile(`\$\{([a-zA-Z0-9-_.]+)\}`)

// expand replaces references to secrets by their values, and the references in
// those. One that leads nowhere, or back to a secret on the way, stays as it is.
func (s *Server) expand(value, folder string, way []*secret) string {
	return reference.ReplaceAllStringFunc(value, func(text string) string {
		parts := strings.Split(text[2:len(text)-1], ".")
		from, key := folder, parts[len(parts)-1]
		if len(parts) > 1 {
			if parts[0] != s.environment {
				return text
			}
			from = cleanFolder(strings.Join(parts[1:len(parts)-1], "/"))
		}
		found := s.secrets[from][key]
		if found == nil || slices.Contains(way, found) {
			return text
		}
		return s.expand(found.value, from, append(slices.Clone(way), found))
	})
}
