package mail

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// Sender hands messages to a mail provider.
//
// Send makes one call under key and returns one Result for every message, in the order of the messages. The same key
// with the same messages may be sent any number of times within the provider's memory (24 hours at Resend) and gives
// the same results without a second message. A *extension.TroubleError says that the same call should be made again
// later, and by its Refused that this one certainly sent nothing; ErrBytesChanged that it must not be; any other error
// that the call was not finished for a reason of our own, such as a cancelled context.
//
// A provider that remembers no keys has mark written down before it hands a message over, and hands over none that was
// marked before. It can stop in the middle: what it has not come to is Untried then, and the next call tells the trouble.
type Sender interface {
	Send(ctx context.Context, key extension.ChunkID, messages []Message, mark extension.Mark) ([]Result, error)
	// Memory is how long the same call may be made again without a second message, less a margin.
	Memory() time.Duration
}

// Message is one letter to one person.
type Message struct {
	Invitation extension.InvitationID // unique among all messages there have been; of a notice, an id made of its key
	From       string                 // RFC 5322 mailbox, such as: Paperplane <invitations@example.org>
	To         string                 // one bare address; there is never a second person in it
	ReplyTo    string                 // RFC 5322 mailbox; empty for none
	Subject    string                 // Unicode without control characters; the provider encodes it (RFC 2047)
	HTML       string                 // the letter as a whole HTML document
	Text       string                 // the same letter as plain text
	Headers    map[string]string      // further header fields, name to value
	Tags       []Tag                  // come back in the provider's webhooks
}

// Tag is a label that the provider keeps with a message: ASCII letters, digits, underscores and dashes.
type Tag struct {
	Name  string
	Value string
}

// Result is what became of one message: accepted under an id of the provider's, refused for good, of unknown fate, or
// certainly not sent.
type Result struct {
	MessageID string
	Refused   string // the provider's reason, cleaned; empty when accepted
	Unknown   bool   // it was begun to be handed over and nobody knows how that ended
	Untried   bool   // it certainly was not sent: it may be tried again under another key
	PutOff    string // of one that is Untried: the server's reason, cleaned, why this very person must be tried later
}

// ErrBytesChanged says that the provider knows the key with other content, so an earlier call was made with other
// bytes and nobody can tell from here what was sent. The call must not be made again. It is an extension.ErrConflict.
var ErrBytesChanged = fmt.Errorf("mail provider knows this idempotency key with other content: %w", extension.ErrConflict)
