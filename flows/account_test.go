package flows_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// kratosCookie is the cookie with which Kratos gives every form.
const kratosCookie = "csrf_token_1=given"

// passwordForm is Kratos' login form for a password.
func passwordForm() extension.Form {
	return extension.Form{ID: "flow-1", Nodes: []extension.Node{
		{Group: "default", Kind: "input", Type: "hidden", Name: "csrf_token", Value: "kratos-csrf"},
		{Group: "default", Kind: "input", Type: "text", Name: "identifier", Label: "ID", Required: true},
		{Group: "password", Kind: "input", Type: "password", Name: "password", Label: "Password", Value: "never shown", Required: true, Complete: "current-password"},
		{Group: "password", Kind: "input", Type: "submit", Name: "method", Value: "password", Label: "Sign in with password"},
	}}
}

func credentials() url.Values {
	return url.Values{
		"flow": {"flow-1"}, "csrf_token": {"kratos-csrf"}, "method": {"password"},
		"identifier": {"ada@northwind.example"}, "password": {"correct horse battery"}, "return_to": {"/o/northwind/users?status=Pending"},
	}
}

func TestSignInShowsKratosForm(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.form = passwordForm()
	got := s.get(t, "/login?return_to=%2Fo%2Fnorthwind%2Fusers")
	got.isStatus(t, http.StatusOK)
	got.shows(t, ">Sign in</span>", `name="csrf_token" value="kratos-csrf"`, `name="flow" value="flow-1"`, `name="return_to" value="/o/northwind/users"`,
		"Email address", `autocomplete="username"`, `autocomplete="current-password"`, `name="method" value="password"`)
	got.hides(t, "never shown")
	if len(got.cookies) != 1 || got.cookies[0].Name != "csrf_token_1" {
		t.Errorf("got the cookies %v, want Kratos' csrf cookie", got.cookies)
	}
}

func TestSigningInRelaysTheFormAndGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	got := s.post(t, "/login", credentials())
	got.redirects(t, "/o/northwind/users?status=Pending")
	if len(got.cookies) != 1 || got.cookies[0].Value != "new" {
		t.Errorf("got the cookies %v, want the session's", got.cookies)
	}
	want := map[string]string{
		"csrf_token": "kratos-csrf", "method": "password", "identifier": "ada@northwind.example", "password": "correct horse battery",
	}
	if diff := cmp.Diff(want, s.account.submitted); diff != "" || s.account.flow != "flow-1" {
		t.Errorf("Kratos got flow %q and (-want +got):\n%s", s.account.flow, diff)
	}
}

func TestAWrongPasswordIsSaidPlainlyAndNotKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	form := passwordForm()
	form.Nodes[1].Value, form.Nodes[2].Value = "ada@northwind.example", "correct horse battery"
	form.Messages = []extension.Message{{ID: 4000006, Text: "The provided credentials are invalid.", Error: true}}
	s.account.submitErr = &extension.RefusedError{Form: form}
	got := s.post(t, "/login", credentials())
	got.isStatus(t, http.StatusUnprocessableEntity)
	got.shows(t, "The email address or the password is not right.", `value="ada@northwind.example"`, `value="/o/northwind/users?status=Pending"`)
	got.hides(t, "correct horse battery", "provided credentials")
}

func TestFieldErrorsOfSignInStandAtTheirFields(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	form := passwordForm()
	form.Nodes[2].Messages = []extension.Message{{ID: 4000002, Text: "Property password is missing.", Error: true}}
	s.account.submitErr = &extension.RefusedError{Form: form}
	got := s.post(t, "/login", credentials())
	got.shows(t, `href="#field-password"`, `id="field-password-error"`, "Enter your password.")
}

func TestADisabledAccountIsToldWhomToAsk(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.form, s.account.submitErr = passwordForm(), extension.ErrDisabled
	got := s.post(t, "/login", credentials())
	got.isStatus(t, http.StatusForbidden)
	got.shows(t, "Your access is paused or was switched off.", "Ask your administrator.", `value="ada@northwind.example"`)
	got.hides(t, "correct horse battery")
}

func TestAnAddressThatWasTypedOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.form, s.account.submitErr = passwordForm(), &extension.TroubleError{Sentence: "The sign-in service does not answer."}
	got := s.post(t, "/login", credentials())
	got.isStatus(t, http.StatusServiceUnavailable)
	got.shows(t, "does not answer", `value="ada@northwind.example"`, `name="password"`, `name="csrf_token"`, "Sign in")
	got.hides(t, "correct horse battery")
}

