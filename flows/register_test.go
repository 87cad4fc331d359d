package flows_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/flows"
)

func filled(s *site, session string) url.Values {
	return s.signed(session, "first_name", "Bob", "last_name", "O'Brien", "mobile", "+44 7700 900123",
		"email", "bob@northwind.example", "password", "correct horse battery")
}

func TestTheRegistrationAsksForFiveThings(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	got := s.get(t, "/register", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "Register for Northwind Clinics", "First name", "Last name", "Mobile number", "Email address", "Password",
		`autocomplete="given-name"`, `autocomplete="family-name"`, `autocomplete="tel"`, `autocomplete="username"`, `autocomplete="new-password"`,
		`value="bob@northwind.example"`, "readonly", "At least 12 characters", "country code", s.pages.Token(asInvitee))
}

func TestAnInterruptedRegistrationIsTakenUpWithWhatWasSaved(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	user := &s.onboarding.place.User
	user.FirstName, user.LastName, user.Mobile = "Bob", "Brown", "+447700900123"
	s.get(t, "/register", signedIn(asInvitee)).shows(t, `value="Bob"`, `value="Brown"`, `value="+447700900123"`)
}

func TestARegistrationGoesToTheVerbAndOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.reply = extension.Reply{SetCookies: []string{sessionCookie + "=renewed; Path=/; HttpOnly"}}
	got := s.post(t, "/register", filled(s, asInvitee), signedIn(asInvitee))
	got.redirects(t, "/next")
	if len(got.cookies) != 1 || got.cookies[0].Value != "renewed" {
		t.Errorf("got the cookies %v, want the renewed session's", got.cookies)
	}
	want := []onboard.Registration{{
		FirstName: "Bob", LastName: "O'Brien", Mobile: "+44 7700 900123", Email: "bob@northwind.example", Password: "correct horse battery",
	}}
	if diff := cmp.Diff(want, s.onboarding.taken); diff != "" {
		t.Errorf("the verb got something else (-want +got):\n%s", diff)
	}
}

func TestARefusedRegistrationKeepsWhatWasTypedButThePassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.saveErr = &extension.InvalidError{Fields: []extension.FieldError{
		{Field: "mobile", Message: "This is not a mobile number."},
		{Field: "password", Message: "This password is too short."},
		{Message: "Something else is wrong."},
	}}
	form := filled(s, asInvitee)
	form.Set("mobile", "letters")
	got := s.post(t, "/register", form, signedIn(asInvitee))
	got.isStatus(t, http.StatusUnprocessableEntity)
	got.shows(t, `value="Bob"`, `value="O&#39;Brien"`, `value="letters"`, `href="#field-mobile"`, `href="#field-password"`,
		`id="field-mobile-error"`, `aria-invalid="true"`, "Something else is wrong.")
	got.hides(t, "correct horse battery")
	if strings.Count(got.body, "This is not a mobile number.") != 2 {
		t.Error("the sentence does not stand both at the top and at its field")
	}
}

func TestAFormThatFollowsASaveIsBoundToTheRenewedSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.saveErr = extension.Invalid("password", "This password is too short.")
	s.onboarding.reply = extension.Reply{SetCookies: []string{"other=1; Path=/", sessionCookie + "=renewed-" + asInvitee + "; Path=/; HttpOnly"}}
	got := s.post(t, "/register", filled(s, asInvitee), signedIn(asInvitee))
	got.shows(t, s.pages.Token("renewed-"+asInvitee))

	s.onboarding.saveErr = nil
	s.post(t, "/register", filled(s, "renewed-"+asInvitee), signedIn("renewed-"+asInvitee)).redirects(t, "/next")
}

func TestAnAddressChangedByHandIsShownRefusedAndUnchanged(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.saveErr = extension.Invalid("email", "The email address cannot be changed.")
	form := filled(s, asInvitee)
	form.Set("email", "mallory@evil.example")
	got := s.post(t, "/register", form, signedIn(asInvitee))
	got.isStatus(t, http.StatusUnprocessableEntity)
	got.shows(t, "The email address cannot be changed.", `value="bob@northwind.example"`)
	got.hides(t, "mallory")
	if s.onboarding.taken[0].Email != "mallory@evil.example" {
		t.Error("the verb did not see what was posted")
	}
}

