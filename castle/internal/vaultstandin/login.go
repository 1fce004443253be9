package vaultstandin

import (
	"net/http"
	"time"
)

// Infisical's defaults for Universal Auth.
const (
	lockoutThreshold = 3
	lockoutWindow    = 30 * time.Second  // a failure is forgotten this long after the last one
	lockoutDuration  = 300 * time.Second // once locked
)

// login is Universal Auth.
func (s *Server) login(e *Entry, r *http.Request) (any, *apiError) {
	fields, apiErr := readStrings(r, "clientId", "clientSecret")
	if apiErr != nil {
		return nil, apiErr
	}
	id := s.identityWhere(func(id Identity) bool { return id.ClientID != "" && id.ClientID == fields[0] })
	if id == nil {
		return nil, unauthorized("Invalid credentials")
	}
	e.Identity = id.Name
	if apiErr := id.checkSecret(fields[1], s.now()); apiErr != nil {
		return nil, apiErr
	}
	return s.issue(&session{identity: id, created: s.now()}), nil
}

// checkSecret judges a client secret. Like the server, it forgets failures at a right
// secret, judges the uses limit after that, and knows a used-up secret no more.
func (id *identity) checkSecret(secret string, now time.Time) *apiError {
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
