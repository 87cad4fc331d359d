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

// codeLifetime is how long the recovery code of Admit would work. It is redeemed at once, so this only covers a slow
// Kratos.
const codeLifetime = "5m"

// Admit signs a browser in as an identity without any secret leaving the server: it has Kratos mint a recovery code,
// redeems it in the browser's name and returns the cookies of the new, privileged session. ReturnTo is the settings
// page with its flow; it is empty when our guard keeps the settings closed until a second factor was shown. Of the browser
// only user agent and address count: a session it may hold is neither used nor ended.
//
// ErrNotFound says that there is no such identity, ErrDisabled that it is inactive. Each call mints a code of its own,
// so a call that failed can be made again.
func (c *Client) Admit(ctx context.Context, id extension.IdentityID, browser extension.Browser) (extension.Reply, error) {
	flow, code, err := c.mintCode(ctx, id)
	if err != nil {
		return extension.Reply{}, fmt.Errorf("admit identity %s: %w", id, err)
	}
	browser.Cookies = ""
	recovery, response, err := c.public.FrontendAPI.UpdateRecoveryFlow(as(ctx, browser)).Flow(flow).
		UpdateRecoveryFlowBody(ory.UpdateRecoveryFlowBody{
			UpdateRecoveryFlowWithCodeMethod: &ory.UpdateRecoveryFlowWithCodeMethod{Method: "code", Code: &code},
		}).Execute()
	answer := reply(response)
	switch moved, elsewhere := movedTo(err, response); {
	case elsewhere: // feature_flags.use_continue_with_transitions is off
		answer.ReturnTo = moved
	case err != nil && c.signsIn(answer): // the guard before the settings speaks when the session is there
	case err != nil:
		return extension.Reply{}, fmt.Errorf("admit identity %s: %w", id, translate(err, response))
	default:
		answer.ReturnTo = settingsPage(recovery.ContinueWith)
	}
	if !c.signsIn(answer) {
		// A code that is wrong or used is answered with 200 and a message, and without a session.
		return extension.Reply{}, fmt.Errorf("admit identity %s: Kratos did not take its own recovery code", id)
	}
	return answer, nil
}

// mintCode asks for a recovery code and returns the flow it belongs to.
func (c *Client) mintCode(ctx context.Context, id extension.IdentityID) (flow, code string, err error) {
	body := ory.NewCreateRecoveryCodeForIdentityBody(string(id))
	body.SetExpiresIn(codeLifetime)
	minted, err := answered(c.admin.IdentityAPI.CreateRecoveryCodeForIdentity(ctx).CreateRecoveryCodeForIdentityBody(*body).Execute())
	if err != nil {
		return "", "", err
	}
	link, err := url.Parse(minted.RecoveryLink)
	if err != nil || link.Query().Get("flow") == "" {
		return "", "", errors.New("unexpected answer from Kratos: the recovery link names no flow")
	}
	return link.Query().Get("flow"), minted.RecoveryCode, nil
}

// movedTo reads Kratos' 422, by which it sends a browser to another page (id browser_location_change_required).
func movedTo(err error, response *http.Response) (string, bool) {
	refused, ok := errors.AsType[*ory.GenericOpenAPIError](err)
	if !ok || response == nil || response.StatusCode != http.StatusUnprocessableEntity {
		return "", false
	}
	moved, ok := refused.Model().(ory.ErrorBrowserLocationChangeRequired)
	return moved.GetRedirectBrowserTo(), ok
}

// settingsPage finds the page that follows a recovery.
func settingsPage(steps []ory.ContinueWith) string {
	for _, step := range steps {
		if settings := step.ContinueWithSettingsUi; settings != nil {
			return settings.Flow.GetUrl()
		}
	}
	return ""
}
