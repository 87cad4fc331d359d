package kratos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// SignInWith begins a sign-in with an account at a provider. The location is the provider's: a full navigation of the
// browser goes there, with the reply's cookies, and comes back to Callback. The errors are those of SubmitLogin.
func (c *Client) SignInWith(ctx context.Context, browser extension.Browser, flow, provider string) (string, extension.Reply, error) {
	form, begun, err := c.LoginForm(ctx, browser, flow, "")
	if err != nil {
		return "", begun, err
	}
	_, response, err := c.public.FrontendAPI.UpdateLoginFlow(as(ctx, browser.With(begun))).Flow(form.ID).
		UpdateLoginFlowBody(ory.UpdateLoginFlowBody{UpdateLoginFlowWithOidcMethod: &ory.UpdateLoginFlowWithOidcMethod{
			Method: methodOIDC, CsrfToken: new(form.Hidden(csrfField)), Provider: provider,
		}}).Execute()
	location, answer, err := leave(response, err)
	if err != nil {
		return "", begun.And(answer), fmt.Errorf("sign in with %s: %w", provider, err)
	}
	return location, begun.And(answer), nil
}

// LinkProvider begins to link an account at a provider to the identity whose settings the form is of. The location is as
// for SignInWith; the guard is asked when the browser has come back to Callback. The errors are those of SubmitProfile.
func (c *Client) LinkProvider(ctx context.Context, browser extension.Browser, form extension.Form, provider string) (string, extension.Reply, error) {
	_, response, err := c.public.FrontendAPI.UpdateSettingsFlow(as(ctx, browser)).Flow(form.ID).
		UpdateSettingsFlowBody(oidcSettings(form, ory.UpdateSettingsFlowWithOidcMethod{Link: &provider})).Execute()
	location, answer, err := leave(response, err)
	if err != nil {
		return "", answer, fmt.Errorf("link %s: %w", provider, c.doubt(ctx, err))
	}
	return location, answer, nil
}

// UnlinkProvider takes the link to a provider away. The errors are those of SubmitProfile; a form is refused when the link
// is the last way to sign in.
func (c *Client) UnlinkProvider(ctx context.Context, browser extension.Browser, form extension.Form, provider string) (extension.Form, extension.Reply, error) {
	return c.submitSettings(ctx, browser, form.ID, oidcSettings(form, ory.UpdateSettingsFlowWithOidcMethod{Unlink: &provider}))
}

func oidcSettings(form extension.Form, body ory.UpdateSettingsFlowWithOidcMethod) ory.UpdateSettingsFlowBody {
	body.Method, body.CsrfToken = string(extension.MethodOIDC), new(form.Hidden(csrfField))
	return ory.UpdateSettingsFlowBody{UpdateSettingsFlowWithOidcMethod: &body}
}

// leave reads where Kratos sends a browser that must go to a provider, which is an error to the Ory client.
func leave(response *http.Response, err error) (string, extension.Reply, error) {
	location, elsewhere := movedTo(err, response)
	switch {
	case elsewhere && location != "":
		return location, reply(response), nil
	case err != nil:
		return "", reply(response), translateFlow(err, response)
	}
	return "", reply(response), errors.New("unexpected answer from Kratos: it names no provider's page")
}

// Callback hands on what a browser brings back from a provider. Whatever comes of it, Kratos sends the browser on, with the
// reply's cookies, to ReturnTo: signed in or linked to the page that was asked for, and otherwise to the page of the flow or
// of the error, which says why. A guard's refusal stands in the settings flow. rawQuery is secret: it holds the provider's
// code.
func (c *Client) Callback(ctx context.Context, browser extension.Browser, provider, rawQuery string) (extension.Reply, error) {
	target := c.publicURL + "/self-service/methods/oidc/callback/" + url.PathEscape(provider) + "?" + rawQuery
	request, err := http.NewRequestWithContext(as(ctx, browser), http.MethodGet, target, http.NoBody)
	if err != nil { // its text holds the query
		return extension.Reply{}, extension.Invalid("", "The answer of the other site is not readable.")
	}
	request.Header.Set("Accept", "text/html") // as a browser: every outcome is a redirect
	response, err := c.http.Do(request)
	if err != nil {
		return extension.Reply{}, fmt.Errorf("come back from %s: %w", provider, unreachable(err))
	}
	if err := response.Body.Close(); err != nil {
		return extension.Reply{}, fmt.Errorf("come back from %s: %w", provider, unreachable(err))
	}
	answer := reply(response)
	if !redirected(response) {
		return answer, fmt.Errorf("come back from %s: %w", provider, meaning(response.StatusCode))
	}
	answer.ReturnTo = response.Header.Get("Location")
	return answer, nil
}

// meaning is the kind of error that a status alone tells.
func meaning(status int) error {
	if kind := (failure{}).kind(status); kind != nil {
		return kind
	}
	return fmt.Errorf("unexpected answer from Kratos: status %d", status)
}
