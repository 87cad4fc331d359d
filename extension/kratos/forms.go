package kratos

import (
	"fmt"
	"slices"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// The types of Kratos' messages that this package acts on.
const (
	typeError   = "error"
	typeSuccess = "success"
)

// checkFlow refuses what cannot be the id of a flow: Kratos answers that as a mistake of ours, or of its database's.
func checkFlow(id string) error {
	if _, err := extension.ParseID[string](id); err != nil {
		return extension.ErrFlowExpired
	}
	return nil
}

func settingsForm(flow ory.SettingsFlow) extension.Form {
	form := formOf(flow.Id, flow.ReturnTo, flow.Ui)
	form.Identity = extension.IdentityID(flow.Identity.Id)
	form.Traits = traitsOf(flow.Identity.Traits)
	return form
}

func loginForm(flow ory.LoginFlow) extension.Form {
	form := formOf(flow.Id, flow.ReturnTo, flow.Ui)
	form.AAL = extension.AAL(flow.GetRequestedAal())
	return form
}

func recoveryForm(flow ory.RecoveryFlow) extension.Form {
	return formOf(flow.Id, flow.ReturnTo, flow.Ui)
}

func verificationForm(flow ory.VerificationFlow) extension.Form {
	return formOf(flow.Id, flow.ReturnTo, flow.Ui)
}

// refusedForm finds the flow in an error answer. v26 still shows "Your changes have been saved!" of an earlier submit.
func refusedForm(model any) (extension.Form, bool) {
	switch flow := model.(type) {
	case ory.SettingsFlow:
		return settingsForm(withoutMessages(flow, typeSuccess)), true
	case ory.LoginFlow:
		return loginForm(flow), true
	case ory.RecoveryFlow:
		return recoveryForm(flow), true
	case ory.VerificationFlow:
		return verificationForm(flow), true
	}
	return extension.Form{}, false
}

// withoutMessages drops all messages of one type. Both versions of Kratos run many submits through one settings flow,
// and v26 never clears the messages of the earlier ones.
func withoutMessages(flow ory.SettingsFlow, kind string) ory.SettingsFlow {
	ofKind := func(text ory.UiText) bool { return text.Type == kind }
	flow.Ui.Messages = slices.DeleteFunc(flow.Ui.Messages, ofKind)
	for i := range flow.Ui.Nodes {
		flow.Ui.Nodes[i].Messages = slices.DeleteFunc(flow.Ui.Nodes[i].Messages, ofKind)
	}
	return flow
}

// formOf reduces a flow's user interface to a form. Action stays empty: the page that shows the form is the one that
// takes it, and Kratos' own address is none of the browser's business.
func formOf(id string, returnTo *string, ui ory.UiContainer) extension.Form {
	form := extension.Form{ID: id, Nodes: make([]extension.Node, 0, len(ui.Nodes)), Messages: messagesOf(ui.Messages)}
	if returnTo != nil {
		form.ReturnTo = *returnTo
	}
	for _, node := range ui.Nodes {
		form.Nodes = append(form.Nodes, nodeOf(node))
	}
	return form
}

func nodeOf(from ory.UiNode) extension.Node {
	node := extension.Node{Group: from.Group, Kind: from.Type, Messages: messagesOf(from.Messages)}
	if from.Meta.Label != nil {
		node.Label = from.Meta.Label.Text
	}
	switch a := from.Attributes.GetActualInstance().(type) {
	case *ory.UiNodeInputAttributes:
		node.Type, node.Name, node.Value = a.Type, a.Name, valueOf(a.Value)
		node.Disabled, node.Required, node.Complete = a.Disabled, a.GetRequired(), a.GetAutocomplete()
		if node.Label == "" && a.Label != nil {
			node.Label = a.Label.Text
		}
	case *ory.UiNodeAnchorAttributes:
		node.Name, node.Value, node.Label = a.Id, a.Href, a.Title.Text
	case *ory.UiNodeImageAttributes:
		node.Name, node.Value = a.Id, a.Src
	case *ory.UiNodeTextAttributes:
		node.Name, node.Value = a.Id, a.Text.Text
	case *ory.UiNodeScriptAttributes:
		node.Name, node.Value = a.Id, a.Src
	case *ory.UiNodeDivisionAttributes:
		node.Name = a.Id
	}
	return node
}

// valueOf writes an input's value as HTML would: Kratos sends text, numbers and truth values.
func valueOf(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

func messagesOf(texts []ory.UiText) []extension.Message {
	var messages []extension.Message
	for _, text := range texts {
		messages = append(messages, extension.Message{ID: text.Id, Text: text.Text, Error: text.Type == typeError})
	}
	return messages
}
