package flows_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
	"paperplane/flows"
)

const (
	sessionCookie = "ory_kratos_session"
	plainURL      = "http://127.0.0.1:4455"
	secureURL     = "https://people.example"
	linkToken     = "k1.dG9rZW4tb2YtdGhlLWxpbms"
	invitationID  = extension.InvitationID("5f0c2f9e-7d0b-4d4e-9d58-6d1d7a3f1c11")
	inviteeID     = extension.IdentityID("0b9d3f0a-6f0e-4a52-9a0b-0f4f8c1d2e33")
	strangerID    = extension.IdentityID("f1b0a0c4-3a52-4c55-8f0c-9e7d5b6a7c44")
	termsID       = extension.TermsID("7c0d9a52-2f6e-4b1d-8f57-3f5f1f0e9a55")
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
	flows.New(flows.Options{
		Shell: shell, Onboarding: s.onboarding, Gate: s.gate, Account: s.account,
		SessionCookie: sessionCookie, MinPasswordLength: 12,
	}).Mount()
	return s
}

// answer is what a browser gets.
type answer struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    string
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
	response, err := s.pages.App().Test(request, -1)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("read answer of %s %s: %v", method, path, err)
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

// onboarding stands in for the inbound verb.
type onboarding struct {
	landing   onboard.Landing
	place     onboard.Place
	openErr   error
	landErr   error
	startErr  error
	nextErr   error
	saveErr   error
	reply     extension.Reply
	opened    int
	started   []extension.Browser
	taken     []onboard.Registration
	agreed    []extension.TermsID
	lostAfter bool // Next fails once something was saved
}

func newOnboarding() *onboarding {
	organisation := extension.Organisation{ID: "org", Slug: "northwind", Name: "Northwind Clinics", ReplyTo: "Help Desk <help@northwind.example>"}
	user := extension.User{
		ID: "user", Address: "bob@northwind.example", Identity: inviteeID,
		Assignments: []extension.Assignment{{
			Area: extension.ServiceArea{ID: "area", Name: "Harbour Clinic"}, Role: extension.Role{ID: "role", Name: "Nurse"},
		}},
	}
	return &onboarding{
		landing: onboard.Landing{
			Invitation: invitationID, Organisation: organisation, Identity: inviteeID, Inviter: "Ada Park",
			Area: "Harbour Clinic", Role: "Nurse", Address: user.Address, Expires: now().Add(7 * 24 * time.Hour),
		},
		place: onboard.Place{
			Step: extension.StepRegister, Organisation: organisation, User: user, Inviter: "Ada Park",
			Terms: extension.Terms{
				ID: termsID, Version: 3, Title: "Terms of use", Published: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
				Text: "Be kind.\nAlways.\n\nKeep secrets < 5 minutes.",
			},
		},
	}
}

func (o *onboarding) Open(_ context.Context, token string) (extension.InvitationID, time.Time, error) {
	o.opened++
	if token != linkToken {
		return "", time.Time{}, &onboard.LinkError{Reason: onboard.LinkDead}
	}
	return invitationID, o.landing.Expires, o.openErr
}

func (o *onboarding) Landing(_ context.Context, token string) (onboard.Landing, error) {
	if token != linkToken {
		return onboard.Landing{}, &onboard.LinkError{Reason: onboard.LinkDead}
	}
	return o.landing, o.landErr
}

func (o *onboarding) Start(_ context.Context, _ string, browser extension.Browser) (extension.Reply, error) {
	o.started = append(o.started, browser)
	return o.reply, o.startErr
}

func (o *onboarding) Next(context.Context, extension.Session) (onboard.Place, error) {
	return o.place, o.nextErr
}

func (o *onboarding) Register(_ context.Context, _ extension.Session, _ extension.Browser, r onboard.Registration) (extension.Reply, error) {
	o.taken = append(o.taken, r)
	if o.lostAfter {
		o.nextErr = extension.ErrUnavailable
	}
	return o.reply, o.saveErr
}

func (o *onboarding) Agree(_ context.Context, _ extension.Session, _ extension.Browser, terms extension.TermsID) (extension.Reply, error) {
	o.agreed = append(o.agreed, terms)
	return o.reply, o.saveErr
}

// homes stands in for the gate.
type homes struct{ entries []gate.Entry }

func (h *homes) Home(context.Context, extension.Session) ([]gate.Entry, error) { return h.entries, nil }

// account stands in for Kratos.
type account struct {
	down        error
	form        extension.Form
	formErr     error
	submitErr   error
	expired     string // a flow that has run out
	logoutErr   error
	logoutReply extension.Reply
	loggedOut   int
	submitted   map[string]string
	flow        string
	told        extension.Message
	toldErr     error
}

func (a *account) Session(_ context.Context, browser extension.Browser) (extension.Session, error) {
	switch {
	case a.down != nil:
		return extension.Session{}, a.down
	case strings.Contains(browser.Cookies, asInvitee):
		return extension.Session{Identity: inviteeID, Email: "bob@northwind.example"}, nil
	case strings.Contains(browser.Cookies, asStranger):
		return extension.Session{Identity: strangerID, Email: "ada@northwind.example"}, nil
	}
	return extension.Session{}, extension.ErrNoSession
}

func (a *account) LoginForm(_ context.Context, _ extension.Browser, flow, _ string) (extension.Form, extension.Reply, error) {
	if flow != "" && flow == a.expired {
		return extension.Form{}, extension.Reply{}, extension.ErrFlowExpired
	}
	return a.form, extension.Reply{SetCookies: []string{"csrf_token_1=fresh; Path=/; HttpOnly"}}, a.formErr
}

func (a *account) SubmitLogin(_ context.Context, _ extension.Browser, flow string, values map[string]string) (extension.Reply, error) {
	a.flow, a.submitted = flow, values
	if a.submitErr != nil {
		return extension.Reply{}, a.submitErr
	}
	return extension.Reply{SetCookies: []string{sessionCookie + "=new; Path=/; HttpOnly; SameSite=Lax"}}, nil
}

func (a *account) Logout(context.Context, extension.Browser) (extension.Reply, error) {
	a.loggedOut++
	return a.logoutReply, a.logoutErr
}

func (a *account) FlowError(context.Context, string) (extension.Message, error) {
	return a.told, a.toldErr
}
