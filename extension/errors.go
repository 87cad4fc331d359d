package extension

import (
	"errors"
	"strings"
	"time"
)

// The kinds of error. A technology turns its vendor's errors into these at its border; the web shell turns each into
// one status and one kind of page. Wrap them with %w and test them with errors.Is.
var (
	// ErrNotFound says that there is no such thing, or none that the actor may know of.
	ErrNotFound = errors.New("not found")
	// ErrForbidden says that the actor may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrConflict says that somebody else was first or that the thing has moved on.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable says that a part we depend on does not answer now; the same request may succeed later.
	ErrUnavailable = errors.New("unavailable")
	// ErrNoSession says that the browser has no session that Kratos accepts.
	ErrNoSession = errors.New("no session")
	// ErrFlowExpired says that a Kratos flow ran out, is unknown or belongs to another browser: begin it again.
	ErrFlowExpired = errors.New("flow expired")
	// ErrStaleSession says that Kratos wants the person to sign in again before this change (privileged session age).
	ErrStaleSession = errors.New("session not fresh enough")
	// ErrDisabled says that the identity is inactive in Kratos.
	ErrDisabled = errors.New("account disabled")
)

// InvalidError says that input was refused, with one sentence for every field that a person can put right. The
// sentences are shown as they stand, so they never hold anything that the person did not type.
type InvalidError struct {
	Fields []FieldError
}

// FieldError is one sentence about one field of a form. An empty Field means the form as a whole.
type FieldError struct {
	Field   string
	Message string
}

// Error joins the sentences.
func (e *InvalidError) Error() string {
	sentences := []string{"invalid input"}
	for _, f := range e.Fields {
		sentences = append(sentences, f.Message)
	}
	return strings.Join(sentences, ": ")
}

// Invalid makes an InvalidError about one field.
func Invalid(field, message string) error {
	return &InvalidError{Fields: []FieldError{{Field: field, Message: message}}}
}

// CooldownError says that a code was sent too recently, or too often, to send another one now.
type CooldownError struct {
	Until time.Time // when the next one can be sent
}

// Error tells until when.
func (e *CooldownError) Error() string { return "wait until " + e.Until.UTC().Format(time.RFC3339) }
