package config

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// masked is what stands in the place of every secret.
const masked = "***"

// Secret is a text that no way of printing shows: each gives ***, or nothing when there is no secret. Only Reveal
// returns it.
type Secret struct {
	// A pointer, because fmt calls no method on the unexported fields of other structs: it would print a string there,
	// of a pointer it prints the address.
	text *string
}

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal returns the secret itself. Hand it only to what uses it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero tells whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal compares two secrets in a time that tells nothing but their lengths.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns *** in the place of the secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return masked
}

// GoString returns what %#v shows.
func (s Secret) GoString() string { return `config.Secret("` + s.String() + `")` }

// Format answers every verb of fmt, %x and %d too, which would pass String by.
func (s Secret) Format(f fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && f.Flag('#') {
		text = s.GoString()
	}
	_, _ = io.WriteString(f, text) // fmt.State keeps errors to itself
}

// LogValue is what slog writes.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText serves encoding/json, YAML and XML alike.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON writes a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalYAML writes a YAML string.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }
