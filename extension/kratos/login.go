package kratos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// The ways of signing in that this package acts on; a form without a method means the password.
const (
	methodPassword = "password"
	methodCode     = "code"
	methodOIDC     = "oidc"
)

// LoginForm reads a login flow, or begins one when flow is empty; returnTo, which may be empty, is a page of ours that
// the new flow ends on. ErrConflict says that the browser is signed in already, ErrFlowExpired that the flow ran out, is
// unknown or belongs to another browser.
func (c *Client) LoginForm(ctx context.Context, browser extension.Browser, flow, returnTo string) (extension.Form, extension.Reply, error) {
	ctx = as(ctx, browser)
	if flow != "" {
		return readLogin(c.public.FrontendAPI.GetLoginFlow(ctx).Id(flow).Execute())
	}
	request := c.public.FrontendAPI.CreateBrowserLoginFlow(ctx)
	if returnTo != "" {
		request = request.ReturnTo(returnTo)
	}
	return readLogin(request.Execute())
}

// RefreshForm begins to sign somebody in once more who is signed in already, because Kratos takes changes only from a
// session that is fresh enough. returnTo is as for LoginForm. ErrNoSession says that there is nobody to be asked again.
func (c *Client) RefreshForm(ctx context.Context, browser extension.Browser, returnTo string) (extension.Form, extension.Reply, error) {
	if !c.carriesSession(browser) {
		return extension.Form{}, extension.Reply{}, fmt.Errorf("read sign-in: %w", extension.ErrNoSession)
	}
	request := c.public.FrontendAPI.CreateBrowserLoginFlow(as(ctx, browser)).Refresh(true)
	if returnTo != "" {
		request = request.ReturnTo(returnTo)
	}
	return readLogin(request.Execute())
}

func readLogin(login *ory.LoginFlow, response *http.Response, err error) (extension.Form, extension.Reply, error) {
	login, answer, err := relayed(login, response, err)
	if err != nil {
		return extension.Form{}, answer, fmt.Errorf("read sign-in: %w", err)
	}
	return loginForm(*login), answer, nil
}

// SubmitLogin signs in with the values of the form's fields, csrf_token and method among them; without a method it is
// the password. It takes the second step as well, with the method totp, code or lookup_secret. The reply holds the
// session's cookies and the page that the flow was begun for. A submit of the method code without a code only has Kratos
// send one; that is a success, and the same flow takes the code.
//
// An *extension.RefusedError holds the form with its messages, ErrDisabled says that the identity is inactive (Kratos
// tells so only after the right password), ErrFlowExpired that the form must be fetched anew.
func (c *Client) SubmitLogin(ctx context.Context, browser extension.Browser, flow string, values map[string]string) (extension.Reply, error) {
	body, err := loginBody(values)
	if err != nil {
		return extension.Reply{}, fmt.Errorf("submit sign-in: %w", err)
	}
	if err := checkFlow(flow); err != nil {
		return extension.Reply{}, fmt.Errorf("submit sign-in: %w", err)
	}
	login, response, err := c.public.FrontendAPI.UpdateLoginFlow(as(ctx, browser)).Flow(flow).UpdateLoginFlowBody(body).Execute()
	if _, sent := codeSent(err); sent && values["code"] == "" {
		return reply(response), nil
	}
	login, answer, err := relayed(login, response, err)
	if err != nil {
		return answer, fmt.Errorf("submit sign-in: %w", err)
	}
	answer.ReturnTo = nextPage(login.ContinueWith)
	return answer, nil
}

// loginBody finds the request that belongs to the method. The fields of a password are sent even when they are empty or
// missing, so that it is Kratos that says what is missing, at its field.
func loginBody(values map[string]string) (ory.UpdateLoginFlowBody, error) {
	fields := map[string]any{"method": methodPassword}
	for name, value := range values {
		fields[name] = value
	}
	if fields["method"] == methodPassword {
		for _, required := range []string{"identifier", "password"} {
			fields[required] = values[required]
		}
	}
	if ticket := values[extension.TicketField]; ticket != "" {
		delete(fields, extension.TicketField)
		fields["transient_payload"] = map[string]string{extension.TicketField: ticket} // which Kratos shows its hooks and does not keep
	}
	var body ory.UpdateLoginFlowBody
	encoded, err := json.Marshal(fields)
	if err != nil {
		return body, err
	}
	if err := json.Unmarshal(encoded, &body); err != nil || body.GetActualInstance() == nil {
		return body, extension.Invalid("method", "This way of signing in is not known.")
	}
	return body, nil
}
