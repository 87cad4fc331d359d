package flows_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
)

// captured is a form as a real Kratos of one version gave it. The secret values in it were made for the capture.
func captured(t *testing.T, version, name string) extension.Form {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "forms", version, name+".json"))
	if err != nil {
		t.Fatalf("read captured form: %v", err)
	}
	var form extension.Form
	if err := json.Unmarshal(text, &form); err != nil {
		t.Fatalf("read captured form: %v", err)
	}
	if strings.HasPrefix(name, "settings") {
		form.Identity = inviteeID
		form.Traits = extension.Traits{
			Email: "bob@northwind.example", FirstName: "Bob", LastName: "Builder", Mobile: "+46701740605",
			Terms: extension.AcceptedTerms{Version: termsID, Accepted: now()},
		}
	}
	return form
}

// versions are those of Kratos whose forms were captured.
func versions() []string { return []string{"v1", "v26"} }

// accountPages is what the stand-in of Kratos has for the account pages.
type accountPages struct {
	calls    []string // the changes that were asked for, in order
	values   map[string]string
	flows    []string // the flows that were asked for
	returnTo string   // of the sign-in that was begun last

	location    string
	callback    extension.Reply
	callbackErr error
	query       string

	recovery, verification, settings extension.Form
	recoverErr, verifyErr            error
	settingsErr, changeErr           error
	traits                           extension.Traits
	typed                            string
	devices                          []extension.Device
	ended                            []extension.SessionID
}

func (a *account) did(call string) { a.calls = append(a.calls, call) }

func (a *account) RefreshForm(_ context.Context, _ extension.Browser, returnTo string) (extension.Form, extension.Reply, error) {
	a.returnTo = returnTo
	a.did("refresh")
	return a.form, extension.Reply{}, a.formErr
}

func (a *account) SignInWith(_ context.Context, _ extension.Browser, flow, provider string) (string, extension.Reply, error) {
	a.did("sign in with " + provider)
	if flow != "" && flow == a.expired {
		return "", extension.Reply{}, extension.ErrFlowExpired
	}
	return a.location, extension.Reply{SetCookies: []string{"ory_kratos_continuity=1; Path=/; HttpOnly"}}, a.submitErr
}

func (a *account) LinkProvider(_ context.Context, _ extension.Browser, _ extension.Form, provider string) (string, extension.Reply, error) {
	a.did("link " + provider)
	return a.location, extension.Reply{}, a.changeErr
}

func (a *account) UnlinkProvider(_ context.Context, _ extension.Browser, form extension.Form, provider string) (extension.Form, extension.Reply, error) {
	a.did("unlink " + provider)
	return form, extension.Reply{}, a.changeErr
}

func (a *account) Callback(_ context.Context, _ extension.Browser, provider, query string) (extension.Reply, error) {
	a.did("callback " + provider)
	a.query = query
	return a.callback, a.callbackErr
}

func (a *account) RecoveryForm(_ context.Context, _ extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	a.flows = append(a.flows, flow)
	if flow != "" && flow == a.expired {
		return extension.Form{}, extension.Reply{}, extension.ErrFlowExpired
	}
	return a.recovery, extension.Reply{SetCookies: []string{"csrf_token_1=fresh; Path=/; HttpOnly"}}, a.formErr
}

func (a *account) SubmitRecovery(_ context.Context, _ extension.Browser, flow string, values map[string]string) (extension.Form, extension.Reply, error) {
	a.flow, a.values = flow, values
	if a.recoverErr != nil {
		return extension.Form{}, extension.Reply{}, a.recoverErr
	}
	if values["code"] != "" {
		return extension.Form{}, extension.Reply{SetCookies: []string{sessionCookie + "=" + asInvitee + "; Path=/; HttpOnly"}}, nil
	}
	return a.recovery, extension.Reply{}, nil
}

func (a *account) VerificationForm(_ context.Context, _ extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	if flow != "" && flow == a.expired {
		return extension.Form{}, extension.Reply{}, extension.ErrFlowExpired
	}
	return a.verification, extension.Reply{}, nil
}

func (a *account) SubmitVerification(_ context.Context, _ extension.Browser, flow string, values map[string]string) (extension.Form, extension.Reply, error) {
	a.flow, a.values = flow, values
	if a.verifyErr != nil || values["code"] != "" {
		return extension.Form{}, extension.Reply{}, a.verifyErr
	}
	return a.verification, extension.Reply{}, nil
}

func (a *account) SettingsForm(_ context.Context, _ extension.Browser, flow string) (extension.Form, extension.Reply, error) {
	a.flows = append(a.flows, flow)
	if flow != "" && flow == a.expired {
		return extension.Form{}, extension.Reply{}, extension.ErrFlowExpired
	}
	return a.settings, extension.Reply{}, a.settingsErr
}

func (a *account) SubmitProfile(_ context.Context, _ extension.Browser, form extension.Form, traits extension.Traits) (extension.Form, extension.Reply, error) {
	a.did("profile")
	a.traits = traits
	return form, extension.Reply{}, a.changeErr
}

func (a *account) SubmitPassword(_ context.Context, _ extension.Browser, form extension.Form, password string) (extension.Form, extension.Reply, error) {
	a.did("password")
	a.typed = password
	return form, extension.Reply{}, a.changeErr
}

func (a *account) UnlinkTOTP(_ context.Context, _ extension.Browser, form extension.Form) (extension.Form, extension.Reply, error) {
	a.did("unlink totp")
	return form, extension.Reply{}, a.changeErr
}

func (a *account) Devices(context.Context, extension.Browser) ([]extension.Device, error) {
	return a.devices, nil
}

func (a *account) EndDevice(_ context.Context, _ extension.Browser, session extension.SessionID) error {
	a.ended = append(a.ended, session)
	return a.changeErr
}

func (a *account) EndOtherDevices(context.Context, extension.Browser) error {
	a.did("end others")
	return a.changeErr
}

// browsers are the sessions of somebody who is signed in here, on a phone and with a program.
func browsers() []extension.Device {
	return []extension.Device{
		{
			Session: "11111111-1111-4111-8111-111111111111", Current: true, IP: "192.0.2.7", SignedIn: now().Add(-time.Hour),
			UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
		},
		{
			Session: "22222222-2222-4222-8222-222222222222", IP: "198.51.100.9", SignedIn: now().Add(-48 * time.Hour),
			UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
		},
		{Session: "33333333-3333-4333-8333-333333333333", SignedIn: now().Add(-49 * time.Hour), UserAgent: "<b>curl</b>"},
	}
}
