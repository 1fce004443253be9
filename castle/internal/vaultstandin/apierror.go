package vaultstandin

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
)

// apiError is the body of every failed request.
// Source: https://infisical.com/docs/api-reference/overview/errors and the
// server's error-handler.ts.
type apiError struct {
	ReqID      string `json:"reqId"`
	StatusCode int    `json:"statusCode"`
	Message    any    `json:"message"` // a string; for 422 a list of issues
	Name       string `json:"error"`
	Details    any    `json:"details,omitempty"`
}

// issue is one entry of a 422's message, as the zod library reports it.
type issue struct {
	Code     string   `json:"code"`
	Expected string   `json:"expected,omitempty"`
	Received string   `json:"received"`
	Options  []string `json:"options,omitempty"`
	Path     []string `json:"path"`
	Message  string   `json:"message"`
}

func newError(status int, name string, message any) *apiError {
	return &apiError{ReqID: "req-" + rand.Text()[:14], StatusCode: status, Message: message, Name: name}
}

func badRequest(message string) *apiError {
	return newError(http.StatusBadRequest, "BadRequest", message)
}

func unauthorized(message string) *apiError {
	return newError(http.StatusUnauthorized, "UnauthorizedError", message)
}

func tokenError(message string) *apiError {
	return newError(http.StatusForbidden, "TokenError", message)
}

func notFound(format string, args ...any) *apiError {
	return newError(http.StatusNotFound, "NotFound", fmt.Sprintf(format, args...))
}

func invalid(issues ...issue) *apiError {
	return newError(http.StatusUnprocessableEntity, "ValidationFailure", issues)
}

func internalError() *apiError {
	return newError(http.StatusInternalServerError, "InternalServerError", "Something went wrong")
}

// contentType is that of every answer.
const contentType = "application/json; charset=utf-8"

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	// The client may be gone; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(body)
}

// newUUID returns a random UUID (version 4, RFC 9562 section 5.4): the form of
// Infisical's object IDs.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
