package kratos_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/kratos"
	"paperplane/tools/oidc"
)

// linking is a Kratos that people can sign in to with an account at a provider.
type linking struct {
	*stack

	provider *oidc.Provider
}

func (s *stack) linking(t *testing.T) linking {
	t.Helper()
	provider, err := oidc.New(oidc.Options{ClientID: "paperplane", ClientSecret: "provider-secret-of-the-tests"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(provider)
	t.Cleanup(server.Close)
	own := s.configured(t, func(o *kratos.ConfigurationOptions) {
		o.Providers = []kratos.Provider{{
			ID: "acme", Kind: "generic", Label: "Acme", IssuerURL: server.URL, ClientID: "paperplane", ClientSecret: "provider-secret-of-the-tests",
		}}
	})
	return linking{own, provider}
}

// visit goes to the provider and comes back with its answer.
func (p *person) visit(t *testing.T, location string) extension.Reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, location, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	back, err := response.Location()
	if err != nil || !strings.HasPrefix(back.String(), pagesURL+"/self-service/methods/oidc/callback/acme?") {
		t.Fatalf("the provider sends the browser to %v, %v", back, err)
	}
	reply, err := p.client.Callback(t.Context(), p.browser(), "acme", back.RawQuery)
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	return reply
}

// link asks for a link to the provider and comes back.
func (p *person) link(t *testing.T) extension.Reply {
	t.Helper()
	location, reply, err := p.client.LinkProvider(t.Context(), p.browser(), p.settings(t), "acme")
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	return p.visit(t, location)
}

// signInWith signs in with the provider and returns where Kratos sends the browser.
func (p *person) signInWith(t *testing.T) *url.URL {
	t.Helper()
	location, reply, err := p.client.SignInWith(t.Context(), p.browser(), "", "acme")
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	page, err := url.Parse(p.visit(t, location).ReturnTo)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestALinkedProviderRegistersAndSignsInAndChangesNoTrait(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, own := t.Context(), s.linking(t)
			p := own.started(t)
			own.provider.SetPerson(oidc.Person{Subject: "ada", Email: "ada@elsewhere.example", EmailVerified: true, Name: "Ada L."})
			if page := p.link(t).ReturnTo; !strings.HasPrefix(page, pagesURL+"/settings?flow=") {
				t.Errorf("after linking Kratos sends the browser to %s", page)
			}
			identity, err := own.client.Identity(ctx, p.identity)
			if err != nil || !identity.Registered || identity.Traits != (extension.Traits{Email: p.address}) {
				t.Fatalf("linked: %+v, %v", identity, err)
			}
			if guards := own.hooks.of(p.identity, "/kratos/guard/oidc"); len(guards) != 1 {
				t.Errorf("the guard was asked %d times", len(guards))
			}

			again := p.anotherBrowser()
			if page := again.signInWith(t); page.String() != pagesURL+"/next" {
				t.Errorf("after signing in Kratos sends the browser to %v", page)
			}
			if session, err := own.client.Session(ctx, again.browser()); err != nil || session.Identity != p.identity || session.Email != p.address {
				t.Errorf("session %+v, %v", session, err)
			}

			_, _, err = own.client.UnlinkProvider(ctx, p.browser(), p.settings(t), "acme")
			if err == nil {
				t.Error("the last way to sign in was taken away")
			}
			if _, reply, err := own.client.SubmitPassword(ctx, p.browser(), p.settings(t), password); err != nil {
				t.Fatal(err)
			} else {
				p.take(reply)
			}
			if _, _, err := own.client.UnlinkProvider(ctx, p.browser(), p.settings(t), "acme"); err != nil {
				t.Errorf("unlinking beside a password: %v", err)
			}
			stranger := p.anotherBrowser()
			if stranger.signInWith(t); stranger.cookies[kratos.DefaultSessionCookie] != "" {
				t.Error("an unlinked account still signs in")
			}
		})
	}
}

func TestAnAccountElsewhereThatNobodyLinkedMakesNobody(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, own := t.Context(), s.linking(t)
			p := own.registered(t)
			newcomer := address("newcomer")
			for _, mail := range []string{newcomer, strings.ToLower(p.address)} {
				own.provider.SetPerson(oidc.Person{Subject: mail, Email: mail, EmailVerified: true})
				visitor := p.anotherBrowser()
				page := visitor.signInWith(t)
				if visitor.cookies[kratos.DefaultSessionCookie] != "" || page.Path == "/next" {
					t.Errorf("%s is signed in and sent to %v", mail, page)
				}
			}
			if found, err := own.client.FindByAddress(ctx, newcomer); !errors.Is(err, extension.ErrNotFound) {
				t.Errorf("a newcomer was made: %+v, %v", found, err)
			}
			own.provider.SetPerson(oidc.Person{Subject: "ada", Declines: true})
			visitor := p.anotherBrowser()
			page := visitor.signInWith(t)
			if page.Path != "/login" || page.Query().Get("flow") == "" {
				t.Fatalf("somebody who declines is sent to %v", page)
			}
			form, _, err := own.client.LoginForm(ctx, visitor.browser(), page.Query().Get("flow"), "")
			if err != nil || len(form.Errors()) == 0 {
				t.Errorf("the form says nothing of it: %+v, %v", form.Messages, err)
			}
			if _, _, err := own.client.SignInWith(ctx, visitor.browser(), "", "unknown"); err == nil {
				t.Error("an unknown provider is taken")
			}
			if reply, err := own.client.Callback(ctx, visitor.browser(), "acme", "state=forged&code=forged"); err != nil || strings.HasPrefix(reply.ReturnTo, pagesURL+"/next") {
				t.Errorf("a forged answer: %+v, %v", reply, err)
			}
		})
	}
}

func TestAGuardKeepsAProviderFromBeingLinked(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx, own := t.Context(), s.linking(t)
			own.provider.SetPerson(oidc.Person{Subject: "eve", Email: "eve@example.com", EmailVerified: true})
			for status, want := range map[int]map[string]int64{http.StatusForbidden: {"": 9000003}, http.StatusServiceUnavailable: nil} {
				p := own.started(t)
				own.hooks.answer(p.identity, status, `{"messages":[{"instance_ptr":"#/","messages":[{"id":9000003,"text":"No.","type":"error","context":{}}]}]}`)
				page, err := url.Parse(p.link(t).ReturnTo)
				if err != nil {
					t.Fatal(err)
				}
				if identity, err := own.client.Identity(ctx, p.identity); err != nil || identity.Registered {
					t.Errorf("guard answers %d: %+v, %v", status, identity, err)
				}
				if want == nil {
					continue
				}
				form, _, err := own.client.SettingsForm(ctx, p.browser(), page.Query().Get("flow"))
				if err != nil {
					t.Fatalf("%v: %v", page, err)
				}
				if diff := cmp.Diff(want, ids(form.Errors())); diff != "" {
					t.Errorf("what the settings say (-want +got):\n%s", diff)
				}
			}
		})
	}
}
