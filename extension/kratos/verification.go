package kratos

import (
	"context"
	"fmt"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// VerificationForm reads the form that proves an e-mail address, or begins one when flow is empty. ErrFlowExpired says
// that the flow ran out, is unknown or belongs to another browser.
func (c *Client) VerificationForm(ctx context.Context, browser extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	execute := c.public.FrontendAPI.CreateBrowserVerificationFlow(as(ctx, browser)).Execute
	if flow != "" {
		execute = c.public.FrontendAPI.GetVerificationFlow(as(ctx, browser)).Id(flow).Execute
	}
	verification, answer, err := relayed(execute())
	if err != nil {
		return extension.Form{}, answer, fmt.Errorf("read verification: %w", err)
	}
	return verificationForm(*verification), answer, nil
}

// SubmitVerification asks for a code with the value email, or redeems one with the value code; csrf_token goes along.
// After the first the form asks for the code, whether or not anybody has that address. After the second the address is
// proven, and the form is the zero one. Nobody is signed in by it.
//
// An *extension.RefusedError holds the form with its messages, such as a wrong code; ErrFlowExpired says that the form
// must be fetched anew, for instance after too many wrong codes.
func (c *Client) SubmitVerification(ctx context.Context, browser extension.Browser, flow string, values map[string]string) (extension.Form, extension.Reply, error) {
	if err := checkFlow(flow); err != nil {
		return extension.Form{}, extension.Reply{}, fmt.Errorf("submit verification: %w", err)
	}
	verification, response, err := c.public.FrontendAPI.UpdateVerificationFlow(as(ctx, browser)).Flow(flow).
		UpdateVerificationFlowBody(ory.UpdateVerificationFlowBody{UpdateVerificationFlowWithCodeMethod: &ory.UpdateVerificationFlowWithCodeMethod{
			Method: methodCode, CsrfToken: given(values, csrfField), Email: given(values, "email"), Code: given(values, methodCode),
		}}).Execute()
	answer := reply(response)
	_, elsewhere := movedTo(err, response)
	switch {
	case elsewhere || redirected(response):
		return extension.Form{}, answer, fmt.Errorf("submit verification: %w", extension.ErrFlowExpired)
	case err != nil:
		return extension.Form{}, answer, fmt.Errorf("submit verification: %w", translateFlow(err, response))
	}
	form := verificationForm(*verification)
	switch {
	case len(form.Errors()) > 0: // a wrong code is answered with 200
		return extension.Form{}, answer, fmt.Errorf("submit verification: %w", &extension.RefusedError{Form: form})
	case verification.State == ory.VERIFICATIONFLOWSTATE_PASSED_CHALLENGE:
		answer.ReturnTo = form.ReturnTo
		return extension.Form{}, answer, nil
	}
	return form, answer, nil
}
