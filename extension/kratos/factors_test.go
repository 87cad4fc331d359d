package kratos_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"paperplane/extension"
	"paperplane/extension/kratos"
)

// public calls Kratos' public API with the person's cookies, for what Paperplane does not do yet.
func (p *person) public(t *testing.T, method, path string, body any) int {
	t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, p.server.PublicURL()+path, strings.NewReader(string(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Cookie", p.browser().Cookies)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	p.take(extension.Reply{SetCookies: response.Header.Values("Set-Cookie")})
	return response.StatusCode
}

// appKey is the key that an authenticator app is given.
func appKey(t *testing.T, form extension.Form) string {
	t.Helper()
	for _, node := range form.Nodes {
		if node.Name == "totp_secret_key" {
			return node.Value
		}
	}
	t.Fatal("the form shows no key")
	return ""
}

// appCode is what an authenticator app shows (RFC 6238).
func appCode(t *testing.T, key string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(key, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// enrol sets up an authenticator app and returns its key.
func (p *person) enrol(t *testing.T) string {
	t.Helper()
	form := p.settings(t)
	key := appKey(t, form)
	_, reply, err := p.client.SubmitTOTP(t.Context(), p.browser(), form, appCode(t, key, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	return key
}

func TestTOTPMeansAnAuthenticatorAppThatWasProven(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			form := p.settings(t)
			_, _, err := s.client.SubmitTOTP(ctx, p.browser(), form, "000000")
			if diff := cmp.Diff(map[string]int64{"totp_code": 4000008}, ids(refusal(t, err))); diff != "" {
				t.Errorf("wrong code (-want +got):\n%s", diff)
			}
			p.enrol(t)
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || !slices.Contains(identity.Factors, extension.FactorTOTP) || !identity.Registered {
				t.Errorf("with an app: %+v, %v", identity, err)
			}
			if session, err := s.client.Session(ctx, p.browser()); err != nil || session.AAL != extension.AAL2 {
				t.Errorf("session that set up the app: %+v, %v", session, err)
			}
			if calls := s.hooks.of(p.identity, "/kratos/guard/totp"); len(calls) != 1 {
				t.Errorf("the guard was asked %d times", len(calls))
			}

			// A new session is below aal2 and still is one.
			again := p.anotherBrowser()
			if err := again.login(t, p.address, password); err != nil {
				t.Fatal(err)
			}
			if session, err := s.client.Session(ctx, again.browser()); err != nil || session.AAL != extension.AAL1 {
				t.Errorf("session by password alone: %+v, %v", session, err)
			}

			if _, _, err := s.client.UnlinkTOTP(ctx, p.browser(), p.settings(t)); err != nil {
				t.Fatal(err)
			}
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || len(identity.Factors) > 0 {
				t.Errorf("without the app: %+v, %v", identity, err)
			}
		})
	}
}

func TestRecoveryCodesAreValidWhenTheyWereConfirmedAndEachOnce(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			p.enrol(t)
			form, codes, reply, err := s.client.NewRecoveryCodes(ctx, p.browser(), p.settings(t))
			if err != nil {
				t.Fatal(err)
			}
			p.take(reply)
			if len(codes) != 12 || codes[0] == codes[1] || codes[0] == "" {
				t.Errorf("%d codes, like %q", len(codes), codes[0])
			}
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || identity.Recovery {
				t.Errorf("before they were confirmed: %+v, %v", identity, err)
			}
			if _, reply, err = s.client.ConfirmRecoveryCodes(ctx, p.browser(), form); err != nil {
				t.Fatal(err)
			}
			p.take(reply)
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || !identity.Recovery || len(identity.Factors) != 1 {
				t.Errorf("after they were confirmed: %+v, %v", identity, err)
			}
			if guards := s.hooks.of(p.identity, "/kratos/guard/lookup_secret"); len(guards) != 1 {
				t.Errorf("the guard was asked %d times", len(guards))
			}

			submit := func(p *person, code string) error {
				form, reply, err := s.client.ConfirmForm(ctx, p.browser(), "")
				if err != nil {
					t.Fatal(err)
				}
				p.take(reply)
				reply, err = s.client.SubmitLogin(ctx, p.browser(), form.ID, map[string]string{
					"method": "lookup_secret", "lookup_secret": code, "csrf_token": form.Hidden("csrf_token"),
				})
				p.take(reply)
				return err
			}
			again := p.anotherBrowser()
			if err := again.login(t, p.address, password); err != nil {
				t.Fatal(err)
			}
			if err := submit(again, "nonsense"); len(refusal(t, err)) == 0 {
				t.Error("a wrong code is refused without a word")
			}
			if err := submit(again, codes[3]); err != nil {
				t.Errorf("a code: %v", err)
			}
			session, err := s.client.Session(ctx, again.browser())
			if err != nil || session.AAL != extension.AAL2 {
				t.Errorf("confirmed by a code: %+v, %v", session, err)
			}
			witnessed := s.hooks.of(p.identity, "/kratos/login/lookup_secret")
			if len(witnessed) != 1 || witnessed[0].body["session"] != string(session.ID) || witnessed[0].key != hooksKey {
				t.Errorf("witnessed %+v", witnessed)
			}
			if err := submit(again, codes[3]); len(refusal(t, err)) == 0 {
				t.Error("a used code is refused without a word")
			}
			if _, _, err := s.client.DisableRecoveryCodes(ctx, p.browser(), p.settings(t)); err != nil {
				t.Fatal(err)
			}
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || identity.Recovery {
				t.Errorf("after they were taken away: %+v, %v", identity, err)
			}
		})
	}
}

