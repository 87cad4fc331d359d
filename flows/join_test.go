package flows_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

const (
	landingPath = "/join/" + string(invitationID)
	freshPath   = landingPath + "?fresh=1" // right after the link
)

func joinCookie() string { return "pp_join=" + linkToken }

func TestALinkMovesItsTokenIntoACookieOfItsInvitation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		public, name string
		secure       bool
	}{
		{plainURL, "pp_join", false},
		{secureURL, "__Secure-pp_join", true},
	} {
		t.Run(c.public, func(t *testing.T) {
			t.Parallel()
			got := newSite(t, c.public).get(t, "/i/"+linkToken)
			got.redirects(t, freshPath)
			if len(got.cookies) != 1 {
				t.Fatalf("got %d cookies, want 1", len(got.cookies))
			}
			cookie := got.cookies[0]
			if cookie.Name != c.name || cookie.Value != linkToken || cookie.Path != landingPath || cookie.Domain != "" ||
				!cookie.HttpOnly || cookie.Secure != c.secure || cookie.SameSite != http.SameSiteLaxMode {
				t.Errorf("wrong cookie: %s", cookie.Raw)
			}
			if cookie.MaxAge != 7*24*60*60 {
				t.Errorf("the cookie lives %d seconds, want until the invitation expires", cookie.MaxAge)
			}
			if got.header.Get("Referrer-Policy") != "no-referrer" || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("wrong headers: %v", got.header)
			}
			if strings.Contains(got.body, linkToken) {
				t.Error("the answer's body holds the token")
			}
		})
	}
}

func TestHeadOfALinkLooksNothingUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	for _, token := range []string{linkToken, "k1.forged"} {
		got := s.do(t, http.MethodHead, "/i/"+token, nil)
		got.isStatus(t, http.StatusOK)
		if len(got.cookies) > 0 || got.location() != "" {
			t.Errorf("HEAD told something: %v", got.header)
		}
	}
	if s.onboarding.opened != 0 {
		t.Error("HEAD opened the link")
	}
}

func TestReadingALinkAgainAndAgainStartsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	for range 3 {
		s.get(t, "/i/"+linkToken).redirects(t, freshPath)
		s.get(t, freshPath, joinCookie()).redirects(t, landingPath)
		s.get(t, landingPath, joinCookie()).isStatus(t, http.StatusOK)
		s.do(t, http.MethodHead, landingPath, nil, joinCookie()).isStatus(t, http.StatusOK)
	}
	if len(s.onboarding.started) > 0 || s.account.loggedOut > 0 {
		t.Error("reading changed something")
	}
}

func TestEveryReasonOfADeadEndHasItsPage(t *testing.T) {
	t.Parallel()
	full := func(reason onboard.LinkReason) *onboard.LinkError {
		return &onboard.LinkError{
			Reason: reason, Organisation: "Northwind Clinics", Inviter: "Ada Park", ReplyTo: "Help Desk <help@northwind.example>", Expired: now(),
		}
	}
	for _, c := range []struct {
		reason onboard.LinkReason
		status int
		texts  []string
	}{
		{onboard.LinkDead, http.StatusNotFound, []string{"This link no longer works", "Registered already? Sign in.", `href="/login"`}},
		{onboard.LinkExpired, http.StatusGone, []string{"This invitation has expired", "Monday, 23 November 2026, 14:05 UTC", "Ada Park", "mailto:help@northwind.example"}},
		{onboard.LinkPaused, http.StatusForbidden, []string{"Your access is paused", "Northwind Clinics", "mailto:"}},
		{onboard.LinkDisabled, http.StatusForbidden, []string{"Your account is switched off", "Northwind Clinics", "mailto:"}},
		{onboard.LinkOccupied, http.StatusConflict, []string{"Somebody else can sign in with this address", "once the old account is deleted", "mailto:"}},
		{onboard.LinkForeign, http.StatusConflict, []string{"This address has an account already", "Nothing in your account has changed", "mailto:"}},
	} {
		t.Run(string(c.reason), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.onboarding.openErr = full(c.reason)
			s.onboarding.landErr = full(c.reason)
			for _, got := range []answer{s.get(t, "/i/"+linkToken), s.get(t, landingPath, joinCookie())} {
				got.isStatus(t, c.status)
				got.shows(t, c.texts...)
				got.hides(t, linkToken)
			}
			if c.reason == onboard.LinkDead {
				s.get(t, "/i/"+linkToken).hides(t, "Northwind", "Ada")
			}
		})
	}
}

func TestTheLinkOfSomebodyWhoHasRegisteredLeadsToSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.openErr = &onboard.LinkError{Reason: onboard.LinkSignIn}
	s.get(t, "/i/"+linkToken).redirects(t, "/login?registered=1")
	s.account.form = passwordForm()
	s.get(t, "/login?registered=1").shows(t, "You have registered already.", "Sign in to go on")
}

