package flows_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/web"
	"paperplane/flows"
)

const (
	sessionCookie  = "ory_kratos_session"
	plainURL       = "http://127.0.0.1:4455"
	secureURL      = "https://people.example"
	linkToken      = "k1.dG9rZW4tb2YtdGhlLWxpbms"
	invitationID   = extension.InvitationID("5f0c2f9e-7d0b-4d4e-9d58-6d1d7a3f1c11")
	inviteeID      = extension.IdentityID("0b9d3f0a-6f0e-4a52-9a0b-0f4f8c1d2e33")
	inviteeSession = extension.SessionID("3d1a8c1e-5b07-4a8e-9a3e-0c1f5b7d9e21")
	strangerID     = extension.IdentityID("f1b0a0c4-3a52-4c55-8f0c-9e7d5b6a7c44")
	termsID        = extension.TermsID("7c0d9a52-2f6e-4b1d-8f57-3f5f1f0e9a55")
)

func now() time.Time { return time.Date(2026, 11, 23, 14, 5, 0, 0, time.UTC) }

// site is the pages over stand-ins of the verbs and of Kratos.
type site struct {
	pages      *web.Shell
	public     *url.URL
	onboarding *onboarding
	gate       *homes
	account    *account
}

func newSite(t *testing.T, publicURL string) *site {
	t.Helper()
	return newSiteWith(t, publicURL, func(*flows.Options) {})
}

// newSiteWith is a site whose pages have other options than most.
func newSiteWith(t *testing.T, publicURL string, change func(*flows.Options)) *site {
	t.Helper()
	public, err := url.Parse(publicURL)
	if err != nil {
		t.Fatalf("parse public URL: %v", err)
	}
	shell, err := web.New(web.Options{
		PublicURL: public, Secret: []byte(strings.Repeat("s", web.MinSecret)), Log: slog.New(slog.DiscardHandler),
		SessionCookie: sessionCookie, Now: now,
	})
	if err != nil {
		t.Fatalf("make shell: %v", err)
	}
	s := &site{pages: shell, public: public, onboarding: newOnboarding(), gate: &homes{}, account: &account{}}
	options := flows.Options{
		Shell: shell, Onboarding: s.onboarding, Gate: s.gate, Account: s.account,
		SessionCookie: sessionCookie, MinPasswordLength: 12, PublicURL: publicURL,
	}
	change(&options)
	flows.New(options).Mount()
	return s
}

// answer is what a browser gets.
type answer struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    string
}

// cookie is the value that the browser holds of a cookie after the answer; the last line counts (RFC 6265 §5.3).
func (a answer) cookie(name string) string {
	value := ""
	for _, cookie := range a.cookies {
		if cookie.Name == name {
			value = cookie.Value
		}
	}
	return value
}

func (a answer) location() string { return a.header.Get("Location") }

// shows checks that the page says all of the texts.
func (a answer) shows(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page does not show %q:\n%s", text, a.body)
		}
	}
}

// hides checks that neither the page nor any header holds one of the texts.
func (a answer) hides(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("the page shows %q:\n%s", text, a.body)
		}
		for name, lines := range a.header {
			if strings.Contains(strings.Join(lines, "\n"), text) {
				t.Errorf("the header %s holds %q", name, text)
			}
		}
	}
}

func (a answer) redirects(t *testing.T, to string) {
	t.Helper()
	if a.status != http.StatusSeeOther || a.location() != to {
		t.Errorf("got status %d to %q, want 303 to %q; body:\n%s", a.status, a.location(), to, a.body)
	}
}

func (a answer) isStatus(t *testing.T, want int) {
	t.Helper()
	if a.status != want {
		t.Errorf("got status %d, want %d; body:\n%s", a.status, want, a.body)
	}
}

func (s *site) do(t *testing.T, method, path string, form url.Values, cookies ...string) answer {
	t.Helper()
	return s.send(t, s.request(t, method, path, form, cookies...))
}

// request is what a browser would send.
func (s *site) request(t *testing.T, method, path string, form url.Values, cookies ...string) *http.Request {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form.Encode()))
	request.Host = s.public.Host
	request.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if len(cookies) > 0 {
		request.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	return request
}

func (s *site) send(t *testing.T, request *http.Request) answer {
	t.Helper()
	response, err := s.pages.App().Test(request, -1)
	if err != nil {
		t.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("read answer of %s %s: %v", request.Method, request.URL, err)
	}
	return answer{status: response.StatusCode, header: response.Header, cookies: response.Cookies(), body: string(body)}
}

func (s *site) get(t *testing.T, path string, cookies ...string) answer {
	t.Helper()
	return s.do(t, http.MethodGet, path, nil, cookies...)
}

func (s *site) post(t *testing.T, path string, form url.Values, cookies ...string) answer {
	t.Helper()
	return s.do(t, http.MethodPost, path, form, cookies...)
}

// signedIn is the Cookie header's part of a session; the stand-in of Kratos knows whose it is.
func signedIn(as string) string { return sessionCookie + "=" + as }

const (
	asInvitee  = "session-of-the-invitee"
	asStranger = "session-of-somebody-else"
)

// signed is a form with the session's token.
func (s *site) signed(session string, fields ...string) url.Values {
	form := url.Values{web.TokenField: {s.pages.Token(session)}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return form
}
