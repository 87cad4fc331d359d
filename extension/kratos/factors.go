package kratos

import (
	"context"
	"errors"
	"fmt"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// SubmitTOTP sets up an authenticator app with a code that it shows for the secret in the form. The errors are those of
// SubmitProfile; a form is refused when the code is wrong. Kratos raises the session to aal2 even when a guard refuses.
func (c *Client) SubmitTOTP(ctx context.Context, browser extension.Browser, form extension.Form, code string) (extension.Form, extension.Reply, error) {
	return c.submitTOTP(ctx, browser, form, ory.UpdateSettingsFlowWithTotpMethod{TotpCode: &code})
}

// UnlinkTOTP removes the authenticator app. The errors are those of SubmitProfile.
func (c *Client) UnlinkTOTP(ctx context.Context, browser extension.Browser, form extension.Form) (extension.Form, extension.Reply, error) {
	return c.submitTOTP(ctx, browser, form, ory.UpdateSettingsFlowWithTotpMethod{TotpUnlink: new(true)})
}

func (c *Client) submitTOTP(ctx context.Context, browser extension.Browser, form extension.Form, body ory.UpdateSettingsFlowWithTotpMethod) (extension.Form, extension.Reply, error) {
	body.Method, body.CsrfToken = string(extension.MethodTOTP), new(form.Hidden(csrfField))
	return c.submitSettings(ctx, browser, form.ID, ory.UpdateSettingsFlowBody{UpdateSettingsFlowWithTotpMethod: &body})
}

// NewRecoveryCodes makes recovery codes that are not valid until ConfirmRecoveryCodes is called with the form that comes
// with them; until then those before work on. They are secrets: show them once. The errors are those of SubmitProfile.
func (c *Client) NewRecoveryCodes(ctx context.Context, browser extension.Browser, form extension.Form) (extension.Form, []string, extension.Reply, error) {
	settings, answer, err := c.updateSettings(ctx, browser, form.ID, lookup(form, ory.UpdateSettingsFlowWithLookupMethod{LookupSecretRegenerate: new(true)}))
	if err != nil {
		return extension.Form{}, nil, answer, err
	}
	codes := recoveryCodes(*settings)
	if len(codes) == 0 {
		return extension.Form{}, nil, answer, errors.New("submit settings: unexpected answer from Kratos: new recovery codes were asked for, and none came")
	}
	return settingsForm(withoutMessages(*settings, typeError)), codes, answer, nil
}

// ConfirmRecoveryCodes makes the codes valid that the form's flow has shown, in the place of those before. The errors are
// those of SubmitProfile. Kratos raises the session to aal2 even when a guard refuses.
func (c *Client) ConfirmRecoveryCodes(ctx context.Context, browser extension.Browser, form extension.Form) (extension.Form, extension.Reply, error) {
	return c.submitSettings(ctx, browser, form.ID, lookup(form, ory.UpdateSettingsFlowWithLookupMethod{LookupSecretConfirm: new(true)}))
}

// DisableRecoveryCodes takes the recovery codes away. The errors are those of SubmitProfile.
func (c *Client) DisableRecoveryCodes(ctx context.Context, browser extension.Browser, form extension.Form) (extension.Form, extension.Reply, error) {
	return c.submitSettings(ctx, browser, form.ID, lookup(form, ory.UpdateSettingsFlowWithLookupMethod{LookupSecretDisable: new(true)}))
}

func lookup(form extension.Form, body ory.UpdateSettingsFlowWithLookupMethod) ory.UpdateSettingsFlowBody {
	body.Method, body.CsrfToken = string(extension.MethodLookupSecret), new(form.Hidden(csrfField))
	return ory.UpdateSettingsFlowBody{UpdateSettingsFlowWithLookupMethod: &body}
}

// recoveryCodes reads the codes from the node that shows them, where Kratos lists them beside the text.
func recoveryCodes(settings ory.SettingsFlow) []string {
	var codes []string
	for _, node := range settings.Ui.Nodes {
		shown, ok := node.Attributes.GetActualInstance().(*ory.UiNodeTextAttributes)
		if !ok || shown.Id != "lookup_secret_codes" {
			continue
		}
		secrets, _ := shown.Text.Context["secrets"].([]any)
		for _, secret := range secrets {
			secret, _ := secret.(map[string]any)
			within, _ := secret["context"].(map[string]any)
			if code := text(within, "secret"); code != "" {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// RemoveFactors takes all second factors and recovery codes of an identity away in Kratos; having none is success. They
// sign nobody in alone. Codes by text message and e-mail need nothing there and stay possible. ErrNotFound says that there
// is no such identity.
func (c *Client) RemoveFactors(ctx context.Context, id extension.IdentityID) error {
	found, err := answered(c.admin.IdentityAPI.GetIdentity(ctx, string(id)).Execute())
	if err != nil {
		return fmt.Errorf("remove factors of identity %s: %w", id, err)
	}
	for _, kind := range []string{credentialTOTP, credentialLookup, credentialWebAuthn} {
		if _, held := credentialsOf(*found)[kind]; !held {
			continue
		}
		if err := c.removeCredential(ctx, id, kind, ""); err != nil {
			return fmt.Errorf("remove factors of identity %s: %w", id, err)
		}
	}
	return nil
}

// removeCredential deletes one credential; of social sign-in there can be several, told apart by their identifiers. One
// that is gone already is fine.
func (c *Client) removeCredential(ctx context.Context, id extension.IdentityID, kind, identifier string) error {
	request := c.admin.IdentityAPI.DeleteIdentityCredentials(ctx, string(id), kind)
	if identifier != "" {
		request = request.Identifier(identifier)
	}
	response, err := request.Execute()
	if err := translate(err, response); err != nil && !errors.Is(err, extension.ErrNotFound) {
		return fmt.Errorf("remove %s: %w", kind, err)
	}
	return nil
}
