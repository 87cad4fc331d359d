package mailbox

import (
	"encoding/json"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
)

// eventType is what a webhook tells (Resend, "Event Types").
type eventType string

const (
	eventSent       eventType = "email.sent"
	eventDelivered  eventType = "email.delivered"
	eventDelayed    eventType = "email.delivery_delayed"
	eventBounced    eventType = "email.bounced"
	eventComplained eventType = "email.complained"
	eventSuppressed eventType = "email.suppressed"
	eventFailed     eventType = "email.failed"
)

// fates are what happens to messages whose address begins with a word, in the manner of the provider's own test addresses
// (Resend, "Send Test Emails"). Everybody else's message is sent and delivered.
func fates() map[string][]eventType {
	return map[string][]eventType{
		"bounced":    {eventSent, eventBounced},
		"full":       {eventSent, eventBounced}, // a bounce for now: the mailbox is full
		"complained": {eventSent, eventDelivered, eventComplained},
		"delayed":    {eventSent, eventDelayed},
		"suppressed": {eventSuppressed},
		"failed":     {eventFailed},
	}
}

// fate tells what happens to a message to an address, and the word that decided it.
func fate(address string) (word string, events []eventType) {
	local, _, _ := strings.Cut(addressKey(address), "@")
	for word, events := range fates() {
		if strings.HasPrefix(local, word) {
			return word, events
		}
	}
	return "", []eventType{eventSent, eventDelivered}
}

// hookBody is a webhook as the provider documents it.
type hookBody struct {
	Type      eventType `json:"type"`
	CreatedAt string    `json:"created_at"`
	Data      hookData  `json:"data"`
}

type hookData struct {
	EmailID    string            `json:"email_id"`
	CreatedAt  string            `json:"created_at"`
	From       string            `json:"from"`
	To         []string          `json:"to"`
	Subject    string            `json:"subject"`
	Tags       map[string]string `json:"tags,omitempty"`
	Bounce     *bounce           `json:"bounce,omitempty"`
	Failed     *failed           `json:"failed,omitempty"`
	Suppressed *suppressed       `json:"suppressed,omitempty"`
}

type bounce struct {
	Type       string   `json:"type"`
	SubType    string   `json:"subType"`
	Message    string   `json:"message"`
	Diagnostic []string `json:"diagnosticCode,omitempty"`
}

type failed struct {
	Reason string `json:"reason"`
}

type suppressed struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

// eventBody writes the webhook about one event of a message.
func eventBody(message Message, kind eventType, word string, now time.Time) ([]byte, error) {
	body := hookBody{
		Type: kind, CreatedAt: now.UTC().Format("2006-01-02T15:04:05.000Z"),
		Data: hookData{
			EmailID: message.ID, CreatedAt: message.At.UTC().Format("2006-01-02 15:04:05.999999+00"),
			From: message.From, To: message.To, Subject: message.Subject,
		},
	}
	for _, tag := range message.Tags {
		if body.Data.Tags == nil {
			body.Data.Tags = map[string]string{}
		}
		body.Data.Tags[tag.Name] = tag.Value
	}
	body.Data.explain(kind, word)
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write webhook: %w", err)
	}
	return encoded, nil
}

// explain adds the provider's reason, where an event has one.
func (d *hookData) explain(kind eventType, word string) {
	switch {
	case kind == eventBounced && word == "full":
		d.Bounce = &bounce{
			Type: "Transient", SubType: "MailboxFull", Message: "The recipient's email provider sent a bounce message because the recipient's inbox was full.",
			Diagnostic: []string{"smtp; 452 4.2.2 The email account is over quota"},
		}
	case kind == eventBounced:
		d.Bounce = &bounce{
			Type: "Permanent", SubType: "General", Message: "The recipient's email provider sent a hard bounce message.",
			Diagnostic: []string{"smtp; 550 5.1.1 The email account does not exist"},
		}
	case kind == eventFailed:
		d.Failed = &failed{Reason: "domain_not_verified"}
	case kind == eventSuppressed:
		d.Suppressed = &suppressed{Type: "OnAccountSuppressionList", Message: "The address is on the account's suppression list."}
	}
}

// firstRecipient is whose fate a message has: the bare address that it goes to.
func firstRecipient(message Message) string {
	if len(message.To) == 0 {
		return ""
	}
	if parsed, err := netmail.ParseAddress(message.To[0]); err == nil {
		return parsed.Address
	}
	return message.To[0]
}
