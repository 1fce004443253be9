package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tazlab/seed/internal/secret"
)

func TestNothingPrintsTheValue(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	type holder struct {
		Token   secret.String
		Pointer *secret.String
		Map     map[string]secret.String
	}
	s := secret.New(value)
	h := holder{s, &s, map[string]secret.String{"k": s}}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", h)
	}
	fmt.Fprintln(&out, fmt.Errorf("login with %v failed", s))
	slog.New(slog.NewJSONHandler(&out, nil)).Info("login", "token", s, "holder", h)
	slog.New(slog.NewTextHandler(&out, nil)).Info("login", "token", s, "holder", h)
	if err := json.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	// %x and %d of a plain string would print the bytes, so look for those too.
	for _, form := range []string{value, fmt.Sprintf("%x", value), "104 117 110"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the value came out as %q:\n%s", form, out.String())
		}
	}
	if s.Reveal() != value {
		t.Errorf("Reveal() = %q, want the value", s.Reveal())
	}
}
