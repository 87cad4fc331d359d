package kratos_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/kratos"
	"paperplane/webhooks"
)

func TestTheHooksOfTheDoorSayWhatWasCaptured(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			own := s.configured(t, func(o *kratos.ConfigurationOptions) {
				o.BeforeBody, o.LoginBody = webhooks.BeforeBody(kratos.DefaultSessionCookie), webhooks.LoginBody()
				o.CourierBody, o.SMS.Body = webhooks.CourierBody(), webhooks.SMSBody("people.example.com")
			})
			p, mobile := own.withMobile(t)
			known := map[string]string{
				strings.ToLower(p.address): "invitee@example.com", mobile: "+4915112345678",
				string(p.identity): "00000000-0000-4000-8000-000000000001", p.cookies[kratos.DefaultSessionCookie]: "the value of the session cookie",
			}
			check := func(path, name string) {
				call := last(t, own.hooks.of(p.identity, path))
				id, _ := call.body["flow_id"].(string)
				known[id] = "00000000-0000-4000-8000-000000000002"
				compare(t, name+"."+s.family+".json", call.body, known)
			}
			form := p.settings(t)
			check(kratos.BeforePath, "before")

			for _, way := range []extension.Factor{extension.FactorEmail, extension.FactorSMS} {
				to := map[extension.Factor]string{extension.FactorEmail: p.address, extension.FactorSMS: mobile}[way]
				again := p.signedIn(t)
				sent, reply, err := own.client.SendCode(t.Context(), again.browser(), way, to, "")
				if err != nil {
					t.Fatal(err)
				}
				again.take(reply)
				code := own.capture(t, to, "courier_"+string(way), known)
				if err := again.confirm(t, sent, map[string]string{"method": "code", "code": code}); err != nil {
					t.Fatal(err)
				}
			}
			check(kratos.LoginPath+"code", "login_code")

			key := p.enrol(t)
			p.signedIn(t).second(t, map[string]string{"method": "totp", "totp_code": appCode(t, key, time.Now())})
			check(kratos.LoginPath+"totp", "login_totp")

			form, codes, _, err := own.client.NewRecoveryCodes(t.Context(), p.browser(), form)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := own.client.ConfirmRecoveryCodes(t.Context(), p.browser(), form); err != nil {
				t.Fatal(err)
			}
			p.signedIn(t).second(t, map[string]string{"method": "lookup_secret", "lookup_secret": codes[0]})
			check(kratos.LoginPath+"lookup_secret", "login_lookup_secret")
		})
	}
}

// signedIn is the same person in another browser, with the password alone.
func (p *person) signedIn(t *testing.T) *person {
	t.Helper()
	again := p.anotherBrowser()
	if err := again.login(t, p.address, password); err != nil {
		t.Fatal(err)
	}
	return again
}

// second takes the second step without a code that is sent.
func (p *person) second(t *testing.T, values map[string]string) {
	t.Helper()
	form, reply, err := p.client.ConfirmForm(t.Context(), p.browser(), "")
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	if err := p.confirm(t, form, values); err != nil {
		t.Fatal(err)
	}
}

// capture compares the message that an address gets with the captured one, and returns the code in it.
func (s *stack) capture(t *testing.T, to, name string, known map[string]string) string {
	t.Helper()
	eventually(t, "a message is sent", func() bool { return len(s.hooks.messages(to)) > 0 })
	message := last(t, s.hooks.messages(to))
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(message.raw)
	for key, value := range message.body {
		if text, ok := value.(string); ok && key != "to" {
			message.body[key] = strings.ReplaceAll(text, code, "123456")
		}
	}
	compare(t, name+"."+s.family+".json", message.body, known)
	return code
}

// last is the newest of some calls.
func last(t *testing.T, calls []hookCall) hookCall {
	t.Helper()
	if len(calls) == 0 {
		t.Fatal("Kratos has not called")
	}
	return calls[len(calls)-1]
}
