package extension

// Form is a Kratos self-service flow reduced to what a page needs. Vendors' types never leave the adapter.
type Form struct {
	ID       string // the flow's id
	Action   string // the page of ours that takes the submit
	Nodes    []Node
	Messages []Message // about the form as a whole
	ReturnTo string
	AAL      AAL        // of a login flow: what it leads to; one at aal2 is a second step
	Identity IdentityID // of a settings flow: whose settings they are
	Traits   Traits     // of a settings flow: as Kratos holds them now; a profile submit replaces them all
}

// Node is one element of a form.
type Node struct {
	Group    string // default, password, profile, code, totp, …
	Kind     string // input, text, img, a, script
	Type     string // of an input: text, email, tel, password, hidden, submit, checkbox
	Name     string
	Value    string
	Label    string
	Required bool
	Disabled bool
	Complete string // autocomplete token (HTML, WCAG 2.2 1.3.5)
	Messages []Message
}

// Message is something Kratos says about a form or a field. Its id is stable and is what words are chosen by.
type Message struct {
	ID    int64
	Text  string
	Error bool
}

// The range of the ids of our own guards' objections, which Kratos leaves free. Whatever stands there was worded by us and
// quotes nothing that was typed.
const (
	FirstObjection int64 = 9000001
	LastObjection  int64 = 9000999
)

// Objection tells whether the message was worded by one of our guards.
func (m Message) Objection() bool { return FirstObjection <= m.ID && m.ID <= LastObjection }

// Hidden returns the value of a hidden input, such as csrf_token.
func (f Form) Hidden(name string) string {
	for _, n := range f.Nodes {
		if n.Name == name && n.Type == "hidden" {
			return n.Value
		}
	}
	return ""
}

// Errors returns every error of the form, each with the field it belongs to.
func (f Form) Errors() []FieldMessage {
	var all []FieldMessage
	for _, m := range f.Messages {
		if m.Error {
			all = append(all, FieldMessage{Message: m})
		}
	}
	for _, n := range f.Nodes {
		for _, m := range n.Messages {
			if m.Error {
				all = append(all, FieldMessage{Field: n.Name, Message: m})
			}
		}
	}
	return all
}

// FieldMessage is a message with the name of the node it stands at; an empty Field means the form as a whole.
type FieldMessage struct {
	Field string
	Message
}

// Reply is what Kratos answered beside a form. The relay copies every Set-Cookie line to the browser.
type Reply struct {
	SetCookies []string // Set-Cookie header lines, as Kratos wrote them
	ReturnTo   string   // where Kratos would send the browser; followed only to pages of ours
}

// And joins two replies to one browser: the cookies of both, in order, and the later destination.
func (r Reply) And(later Reply) Reply {
	joined := Reply{SetCookies: append(append([]string(nil), r.SetCookies...), later.SetCookies...), ReturnTo: r.ReturnTo}
	if later.ReturnTo != "" {
		joined.ReturnTo = later.ReturnTo
	}
	return joined
}

// RefusedError says that Kratos did not take a submit; the form holds its messages and what was typed.
type RefusedError struct {
	Form Form
}

// Error names no value of the form.
func (e *RefusedError) Error() string { return "Kratos refused the form" }
