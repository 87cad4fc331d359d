package mail

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// envelope is a message as it goes over the wire (RFC 5321 §2.3.1).
type envelope struct {
	Message
	from    string // bare address
	id      string // Message-ID without its brackets
	content []byte // RFC 5322
}

// compose writes a message with everything that a mail server expects of it.
func compose(m Message) (envelope, error) {
	from, err := netmail.ParseAddress(m.From)
	if err != nil {
		return envelope{}, fmt.Errorf("read sender: %w", err)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	e := envelope{Message: m, from: from.Address, id: string(m.Invitation) + "@" + domain}
	written := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := written.From(m.From); err != nil {
		return envelope{}, fmt.Errorf("write sender: %w", err)
	}
	if err := written.To(m.To); err != nil {
		return envelope{}, fmt.Errorf("write recipient: %w", err)
	}
	if m.ReplyTo != "" {
		if err := written.ReplyTo(m.ReplyTo); err != nil {
			return envelope{}, fmt.Errorf("write reply-to: %w", err)
		}
	}
	written.SetMessageIDWithValue(e.id)
	written.SetDate()
	written.Subject(m.Subject)
	for name, value := range m.Headers {
		written.SetGenHeader(gomail.Header(name), value)
	}
	written.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		written.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	var content bytes.Buffer
	if _, err := written.WriteTo(&content); err != nil {
		return envelope{}, fmt.Errorf("write content: %w", err)
	}
	e.content = content.Bytes()
	return e, nil
}