func TestAGuardThatRefusesKeepsFactorsAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for name, status := range map[string]int{"refuses": http.StatusForbidden, "is down": http.StatusServiceUnavailable} {
				ctx := t.Context()
				p := s.registered(t)
				form := p.settings(t)
				_, codes, _, err := s.client.NewRecoveryCodes(ctx, p.browser(), form)
				if err != nil || len(codes) == 0 {
					t.Fatal(err)
				}
				s.hooks.answer(p.identity, status, `{"messages":[{"instance_ptr":"#/","messages":[{"id":9000003,"text":"No.","type":"error","context":{}}]}]}`)
				_, _, app := s.client.SubmitTOTP(ctx, p.browser(), form, appCode(t, appKey(t, form), time.Now()))
				_, _, confirmed := s.client.ConfirmRecoveryCodes(ctx, p.browser(), form)
				for what, err := range map[string]error{"app": app, "recovery codes": confirmed} {
					var refused *extension.RefusedError
					if status == http.StatusForbidden && !errors.As(err, &refused) || status == http.StatusServiceUnavailable && !errors.Is(err, extension.ErrUnavailable) {
						t.Errorf("%s when the guard %s: %v", what, name, err)
					}
				}
				if identity, err := s.client.Identity(ctx, p.identity); err != nil || len(identity.Factors) > 0 || identity.Recovery {
					t.Errorf("when the guard %s: %+v, %v", name, identity, err)
				}
			}
		})
	}
}

func TestFactorsAreRemovedInOneGo(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			p.enrol(t)
			form, _, reply, err := s.client.NewRecoveryCodes(ctx, p.browser(), p.settings(t))
			if err != nil {
				t.Fatal(err)
			}
			p.take(reply)
			if _, _, err := s.client.ConfirmRecoveryCodes(ctx, p.browser(), form); err != nil {
				t.Fatal(err)
			}
			for range 2 { // having none is success
				if err := s.client.RemoveFactors(ctx, p.identity); err != nil {
					t.Fatal(err)
				}
			}
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || len(identity.Factors) > 0 || identity.Recovery || !identity.Registered {
				t.Errorf("%+v, %v", identity, err)
			}
			if err := s.client.RemoveFactors(ctx, extension.NewID[extension.IdentityID]()); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("of nobody: %v", err)
			}
		})
	}
}

func TestKeysCountByWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		credentials         string
		registered, secured bool
	}{
		"no credentials":        {`null`, false, false},
		"made by Kratos":        {`{"password":{"type":"password","identifiers":["a@example.com"],"config":{}},"code":{"type":"code","identifiers":["a@example.com"]}}`, false, false},
		"without content":       {`{"password":{"identifiers":["a@example.com"]},"webauthn":{"identifiers":["a@example.com"]},"passkey":{}}`, false, false},
		"migrated password":     {`{"password":{"config":{"hashed_password":"","use_password_migration_hook":true}}}`, true, false},
		"passkey removed":       {`{"passkey":{"identifiers":["x"],"config":{"credentials":[],"user_handle":"eA=="}}}`, false, false},
		"passkey":               {`{"passkey":{"identifiers":["x"],"config":{"credentials":[{"id":"eA==","is_passwordless":true}]}}}`, true, false},
		"key instead password":  {`{"webauthn":{"identifiers":["a@example.com"],"config":{"credentials":[{"id":"eA==","is_passwordless":true}]}}}`, true, false},
		"key beside password":   {`{"webauthn":{"identifiers":["a@example.com"],"config":{"credentials":[{"id":"eA==","is_passwordless":false}]}}}`, false, true},
		"both kinds of key":     {`{"webauthn":{"config":{"credentials":[{"id":"eA==","is_passwordless":false},{"id":"eQ==","is_passwordless":true}]}}}`, true, true},
		"provider unlinked":     {`{"oidc":{"identifiers":[]}}`, false, false},
		"organisation's own":    {`{"saml":{"identifiers":["provider:subject"]}}`, true, false},
		"backup codes and none": {`{"lookup_secret":{"identifiers":["id"]}}`, false, false},
	} {
		client, err := kratos.New(kratos.Options{
			PublicURL: "http://kratos.test", AdminURL: "http://kratos.test",
			Transport: tripper(func(r *http.Request) (*http.Response, error) {
				body := `{"id":"i","schema_id":"member","schema_url":"http://kratos.test","state":"active","traits":{"email":"a@example.com"},"credentials":` + c.credentials + `}`
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		identity, err := client.Identity(t.Context(), "i")
		if err != nil || identity.Registered != c.registered || slices.Contains(identity.Factors, extension.FactorWebAuthn) != c.secured {
			t.Errorf("%s: %+v, %v", name, identity, err)
		}
	}
}

// Every identity gets an empty webauthn credential from the schema. A Kratos that has keys and passkeys switched on must
// not stumble over it.
func TestAnEmptyKeyCredentialConfusesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			own := s.special(t, func(file map[string]any) {
				rp := map[string]any{"id": "127.0.0.1", "display_name": "Paperplane", "origins": []any{pagesURL}}
				webauthn, passkey := method(file, "webauthn"), method(file, "passkey")
				webauthn["enabled"], webauthn["config"] = true, map[string]any{"passwordless": true, "rp": rp}
				passkey["enabled"], passkey["config"] = true, map[string]any{"rp": rp}
			})
			p := own.registered(t)
			if identity, err := own.client.Identity(t.Context(), p.identity); err != nil || !identity.Registered || len(identity.Factors) > 0 {
				t.Errorf("%+v, %v", identity, err)
			}
			nodes := map[string]bool{}
			for _, node := range p.settings(t).Nodes {
				nodes[node.Name] = true
			}
			for _, name := range []string{"webauthn_register_trigger", "passkey_register_trigger"} {
				if !nodes[name] {
					t.Errorf("the settings do not offer %s", name)
				}
			}
			if status := p.public(t, http.MethodGet, "/self-service/login/browser?aal=aal2", nil); status != http.StatusOK {
				t.Errorf("form for a second factor: status %d", status)
			}
			visitor := p.anotherBrowser()
			form, reply, err := own.client.LoginForm(t.Context(), visitor.browser(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			visitor.take(reply)
			_, err = own.client.SubmitLogin(t.Context(), visitor.browser(), form.ID, map[string]string{
				"method": "webauthn", "identifier": p.address, "csrf_token": form.Hidden("csrf_token"),
			})
			if diff := cmp.Diff(map[string]int64{"": 4000015}, ids(refusal(t, err))); diff != "" { // no key set up
				t.Errorf("sign-in by key (-want +got):\n%s", diff)
			}
			if err := visitor.login(t, p.address, password); err != nil {
				t.Errorf("sign-in by password: %v", err)
			}
		})
	}
}