func TestLinksThatMustNotBeToldApartGetOneSamePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	other := "/join/00000000-0000-4000-8000-000000000000"
	answers := []answer{
		s.get(t, "/i/k1.forged"),
		s.get(t, landingPath), // no cookie
		s.get(t, landingPath, "pp_join=k1.forged"),
		s.get(t, other, joinCookie()), // the cookie of another invitation
		s.get(t, "/join/nonsense", joinCookie()),
	}
	for _, got := range answers {
		got.isStatus(t, http.StatusNotFound)
		if got.body != answers[0].body {
			t.Errorf("the pages differ:\n%s\n---\n%s", got.body, answers[0].body)
		}
	}
}

func TestTheLandingSaysWhoInvitesWhomToWhatUntilWhen(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	got := s.get(t, landingPath, joinCookie())
	got.isStatus(t, http.StatusOK)
	got.shows(t, "Ada Park invites you to Northwind Clinics", "Harbour Clinic", "Nurse", "bob@northwind.example",
		"Monday, 30 November 2026, 14:05 UTC", ">Start<", s.pages.Token(string(invitationID)))
	got.hides(t, linkToken)

	s.onboarding.landing.Resume = true
	s.get(t, landingPath, joinCookie()).shows(t, ">Continue<")
}

func TestTheLandingAsksSomebodyElseWhoIsSignedInFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.get(t, landingPath, joinCookie(), signedIn(asInvitee)).hides(t, "Sign out and continue")

	got := s.get(t, landingPath, joinCookie(), signedIn(asStranger))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "You are signed in as ada@northwind.example", "To accept the invitation for bob@northwind.example",
		"Sign out and continue as bob@northwind.example", "Stay signed in as ada@northwind.example", `href="/next"`)
	got.hides(t, linkToken, ">Start<")
}

func startForm(s *site, fields ...string) url.Values {
	return s.signed(string(invitationID), fields...)
}

func TestStartRelaysKratosCookiesAndGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.reply = extension.Reply{
		SetCookies: []string{sessionCookie + "=fresh; Path=/; HttpOnly", "csrf_token_1=x; Path=/"}, ReturnTo: "https://evil.example/",
	}
	got := s.post(t, landingPath+"/start", startForm(s), joinCookie(), signedIn(asInvitee))
	got.redirects(t, "/next")
	if got.cookie(sessionCookie) != "fresh" || got.cookie("csrf_token_1") != "x" {
		t.Errorf("got the cookies %v, want Kratos' two", got.cookies)
	}
	if got.cookie("pp_organisation") != "northwind" {
		t.Error("the organisation is not the one to go on with")
	}
	got.hides(t, linkToken)
	if len(s.onboarding.started) != 1 || s.account.loggedOut != 0 {
		t.Fatalf("started %d times, signed out %d times", len(s.onboarding.started), s.account.loggedOut)
	}
	if strings.Contains(s.onboarding.started[0].Cookies, "pp_join") {
		t.Error("Kratos was given the link's cookie")
	}
}

func TestStartRefusesAFormThatIsNotOfThisInvitation(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	for _, form := range []url.Values{{}, s.signed(asInvitee), s.signed("00000000-0000-4000-8000-000000000000")} {
		s.post(t, landingPath+"/start", form, joinCookie()).isStatus(t, http.StatusForbidden)
	}
	s.post(t, landingPath+"/start", startForm(s)).isStatus(t, http.StatusNotFound) // no cookie
	if len(s.onboarding.started) > 0 {
		t.Error("it started")
	}
}

func TestStartEndsAnotherSessionOnlyAfterAYes(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.account.logoutReply = extension.Reply{SetCookies: []string{sessionCookie + "=; Path=/; Max-Age=0"}}
	s.onboarding.reply = extension.Reply{SetCookies: []string{sessionCookie + "=fresh; Path=/; HttpOnly"}}

	got := s.post(t, landingPath+"/start", startForm(s), joinCookie(), signedIn(asStranger))
	got.isStatus(t, http.StatusConflict)
	got.shows(t, "You are signed in as ada@northwind.example", `name="switch" value="yes"`)
	if s.account.loggedOut != 0 || len(s.onboarding.started) != 0 {
		t.Fatal("it went on without a yes")
	}

	got = s.post(t, landingPath+"/start", startForm(s, "switch", "yes"), joinCookie(), signedIn(asStranger))
	got.redirects(t, "/next")
	if s.account.loggedOut != 1 || len(s.onboarding.started) != 1 {
		t.Fatalf("signed out %d times, started %d times, want once each", s.account.loggedOut, len(s.onboarding.started))
	}
	if strings.Contains(s.onboarding.started[0].Cookies, asStranger) {
		t.Error("the ended session's cookie went on to Start")
	}
	if got.cookie(sessionCookie) != "fresh" {
		t.Errorf("got the cookies %v, want the new session's last", got.cookies)
	}
}

