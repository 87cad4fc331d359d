package kratos

import (
	"context"
	"fmt"
	"net/http"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// RecoveryForm reads the form for a forgotten password, or begins one when flow is empty. ErrConflict says that the
// browser is signed in, ErrFlowExpired that the flow ran out, is unknown or belongs to another browser.
func (c *Client) RecoveryForm(ctx context.Context, browser extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	execute := c.public.FrontendAPI.CreateBrowserRecoveryFlow(as(ctx, browser)).Execute
	if flow != "" {
		execute = c.public.FrontendAPI.GetRecoveryFlow(as(ctx, browser)).Id(flow).Execute
	}
	recovery, answer, err := relayed(execute())
	if err != nil {
		return extension.Form{}, answer, fmt.Errorf("read recovery: %w", err)
	}
	return recoveryForm(*recovery), answer, nil
}

// SubmitRecovery asks for a code with the value email, or redeems one with the value code; csrf_token goes along. After
// the first the form asks for the code, whether or not anybody has that address. After the second the reply's cookies hold
// a privileged session, which may still owe us its second factor: then the form is the zero one, and ReturnTo is the
// settings page with its flow if the settings are open.
//
// An *extension.RefusedError holds the form with its messages, such as a wrong code; ErrDisabled says that the identity is
// inactive, ErrFlowExpired that the form must be fetched anew, for instance after too many wrong codes.
func (c *Client) SubmitRecovery(ctx context.Context, browser extension.Browser, flow string, values map[string]string) (extension.Form, extension.Reply, error) {
	if err := checkFlow(flow); err != nil {
		return extension.Form{}, extension.Reply{}, fmt.Errorf("submit recovery: %w", err)
	}
	recovery, response, err := c.public.FrontendAPI.UpdateRecoveryFlow(as(ctx, browser)).Flow(flow).
		UpdateRecoveryFlowBody(ory.UpdateRecoveryFlowBody{UpdateRecoveryFlowWithCodeMethod: &ory.UpdateRecoveryFlowWithCodeMethod{
			Method: methodCode, CsrfToken: given(values, csrfField), Email: given(values, "email"), Code: given(values, methodCode),
		}}).Execute()
	answer := reply(response)
	moved, elsewhere := movedTo(err, response)
	switch {
	case c.signsIn(answer): // also when the guard before the settings makes the answer an error
		answer.ReturnTo = moved
		if err == nil {
			answer.ReturnTo = settingsPage(recovery.ContinueWith)
		}
		return extension.Form{}, answer, nil
	case elsewhere || redirected(response):
		return extension.Form{}, answer, fmt.Errorf("submit recovery: %w", extension.ErrFlowExpired)
	case err != nil:
		return extension.Form{}, answer, fmt.Errorf("submit recovery: %w", translateFlow(err, response))
	}
	form := recoveryForm(*recovery)
	if len(form.Errors()) > 0 { // a wrong code is answered with 200
		return extension.Form{}, answer, fmt.Errorf("submit recovery: %w", &extension.RefusedError{Form: form})
	}
	return form, answer, nil
}

// given is the value of a field that was submitted, or nil.
func given(values map[string]string, field string) *string {
	value, ok := values[field]
	if !ok {
		return nil
	}
	return &value
}

// redirected tells whether Kratos sends the browser elsewhere: to a new flow, where the old one takes nothing any more.
func redirected(response *http.Response) bool {
	return response != nil && response.StatusCode >= http.StatusMultipleChoices && response.StatusCode < http.StatusBadRequest
}