func TestASignInThatRanOutBeginsAnew(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.form, s.account.submitErr = passwordForm(), extension.ErrFlowExpired
	got := s.post(t, "/login", credentials(), kratosCookie)
	got.isStatus(t, http.StatusConflict)
	got.shows(t, "This page was open for too long.", `value="ada@northwind.example"`)

	got = s.post(t, "/login", credentials())
	got.isStatus(t, http.StatusForbidden)
	got.shows(t, "Your browser keeps no cookies", "Allow cookies for this site", `value="ada@northwind.example"`)

	s.account.expired = "old"
	s.get(t, "/login?flow=old").shows(t, `name="flow" value="flow-1"`)
}

func TestSignInSaysWhenKratosIsDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.formErr = &extension.TroubleError{Sentence: "The sign-in service does not answer."}
	s.account.submitErr = s.account.formErr
	for _, got := range []answer{s.get(t, "/login"), s.post(t, "/login", credentials())} {
		got.isStatus(t, http.StatusServiceUnavailable)
		got.shows(t, "The sign-in service does not answer.")
	}
}

func TestSomebodySignedInNeedNotSignInAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.formErr, s.account.submitErr = extension.ErrConflict, extension.ErrConflict
	s.get(t, "/login", signedIn(asInvitee)).redirects(t, "/next")
	s.get(t, "/login?return_to=%2Fwelcome", signedIn(asInvitee)).redirects(t, "/welcome")
	s.post(t, "/login", credentials(), signedIn(asInvitee)).redirects(t, "/o/northwind/users?status=Pending")

	s.account.submitErr = extension.ErrFlowExpired
	s.post(t, "/login", credentials(), signedIn(asInvitee)).redirects(t, "/o/northwind/users?status=Pending")
}

func TestASessionThatOnlyKratosSeesEndsInAPageForTheOperator(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.form, s.account.formErr = passwordForm(), extension.ErrConflict
	const renamed = "renamed_session=secret"
	shown := map[string]answer{
		"a page that needs a session": s.get(t, s.get(t, "/next", renamed).location(), renamed),
		"the sign-in page":            s.get(t, "/login", renamed),
	}
	s.account.submitErr = extension.ErrConflict
	shown["its button"] = s.post(t, "/login", credentials(), renamed)
	s.account.submitErr = extension.ErrFlowExpired
	shown["a form that ran out"] = s.post(t, "/login", credentials(), renamed)
	for name, got := range shown {
		if got.status != http.StatusInternalServerError {
			t.Errorf("%s: got status %d to %q", name, got.status, got.location())
		}
		got.shows(t, "Your session is not recognised", "kratos.session_cookie", "session.cookie.name", "Number of this request")
		got.hides(t, "secret", "correct horse battery")
	}

	s.account.down = &extension.TroubleError{Sentence: "The sign-in service does not answer."}
	s.get(t, "/login").isStatus(t, http.StatusServiceUnavailable)
}

func TestSignInNeverLeadsToAnotherSite(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"https://evil.example/", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example", "/\n/evil.example",
		"javascript:alert(1)", "evil.example", "http:evil.example", "https:/evil.example", " //evil.example", "/ok\r\nSet-Cookie: a=b",
		plainURL + "@evil.example", plainURL + ".evil.example/", "mailto:a@b.example", "?x", "",
	} {
		t.Run(url.QueryEscape(to), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.account.form = passwordForm()
			form := credentials()
			form.Set("return_to", to)
			s.post(t, "/login", form).redirects(t, "/next")

			page := s.get(t, "/login?return_to="+url.QueryEscape(to))
			if strings.Contains(page.body, "evil") || strings.Contains(page.body, `name="return_to"`) {
				t.Errorf("the page keeps %q", to)
			}
			s.account.formErr = extension.ErrConflict
			s.get(t, "/login?return_to="+url.QueryEscape(to), signedIn(asInvitee)).redirects(t, "/next")
		})
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.form = passwordForm()
	s.account.logoutReply = extension.Reply{SetCookies: []string{sessionCookie + "=; Path=/; Max-Age=0"}}
	s.get(t, "/logout").redirects(t, "/login")
	s.get(t, "/logout", signedIn(asInvitee)).shows(t, s.pages.Token(asInvitee), "Stay signed in")

	got := s.post(t, "/logout", s.signed(asInvitee), signedIn(asInvitee))
	got.redirects(t, "/login?signed_out=1")
	if len(got.cookies) != 1 || got.cookies[0].MaxAge >= 0 {
		t.Errorf("got the cookies %v, want the session's cleared", got.cookies)
	}
	s.get(t, got.location()).shows(t, "You are signed out.")

	s.account.logoutErr = extension.ErrNoSession
	s.post(t, "/logout", s.signed(asInvitee), signedIn(asInvitee)).redirects(t, "/login?signed_out=1")
}

