package kratos_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/tools/oidc"
)

// squat makes an account with an address that is not proven, and plants everything in it that Kratos takes.
func (l linking) squat(t *testing.T) (p *person, mobile string) {
	t.Helper()
	mobile = freshMobile()
	p = &person{stack: l.stack, address: address("Victim"), cookies: map[string]string{}}
	p.identity = l.imported(t, map[string]any{
		"traits":         map[string]any{"email": p.address, "phone": mobile, "name": map[string]any{"first": "Mallory"}},
		"metadata_admin": map[string]any{"other": "stays"}, "metadata_public": map[string]any{"other": "stays too"},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": password}}},
	})
	if err := p.login(t, p.address, password); err != nil {
		t.Fatal(err)
	}
	p.enrol(t)
	form, _, reply, err := l.client.NewRecoveryCodes(t.Context(), p.browser(), p.settings(t))
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	if _, reply, err = l.client.ConfirmRecoveryCodes(t.Context(), p.browser(), form); err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	l.provider.SetPerson(oidc.Person{Subject: "mallory", Email: "mallory@example.com", EmailVerified: true})
	p.link(t)
	return p, mobile
}

func TestClearLeavesNothingThatASquatterPlanted(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, own := t.Context(), s.linking(t)
			squatter, mobile := own.squat(t)
			form := squatter.settings(t) // opened before
			if before, err := own.client.Identity(ctx, squatter.identity); err != nil || !before.Registered || !before.Recovery || len(before.Factors) != 1 || before.Verified {
				t.Fatalf("squatted: %+v, %v", before, err)
			}
			for range 2 { // the second time there is nothing left to do
				if err := own.client.Clear(ctx, squatter.identity, squatter.address); err != nil {
					t.Fatal(err)
				}
			}
			want := extension.Identity{ID: squatter.identity, Traits: extension.Traits{Email: squatter.address}, Active: true, Verified: true, Member: true}
			cleared, err := own.client.Identity(ctx, squatter.identity)
			if diff := cmp.Diff(want, cleared, unsaved()); err != nil || diff != "" {
				t.Errorf("cleared: %v (-want +got):\n%s", err, diff)
			}
			raw := own.admin(t, http.MethodGet, "/admin/identities/"+string(squatter.identity), nil)
			if raw["metadata_admin"].(map[string]any)["other"] != "stays" || raw["metadata_public"].(map[string]any)["other"] != "stays too" {
				t.Errorf("metadata %v, %v", raw["metadata_admin"], raw["metadata_public"])
			}
			if _, err := own.client.Holder(ctx, mobile); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("the squatter's number: %v", err)
			}

			// The squatter's ways in.
			if _, err := own.client.Session(ctx, squatter.browser()); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("the session: %v", err)
			}
			if _, _, err := own.client.SubmitPassword(ctx, squatter.browser(), form, "planted "+password); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("a form from before: %v", err)
			}
			back := squatter.anotherBrowser()
			if err := back.login(t, squatter.address, password); len(refusal(t, err)) == 0 {
				t.Errorf("the password: %v", err)
			}
			if back.signInWith(t); back.cookies["ory_kratos_session"] != "" {
				t.Error("the linked account signs in")
			}

			// The owner goes on as anybody who pressed Start.
			owner := squatter.anotherBrowser()
			owner.admit(t)
			if _, _, err := own.client.SubmitPassword(ctx, owner.browser(), owner.settings(t), "the owner's own "+password); err != nil {
				t.Fatal(err)
			}
			if identity, err := own.client.Identity(ctx, squatter.identity); err != nil || !identity.Registered {
				t.Errorf("with a password: %+v, %v", identity, err)
			}
			if err := own.client.Clear(ctx, squatter.identity, squatter.address); !errors.Is(err, extension.ErrConflict) {
				t.Errorf("cleared although its owner has registered: %v", err)
			}
		})
	}
}

