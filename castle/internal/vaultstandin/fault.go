package vaultstandin

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tazlab/seed/castle/internal/faults"
)

// Refusal is a Fault that answers as Infisical does when it refuses: status and the name that goes with it, for example
// 403 and "PermissionDenied", and a message, which is a text or, for 422, a list of issues.
func Refusal(status int, name string, message any) faults.Fault {
	body, err := json.Marshal(newError(status, name, message))
	if err != nil {
		panic(fmt.Sprintf("a refusal of the vault stand-in: %v", err)) // a message that is no JSON: a fault of the test
	}
	return faults.Fault{Status: status, Header: map[string]string{"Content-Type": contentType}, Body: string(body)}
}

// Invalid is Infisical's answer to a request with a wrong field.
func Invalid(field string) faults.Fault {
	return Refusal(http.StatusUnprocessableEntity, "ValidationFailure", []issue{
		{Code: "invalid_type", Expected: "string", Received: "undefined", Path: []string{field}, Message: "Required"},
	})
}

// RateLimited is Infisical's answer to too many requests. How long to wait is in its message: the API reference
// promises no header (https://infisical.com/docs/api-reference/overview/rate-limits).
func RateLimited(seconds int) faults.Fault {
	return Refusal(http.StatusTooManyRequests, "RateLimitExceeded",
		fmt.Sprintf("Rate limit exceeded. Please try again in %d seconds", seconds))
}
