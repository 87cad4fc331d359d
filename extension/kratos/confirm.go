package kratos

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// The traits that codes go to, as Kratos' query parameter via names them.
const (
	viaTraitEmail = "email"
	viaTraitPhone = "phone"
)

// SendCode begins the second step of a sign-in and has Kratos send a code to an address of the identity's: by
// extension.FactorSMS or extension.FactorEmail. The form takes the code; SubmitLogin submits it. returnTo, which may be
// empty, is the page of ours that the flow ends on. Within a session that has had its second step it begins another one.
//
// Every call sends, so call it for a POST only. An *extension.RefusedError says why Kratos does not send, for instance
// because the address is not one of the identity's; ErrNoSession that there is no session.
func (c *Client) SendCode(ctx context.Context, browser extension.Browser, way extension.Factor, address, returnTo string) (extension.Form, extension.Reply, error) {
	via := map[extension.Factor]string{extension.FactorSMS: viaTraitPhone, extension.FactorEmail: viaTraitEmail}[way]
	if via == "" {
		return extension.Form{}, extension.Reply{}, fmt.Errorf("send code by %q: it is not sent: %w", way, extension.ErrNotFound)
	}
	form, begun, err := c.beginConfirming(ctx, browser, via, returnTo)
	if err != nil {
		return extension.Form{}, begun, fmt.Errorf("send code by %s: %w", way, err)
	}
	if takesCode(form) {
		return form, begun, nil // v26 sends at once where there is nothing to choose
	}
	form, posted, err := c.postAddress(ctx, browser.With(begun), form, address)
	if err != nil {
		return extension.Form{}, begun.And(posted), fmt.Errorf("send code by %s: %w", way, err)
	}
	return form, begun.And(posted), nil
}

// ConfirmForm reads the second step of a sign-in, or begins one when flow is empty: for an authenticator app and for
// recovery codes. Beginning sends nothing to an identity that has one of these; v26 would send a code at once to one that
// has neither. ErrNoSession says that there is no session, ErrFlowExpired that the flow ran out, is unknown or belongs to
// another browser.
func (c *Client) ConfirmForm(ctx context.Context, browser extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	if flow != "" {
		return c.LoginForm(ctx, browser, flow, "")
	}
	form, answer, err := c.beginConfirming(ctx, browser, "", "")
	if err != nil {
		return extension.Form{}, answer, fmt.Errorf("begin second step: %w", err)
	}
	return form, answer, nil
}

// beginConfirming begins the second step. Kratos refuses one to a session that has had it unless it is asked to refresh
// it; whether it has is known to Kratos alone.
func (c *Client) beginConfirming(ctx context.Context, browser extension.Browser, via, returnTo string) (extension.Form, extension.Reply, error) {
	if !c.carriesSession(browser) {
		return extension.Form{}, extension.Reply{}, extension.ErrNoSession
	}
	request := c.public.FrontendAPI.CreateBrowserLoginFlow(as(ctx, browser)).Aal(string(extension.AAL2))
	if via != "" {
		request = request.Via(via)
	}
	if returnTo != "" {
		request = request.ReturnTo(returnTo)
	}
	login, answer, err := relayed(request.Execute())
	if errors.Is(err, extension.ErrConflict) {
		login, answer, err = relayed(request.Refresh(true).Execute())
	}
	if err != nil {
		return extension.Form{}, answer, c.doubt(ctx, err)
	}
	return loginForm(*login), answer, nil
}

// postAddress chooses the address that the code goes to. Kratos answers 400 with the form that takes the code.
func (c *Client) postAddress(ctx context.Context, browser extension.Browser, form extension.Form, address string) (extension.Form, extension.Reply, error) {
	_, response, err := c.public.FrontendAPI.UpdateLoginFlow(as(ctx, browser)).Flow(form.ID).
		UpdateLoginFlowBody(ory.UpdateLoginFlowBody{UpdateLoginFlowWithCodeMethod: &ory.UpdateLoginFlowWithCodeMethod{
			Method: methodCode, CsrfToken: form.Hidden(csrfField), Address: &address,
		}}).Execute()
	if sent, ok := codeSent(err); ok {
		return loginForm(sent), reply(response), nil
	}
	if err == nil {
		err = errors.New("unexpected answer from Kratos: a code was asked for, and none was sent")
		return extension.Form{}, reply(response), err
	}
	return extension.Form{}, reply(response), c.doubt(ctx, translateFlow(err, response))
}

// codeSent finds, in the error that Kratos makes of it, the flow that now waits for a code. A wrong code leaves the flow
// in the same state, with an error in it.
func codeSent(err error) (ory.LoginFlow, bool) {
	refused, ok := errors.AsType[*ory.GenericOpenAPIError](err)
	if !ok {
		return ory.LoginFlow{}, false
	}
	flow, ok := refused.Model().(ory.LoginFlow)
	return flow, ok && flow.State == ory.LOGINFLOWSTATE_SENT_EMAIL && len(loginForm(flow).Errors()) == 0
}

// takesCode tells whether a form asks for a code that was sent.
func takesCode(form extension.Form) bool {
	for _, node := range form.Nodes {
		if node.Name == "code" && node.Type != "submit" && node.Type != "hidden" {
			return true
		}
	}
	return false
}

// signsIn tells whether a reply brings the browser a session.
func (c *Client) signsIn(answer extension.Reply) bool {
	for _, line := range answer.SetCookies {
		if cookie, err := http.ParseSetCookie(line); err == nil && cookie.Name == c.sessionCookie && cookie.Value != "" && cookie.MaxAge >= 0 {
			return true
		}
	}
	return false
}
