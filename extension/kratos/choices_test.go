package kratos_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/kratos"
	"paperplane/webhooks"
)

// The name of the cookie would end a string of jsonnet in single quotes.
func TestTheSessionHasTheCookieThatWasChosenAndGuardsKnowIt(t *testing.T) {
	t.Parallel()
	const name = "people's_session"
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			own := s.configured(t, func(o *kratos.ConfigurationOptions) {
				o.SessionCookie, o.GuardBody = name, webhooks.GuardBody(name)
			})
			p := own.started(t)
			session := p.cookies[name]
			if session == "" || p.cookies[kratos.DefaultSessionCookie] != "" {
				t.Fatalf("cookies %v", p.cookies)
			}
			if known, err := own.client.Session(t.Context(), p.browser()); err != nil || known.Identity != p.identity {
				t.Errorf("session %+v, %v", known, err)
			}
			if _, _, err := own.client.SubmitPassword(t.Context(), p.browser(), p.settings(t), password); err != nil {
				t.Fatal(err)
			}
			guard := own.hooks.of(p.identity, "/kratos/guard/password")
			if len(guard) != 1 {
				t.Fatalf("the guard was asked %d times", len(guard))
			}
			want := map[string]any{"v1": session, "v26": nil}[s.family] // v26 says whose session it is without the cookie
			if diff := cmp.Diff(want, guard[0].body["cookie"]); diff != "" {
				t.Errorf("the guard's cookie (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKratosWithoutACourierMissesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			own := s.configured(t, func(o *kratos.ConfigurationOptions) {
				o.CourierURL, o.CourierKey, o.CourierBody = "", "", ""
			})
			p := own.registered(t)
			traits := extension.Traits{Email: p.address, FirstName: "Ada", LastName: "Lovelace", Mobile: freshMobile()}
			_, reply, err := own.client.SubmitProfile(t.Context(), p.browser(), p.settings(t), traits)
			if err != nil {
				t.Fatal(err)
			}
			p.take(reply)
			if _, err := own.client.Logout(t.Context(), p.browser()); err != nil {
				t.Fatal(err)
			}
			if err := p.anotherBrowser().login(t, p.address, password); err != nil {
				t.Errorf("sign-in: %v", err)
			}
			if messages := own.messages(t); len(messages) > 0 {
				t.Errorf("Kratos would send %v", messages)
			}
		})
	}
}

// messages lists what Kratos has sent or means to send.
func (s *stack) messages(t *testing.T) []any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.AdminURL()+"/admin/courier/messages", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var messages []any
	if err := json.Unmarshal(body, &messages); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("messages are answered with %s: %s", response.Status, body)
	}
	return messages
}
