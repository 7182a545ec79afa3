// Package secret holds the type that carries tokens and presigned URLs through
// the program without ever printing itself.
//
// It must not know what the secret is for, where it is stored or where it goes.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Mask is what a secret shows in place of its value.
const Mask = "***"

// String is a value that must not reach a log, an error text, an argument list
// or the environment. Every way of formatting it (fmt, encoding/json, log/slog)
// gives [Mask], or nothing where the value is empty; only [String.Reveal] gives
// the value itself.
type String struct {
	// A struct and not a defined string: so a careless conversion string(s)
	// does not compile. A pointer in it: fmt calls no method on an unexported
	// field of somebody's struct, and then shows an address and not the value.
	value *string
}

// New wraps value. Two secrets are the same value where reflect.DeepEqual says
// so; == compares them by identity.
func New(value string) String {
	if value == "" {
		return String{} // so that all empty secrets are equal
	}
	return String{&value}
}

// Reveal returns the value. Call it where the value leaves the program on
// purpose (the socket to AWS, the owner-only store), nowhere else.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no value.
func (s String) Empty() bool { return s.value == nil }

// String implements fmt.Stringer.
func (s String) String() string {
	if s.Empty() {
		return ""
	}
	return Mask
}

// GoString implements fmt.GoStringer.
func (s String) GoString() string { return s.String() }

// Format implements fmt.Formatter, so that no verb, not even %x or %d, gets
// past the mask.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText implements encoding.TextMarshaler (and so JSON, TOML, XML).
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }
