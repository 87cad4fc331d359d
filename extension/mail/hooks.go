package mail

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/resend/resend-go/v2"

	"paperplane/extension"
)

// Hooks reads the webhooks with which Resend tells what became of messages. It is safe for concurrent use.
type Hooks struct {
	secret   string
	webhooks resend.WebhooksSvc
}

// NewHooks makes a reader of webhooks that are signed with a secret, as the provider shows it: whsec_ in front.
func NewHooks(secret string) *Hooks {
	return &Hooks{secret: secret, webhooks: new(resend.WebhooksSvcImpl)}
}

// The headers of a webhook (Svix, "Verifying payloads manually").
const (
	headerID        = "svix-id"
	headerTimestamp = "svix-timestamp"
	headerSignature = "svix-signature"
)

// hookTypes are the events that say something about the delivery of a message. Every other type, such as email.opened or
// contact.created, is not for us.
func hookTypes() map[string]extension.MailEventKind {
	return map[string]extension.MailEventKind{
		"email.sent":             extension.MailSent,
		"email.delivered":        extension.MailDelivered,
		"email.delivery_delayed": extension.MailDelayed,
		"email.bounced":          extension.MailBounced,
		"email.failed":           extension.MailFailed,
		"email.suppressed":       extension.MailBounced,
		"email.complained":       extension.MailComplained,
	}
}

// Event reads one webhook from its headers and the bytes of its body, exactly as they came. There is no event, and no
// error, where the webhook says nothing about a delivery.
//
// One that is not signed with the secret, or was signed more than five minutes ago or ahead, is an
// extension.ErrForbidden: it may be somebody else's, or an old one sent again. One that is signed and cannot be
// understood is an *extension.InvalidError. Neither error repeats anything of the webhook.
func (h *Hooks) Event(header func(string) string, body []byte) (*extension.MailEvent, error) {
	id, timestamp := header(headerID), header(headerTimestamp)
	err := h.webhooks.Verify(&resend.VerifyWebhookOptions{
		Payload:       string(body),
		Headers:       resend.WebhookHeaders{Id: id, Timestamp: timestamp, Signature: header(headerSignature)},
		WebhookSecret: h.secret,
	})
	if err != nil {
		return nil, fmt.Errorf("verify webhook: no signature of ours of the last five minutes: %w", extension.ErrForbidden)
	}
	var hook webhook
	if json.Unmarshal(body, &hook) != nil {
		return nil, extension.Invalid("body", "The webhook's body is not what the mail provider documents.")
	}
	kind, ours := hookTypes()[hook.Type]
	if !ours {
		return nil, nil //nolint:nilnil // no event and no error: it is not for us
	}
	var data hookData
	if json.Unmarshal(hook.Data, &data) != nil || data.EmailID == "" {
		return nil, extension.Invalid("data", "The webhook does not say which message it is about.")
	}
	event := &extension.MailEvent{
		ID: id, Kind: kind, Message: data.EmailID, Invitation: data.invitation(), At: hook.at(timestamp), Detail: data.detail(),
	}
	if hook.Type == "email.bounced" && data.Bounce.temporary() {
		event.Kind = extension.MailDelayed
	}
	return event, nil
}

// webhook is what all events have in common.
type webhook struct {
	Type      string          `json:"type"`
	CreatedAt string          `json:"created_at"`
	Data      json.RawMessage `json:"data"` // of events about messages: hookData
}

// at is when the event happened by the provider's clock: the moment that the event names or, if that cannot be read, the
// one at which it was signed.
func (w webhook) at(timestamp string) time.Time {
	if at, err := time.Parse(time.RFC3339, w.CreatedAt); err == nil {
		return at.UTC()
	}
	signed, _ := strconv.ParseInt(timestamp, 10, 64) // it was verified, so it is a number
	return time.Unix(signed, 0).UTC()
}

// hookData is what an event says about a message.
type hookData struct {
	EmailID string          `json:"email_id"`
	Tags    json.RawMessage `json:"tags"`
	Bounce  hookBounce      `json:"bounce"`
	Failed  struct {
		Reason string `json:"reason"`
	} `json:"failed"`
	Suppressed struct {
		Message string `json:"message"`
	} `json:"suppressed"`
}

// invitation finds our tag. The provider documents tags as an object of names and values; it has also sent them as they
// were given to it, a list of pairs. Whatever else they are, the message's id still tells whose it is.
func (d hookData) invitation() extension.InvitationID {
	var values map[string]string
	if json.Unmarshal(d.Tags, &values) == nil {
		return extension.InvitationID(values[tagInvitation])
	}
	var pairs []Tag
	if json.Unmarshal(d.Tags, &pairs) == nil {
		for _, pair := range pairs {
			if pair.Name == tagInvitation {
				return extension.InvitationID(pair.Value)
			}
		}
	}
	return ""
}

// detail is the reason that administrators read; empty when the event gives none.
func (d hookData) detail() string {
	switch {
	case d.Bounce.said():
		return d.Bounce.detail()
	case d.Failed.Reason != "":
		return clean(extension.FailedDetail + d.Failed.Reason)
	default:
		return clean(d.Suppressed.Message)
	}
}

// hookBounce is why a message came back.
type hookBounce struct {
	Type       string   `json:"type"`
	SubType    string   `json:"subType"`
	Message    string   `json:"message"`
	Diagnostic []string `json:"diagnosticCode"` // the recipient's server in its own words: smtp; 550 5.1.1 …
}

func (b hookBounce) said() bool {
	return b.Type != "" || b.SubType != "" || b.Message != "" || len(b.Diagnostic) > 0
}

// temporary tells a message that was given up for now from an address that is bad. A full mailbox and an out-of-office
// answer are "Transient" (Resend, "Email Bounces"; its webhook page says "Temporary"): the address may well work
// tomorrow, so such a bounce counts as a delay and stops no later message. An "Undetermined" one counts as a bounce.
func (b hookBounce) temporary() bool {
	return strings.EqualFold(b.Type, "Transient") || strings.EqualFold(b.Type, "Temporary")
}

func (b hookBounce) detail() string {
	words := b.Message
	if len(b.Diagnostic) > 0 && strings.TrimSpace(b.Diagnostic[0]) != "" {
		words = strings.TrimPrefix(strings.TrimSpace(b.Diagnostic[0]), "smtp; ")
	}
	if clean(words) == "" {
		words = "the recipient's server gave no reason."
	}
	if b.temporary() {
		words = "Given up for now: " + words
	}
	return clean(words)
}
