package kratos_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestAnInviteeRegistersSignsOutAndSignsInAgain(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.started(t)
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || identity.Registered || !identity.Active {
				t.Fatalf("after Start: %+v, %v", identity, err)
			}

			form := p.settings(t)
			want := extension.Traits{
				Email: p.address, FirstName: "Ada", LastName: "Lovelace", Mobile: freshMobile(),
				Terms: extension.AcceptedTerms{Version: extension.NewID[extension.TermsID](), Accepted: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)},
			}
			form, reply, err := s.client.SubmitProfile(ctx, p.browser(), form, want)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, form.Traits); diff != "" {
				t.Errorf("traits after the profile (-want +got):\n%s", diff)
			}
			if form.Identity != p.identity {
				t.Errorf("form of identity %s, want %s", form.Identity, p.identity)
			}
			p.take(reply)
			if _, reply, err = s.client.SubmitPassword(ctx, p.browser(), form, password); err != nil {
				t.Fatal(err)
			}
			p.take(reply)
			if identity, err := s.client.Identity(ctx, p.identity); err != nil || !identity.Registered || len(identity.Factors) > 0 {
				t.Fatalf("after the password: %+v, %v", identity, err)
			}

			old := p.browser()
			if reply, err = s.client.Logout(ctx, p.browser()); err != nil {
				t.Fatal(err)
			}
			p.take(reply)
			for _, browser := range []extension.Browser{p.browser(), old} {
				if _, err := s.client.Session(ctx, browser); !errors.Is(err, extension.ErrNoSession) {
					t.Errorf("session after signing out: %v", err)
				}
			}
			if _, err := s.client.Logout(ctx, p.browser()); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("signing out twice: %v", err)
			}

			if err := p.login(t, p.address, password); err != nil {
				t.Fatal(err)
			}
			session, err := s.client.Session(ctx, p.browser())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(extension.Session{ID: session.ID, Identity: p.identity, Email: p.address, AAL: extension.AAL1}, session); diff != "" {
				t.Errorf("session (-want +got):\n%s", diff)
			}
			if _, _, err := s.client.LoginForm(ctx, p.browser(), "", ""); !errors.Is(err, extension.ErrConflict) {
				t.Errorf("sign-in form although signed in: %v", err)
			}
			if form, _, err := s.client.LoginForm(ctx, p.anotherBrowser().browser(), "", pagesURL+"/account"); err != nil || form.ReturnTo != pagesURL+"/account" {
				t.Errorf("sign-in form for a page: %+v, %v", form, err)
			}
		})
	}
}

func TestAdmitLeadsToTheSettingsFlowAndEndsOtherSessions(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.started(t)
			other := p.anotherBrowser()
			reply := other.admit(t)
			page, err := url.Parse(reply.ReturnTo)
			if err != nil || page.Host != "127.0.0.1:4455" || page.Path != "/settings" {
				t.Fatalf("return to %q", reply.ReturnTo)
			}
			form, _, err := s.client.SettingsForm(t.Context(), other.browser(), page.Query().Get("flow"))
			if err != nil || form.Identity != p.identity || form.Traits.Email != p.address {
				t.Errorf("settings of the flow: %+v, %v", form, err)
			}
			if _, err := s.client.Session(t.Context(), p.browser()); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("the first browser's session after the second one was admitted: %v", err)
			}
		})
	}
}

func TestAdmitRefusesDisabledAndUnknownIdentities(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := s.invited(t)
			if _, err := s.client.Admit(t.Context(), p.identity, p.browser()); !errors.Is(err, extension.ErrDisabled) {
				t.Errorf("inactive identity: %v", err)
			}
			if _, err := s.client.Admit(t.Context(), extension.NewID[extension.IdentityID](), p.browser()); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("unknown identity: %v", err)
			}
		})
	}
}
