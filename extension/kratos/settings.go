package kratos

import (
	"context"
	"fmt"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// SettingsForm reads a settings flow of the browser's session, or begins one when flow is empty. ErrNoSession says that
// there is no session, ErrFlowExpired that the flow ran out, is unknown or belongs to somebody else, ErrForbidden that our
// guard keeps the settings closed until the session was confirmed with a second factor.
func (c *Client) SettingsForm(ctx context.Context, browser extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	if !c.carriesSession(browser) {
		return extension.Form{}, extension.Reply{}, fmt.Errorf("read settings: %w", extension.ErrNoSession)
	}
	execute := c.public.FrontendAPI.CreateBrowserSettingsFlow(as(ctx, browser)).Execute
	if flow != "" {
		execute = c.public.FrontendAPI.GetSettingsFlow(as(ctx, browser)).Id(flow).Execute
	}
	settings, answer, err := relayed(execute())
	if err != nil {
		return extension.Form{}, answer, fmt.Errorf("read settings: %w", c.doubt(ctx, err))
	}
	return settingsForm(*settings), answer, nil
}

// SubmitProfile replaces all traits of the identity, so traits must hold the ones that do not change too. Of the form
// only its id and its csrf_token are used. The reply counts in any case: it may hold new cookies.
//
// An *extension.RefusedError holds the form with its messages: a name too long, a mobile that is none or that somebody
// else has, or what a guard hook says. ErrStaleSession says that Kratos wants the person to sign in again first,
// ErrFlowExpired that the form must be fetched anew, ErrNoSession that the session has ended.
func (c *Client) SubmitProfile(ctx context.Context, browser extension.Browser, form extension.Form, traits extension.Traits) (extension.Form, extension.Reply, error) {
	token := form.Hidden(csrfField)
	return c.submitSettings(ctx, browser, form.ID, ory.UpdateSettingsFlowBody{
		UpdateSettingsFlowWithProfileMethod: &ory.UpdateSettingsFlowWithProfileMethod{
			Method: string(extension.MethodProfile), CsrfToken: &token, Traits: traitsJSON(traits),
		},
	})
}

// SubmitPassword sets the identity's password. The errors are those of SubmitProfile; a form is refused when the
// password is too short, known from breaches or too much like the address.
func (c *Client) SubmitPassword(ctx context.Context, browser extension.Browser, form extension.Form, password string) (extension.Form, extension.Reply, error) {
	token := form.Hidden(csrfField)
	return c.submitSettings(ctx, browser, form.ID, ory.UpdateSettingsFlowBody{
		UpdateSettingsFlowWithPasswordMethod: &ory.UpdateSettingsFlowWithPasswordMethod{
			Method: string(extension.MethodPassword), CsrfToken: &token, Password: password,
		},
	})
}

func (c *Client) submitSettings(ctx context.Context, browser extension.Browser, flow string, body ory.UpdateSettingsFlowBody) (extension.Form, extension.Reply, error) {
	settings, answer, err := c.updateSettings(ctx, browser, flow, body)
	if err != nil {
		return extension.Form{}, answer, err
	}
	answer.ReturnTo = nextPage(settings.ContinueWith)
	return settingsForm(withoutMessages(*settings, typeError)), answer, nil
}

func (c *Client) updateSettings(ctx context.Context, browser extension.Browser, flow string, body ory.UpdateSettingsFlowBody) (*ory.SettingsFlow, extension.Reply, error) {
	settings, answer, err := relayed(c.public.FrontendAPI.UpdateSettingsFlow(as(ctx, browser)).Flow(flow).UpdateSettingsFlowBody(body).Execute())
	if err != nil {
		return nil, answer, fmt.Errorf("submit settings: %w", c.doubt(ctx, err))
	}
	return settings, answer, nil
}

// csrfField is the hidden field without which Kratos refuses a browser's submit.
const csrfField = "csrf_token"

// nextPage finds where Kratos would send the browser after a success.
func nextPage(steps []ory.ContinueWith) string {
	for _, step := range steps {
		if redirect := step.ContinueWithRedirectBrowserTo; redirect != nil {
			return redirect.RedirectBrowserTo
		}
	}
	return ""
}
