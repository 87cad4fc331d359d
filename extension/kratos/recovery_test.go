package kratos_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/kratos"
)

// recover asks for a code and returns the form that takes it.
func (p *person) recover(t *testing.T, address string) extension.Form {
	t.Helper()
	form, reply, err := p.client.RecoveryForm(t.Context(), p.browser(), "")
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	form, reply, err = p.client.SubmitRecovery(t.Context(), p.browser(), form.ID, map[string]string{"csrf_token": form.Hidden("csrf_token"), "email": address})
	if err != nil || form.ID == "" {
		t.Fatalf("asking for a code: %+v, %v", form, err)
	}
	p.take(reply)
	return form
}

func (p *person) redeem(t *testing.T, form extension.Form, code string) (extension.Form, extension.Reply, error) {
	t.Helper()
	form, reply, err := p.client.SubmitRecovery(t.Context(), p.browser(), form.ID, map[string]string{"csrf_token": form.Hidden("csrf_token"), "code": code})
	p.take(reply)
	return form, reply, err
}

func TestAForgottenPasswordIsReplacedWithACode(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			again := p.anotherBrowser()
			form := again.recover(t, strings.ToUpper(p.address))
			if same, _, err := s.client.RecoveryForm(ctx, again.browser(), form.ID); err != nil || same.ID != form.ID {
				t.Errorf("read again: %+v, %v", same, err)
			}
			if _, _, err := again.redeem(t, form, "000000"); len(refusal(t, err)) == 0 {
				t.Error("a wrong code is refused without a word")
			}
			done, reply, err := again.redeem(t, form, s.hooks.code(t, p.address, 1))
			if err != nil || done.ID != "" || !strings.HasPrefix(reply.ReturnTo, pagesURL+"/settings?flow=") {
				t.Fatalf("%+v, %+v, %v", done, reply, err)
			}
			if _, err := s.client.Session(ctx, p.browser()); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("the other session: %v", err)
			}
			if _, _, err := s.client.SubmitPassword(ctx, again.browser(), again.settings(t), "another "+password); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.client.RecoveryForm(ctx, again.browser(), ""); !errors.Is(err, extension.ErrConflict) {
				t.Errorf("the form although signed in: %v", err)
			}
			if err := p.anotherBrowser().login(t, p.address, "another "+password); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRecoveryEndsInASessionThatTheGuardStillKeepsFromTheSettings(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			p.enrol(t)
			s.hooks.answerAt(p.identity, kratos.BeforePath, http.StatusForbidden,
				`{"messages":[{"instance_ptr":"#/","messages":[{"id":9000004,"text":"Confirm first.","type":"error","context":{}}]}]}`)
			again := p.anotherBrowser()
			form, reply, err := again.redeem(t, again.recover(t, p.address), s.hooks.code(t, p.address, 1))
			if err != nil || form.ID != "" || reply.ReturnTo != "" {
				t.Fatalf("%+v, %+v, %v", form, reply, err)
			}
			if session, err := s.client.Session(ctx, again.browser()); err != nil || session.Identity != p.identity || session.AAL != extension.AAL1 {
				t.Errorf("session %+v, %v", session, err)
			}
			if _, _, err := s.client.SettingsForm(ctx, again.browser(), ""); !errors.Is(err, extension.ErrForbidden) {
				t.Errorf("the settings: %v", err)
			}
			asked := s.hooks.of(p.identity, kratos.BeforePath)
			last := asked[len(asked)-1]
			if s.family == "v1" && last.body["cookie"] != again.cookies[kratos.DefaultSessionCookie] || s.family == "v26" && last.body["session"] == nil || last.key != hooksKey {
				t.Errorf("the guard was asked %+v", last.body)
			}
			s.hooks.answerAt(p.identity, kratos.BeforePath, http.StatusServiceUnavailable, `{}`)
			if _, _, err := s.client.SettingsForm(ctx, again.browser(), ""); !errors.Is(err, extension.ErrUnavailable) {
				t.Errorf("the settings while the guard is down: %v", err)
			}
			// Start's own way in ends the same.
			if reply, err := s.client.Admit(ctx, p.identity, p.anotherBrowser().browser()); err != nil || reply.ReturnTo != "" || len(reply.SetCookies) == 0 {
				t.Errorf("admitted: %+v, %v", reply, err)
			}
		})
	}
}

func TestRecoveryLeadsNobodyInWhoHasNotStarted(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.invited(t)
			form := p.recover(t, p.address)
			if _, _, err := p.redeem(t, form, s.hooks.code(t, p.address, 1)); !errors.Is(err, extension.ErrDisabled) {
				t.Errorf("somebody who has not started: %v", err)
			}
			stranger := p.anotherBrowser()
			nobody := address("nobody")
			form = stranger.recover(t, nobody)
			if _, _, err := stranger.redeem(t, form, "000000"); len(refusal(t, err)) == 0 {
				t.Error("a guess is refused without a word")
			}
			if len(s.hooks.messages(nobody)) > 0 {
				t.Error("somebody unknown was written to")
			}
			var last error
			for range 8 {
				var refused *extension.RefusedError
				if _, _, last = stranger.redeem(t, form, "000000"); !errors.As(last, &refused) {
					break
				}
			}
			if !errors.Is(last, extension.ErrFlowExpired) {
				t.Errorf("after too many guesses: %v", last)
			}
			for _, id := range []string{extension.NewID[string](), "", "no id", "\x00"} {
				if _, _, err := stranger.redeem(t, extension.Form{ID: id}, "000000"); !errors.Is(err, extension.ErrFlowExpired) {
					t.Errorf("the flow %q: %v", id, err)
				}
			}
			if _, _, err := s.client.RecoveryForm(t.Context(), stranger.browser(), extension.NewID[string]()); !errors.Is(err, extension.ErrFlowExpired) {
				t.Errorf("an unknown form: %v", err)
			}
		})
	}
}

func TestAnAddressIsProvenWithACode(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, mail := t.Context(), address("unproven")
			id := s.imported(t, map[string]any{"traits": map[string]any{"email": mail}})
			if identity, err := s.client.Identity(ctx, id); err != nil || identity.Verified {
				t.Fatalf("%+v, %v", identity, err)
			}
			p := &person{stack: s, identity: id, address: mail, cookies: map[string]string{}}
			form, reply, err := s.client.VerificationForm(ctx, p.browser(), "")
			if err != nil {
				t.Fatal(err)
			}
			p.take(reply)
			submit := func(field, value string) (extension.Form, error) {
				next, reply, err := s.client.SubmitVerification(ctx, p.browser(), form.ID, map[string]string{"csrf_token": form.Hidden("csrf_token"), field: value})
				p.take(reply)
				return next, err
			}
			if form, err = submit("email", mail); err != nil || form.ID == "" {
				t.Fatalf("asking for a code: %+v, %v", form, err)
			}
			if _, err := submit("code", "000000"); len(refusal(t, err)) == 0 {
				t.Error("a wrong code is refused without a word")
			}
			if done, err := submit("code", s.hooks.code(t, mail, 1)); err != nil || done.ID != "" {
				t.Fatalf("%+v, %v", done, err)
			}
			if identity, err := s.client.Identity(ctx, id); err != nil || !identity.Verified {
				t.Errorf("%+v, %v", identity, err)
			}
			if p.cookies[kratos.DefaultSessionCookie] != "" {
				t.Error("somebody was signed in by it")
			}
			if _, _, err := s.client.VerificationForm(ctx, p.browser(), extension.NewID[string]()); !errors.Is(err, extension.ErrFlowExpired) {
				t.Errorf("an unknown form: %v", err)
			}
		})
	}
}
