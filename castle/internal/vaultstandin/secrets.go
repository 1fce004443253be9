package vaultstandin

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hiddenValue is what Infisical answers in place of a value that the identity
// must not see.
const hiddenValue = "<hidden-by-infisical>"

type secret struct {
	id               string
	key, value       string
	version          int
	created, updated time.Time
}

// SetSecret adds a secret, or gives it a new value and the next version. The
// folder comes into being with it.
func (s *Server) SetSecret(folder, key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addFolder(folder)
	now := s.now().UTC()
	known := s.secrets[cleanFolder(folder)][key]
	if known == nil {
		known = &secret{id: newUUID(), key: key, created: now}
		s.secrets[cleanFolder(folder)][key] = known
	}
	known.value, known.updated = value, now
	known.version++
}

// DeleteSecret deletes a secret; its folder stays.
func (s *Server) DeleteSecret(folder, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.secrets[cleanFolder(folder)], key)
}

func (s *Server) addFolder(folder string) {
	for folder = cleanFolder(folder); s.secrets[folder] == nil; folder = path.Dir(folder) {
		s.secrets[folder] = map[string]*secret{}
	}
}

func cleanFolder(folder string) string {
	return path.Clean("/" + strings.TrimSpace(folder))
}

// rawSecret is a secret as the API shows it.
type rawSecret struct {
	ID                    string    `json:"id"`
	LegacyID              string    `json:"_id"`
	Workspace             string    `json:"workspace"`
	Environment           string    `json:"environment"`
	Version               int       `json:"version"`
	Type                  string    `json:"type"`
	SecretKey             string    `json:"secretKey"`
	SecretValue           string    `json:"secretValue"`
	SecretComment         string    `json:"secretComment"`
	SecretPath            string    `json:"secretPath"`
	SecretValueHidden     bool      `json:"secretValueHidden"`
	SkipMultilineEncoding bool      `json:"skipMultilineEncoding"`
	SecretMetadata        []any     `json:"secretMetadata"`
	Tags                  []any     `json:"tags"`
	CreatedAt             time.Time `json:"createdAt"`
	UpdatedAt             time.Time `json:"updatedAt"`
}

func (s *Server) show(q query, folder string, sec *secret) rawSecret {
	value := sec.value
	if q.expand {
		value = s.expand(value, folder, []*secret{sec})
	}
	hidden := q.hide || q.identity.HideValues
	if hidden {
		value = hiddenValue
	}
	return rawSecret{
		ID: sec.id, LegacyID: sec.id, Workspace: s.projectID, Environment: s.environment,
		Version: sec.version, Type: "shared", SecretKey: sec.key, SecretValue: value,
		SecretPath: folder, SecretValueHidden: hidden,
		SecretMetadata: []any{}, Tags: []any{}, CreatedAt: sec.created, UpdatedAt: sec.updated,
	}
}

// listSecrets lists a folder. A folder or environment that does not exist is an
// empty list, not a 404: so does the server (getSecrets in
// secret-v2-bridge-service.ts).
func (s *Server) listSecrets(e *Entry, r *http.Request) (any, *apiError) {
	q, apiErr := s.readQuery(e, r, "Missing project id or environment")
	if apiErr != nil {
		return nil, apiErr
	}
	secrets, imports := []rawSecret{}, []importBlock{}
	if q.environment != s.environment {
		return map[string]any{"secrets": secrets, "imports": imports}, nil
	}
	for _, folder := range slices.Sorted(maps.Keys(s.secrets)) {
		if folder == q.folder || q.recursive && isBelow(folder, q.folder) {
			secrets = append(secrets, s.showFolder(q, folder)...)
		}
	}
	if q.imports {
		imports = s.showImports(q, q.folder, nil)
	}
	return map[string]any{"secrets": secrets, "imports": imports}, nil
}

// showFolder shows all secrets of one folder.
func (s *Server) showFolder(q query, folder string) []rawSecret {
	shown := []rawSecret{}
	for _, key := range slices.Sorted(maps.Keys(s.secrets[folder])) {
		shown = append(shown, s.show(q, folder, s.secrets[folder][key]))
	}
	return shown
}

func (s *Server) getSecret(e *Entry, r *http.Request) (any, *apiError) {
	name := r.PathValue("name")
	e.Secret = name
	q, apiErr := s.readQuery(e, r, "Missing environment")
	if apiErr != nil {
		return nil, apiErr
	}
	folder := s.secrets[q.folder]
	if folder == nil || q.environment != s.environment {
		apiErr := notFound("Folder with path '%s' in environment with slug '%s' not found", q.folder, q.environment)
		// The server names the failing operation here in place of "NotFound".
		apiErr.Name = "GetSecretByName"
		return nil, apiErr
	}
	found := folder[name]
	if found == nil && q.imports {
		if secret, ok := s.imported(q, name); ok {
			return map[string]any{"secret": secret}, nil
		}
	}
	if found == nil || q.kind != "shared" || (q.version != "" && q.version != strconv.Itoa(found.version)) {
		return nil, notFound("Secret with name '%s' not found", name)
	}
	return map[string]any{"secret": s.show(q, q.folder, found)}, nil
}
