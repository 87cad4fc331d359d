package kratos_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// oneTimePassword computes a TOTP as an authenticator app does (RFC 6238 with SHA-1, 6 digits, 30 seconds).
func oneTimePassword(t *testing.T, secret string, now time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, uint64(now.Unix()/30))
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[offset:offset+4])&0x7fffffff%1_000_000)
}

func TestTOTPMeansAnAuthenticatorAppThatWasProven(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			form := p.settings(t)
			var key string
			for _, node := range form.Nodes {
				if node.Name == "totp_secret_key" {
					key = node.Value
				}
			}
			body := map[string]any{"method": "totp", "totp_code": oneTimePassword(t, key, time.Now()), "csrf_token": form.Hidden("csrf_token")}
			if status := p.public(t, http.MethodPost, "/self-service/settings?flow="+form.ID, body); status != http.StatusOK {
				t.Fatalf("setting up the app: status %d", status)
			}
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

			if status := p.public(t, http.MethodPost, "/self-service/settings?flow="+form.ID, map[string]any{
				"method": "totp", "totp_unlink": true, "csrf_token": form.Hidden("csrf_token"),
			}); status != http.StatusOK {
				t.Fatalf("removing the app: status %d", status)
			}
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || len(identity.Factors) > 0 {
				t.Errorf("without the app: %+v, %v", identity, err)
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
				webauthn, passkey, code := method(file, "webauthn"), method(file, "passkey"), method(file, "code")
				webauthn["enabled"], webauthn["config"] = true, map[string]any{"passwordless": true, "rp": rp}
				passkey["enabled"], passkey["config"] = true, map[string]any{"rp": rp}
				code["mfa_enabled"] = true
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
