package kratos_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/kratos"
)

// withMobile goes on from registered to a mobile.
func (s *stack) withMobile(t *testing.T) (p *person, mobile string) {
	t.Helper()
	p, mobile = s.registered(t), freshMobile()
	_, reply, err := s.client.SubmitProfile(t.Context(), p.browser(), p.settings(t), extension.Traits{Email: p.address, FirstName: "Ada", Mobile: mobile})
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	return p, mobile
}

// confirm submits a code to the second step.
func (p *person) confirm(t *testing.T, form extension.Form, values map[string]string) error {
	t.Helper()
	values["csrf_token"] = form.Hidden("csrf_token")
	reply, err := p.client.SubmitLogin(t.Context(), p.browser(), form.ID, values)
	p.take(reply)
	return err
}

func TestACodeIsSentAndConfirmsTheSession(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, way := range []extension.Factor{extension.FactorSMS, extension.FactorEmail} {
				for _, app := range []bool{false, true} { // v26 sends at once where there is no app
					ctx := t.Context()
					p, mobile := s.withMobile(t)
					to := mobile
					if way == extension.FactorEmail {
						to = p.address
					}
					if app {
						p.enrol(t)
						again := p.anotherBrowser()
						if err := again.login(t, p.address, password); err != nil {
							t.Fatal(err)
						}
						p = again
					}
					for n := 1; n <= 2; n++ { // the second time within a session that is confirmed
						form, reply, err := s.client.SendCode(ctx, p.browser(), way, to, pagesURL+"/next")
						if err != nil {
							t.Fatalf("%s, app %v, time %d: %v", way, app, n, err)
						}
						p.take(reply)
						code := s.hooks.code(t, to, n)
						if len(s.hooks.messages(to)) != n {
							t.Errorf("%s: %d messages", way, len(s.hooks.messages(to)))
						}
						if err := p.confirm(t, form, map[string]string{"method": "code", "code": code}); err != nil {
							t.Fatalf("%s, time %d: %v", way, n, err)
						}
						session, err := s.client.Session(ctx, p.browser())
						if err != nil || session.AAL != extension.AAL2 {
							t.Errorf("%s: session %+v, %v", way, session, err)
						}
						witnessed := s.hooks.of(p.identity, "/kratos/login/code")
						if len(witnessed) != n {
							t.Fatalf("%s: witnessed %d times, want %d", way, len(witnessed), n)
						}
						want := []any{strings.ToLower(to)}
						got := witnessed[n-1].body
						if diff := cmp.Diff(want, got["codes"]); diff != "" || got["session"] != string(session.ID) || got["requested"] != "aal2" {
							t.Errorf("%s: witnessed %v (-want +got):\n%s", way, got, diff)
						}
					}
				}
			}
		})
	}
}

// Whoever knows the password alone drives Kratos directly here. What the witness is told must never be more than is true.
func TestNobodyMakesTheWitnessBelieveInAnotherAddress(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			begin := func() (p *person, mobile string, form extension.Form) {
				p, mobile = s.withMobile(t)
				form, reply, err := s.client.SendCode(t.Context(), p.browser(), extension.FactorSMS, mobile, "")
				if err != nil {
					t.Fatal(err)
				}
				p.take(reply)
				return p, mobile, form
			}
			witnessed := func(p *person) any {
				calls := s.hooks.of(p.identity, "/kratos/login/code")
				if len(calls) != 1 {
					t.Fatalf("witnessed %d times", len(calls))
				}
				return calls[0].body["codes"]
			}

			p, mobile, form := begin()
			if err := p.confirm(t, form, map[string]string{"method": "code", "code": "000000", "identifier": p.address}); len(refusal(t, err)) == 0 {
				t.Error("a wrong code is refused without a word")
			}
			if err := p.confirm(t, form, map[string]string{"method": "code", "code": s.hooks.code(t, mobile, 1)}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(any([]any{}), witnessed(p)); diff != "" {
				t.Errorf("a wrong code and somebody's word for the address (-want +got):\n%s", diff)
			}

			p, _, form = begin()
			if err := p.confirm(t, form, map[string]string{"method": "code", "address": p.address, "resend": "code"}); err != nil {
				t.Fatal(err)
			}
			code := s.hooks.code(t, p.address, 1)
			if err := p.confirm(t, form, map[string]string{"method": "code", "code": code}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(any([]any{strings.ToLower(p.address)}), witnessed(p)); diff != "" {
				t.Errorf("a code asked for anew elsewhere (-want +got):\n%s", diff)
			}

			p, mobile, form = begin()
			earlier := s.hooks.code(t, mobile, 1)
			if err := p.confirm(t, form, map[string]string{"method": "code", "address": p.address, "resend": "code"}); err != nil {
				t.Fatal(err)
			}
			if err := p.confirm(t, form, map[string]string{"method": "code", "code": earlier}); len(refusal(t, err)) == 0 {
				t.Errorf("an earlier code: %v", err)
			}
		})
	}
}

