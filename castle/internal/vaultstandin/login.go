package vaultstandin

import (
	"fmt"
	"net/http"
	"time"
)

// Infisical's defaults for Universal Auth.
const (
	lockoutThreshold = 3
	lockoutWindow    = 30 * time.Second  // a failure is forgotten this long after the last one
	lockoutDuration  = 300 * time.Second // once locked
	defaultTokenTTL  = 30 * 24 * time.Hour
)

// Identity is a machine identity with Universal Auth and one client secret.
type Identity struct {
	Name         string
	ClientID     string
	ClientSecret string
	// NumUsesLimit is how many logins the client secret is good for; 0 is any number.
	NumUsesLimit int
	// TokenTTL is how long an access token lives, TokenMaxTTL how long renewing
	// can make it live; whole seconds, default 30 days each.
	TokenTTL, TokenMaxTTL time.Duration
	// NoAccess makes every read a 403: it may log in, but has no role in the project.
	NoAccess bool
	// HideValues leaves the identity without the permission readValue: it sees
	// keys, and a placeholder with secretValueHidden for each value.
	HideValues bool
}

// identity is an Identity with what happened to it.
type identity struct {
	Identity
	uses        int
	usedUp      bool // the client secret is revoked: its uses limit was hit
	failures    int
	forgetAt    time.Time // when failures count no more
	lockedUntil time.Time
}

// SetIdentity adds an identity, or replaces the one of the same name with all
// that happened to it: uses and lock-out start anew. Tokens already given out
// stay what they are.
func (s *Server) SetIdentity(id Identity) error {
	if id.Name == "" || id.ClientID == "" || id.ClientSecret == "" {
		return fmt.Errorf("identity %q: name, client ID and client secret must be set", id.Name)
	}
	if id.TokenTTL == 0 {
		id.TokenTTL = defaultTokenTTL
	}
	if id.TokenMaxTTL == 0 {
		id.TokenMaxTTL = max(defaultTokenTTL, id.TokenTTL)
	}
	if id.TokenTTL > id.TokenMaxTTL {
		return fmt.Errorf("identity %q: the token's TTL %s is above its maximum %s", id.Name, id.TokenTTL, id.TokenMaxTTL)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.identities[id.ClientID]; other != nil && other.Name != id.Name {
		return fmt.Errorf("identity %q: client ID is that of identity %q", id.Name, other.Name)
	}
	for clientID, other := range s.identities {
		if other.Name == id.Name {
			delete(s.identities, clientID)
		}
	}
	s.identities[id.ClientID] = &identity{Identity: id}
	return nil
}

func (s *Server) login(e *Entry, r *http.Request) (any, *apiError) {
	fields, apiErr := readStrings(r, "clientId", "clientSecret")
	if apiErr != nil {
		return nil, apiErr
	}
	id := s.identities[fields[0]]
	if id == nil {
		return nil, unauthorized("Invalid credentials")
	}
	e.Identity = id.Name
	if apiErr := id.check(fields[1], s.now()); apiErr != nil {
		return nil, apiErr
	}
	return s.issue(&session{identity: id, created: s.now()}), nil
}

// check judges a client secret. Like the server, it forgets failures at a right
// secret, judges the uses limit after that, and knows a used-up secret no more.
func (id *identity) check(secret string, now time.Time) *apiError {
	if now.Before(id.lockedUntil) {
		return unauthorized("This identity auth method is temporarily locked, please try again later")
	}
	if secret != id.ClientSecret || id.usedUp {
		id.countFailure(now)
		return unauthorized("Invalid credentials")
	}
	id.failures = 0
	if id.NumUsesLimit > 0 && id.uses >= id.NumUsesLimit {
		id.usedUp = true
		return unauthorized("Access denied due to client secret usage limit reached")
	}
	id.uses++
	return nil
}

func (id *identity) countFailure(now time.Time) {
	if !now.Before(id.forgetAt) {
		id.failures = 0
	}
	id.failures++
	id.forgetAt = now.Add(lockoutWindow)
	if id.failures >= lockoutThreshold {
		id.failures, id.lockedUntil = 0, now.Add(lockoutDuration)
	}
}
