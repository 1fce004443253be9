package infisical

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/tazlab/seed/internal/failure"
	"github.com/tazlab/seed/internal/secret"
)

// Scope is the place of secrets in Infisical, as the store's secretsScope names it.
type Scope struct {
	ProjectSlug, EnvironmentSlug, Path string
	// Recursive lists the folders below Path too.
	Recursive bool
	// ExpandReferences lets the vault replace ${OTHER_SECRET} in values.
	ExpandReferences bool
}

// Entry is one secret of a list.
type Entry struct {
	Key string
	// Path is the folder that holds it, "" where the vault does not say.
	Path  string
	Value secret.String
	// Hidden means that the identity may not read Value, which is a placeholder then: see ErrHidden.
	Hidden bool
}

// raw is a secret as the vault shows it.
type raw struct {
	Key    string `json:"secretKey"`
	Value  string `json:"secretValue"`
	Path   string `json:"secretPath"`
	Hidden bool   `json:"secretValueHidden"`
}

// Secret reads one secret. A key with a slash names a secret below Path ("sub/key") or, with a leading
// slash, from the root of the environment, as External Secrets Operator reads it.
func (s *Session) Secret(ctx context.Context, scope Scope, key string) (secret.String, error) {
	folder, name := address(scope.Path, key)
	query := scope.query(folder)
	query.Set("type", "shared")
	var answer struct {
		Secret *raw `json:"secret"`
	}
	doing := fmt.Sprintf("reading the secret %q in %s of project %s, environment %s", name, folder, scope.ProjectSlug, scope.EnvironmentSlug)
	read := request{doing: doing, method: http.MethodGet, path: "/v3/secrets/raw/" + url.PathEscape(name) + "?" + query.Encode()}
	if err := s.call(ctx, read, &answer); err != nil {
		return secret.String{}, err
	}
	if answer.Secret == nil {
		return secret.String{}, failure.Blocked(fmt.Errorf("%s: the answer holds no secret: check that hostAPI names an Infisical server", doing))
	}
	if answer.Secret.Hidden {
		return secret.String{}, fmt.Errorf("%s: %w", doing, ErrHidden)
	}
	return secret.New(answer.Secret.Value), nil
}

// ErrHidden is the error of a value that the identity may list and not read: the vault answers 200, with
// a placeholder. It is marked failure.Blocked.
var ErrHidden = failure.Blocked(hidden{})

type hidden struct{}

func (hidden) Error() string {
	return "the vault hides the value: give the machine identity the permission readValue"
}

// List reads all secrets of the scope, sorted by key. An imported secret is listed only where the scope
// has none of its own with that key, and that of an earlier import goes before that of a later one, as
// Infisical's Go client has it. Folders may hold the same key: then the order among them is the vault's.
func (s *Session) List(ctx context.Context, scope Scope) ([]Entry, error) {
	query := scope.query(scope.Path)
	query.Set("recursive", strconv.FormatBool(scope.Recursive))
	var answer struct {
		Secrets *[]raw `json:"secrets"`
		Imports []struct {
			Secrets []raw `json:"secrets"`
		} `json:"imports"`
	}
	doing := fmt.Sprintf("listing the secrets in %s of project %s, environment %s", query.Get("secretPath"), scope.ProjectSlug, scope.EnvironmentSlug)
	list := request{doing: doing, method: http.MethodGet, path: "/v3/secrets/raw?" + query.Encode()}
	if err := s.call(ctx, list, &answer); err != nil {
		return nil, err
	}
	if answer.Secrets == nil {
		return nil, failure.Blocked(fmt.Errorf("%s: the answer holds no secrets: check that hostAPI names an Infisical server", doing))
	}
	found := *answer.Secrets
	known := map[string]bool{}
	for _, r := range found {
		known[r.Key] = true
	}
	for _, imported := range answer.Imports {
		for _, r := range imported.Secrets {
			if !known[r.Key] {
				known[r.Key] = true
				found = append(found, r)
			}
		}
	}
	entries := make([]Entry, 0, len(found))
	for _, r := range found {
		entries = append(entries, Entry{r.Key, r.Path, secret.New(r.Value), r.Hidden})
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
	return entries, nil
}

// query is what both reads send.
func (s Scope) query(folder string) url.Values {
	if folder == "" {
		folder = "/"
	}
	return url.Values{
		"workspaceSlug":          {s.ProjectSlug},
		"environment":            {s.EnvironmentSlug},
		"secretPath":             {folder},
		"include_imports":        {"true"},
		"expandSecretReferences": {strconv.FormatBool(s.ExpandReferences)},
	}
}

// address splits a key into its folder and name.
func address(scopePath, key string) (folder, name string) {
	i := strings.LastIndex(key, "/")
	switch {
	case i < 0:
		return scopePath, key
	case i == 0:
		return "/", key[1:]
	case key[0] == '/':
		return key[:i], key[i+1:]
	}
	return path.Join(scopePath, key[:i]), key[i+1:]
}
