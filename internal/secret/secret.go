// Package secret holds values that no log line, error, Event or report may show.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// String is a secret text. However it is printed, logged or marshalled it reads "[redacted]"; the value
// comes out through Reveal only.
type String struct{ value string }

// New makes a secret of value.
func New(value string) String { return String{value} }

// Reveal returns the value, for the one place that sends or stores it.
func (s String) Reveal() string { return s.value }

// Empty tells whether there is no value.
func (s String) Empty() bool { return s.value == "" }

// String implements fmt.Stringer.
func (String) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (String) GoString() string { return redacted }

// Format implements fmt.Formatter, so that no verb (%x, %q, ...) reaches the value.
func (String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler, which JSON and YAML encoders use.
func (String) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (String) LogValue() slog.Value { return slog.StringValue(redacted) }
