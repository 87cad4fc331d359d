package flows

import (
	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/web"
)

// kratosForm is a Kratos form, or a part of one, made ready for a page: its nodes in Kratos' order, in our words. Which
// fields there are is Kratos' decision, so one component shows sign-in, recovery, verification and settings alike.
type kratosForm struct {
	action string
	hidden []web.Press // name and value
	nodes  []kratosNode
	faults []extension.FieldError
	notes  []string // what Kratos says that is no error
}

// kratosNode is one visible node.
type kratosNode struct {
	kind  nodeKind
	field web.Input // of a field or a checkbox
	press web.Press // of a button or a link
	value string    // of a checkbox: "true" for a checked one
}

// nodeKind tells how a node is drawn.
type nodeKind int

const (
	nodeField nodeKind = iota + 1
	nodeCode
	nodeCheckbox
	nodeButton
	nodeLink
)

// part is what one form of a page shows of a Kratos form: settings have many methods, and each is a form of its own.
type part struct {
	action string                    // the page of ours that takes it
	shows  func(extension.Node) bool // which of the visible nodes; nil for all
	submit string                    // what the method's button says; empty for the method's own word
}

// inGroup shows one group of nodes.
func inGroup(group string) func(extension.Node) bool {
	return func(node extension.Node) bool { return node.Group == group }
}

// newKratosForm words a part of a form whose submit goes to one of our pages. What stands at nodes of other parts is not
// said here: v26 never clears the messages of an earlier submit.
func newKratosForm(l locale.Language, form extension.Form, part part) kratosForm {
	view := kratosForm{action: part.action}
	for _, message := range form.Messages {
		if message.Error {
			view.faults = append(view.faults, extension.FieldError{Message: wording(l, message, "")})
		} else {
			view.notes = append(view.notes, wording(l, message, ""))
		}
	}
	for _, from := range form.Nodes {
		if from.Type == "hidden" {
			view.hidden = append(view.hidden, web.Press{Name: from.Name, Value: from.Value})
			continue
		}
		if node, ok := nodeOf(l, from); ok && (part.shows == nil || part.shows(from)) {
			if from.Name == "method" && part.submit != "" {
				node.press.Label = part.submit
			}
			view.nodes = append(view.nodes, node)
			view.faults = append(view.faults, faultsAt(l, from)...)
		}
	}
	return view.weighed().wrong(nil)
}

// faultsAt is what is wrong at one node.
func faultsAt(l locale.Language, node extension.Node) []extension.FieldError {
	var faults []extension.FieldError
	for _, message := range node.Messages {
		if message.Error {
			faults = append(faults, extension.FieldError{Field: node.Name, Message: wording(l, message, node.Name)})
		}
	}
	return faults
}

// weighed makes the first button the primary one, and all others plain: there is at most one a form, and the first is
// what Enter presses.
func (f kratosForm) weighed() kratosForm {
	kind := web.ButtonPrimary
	for i := range f.nodes {
		if f.nodes[i].kind == nodeButton {
			f.nodes[i].press.Kind, kind = kind, web.ButtonSecondary
		}
	}
	return f
}

// carrying adds a hidden field of ours, unless it is empty.
func (f kratosForm) carrying(name, value string) kratosForm {
	if value != "" {
		f.hidden = append(f.hidden, web.Press{Name: name, Value: value})
	}
	return f
}

// ours makes it a form of which nothing but the fields goes to a page of ours: the page begins a Kratos flow of its own for
// every press, and the hidden fields of this one are left out.
func (f kratosForm) ours(token string) kratosForm {
	f.hidden = []web.Press{{Name: web.TokenField, Value: token}}
	return f
}

// with puts values into fields.
func (f kratosForm) with(values map[string]string) kratosForm {
	for i := range f.nodes {
		if value, ok := values[f.nodes[i].field.Name]; ok {
			f.nodes[i].field.Value = value
		}
	}
	return f
}

// hinted explains a field in other words.
func (f kratosForm) hinted(name, hint string) kratosForm {
	for i := range f.nodes {
		if f.nodes[i].field.Name == name {
			f.nodes[i].field.Hint = hint
		}
	}
	return f
}

// wrong says what is wrong with fields.
func (f kratosForm) wrong(faults []extension.FieldError) kratosForm {
	f.faults = append(f.faults, faults...)
	for i := range f.nodes {
		if f.nodes[i].kind == nodeField || f.nodes[i].kind == nodeCode {
			f.nodes[i].field.Error = web.ErrorAt(f.faults, f.nodes[i].field.Name)
		}
	}
	return f
}

