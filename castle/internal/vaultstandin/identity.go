package vaultstandin

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// defaultTokenTTL is Infisical's default for how long an access token lives.
const defaultTokenTTL = 30 * 24 * time.Hour

// Identity is a machine identity with one or more ways to log in.
type Identity struct {
	Name string
	// ID is what JWT Auth and Kubernetes Auth know the identity by. Needed for those only.
	ID string
	// ClientID and ClientSecret are for Universal Auth.
	ClientID     string
	ClientSecret string
	// NumUsesLimit is how many logins the client secret is good for; 0 is any number.
	NumUsesLimit int
	// JWT is for JWT Auth; nil: the identity has none.
	JWT *JWTAuth
	// Kubernetes is for Kubernetes Auth; nil: the identity has none.
	Kubernetes *KubernetesAuth
	// Token is for Token Auth: an access token that an operator made, used without a login. It begins to live with
	// SetIdentity. As at Infisical it is an access token like any other: who holds it can renew it, and revoke it.
	Token string
	// TokenTTL is how long an access token lives, TokenMaxTTL how long renewing
	// can make it live; whole seconds, default 30 days each.
	TokenTTL, TokenMaxTTL time.Duration
	// Folders are those that the identity may read, each with all below it; nil is all.
	Folders []string
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
// that happened to it: uses and lock-out start anew. Tokens already given out at a login
// stay what they are; a Token that is no more the identity's dies.
func (s *Server) SetIdentity(id Identity) error {
	if id.TokenTTL == 0 {
		id.TokenTTL = defaultTokenTTL
	}
	if id.TokenMaxTTL == 0 {
		id.TokenMaxTTL = max(defaultTokenTTL, id.TokenTTL)
	}
	if err := id.check(); err != nil {
		return fmt.Errorf("identity %q: %w", id.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.identities {
		if field := id.sameAs(other.Identity); field != "" && other.Name != id.Name {
			return fmt.Errorf("identity %q: %s is that of identity %q", id.Name, field, other.Name)
		}
	}
	if old := s.identities[id.Name]; old != nil {
		delete(s.tokens, old.Token)
	}
	known := &identity{Identity: id}
	s.identities[id.Name] = known
	if id.Token != "" {
		s.tokens[id.Token] = token{session: &session{identity: known, created: s.now()}, expires: s.now().Add(id.TokenTTL)}
	}
	return nil
}

// check finds what could never work.
func (id Identity) check() error {
	switch {
	case id.Name == "":
		return errors.New("the name must be set")
	case (id.ClientID == "") != (id.ClientSecret == ""):
		return errors.New("client ID and client secret must be set together")
	case id.ClientID == "" && id.JWT == nil && id.Kubernetes == nil && id.Token == "":
		return errors.New("it has no way to log in")
	case id.ID == "" && (id.JWT != nil || id.Kubernetes != nil):
		return errors.New("JWT Auth and Kubernetes Auth need the ID")
	case id.TokenTTL > id.TokenMaxTTL:
		return fmt.Errorf("the token's TTL %s is above its maximum %s", id.TokenTTL, id.TokenMaxTTL)
	}
	if id.JWT != nil {
		return id.JWT.check()
	}
	return nil
}

// sameAs names what two identities must not share.
func (id Identity) sameAs(other Identity) string {
	switch {
	case id.ClientID != "" && id.ClientID == other.ClientID:
		return "client ID"
	case id.ID != "" && id.ID == other.ID:
		return "ID"
	case id.Token != "" && id.Token == other.Token:
		return "token"
	}
	return ""
}

// mayRead tells whether the identity may read a clean folder.
func (id *identity) mayRead(folder string) bool {
	if id.NoAccess {
		return false
	}
	return id.Folders == nil || slices.ContainsFunc(id.Folders, func(allowed string) bool {
		return isBelow(folder, cleanFolder(allowed))
	})
}

// isBelow tells whether folder is top or below it.
func isBelow(folder, top string) bool {
	return folder == top || strings.HasPrefix(folder, strings.TrimSuffix(top, "/")+"/")
}

// identityWhere finds an identity; nil if there is none.
func (s *Server) identityWhere(is func(Identity) bool) *identity {
	for _, id := range s.identities {
		if is(id.Identity) {
			return id
		}
	}
	return nil
}