func TestClearTouchesNobodyElse(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			mail := address("squatted")
			id := s.imported(t, map[string]any{
				"traits":      map[string]any{"email": mail},
				"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": password}}},
			})
			if err := s.client.Clear(ctx, id, address("other")); !errors.Is(err, extension.ErrConflict) {
				t.Errorf("by another address: %v", err)
			}
			if identity, err := s.client.Identity(ctx, id); err != nil || !identity.Registered || identity.Verified {
				t.Errorf("afterwards: %+v, %v", identity, err)
			}
			if err := s.client.Clear(ctx, extension.NewID[extension.IdentityID](), mail); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("nobody: %v", err)
			}
		})
	}
}

func TestASquattedNumberIsFoundAndFreed(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p, mobile := s.withMobile(t)
			holder, err := s.client.Holder(ctx, mobile)
			if err != nil || holder.ID != p.identity {
				t.Fatalf("%+v, %v", holder, err)
			}
			if _, err := s.client.Holder(ctx, freshMobile()); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("a number of nobody: %v", err)
			}
			if _, err := s.client.Holder(ctx, p.address); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("an address is no number: %v", err)
			}
			if err := s.client.DropMobile(ctx, p.identity, freshMobile()); err != nil {
				t.Errorf("another number: %v", err)
			}
			for range 2 {
				if err := s.client.DropMobile(ctx, p.identity, mobile); err != nil {
					t.Fatal(err)
				}
				if identity, err := s.client.Identity(ctx, p.identity); err != nil || identity.Traits != (extension.Traits{Email: p.address, FirstName: "Ada"}) || !identity.Registered || !identity.Verified {
					t.Errorf("%+v, %v", identity, err)
				}
			}
			other := s.started(t)
			if _, _, err := s.client.SubmitProfile(ctx, other.browser(), other.settings(t), extension.Traits{Email: other.address, Mobile: mobile}); err != nil {
				t.Errorf("the number is not free: %v", err)
			}
			if err := s.client.DropMobile(ctx, extension.NewID[extension.IdentityID](), mobile); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("nobody: %v", err)
			}

			// The owner's own spelling of a number, as other software may have left it.
			spaced := mobile[:3] + " " + mobile[3:]
			s.admin(t, http.MethodPatch, "/admin/identities/"+string(other.identity), []any{map[string]any{"op": "replace", "path": "/traits/phone", "value": spaced}})
			if holder, err := s.client.Holder(ctx, mobile); err != nil || holder.ID != other.identity {
				t.Errorf("spelled %s: %+v, %v", spaced, holder, err)
			}
			if err := s.client.DropMobile(ctx, other.identity, mobile); err != nil {
				t.Error(err)
			}
			if _, err := s.client.Holder(ctx, mobile); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("spelled %s, after it was dropped: %v", spaced, err)
			}
		})
	}
}

func TestATokensSessionIsTheSameAsACookies(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			p := s.registered(t)
			token := p.token(t)
			session, err := s.client.SessionOfToken(ctx, token)
			want := extension.Session{ID: session.ID, Identity: p.identity, Email: p.address, AAL: extension.AAL1}
			if diff := cmp.Diff(want, session); err != nil || diff != "" || session.ID == "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			for _, wrong := range []string{"", "ory_st_guess", token + "\n", "\r\nCookie: x"} {
				if _, err := s.client.SessionOfToken(ctx, wrong); wrong != token+"\n" && !errors.Is(err, extension.ErrNoSession) {
					t.Errorf("%q: %v", wrong, err)
				}
			}
			if err := s.client.EndSessions(ctx, p.identity); err != nil {
				t.Fatal(err)
			}
			if _, err := s.client.SessionOfToken(ctx, token); !errors.Is(err, extension.ErrNoSession) {
				t.Errorf("after it has ended: %v", err)
			}
		})
	}
}

// token signs in as an API client does.
func (p *person) token(t *testing.T) string {
	t.Helper()
	flow := fetch(t, http.MethodGet, p.server.PublicURL()+"/self-service/login/api", nil)
	done := fetch(t, http.MethodPost, p.server.PublicURL()+"/self-service/login?flow="+flow["id"].(string), map[string]any{
		"method": "password", "identifier": p.address, "password": password,
	})
	return done["session_token"].(string)
}
