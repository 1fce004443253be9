package infisical

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tazlab/seed/internal/secret"
)

// claims are what a JWT says of itself, for messages: none of it is secret, and none of it is verified here. They are
// empty for a text that is no JWT.
type claims struct {
	KeyID     string `json:"kid"`
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
}

// claimsOf reads header and payload of a JWT (https://www.rfc-editor.org/rfc/rfc7519#section-3).
func claimsOf(jwt secret.String) claims {
	var c claims
	parts := strings.Split(strings.TrimSpace(jwt.Reveal()), ".")
	for _, part := range parts[:min(2, len(parts))] {
		data, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || json.Unmarshal(data, &c) != nil {
			return claims{}
		}
	}
	return c
}

// hint is the next thing to do about a refused login with JWT Auth; "" where nothing better is known than what holds
// for the status.
func (c claims) hint(status int, message string) string {
	says := func(text string) bool { return strings.Contains(message, text) }
	switch {
	case status == http.StatusNotFound && says("JWT auth method not found"):
		return "register the cluster: give the machine identity JWT Auth with what \"seed render jwks\" prints, or correct the identity's ID if it is another one"
	case status == http.StatusUnauthorized && (says("jwt expired") || says("jwt not active")):
		return "the clocks of node and vault differ, or the token is an old one; Infisical allows for no difference: set the node's clock by NTP" + c.window()
	case status == http.StatusUnauthorized && says("failed with all keys"):
		return "none of the public keys in the identity's JWT Auth has signed the token: a cluster with a new secrets bundle has a new key. Register the one that \"seed render jwks\" prints" + c.signedBy()
	case status == http.StatusForbidden && says("issuer mismatch"):
		return "set boundIssuer in the identity's JWT Auth to exactly " + cmp.Or(c.Issuer, "the issuer that \"seed render jwks\" prints")
	case status == http.StatusForbidden && says("subject not allowed"):
		return "set boundSubject in the identity's JWT Auth to " + cmp.Or(c.Subject, "the subject that \"seed render jwks\" prints")
	case status == http.StatusUnauthorized && says("audience"), status == http.StatusInternalServerError:
		// https://github.com/Infisical/infisical/issues/7462
		return "leave boundAudiences empty in the identity's JWT Auth and bind issuer and subject: Infisical fails on it when the token's aud is a list, as it always is in Kubernetes. If it is empty, look at the log of the vault"
	}
	return ""
}

func (c claims) signedBy() string {
	if c.KeyID == "" {
		return ""
	}
	return ", whose kid is " + c.KeyID
}

// window is from when to when the token is valid.
func (c claims) window() string {
	if c.NotBefore == 0 || c.Expires == 0 {
		return ""
	}
	at := func(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }
	return fmt.Sprintf(". The token is valid from %s to %s by the API server's clock", at(c.NotBefore), at(c.Expires))
}