// secondary makes the form's first button a plain one, on a page where another form has the primary.
func (f kratosForm) secondary() kratosForm {
	for i := range f.nodes {
		if f.nodes[i].press.Kind == web.ButtonPrimary {
			f.nodes[i].press.Kind = web.ButtonSecondary
		}
	}
	return f
}

// withoutNotes leaves out what Kratos says that is no error, on a page whose first line says it.
func (f kratosForm) withoutNotes() kratosForm {
	f.notes = nil
	return f
}

// nodeOf draws one node; false for those that cannot work on our pages, such as scripts and the buttons that need them.
func nodeOf(l locale.Language, from extension.Node) (kratosNode, bool) {
	label := nodeLabel(l, from)
	switch from.Kind {
	case "a":
		return kratosNode{kind: nodeLink, press: web.Press{Kind: web.ButtonQuiet, Label: label, Href: from.Value}}, true
	case "input":
	default:
		return kratosNode{}, false
	}
	switch from.Type {
	case "submit":
		return kratosNode{kind: nodeButton, press: web.Press{Label: label, Name: from.Name, Value: from.Value}}, true
	case "button":
		return kratosNode{}, false
	case "checkbox":
		return kratosNode{kind: nodeCheckbox, field: web.Input{Name: from.Name, Label: label}, value: from.Value}, true
	}
	field := fieldOf(l, from, label)
	if field.Autocomplete == oneTimeCode {
		return kratosNode{kind: nodeCode, field: field}, true
	}
	return kratosNode{kind: nodeField, field: field}, true
}

// oneTimeCode is the autocomplete token by which phones offer the code of a message that has just come.
const oneTimeCode = "one-time-code"

// fieldOf is a node that is typed into. What it asks for decides which keyboard a phone shows and what a password
// manager fills in (WCAG 2.2 1.3.5 and 3.3.8).
func fieldOf(l locale.Language, from extension.Node, label string) web.Input {
	field := web.Input{
		Name: from.Name, Label: label, Type: from.Type, Value: from.Value, Autocomplete: from.Complete,
		Required: from.Required, ReadOnly: from.Disabled,
	}
	switch from.Name {
	case "identifier":
		field.Autocomplete, field.InputMode = "username", "email"
	case "email":
		field.Autocomplete = "username"
	case "password":
		if field.Autocomplete == "" {
			field.Autocomplete = "current-password"
		}
	case "code":
		field.Type, field.Autocomplete, field.InputMode = "text", oneTimeCode, "numeric"
	case emailNode:
		field.Autocomplete, field.ReadOnly = "username", true
		field.Hint = l.Say("You were invited with this address, so it cannot be changed here. If it is wrong, ask your administrator.")
	case firstNameNode:
		field.Autocomplete = "given-name"
	case lastNameNode:
		field.Autocomplete = "family-name"
	case mobileNode:
		field.Type, field.Autocomplete = "tel", "tel"
		field.Hint = l.Say("With + and the country code, for example +46 70 123 45 67.")
	}
	if field.Type == "password" {
		field.Value = ""
	}
	return field
}

// The nodes of a settings form that hold the person's details, by the names that our identity schema gives them.
const (
	emailNode     = "traits.email"
	firstNameNode = "traits.name.first"
	lastNameNode  = "traits.name.last"
	mobileNode    = "traits.phone"
)

// nodeLabel is what a node is called here; Kratos' own label stands for nodes that we have no word for.
func nodeLabel(l locale.Language, from extension.Node) string {
	switch from.Name {
	case "identifier", "email", emailNode:
		if from.Type == "submit" {
			return l.Say("Send another code")
		}
		return l.Say("Email address")
	case "password":
		if from.Complete == "new-password" {
			return l.Say("New password")
		}
		return l.Say("Password")
	case firstNameNode:
		return l.Say("First name")
	case lastNameNode:
		return l.Say("Last name")
	case mobileNode:
		return l.Say("Mobile number")
	case "code":
		return l.Say("Code that we sent you")
	case "method":
		if label := methodLabel(l, from.Value); label != "" && from.Group == from.Value {
			return label
		}
	}
	if from.Label == "" {
		return from.Name
	}
	return from.Label
}

// methodLabel is what the button of a method says.
func methodLabel(l locale.Language, method string) string {
	switch method {
	case "password":
		return l.Say("Sign in")
	case "code":
		return l.Say("Confirm the code")
	}
	return ""
}