func TestSigningOutTellsWhenItDidNotWork(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.logoutErr = &extension.TroubleError{Sentence: "The sign-in service does not answer."}
	got := s.post(t, "/logout", s.signed(asInvitee), signedIn(asInvitee))
	got.isStatus(t, http.StatusServiceUnavailable)
	got.shows(t, "You are still signed in")

	s.post(t, "/logout", s.signed("an older session"), signedIn(asInvitee)).redirects(t, "/logout")
}

func TestTheErrorPageSpeaksPlainly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path string
		told extension.Message
		err  error
		text string
	}{
		"without an id":  {path: "/error", text: "The sign-in service could not finish"},
		"unknown":        {path: "/error?id=x", err: extension.ErrNotFound, text: "The sign-in service could not finish"},
		"Kratos is down": {path: "/error?id=x", err: extension.ErrUnavailable, text: "The sign-in service could not finish"},
		"csrf":           {path: "/error?id=x", told: extension.Message{ID: 403, Text: "csrf <b>"}, text: "cookies"},
		"disabled":       {path: "/error?id=x", told: extension.Message{ID: 401}, text: "ask your administrator"},
		"gone":           {path: "/error?id=x", told: extension.Message{ID: 410}, text: "open for too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.account.told, s.account.toldErr = c.told, c.err
			got := s.get(t, c.path)
			got.isStatus(t, http.StatusOK)
			got.shows(t, c.text, `href="/next"`)
			got.hides(t, "csrf")
		})
	}
}

func TestNodesThatKratosAddsAreShownAndNeverRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.form = passwordForm()
	s.account.form.Nodes = append(s.account.form.Nodes,
		extension.Node{Group: "profile", Kind: "input", Type: "checkbox", Name: "traits.newsletter", Label: "News <please>", Value: "true"},
		extension.Node{Group: "webauthn", Kind: "input", Type: "button", Name: "webauthn_login_trigger", Label: "Use a security key"},
		extension.Node{Group: "webauthn", Kind: "script", Name: "webauthn_script", Value: "https://evil.example/webauthn.js"},
		extension.Node{Group: "oidc", Kind: "a", Name: "link", Value: "javascript:alert(1)", Label: "More"})
	got := s.get(t, "/login")
	got.isStatus(t, http.StatusOK)
	got.shows(t, "News &lt;please&gt;", `type="checkbox"`, "checked")
	got.hides(t, "webauthn", "evil.example", "javascript:")
	if n := strings.Count(got.body, "button-primary"); n != 1 {
		t.Errorf("the page has %d primary buttons, want 1", n)
	}
}

// The form of the first step counts no wrong codes.
func TestASecondStepGoesToItsOwnPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.form = passwordForm()
	s.account.form.AAL = extension.AAL2
	s.get(t, "/login?flow=flow-2").redirects(t, "/confirm")
	for _, method := range []string{"totp", "lookup_secret", "code", "webauthn"} {
		posted := credentials()
		posted.Set("method", method)
		s.post(t, "/login", posted).redirects(t, "/confirm")
	}
	if s.account.submitted != nil {
		t.Errorf("Kratos got %v", s.account.submitted)
	}
	posted := credentials()
	posted.Set("totp_code", "123456")
	s.post(t, "/login", posted)
	if _, passed := s.account.submitted["totp_code"]; passed {
		t.Error("a code goes along with the password")
	}
}

func TestAMessageWithoutWordsOfOursKeepsKratosOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	form := passwordForm()
	form.Messages = []extension.Message{{ID: 4999999, Text: "Something <new>.", Error: true}}
	s.account.submitErr = &extension.RefusedError{Form: form}
	s.post(t, "/login", credentials()).shows(t, "Something &lt;new&gt;.")
}