func TestARegistrationSurvivesEveryPartThatIsDown(t *testing.T) {
	t.Parallel()
	trouble := &extension.TroubleError{Sentence: "The sign-in service does not answer."}
	for name, c := range map[string]struct {
		arrange func(*site)
		status  int
		text    string
	}{
		"Kratos from the start": {func(s *site) { s.account.down = trouble }, http.StatusServiceUnavailable, "The sign-in service does not answer."},
		"Kratos while saving":   {func(s *site) { s.onboarding.saveErr = trouble }, http.StatusServiceUnavailable, "Wait a moment, then press the button again."},
		"everything while saving": {
			func(s *site) { s.onboarding.saveErr, s.onboarding.lostAfter = trouble, true },
			http.StatusServiceUnavailable, "The sign-in service does not answer.",
		},
		"the flow has run out": {func(s *site) { s.onboarding.saveErr = extension.ErrFlowExpired }, http.StatusGone, "This page was open for too long"},
		"something unknown":    {func(s *site) { s.onboarding.saveErr = errors.New("broken") }, http.StatusInternalServerError, "What you typed stands below"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			c.arrange(s)
			got := s.post(t, "/register", filled(s, asInvitee), signedIn(asInvitee))
			got.isStatus(t, c.status)
			got.shows(t, c.text, `value="Bob"`, `value="+44 7700 900123"`, `value="bob@northwind.example"`, s.pages.Token(asInvitee))
			got.hides(t, "correct horse battery")
		})
	}
}

func TestAnOldRegistrationFormIsShownAgainWithWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	got := s.post(t, "/register", filled(s, "an older session"), signedIn(asInvitee))
	got.isStatus(t, http.StatusForbidden)
	got.shows(t, "This page was open for too long", `value="Bob"`, s.pages.Token(asInvitee))
	if len(s.onboarding.taken) > 0 {
		t.Error("it was saved")
	}
}

func TestARegistrationWithoutAFreshSessionLeadsBackToTheLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	answers := []answer{s.get(t, "/register"), s.post(t, "/register", filled(s, asInvitee))}
	for _, err := range []error{extension.ErrNoSession, extension.ErrStaleSession} {
		s.onboarding.saveErr = err
		answers = append(answers, s.post(t, "/register", filled(s, asInvitee), signedIn(asInvitee)))
	}
	for _, got := range answers {
		got.isStatus(t, http.StatusForbidden)
		got.shows(t, "Your session has ended", "Open the link in your email again")
	}
}

func TestARegistrationDoneInAnotherTabGoesOn(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.saveErr = extension.ErrConflict
	s.post(t, "/register", filled(s, asInvitee), signedIn(asInvitee)).redirects(t, "/next")

	s.onboarding.saveErr = extension.ErrFlowExpired
	s.onboarding.place.Step = extension.StepAgree
	s.post(t, "/register", filled(s, asInvitee), signedIn(asInvitee)).redirects(t, "/next")
}

func TestWhatWasTypedOutlivesTheSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	form := filled(s, asInvitee)
	form.Set("invitation", string(invitationID))
	got := s.post(t, "/register", form)
	got.isStatus(t, http.StatusForbidden)
	got.shows(t, "Your session has ended", "are kept in this browser for an hour", `href="`+landingPath+`"`)
	typed := got.cookie("pp_typed")
	if typed == "" || strings.Contains(typed, "correct") {
		t.Fatalf("got the cookies %v, want what was typed", got.cookies)
	}
	_, payload, _ := strings.Cut(typed, ".")
	if plain, err := base64.RawURLEncoding.DecodeString(payload); err != nil || strings.Contains(string(plain), "battery") {
		t.Errorf("the cookie holds %q, %v", plain, err)
	}

	again := s.get(t, "/register", signedIn(asInvitee), "pp_typed="+typed)
	again.shows(t, `value="Bob"`, `value="O&#39;Brien"`, `value="+44 7700 900123"`, `name="invitation" value="`+string(invitationID)+`"`)
	done := s.post(t, "/register", filled(s, asInvitee), signedIn(asInvitee), "pp_typed="+typed)
	done.redirects(t, "/next")
	if len(done.cookies) != 1 || done.cookies[0].Name != "pp_typed" || done.cookies[0].MaxAge >= 0 {
		t.Errorf("got the cookies %v, want what was typed forgotten", done.cookies)
	}

	s.onboarding.place.User.Address = "somebody.else@northwind.example"
	s.get(t, "/register", signedIn(asInvitee), "pp_typed="+typed).hides(t, "Brien", "900123")
	s.onboarding.place.User.Address = "bob@northwind.example"
	for _, forged := range []string{"x", "x." + payload, typed + "A", "."} {
		s.get(t, "/register", signedIn(asInvitee), "pp_typed="+forged).hides(t, "Brien")
	}
}

func TestWhatIsTooLongForACookieIsNotKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	form := filled(s, asInvitee)
	form.Set("first_name", strings.Repeat("x", 4000))
	form.Set("invitation", "no id")
	got := s.post(t, "/register", form)
	got.isStatus(t, http.StatusForbidden)
	got.shows(t, "Open the link in your email again")
	if len(got.cookies) > 0 {
		t.Errorf("got the cookies %v", got.cookies)
	}
}

// social is a site with a social sign-in.
func social(t *testing.T) *site {
	t.Helper()
	return newSiteWith(t, plainURL, func(o *flows.Options) { o.Providers = []flows.Provider{{ID: "acme", Name: "Acme <ID>"}} })
}

func TestASocialSignInCanTakeThePasswordsPlace(t *testing.T) {
	t.Parallel()
	newSite(t, plainURL).get(t, "/register", signedIn(asInvitee)).hides(t, "without a password")
	s := social(t)
	s.get(t, "/register", signedIn(asInvitee)).shows(t, "Or register without a password", "Continue with Acme &lt;ID&gt;", `value="acme"`, "formnovalidate")

	form := filled(s, asInvitee)
	form.Set("provider", "acme")
	got := s.post(t, "/register", form, signedIn(asInvitee))
	got.isStatus(t, http.StatusOK) // form-action would stop a redirect
	got.shows(t, "You go on to accounts.example now.", `href="https://accounts.example/authorize?state=x"`)
	if got.header.Get("Refresh") != "0; url=https://accounts.example/authorize?state=x" {
		t.Errorf("Refresh is %q", got.header.Get("Refresh"))
	}
	if s.onboarding.provider != "acme" || s.onboarding.taken[0].Password != "" || s.onboarding.taken[0].FirstName != "Bob" {
		t.Errorf("the verb got %q and %+v", s.onboarding.provider, s.onboarding.taken)
	}
}

func TestAnUnknownSocialSignInIsRefused(t *testing.T) {
	t.Parallel()
	s := social(t)
	form := filled(s, asInvitee)
	form.Set("provider", "evil")
	got := s.post(t, "/register", form, signedIn(asInvitee))
	got.isStatus(t, http.StatusUnprocessableEntity)
	got.shows(t, "This way of signing in is not offered here.", `value="Bob"`)
	if len(s.onboarding.taken) > 0 {
		t.Error("it was saved")
	}
}

func TestASocialSignInThatWasRefusedKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	s := social(t)
	s.onboarding.saveErr = extension.Invalid("mobile", "This is not a mobile number.")
	form := filled(s, asInvitee)
	form.Set("provider", "acme")
	got := s.post(t, "/register", form, signedIn(asInvitee))
	got.isStatus(t, http.StatusUnprocessableEntity)
	got.shows(t, "This is not a mobile number.", `value="Bob"`)
	if got.header.Get("Refresh") != "" {
		t.Error("it goes on all the same")
	}
}
