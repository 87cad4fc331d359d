package mailbox

import (
	"encoding/json"
	"net/http"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// maxRecipients is how many addresses the provider takes in one message.
const maxRecipients = 50

// draft is a message as the provider's clients write it. Fields that this mailbox does not show are ignored.
type draft struct {
	From    string            `json:"from"`
	To      addresses         `json:"to"`
	Cc      addresses         `json:"cc"`
	Bcc     addresses         `json:"bcc"`
	ReplyTo addresses         `json:"reply_to"`
	Subject string            `json:"subject"`
	HTML    string            `json:"html"`
	Text    string            `json:"text"`
	Headers map[string]string `json:"headers"`
	Tags    []Tag             `json:"tags"`
}

// addresses are one address or a list of them.
type addresses []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *addresses) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		if one != "" {
			*a = addresses{one}
		}
		return nil
	}
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*a = list
	return nil
}

func invalid(message string) *problem {
	return &problem{http.StatusUnprocessableEntity, "validation_error", message}
}

func missing(field string) *problem {
	return &problem{http.StatusUnprocessableEntity, "missing_required_field", "Missing `" + field + "` field."}
}

// judgeOne turns one message of a call into a caught one, or tells why the provider would not take it.
func (m *Mailbox) judgeOne(body []byte) (Message, *problem) {
	var d draft
	if err := json.Unmarshal(body, &d); err != nil {
		return Message{}, &problem{
			http.StatusBadRequest, "validation_error", "We found an error with one or more fields in the request.",
		}
	}
	if trouble := d.check(); trouble != nil {
		return Message{}, trouble
	}
	for _, to := range d.recipients() {
		if refusal := m.faults.refusal(to); refusal != "" {
			return Message{}, invalid(refusal)
		}
	}
	return Message{
		ID:      newID(),
		Channel: Email,
		From:    d.From,
		To:      d.recipients(), // with cc and bcc: a shared message must show to everybody who looks for their own
		ReplyTo: d.ReplyTo,
		Subject: d.Subject,
		HTML:    d.HTML,
		Text:    d.Text,
		Headers: d.Headers,
		Tags:    d.Tags,
	}, nil
}

func (d draft) recipients() []string {
	all := append([]string{}, d.To...)
	all = append(all, d.Cc...)
	return append(all, d.Bcc...)
}

func (d draft) check() *problem {
	switch {
	case d.From == "":
		return missing("from")
	case len(d.To) == 0:
		return missing("to")
	case d.Subject == "":
		return missing("subject")
	case d.HTML == "" && d.Text == "":
		return missing("html` or `text")
	case !isMailbox(d.From):
		trouble := invalid(badAddress("from"))
		trouble.Name = "invalid_from_address"
		return trouble
	case len(d.To) > maxRecipients:
		return invalid("The `to` field must not have more than 50 addresses.")
	case strings.ContainsFunc(d.Subject, unicode.IsControl):
		return invalid("The `\\n` is not allowed in the `subject` field.")
	}
	for _, field := range []struct {
		name string
		list addresses
	}{{"to", d.To}, {"cc", d.Cc}, {"bcc", d.Bcc}, {"reply_to", d.ReplyTo}} {
		if !allMailboxes(field.list) {
			return invalid(badAddress(field.name))
		}
	}
	return d.checkExtras()
}

func allMailboxes(list addresses) bool {
	return !slices.ContainsFunc(list, func(address string) bool { return !isMailbox(address) })
}

// tagText is what the provider allows in the name and the value of a tag.
var tagText = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// fieldName is what RFC 5322 §2.2 allows as the name of a header field: visible ASCII without the colon.
var fieldName = regexp.MustCompile(`^[\x21-\x39\x3B-\x7E]+$`)

func (d draft) checkExtras() *problem {
	for _, tag := range d.Tags {
		if !tagText.MatchString(tag.Name) || !tagText.MatchString(tag.Value) {
			return invalid("Tags should only contain ASCII letters, numbers, underscores, or dashes.")
		}
	}
	for field, value := range d.Headers {
		if !fieldName.MatchString(field) || strings.ContainsFunc(value, unicode.IsControl) {
			return invalid("The `headers` field has a name or a value that a message can't have.")
		}
	}
	return nil
}

func badAddress(field string) string {
	return "Invalid `" + field + "` field. The email address needs to follow the `email@example.com` or `Name <email@example.com>` format."
}

func isMailbox(text string) bool {
	_, err := netmail.ParseAddress(text)
	return err == nil && !strings.ContainsFunc(text, unicode.IsControl)
}
