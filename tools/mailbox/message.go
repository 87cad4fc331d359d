package mailbox

import (
	"crypto/rand"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
)

// Channel is how a message would have travelled.
type Channel string

// The channels.
const (
	Email Channel = "email"
	SMS   Channel = "sms"
)

// Message is one caught message. Its JSON form is what GET /api/messages answers.
type Message struct {
	ID             string            `json:"id"` // the one that the sender was told, if it was told one
	Channel        Channel           `json:"channel"`
	At             time.Time         `json:"at"` // UTC, of the mailbox's clock
	From           string            `json:"from,omitempty"`
	To             []string          `json:"to"`
	ReplyTo        []string          `json:"reply_to,omitempty"`
	Subject        string            `json:"subject"`
	HTML           string            `json:"html,omitempty"`
	Text           string            `json:"text,omitempty"`
	Headers        map[string]string `json:"headers,omitempty"`
	Tags           []Tag             `json:"tags,omitempty"`
	IdempotencyKey string            `json:"idempotency_key,omitempty"` // of the provider call it came with
	Template       string            `json:"template,omitempty"`        // Kratos' template type, of text messages
}

// Tag is a label of a message in the provider's contract.
type Tag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// addressKey is what recipients are found by: the bare address or telephone number, in lower case.
func addressKey(recipient string) string {
	if parsed, err := netmail.ParseAddress(recipient); err == nil {
		recipient = parsed.Address
	}
	return strings.ToLower(strings.TrimSpace(recipient))
}

// newID makes a random UUID (RFC 9562 §5.4), which is what the provider's ids look like.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // documented never to fail
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
