package flows_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/flows"
)

func withProvider(o *flows.Options) {
	o.Providers = []flows.Provider{{ID: "example", Name: "Example & Co"}}
}

func TestSocialSignInsStandBesideThePasswordInFormsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, version := range versions() {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			s := newSiteWith(t, plainURL, withProvider)
			s.account.form = captured(t, version, "login")
			got := s.get(t, "/login?return_to=%2Fwelcome")
			got.shows(t, "Sign in with Example &amp; Co", `action="/login/with/example"`, `action="/login"`, "Forgot your password?", `href="/recovery"`)
			if n := strings.Count(got.body, `name="return_to" value="/welcome"`); n != 2 {
				t.Errorf("return_to stands in %d forms, want both", n)
			}
			if s.account.returnTo != plainURL+"/welcome" {
				t.Errorf("the flow returns to %q", s.account.returnTo)
			}
			if n := strings.Count(got.body, "button-primary"); n != 1 {
				t.Errorf("the page has %d primary buttons, want 1", n)
			}
		})
	}
}

func TestAProviderThatOnlyKratosKnowsKeepsItsLabel(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.form = captured(t, "v26", "login")
	s.get(t, "/login").shows(t, "Sign in with Example ID")
}

func TestSigningInWithAProviderLeavesByAPageOfOurs(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, plainURL, withProvider)
	s.account.form, s.account.expired = captured(t, "v26", "login"), "old"
	s.account.location = "https://accounts.example/authorize?state=1&scope=openid"
	for _, flow := range []string{"the-flow", "old"} {
		got := s.post(t, "/login/with/example", url.Values{"flow": {flow}, "csrf_token": {"kratos-csrf"}, "return_to": {"/welcome"}})
		got.isStatus(t, http.StatusOK)
		got.shows(t, `href="https://accounts.example/authorize?state=1&amp;scope=openid"`)
		if !strings.Contains(got.header.Get("Refresh"), s.account.location) {
			t.Errorf("got Refresh %q", got.header.Get("Refresh"))
		}
	}
	s.get(t, "/login/with/example").redirects(t, "/login")

	s.account.location = "javascript:alert(1)"
	s.post(t, "/login/with/example", url.Values{"flow": {"the-flow"}}).hides(t, "javascript:")
}

func TestTheWayBackFromAProviderEndsOnPagesOfOursAlone(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		plainURL + "/welcome":             "/welcome",
		plainURL + "/login?flow=linking":  "/login?flow=linking",
		plainURL + "/settings?flow=f":     "/settings?flow=f",
		plainURL + "/error?id=x":          "/error?id=x",
		"https://evil.example/":           "/next",
		plainURL + ".evil.example/secret": "/next",
		"":                                "/next",
	} {
		t.Run(url.QueryEscape(to), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.account.callback = extension.Reply{ReturnTo: to, SetCookies: []string{sessionCookie + "=new; Path=/; HttpOnly"}}
			got := s.get(t, "/self-service/methods/oidc/callback/example?code=secret&state=1")
			got.redirects(t, want)
			if s.account.query != "code=secret&state=1" || len(got.cookies) != 1 {
				t.Errorf("Kratos got %q, the browser %v", s.account.query, got.cookies)
			}
			got.hides(t, "secret&")
		})
	}
}

func TestASocialSignInThatCameToNothingSaysHowToGetIn(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"Registration is not allowed because it was disabled.",
		`Unable to complete OpenID Connect flow because the OpenID Provider returned error "access_denied": `,
	} {
		s := atHome(t, "v26")
		s.account.form = captured(t, "v26", "login")
		s.account.form.Messages = []extension.Message{{ID: 4000001, Text: text, Error: true}}
		got := s.get(t, "/login?flow=the-flow")
		got.shows(t, "You are not signed in", "No account here is linked", "invitation email", `name="password"`)
		got.hides(t, "Registration", "OpenID", "access_denied")

		s.account.settings.Messages = s.account.form.Messages
		got = s.get(t, "/settings?flow=the-flow", signedIn(asInvitee))
		got.shows(t, "was not linked", "Nothing was changed.")
		got.hides(t, "Registration", "OpenID", "access_denied")
	}
}

func TestAnAccountThatIsKnownAlreadyIsLinkedBySigningIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	form := captured(t, "v26", "login")
	form.Messages = []extension.Message{{ID: 1010016, Text: "Signing in will link your account to \"x\"."}}
	s.account.form = form
	s.get(t, "/login?flow=linking").shows(t, "You have an account here already.", "Sign in the way you always did")

	form.Messages = []extension.Message{{ID: 4000027, Text: "An account with the same identifier exists already.", Error: true}}
	s.account.form = form
	got := s.get(t, "/login?flow=linking")
	got.shows(t, "This way of signing in cannot be added")
	got.hides(t, "exists already")
}

func TestOwnPagesTakeThePlaceOfOurs(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, plainURL, func(o *flows.Options) {
		o.OwnPages = &flows.OwnPages{
			Login: "https://own.example/in?theme=1", Settings: "https://own.example/me", Recovery: "https://own.example/lost",
			Verification: "https://own.example/verify", Error: "https://own.example/error",
		}
	})
	for path, want := range map[string]string{
		"/login?return_to=%2Fnext": "https://own.example/in?theme=1&return_to=%2Fnext",
		"/settings?flow=f":         "https://own.example/me?flow=f",
		"/recovery":                "https://own.example/lost",
		"/verification":            "https://own.example/verify",
		"/error?id=1":              "https://own.example/error?id=1",
	} {
		s.get(t, path).redirects(t, want)
	}
	if got := s.post(t, "/login", credentials()); got.status < http.StatusBadRequest {
		t.Errorf("our sign-in took a form: %d", got.status)
	}
	s.account.callback = extension.Reply{ReturnTo: "https://own.example/me?flow=f"}
	s.get(t, "/self-service/methods/oidc/callback/example?code=1").redirects(t, "https://own.example/me?flow=f")
}

func TestTheWayBackFromAProviderLeadsOnWhileRegistering(t *testing.T) {
	t.Parallel()
	s := atHome(t, "v26")
	s.onboarding.standing(extension.StepRegister)
	s.get(t, "/settings?flow=the-flow", signedIn(asInvitee)).redirects(t, "/register?flow=the-flow")
	s.get(t, "/register?flow=the-flow", signedIn(asInvitee)).hides(t, "was not linked")
	s.account.settings.Messages = []extension.Message{{ID: 4000001, Text: "access_denied", Error: true}}
	got := s.get(t, "/register?flow=the-flow", signedIn(asInvitee))
	got.shows(t, "The account at the other site was not linked", "Your details are kept.", `name="password"`)
	got.hides(t, "access_denied")
	s.get(t, "/register", signedIn(asInvitee)).hides(t, "was not linked")

	s.onboarding.standing(extension.StepAgree)
	s.get(t, "/settings?flow=the-flow", signedIn(asInvitee)).redirects(t, "/next")
	s.get(t, "/settings", signedIn(asInvitee)).isStatus(t, http.StatusOK)
	s.onboarding.place.User.Facts.Activated = now()
	s.get(t, "/settings?flow=the-flow", signedIn(asInvitee)).isStatus(t, http.StatusOK)
}
