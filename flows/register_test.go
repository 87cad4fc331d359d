package flows_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
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
