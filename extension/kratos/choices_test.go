package kratos_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
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

func TestASessionBecomesASignedTokenWhereThatIsChosen(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: "test", Algorithm: string(jose.ES256), Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range kratoses {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			own := s.configured(t, func(o *kratos.ConfigurationOptions) {
				o.Tokens = &kratos.Tokens{ClaimsBody: webhooks.ClaimsMapper(), KeysURL: "base64://" + base64.StdEncoding.EncodeToString(keys)}
			})
			p := own.registered(t)
			if _, err := own.client.Publish(t.Context(), p.identity, []extension.Membership{{Slug: "acme", Status: extension.Active}}); err != nil {
				t.Fatal(err)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, own.server.PublicURL()+"/sessions/whoami?tokenize_as="+kratos.TokenTemplate, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Cookie", p.browser().Cookies)
			response, err := http.DefaultTransport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var session struct{ Tokenized string }
			if err := json.NewDecoder(response.Body).Decode(&session); err != nil {
				t.Fatal(err)
			}
			signed, err := jose.ParseSignedCompact(session.Tokenized, []jose.SignatureAlgorithm{jose.ES256})
			if err != nil {
				t.Fatal(err)
			}
			payload, err := signed.Verify(key.Public())
			if err != nil || !strings.Contains(string(payload), `"slug":"acme"`) || !strings.Contains(string(payload), string(p.identity)) {
				t.Errorf("claims %s, %v", payload, err)
			}
		})
	}
}