func TestACodeGoesOnlyToWhoHasASessionAndToTheirOwnAddresses(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p, _ := s.withMobile(t)
			p.enrol(t)
			stranger := freshMobile()
			_, _, err := s.client.SendCode(ctx, p.browser(), extension.FactorSMS, stranger, "")
			if err == nil || len(s.hooks.messages(stranger)) > 0 {
				t.Errorf("to a stranger's number: %v", err)
			}
			_, _, unknown := s.client.SendCode(ctx, p.browser(), extension.FactorTOTP, p.address, "")
			if !errors.Is(unknown, extension.ErrNotFound) {
				t.Errorf("by an app: %v", unknown)
			}
			for _, cookies := range []string{"", "ory_kratos_session=forged"} {
				browser := extension.Browser{Cookies: cookies}
				_, _, sent := s.client.SendCode(ctx, browser, extension.FactorEmail, p.address, "")
				_, _, begun := s.client.ConfirmForm(ctx, browser, "")
				for what, err := range map[string]error{"code": sent, "form": begun} {
					if !errors.Is(err, extension.ErrNoSession) {
						t.Errorf("%s with cookies %q: %v", what, cookies, err)
					}
				}
			}
			if _, _, err := s.client.ConfirmForm(ctx, p.browser(), extension.NewID[string]()); !errors.Is(err, extension.ErrFlowExpired) {
				t.Errorf("an unknown flow: %v", err)
			}
		})
	}
}

func TestTheFormOfTheSecondStepSendsNothingAndTakesTheApp(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p, mobile := s.withMobile(t)
			key := p.enrol(t)
			again := p.anotherBrowser()
			if err := again.login(t, p.address, password); err != nil {
				t.Fatal(err)
			}
			form, reply, err := s.client.ConfirmForm(ctx, again.browser(), "")
			if err != nil {
				t.Fatal(err)
			}
			again.take(reply)
			if same, _, err := s.client.ConfirmForm(ctx, again.browser(), form.ID); err != nil || same.ID != form.ID {
				t.Errorf("read again: %+v, %v", same, err)
			}
			err = again.confirm(t, form, map[string]string{"method": "totp", "totp_code": "000000"})
			if diff := cmp.Diff(map[string]int64{"totp_code": 4000008}, ids(refusal(t, err))); diff != "" && len(refusal(t, err)) == 0 {
				t.Errorf("a wrong code (-want +got):\n%s", diff)
			}
			// Kratos allows a clock to be off by one period of 30 seconds.
			err = again.confirm(t, form, map[string]string{"method": "totp", "totp_code": appCode(t, key, time.Now().Add(-150*time.Second))})
			if len(refusal(t, err)) == 0 {
				t.Error("a code of a clock that is minutes off is refused without a word")
			}
			if err := again.confirm(t, form, map[string]string{"method": "totp", "totp_code": appCode(t, key, time.Now())}); err != nil {
				t.Fatal(err)
			}
			session, err := s.client.Session(ctx, again.browser())
			witnessed := s.hooks.of(p.identity, "/kratos/login/totp")
			if err != nil || session.AAL != extension.AAL2 || len(witnessed) != 1 || witnessed[0].body["session"] != string(session.ID) {
				t.Errorf("session %+v, %v; witnessed %+v", session, err, witnessed)
			}
			if n := len(s.hooks.messages(mobile)) + len(s.hooks.messages(p.address)); n > 0 {
				t.Errorf("%d messages were sent", n)
			}
		})
	}
}

func TestAWitnessThatIsDownLetsNobodyThrough(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			key := p.enrol(t)
			again := p.anotherBrowser()
			if err := again.login(t, p.address, password); err != nil {
				t.Fatal(err)
			}
			s.hooks.answerAt(p.identity, kratos.LoginPath, http.StatusServiceUnavailable, `{}`)
			form, reply, err := s.client.ConfirmForm(ctx, again.browser(), "")
			if err != nil {
				t.Fatal(err)
			}
			again.take(reply)
			if err := again.confirm(t, form, map[string]string{"method": "totp", "totp_code": appCode(t, key, time.Now())}); !errors.Is(err, extension.ErrUnavailable) {
				t.Errorf("while it is down: %v", err)
			}
			if session, err := s.client.Session(ctx, again.browser()); err != nil || session.AAL != extension.AAL1 {
				t.Errorf("session %+v, %v", session, err)
			}
		})
	}
}
