package flows

import (
	"paperplane/extension"
	"paperplane/extension/web"
)

// kratosForm is a Kratos form made ready for a page: its nodes in Kratos' order, in our words. Which fields there are is
// Kratos' decision, so one component shows sign-in, second factors and settings alike.
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
	label string    // of a text or an image
	value string    // of a text; the address of an image; "true" for a checked box
}

// nodeKind tells how a node is drawn.
type nodeKind int

const (
	nodeField nodeKind = iota + 1
	nodeCheckbox
	nodeButton
	nodeText
	nodeImage
	nodeLink
)

// newKratosForm words a form whose submit goes to one of our pages.
func newKratosForm(form extension.Form, action string) kratosForm {
	view := kratosForm{action: action}
	for _, fault := range form.Errors() {
		view.faults = append(view.faults, extension.FieldError{Field: fault.Field, Message: wording(fault.Message, fault.Field)})
	}
	for _, message := range form.Messages {
		if !message.Error {
			view.notes = append(view.notes, wording(message, ""))
		}
	}
	kind := web.ButtonPrimary // at most one a page: the first is what Enter presses
	for _, from := range form.Nodes {
		if from.Type == "hidden" {
			view.hidden = append(view.hidden, web.Press{Name: from.Name, Value: from.Value})
			continue
		}
		node, ok := nodeOf(from)
		if !ok {
			continue
		}
		switch node.kind {
		case nodeButton:
			node.press.Kind, kind = kind, web.ButtonSecondary
		case nodeField:
			node.field.Error = web.ErrorAt(view.faults, from.Name)
		case nodeCheckbox, nodeText, nodeImage, nodeLink:
		}
		view.nodes = append(view.nodes, node)
	}
	return view
}

// nodeOf draws one node; false for those that cannot work on our pages, such as scripts and the buttons that need them.
func nodeOf(from extension.Node) (kratosNode, bool) {
	label := nodeLabel(from)
	switch from.Kind {
	case "text":
		return kratosNode{kind: nodeText, label: label, value: from.Value}, true
	case "img":
		return kratosNode{kind: nodeImage, label: label, value: from.Value}, true
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
	return kratosNode{kind: nodeField, field: fieldOf(from, label)}, true
}

// fieldOf is a node that is typed into. What it asks for decides which keyboard a phone shows and what a password
// manager fills in (WCAG 2.2 1.3.5 and 3.3.8).
func fieldOf(from extension.Node, label string) web.Input {
	field := web.Input{
		Name: from.Name, Label: label, Type: from.Type, Value: from.Value, Autocomplete: from.Complete,
		Required: from.Required, ReadOnly: from.Disabled,
	}
	switch from.Name {
	case "identifier":
		field.Autocomplete, field.InputMode = "username", "email"
	case "password":
		if field.Autocomplete == "" {
			field.Autocomplete = "current-password"
		}
	case "code", "totp_code":
		field.Type, field.Autocomplete, field.InputMode = "text", "one-time-code", "numeric"
	case "lookup_secret":
		field.Autocomplete = "off"
	}
	if field.Type == "password" {
		field.Value = ""
	}
	return field
}

// nodeLabel is what a node is called here; Kratos' own label stands for nodes that we have no word for.
func nodeLabel(from extension.Node) string {
	switch from.Name {
	case "identifier":
		return "Email address"
	case "password":
		return "Password"
	case "totp_code":
		return "Code from your authenticator app"
	case "code":
		return "Code that we sent you"
	case "lookup_secret":
		return "Recovery code"
	case "totp_qr":
		return "QR code for your authenticator app"
	case "totp_secret_key":
		return "Key for your authenticator app, if you cannot scan the code"
	case "method":
		if label := methodLabel(from.Value); label != "" && from.Group == from.Value {
			return label
		}
	}
	if from.Label == "" {
		return from.Name
	}
	return from.Label
}

// methodLabel is what the button of a method says.
func methodLabel(method string) string {
	switch method {
	case "password":
		return "Sign in"
	case "totp", "code":
		return "Confirm the code"
	case "lookup_secret":
		return "Use the recovery code"
	}
	return ""
}