func TestStartSaysWhatIsSafeWhenAPartIsDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.startErr = &extension.TroubleError{Sentence: "The sign-in service does not answer."}
	got := s.post(t, landingPath+"/start", startForm(s), joinCookie())
	got.isStatus(t, http.StatusServiceUnavailable)
	got.shows(t, "The sign-in service does not answer.", "this link still works", ">Start<")
	if got.header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
	got.hides(t, linkToken)

	s.account.logoutErr = &extension.TroubleError{Sentence: "The sign-in service does not answer."}
	got = s.post(t, landingPath+"/start", startForm(s, "switch", "yes"), joinCookie(), signedIn(asStranger))
	got.isStatus(t, http.StatusServiceUnavailable)
	got.shows(t, "You are signed in as ada@northwind.example")
	s.get(t, landingPath+"/start").redirects(t, landingPath)
}

func TestStartOfALinkThatIsUsedUpLeadsToSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.startErr = &onboard.LinkError{Reason: onboard.LinkDead}
	got := s.post(t, landingPath+"/start", startForm(s), joinCookie())
	got.isStatus(t, http.StatusNotFound)
	got.shows(t, "Registered already? Sign in.")
}

func TestABrowserWithoutCookiesIsToldSoRightAfterTheLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	unknown := "/join/00000000-0000-4000-8000-000000000000?fresh=1"
	first, second := s.get(t, freshPath), s.get(t, unknown)
	for _, got := range []answer{first, second} {
		got.isStatus(t, http.StatusForbidden)
		got.shows(t, "Your browser keeps no cookies", "Allow cookies", "it still works")
	}
	if first.body != second.body {
		t.Error("the page tells whether the invitation exists")
	}
	s.get(t, freshPath, joinCookie()).redirects(t, landingPath)
	s.get(t, "/join/nonsense?fresh=1").shows(t, "This link no longer works")
}

func TestTheHolderOfAnAccountSignsInToAccept(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.startErr = &onboard.LinkError{Reason: onboard.LinkAccount, Organisation: "Northwind Clinics"}
	got := s.post(t, landingPath+"/start", startForm(s), joinCookie())
	got.isStatus(t, http.StatusConflict)
	got.shows(t, "You have an account already", "Sign in to accept", `href="/login?return_to=%2Fjoin%2F`+string(invitationID)+`"`, "nothing in it has changed")
	if s.onboarding.startedAs[0].Identity != "" {
		t.Error("Start was given a session")
	}

	s.onboarding.startErr = nil
	s.get(t, landingPath, joinCookie(), signedIn(asInvitee)).shows(t, "You are signed in as bob@northwind.example", ">Accept<")
	s.post(t, landingPath+"/start", startForm(s), joinCookie(), signedIn(asInvitee)).redirects(t, "/next")
	if session := s.onboarding.startedAs[1]; session.Identity != inviteeID || session.ID != inviteeSession {
		t.Errorf("Start was given %+v, want the invitee's session", session)
	}

	s.onboarding.openErr = &onboard.LinkError{Reason: onboard.LinkAccount, Organisation: "Northwind Clinics"}
	s.get(t, "/i/"+linkToken).shows(t, "You have an account already", `href="/login"`)
}

func TestAnAccountThatChangedDuringStartIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.startErr = extension.ErrConflict
	got := s.post(t, landingPath+"/start", startForm(s), joinCookie())
	got.isStatus(t, http.StatusConflict)
	got.shows(t, "Your account was changed while you pressed the button.", "this link still works", ">Start<")
}

func TestTheInvitationSpeaksItsOwnLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.landing.Organisation.Language = "sv"
	got := s.get(t, landingPath, joinCookie())
	got.shows(t, `<html lang="sv">`, "måndag 30 november 2026 kl. 14:05 UTC")
	if got.cookie("pp_invited_language") != "sv" {
		t.Error("the pages that follow do not know the invitation's language")
	}
}

func TestTheLandingPageNamesEveryStepThatComes(t *testing.T) {
	t.Parallel()
	for policy, factor := range map[extension.TwoFactor]bool{extension.TwoFactorOff: false, extension.TwoFactorRequired: true} {
		s := newSite(t, plainURL)
		s.onboarding.landing.Organisation.TwoFactor = policy
		got := s.get(t, landingPath, joinCookie())
		got.shows(t, "your name, your mobile number, a password", "the terms and conditions")
		if strings.Contains(got.body, "a second factor") != factor {
			t.Errorf("with a second factor %s the page is\n%s", policy, got.body)
		}
	}
}
