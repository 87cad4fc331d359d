package flows_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
	"paperplane/flows"
)

func TestTheDispatcherSendsEveryStepToItsPage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step   extension.Step
		status int
		to     string
		texts  []string
	}{
		{step: extension.StepRegister, status: http.StatusSeeOther, to: "/register"},
		{step: extension.StepAgree, status: http.StatusSeeOther, to: "/agree"},
		{step: extension.StepIn, status: http.StatusSeeOther, to: "/welcome"},
		{step: extension.StepPaused, status: http.StatusForbidden, texts: []string{"Your access is paused", "Northwind Clinics", "Ada Park", "mailto:", "/logout"}},
		{step: extension.StepExpired, status: http.StatusGone, texts: []string{"Your invitation has expired", "Ask for a new one", "Ada Park", "/logout"}},
		{step: extension.StepStart, status: http.StatusForbidden, texts: []string{"Open the link in your email", "Ada Park", "/logout"}},
		{step: extension.StepSecure, status: http.StatusSeeOther, to: "/secure"},
		{step: extension.StepConfirm, status: http.StatusSeeOther, to: "/confirm"},
		{step: "unheard of", status: http.StatusInternalServerError},
	} {
		t.Run(string(c.step), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.onboarding.place.Step = c.step
			got := s.get(t, "/next", signedIn(asInvitee))
			got.isStatus(t, c.status)
			got.shows(t, c.texts...)
			if got.location() != c.to {
				t.Errorf("got on to %q, want %q", got.location(), c.to)
			}
		})
	}
}

func TestTheDispatcherSendsElevatedUsersToTheirUsers(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.place.Step = extension.StepIn
	s.onboarding.place.User.Assignments[0].Role.Right = extension.RightAdministrator
	s.gate.entries = desks()
	s.get(t, "/next", signedIn(asInvitee)).redirects(t, "/o/northwind/users")
	s.get(t, "/next?arrived=1", signedIn(asInvitee)).redirects(t, "/welcome")

	got := s.get(t, "/welcome", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, `href="/o/northwind/users"`, "Access management")
	got.hides(t, "/o/southwind/users", "/o/paused/users", "/o/plain/users")
}

func TestAChosenOrganisationIsWhereTheDispatcherEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.standing(extension.StepIn)
	s.gate.entries = desks()[:1] // elevated elsewhere
	s.get(t, "/next", signedIn(asInvitee)).redirects(t, "/o/southwind/users")
	s.get(t, "/next", signedIn(asInvitee), "pp_organisation=northwind").redirects(t, "/welcome")
}

// desks are an identity's organisations: elevated in two, half-way in one, without a right in one.
func desks() []gate.Entry {
	entry := func(id extension.OrganisationID, slug string, right extension.Right, step extension.Step) gate.Entry {
		return gate.Entry{
			Organisation: extension.Organisation{ID: id, Slug: slug, Name: slug}, Actor: extension.Actor{Right: right}, Step: step,
		}
	}
	return []gate.Entry{
		entry("other", "southwind", extension.RightInviter, extension.StepIn),
		entry("org", "northwind", extension.RightAdministrator, extension.StepIn),
		entry("paused", "paused", extension.RightAdministrator, extension.StepPaused),
		entry("plain", "plain", extension.RightNone, extension.StepIn),
	}
}

func TestSomebodyWithoutASessionSignsInFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.get(t, "/").redirects(t, "/next")
	s.get(t, "/next").redirects(t, "/login?return_to=%2Fnext")
	s.get(t, "/agree").redirects(t, "/login?return_to=%2Fagree")
	s.get(t, "/welcome").redirects(t, "/login?return_to=%2Fwelcome")
}

func TestAnAccountWithoutAUserHereIsToldSo(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.nextErr = extension.ErrNotFound
	got := s.get(t, "/next", signedIn(asStranger))
	got.isStatus(t, http.StatusForbidden)
	got.shows(t, "Your account has no access here", "ada@northwind.example", s.pages.Token(asStranger), `action="/logout"`)
}

func TestPagesOfAnotherStepLeadToTheDispatcher(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.place.Step = extension.StepAgree
	s.get(t, "/register", signedIn(asInvitee)).redirects(t, "/next")
	s.get(t, "/welcome", signedIn(asInvitee)).redirects(t, "/next")
	s.onboarding.place.Step = extension.StepRegister
	s.get(t, "/agree", signedIn(asInvitee)).redirects(t, "/next")
}

func TestTheWelcomeSaysWhoIsInWhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.place.Step = extension.StepIn
	s.onboarding.place.User.FirstName = "Bob"
	got := s.get(t, "/welcome", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "You’re in, Bob", "Northwind Clinics", "Harbour Clinic", "Nurse", "bob@northwind.example", `action="/logout"`)
	got.hides(t, "/users", "Access management")
}

func TestTheTermsAreShownAndAccepted(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.place.Step = extension.StepAgree
	got := s.get(t, "/agree", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "Terms of use", "Always.", "Keep secrets &lt; 5 minutes.", "Version 3", "2 March 2026", "IP address", "browser",
		`name="terms" value="`+string(termsID)+`"`, "I accept the terms and conditions", "Decline", "Not now", `action="/logout"`, "<em>kind</em>")

	s.post(t, "/agree", s.signed(asInvitee, "terms", string(termsID)), signedIn(asInvitee)).redirects(t, "/next?arrived=1")
	if len(s.onboarding.agreed) != 1 || s.onboarding.agreed[0] != termsID {
		t.Errorf("accepted %v, want the terms that were shown", s.onboarding.agreed)
	}
}

func TestTermsThatChangedMeanwhileAreShownAnew(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"by the verb":     extension.Invalid("", "The terms have changed."),
		"by Kratos' hook": &extension.RefusedError{Form: extension.Form{Messages: []extension.Message{{ID: 9000003, Text: "The terms have changed.", Error: true}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, plainURL)
			s.onboarding.place.Step = extension.StepAgree
			s.onboarding.saveErr = err
			got := s.post(t, "/agree", s.signed(asInvitee, "terms", "old"), signedIn(asInvitee))
			got.isStatus(t, http.StatusUnprocessableEntity)
			got.shows(t, "The terms have changed.", `name="terms" value="`+string(termsID)+`"`)
		})
	}
}

func TestAnAcceptanceThatCannotBeRecordedLeavesThePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.place.Step = extension.StepAgree
	s.onboarding.saveErr = &extension.TroubleError{Sentence: "The sign-in service does not answer."}
	got := s.post(t, "/agree", s.signed(asInvitee, "terms", string(termsID)), signedIn(asInvitee))
	got.isStatus(t, http.StatusServiceUnavailable)
	got.shows(t, "The sign-in service does not answer.", "You are registered", "I accept the terms and conditions")

	s.onboarding.saveErr = extension.ErrConflict
	s.post(t, "/agree", s.signed(asInvitee, "terms", string(termsID)), signedIn(asInvitee)).redirects(t, "/next")
	s.onboarding.saveErr = extension.ErrStaleSession
	s.post(t, "/agree", s.signed(asInvitee), signedIn(asInvitee)).redirects(t, "/login?return_to=%2Fagree&refresh=yes")
	s.onboarding.saveErr = extension.ErrNoSession
	s.post(t, "/agree", s.signed(asInvitee), signedIn(asInvitee)).redirects(t, "/login")
	s.onboarding.saveErr = errors.New("broken")
	s.post(t, "/agree", s.signed(asInvitee), signedIn(asInvitee)).isStatus(t, http.StatusInternalServerError)
}

func TestAnOldFormOfTheTermsIsShownAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.place.Step = extension.StepAgree
	got := s.post(t, "/agree", s.signed("an older session", "terms", string(termsID)), signedIn(asInvitee))
	got.redirects(t, "/agree")
	if len(s.onboarding.agreed) > 0 {
		t.Error("it was accepted")
	}
	notice := got.cookies[0]
	s.get(t, "/agree", signedIn(asInvitee), notice.Name+"="+notice.Value).shows(t, "nothing was accepted or declined yet")
}

func TestEveryChangeNeedsTheSessionsToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	for step, paths := range map[extension.Step][]string{
		extension.StepRegister: {"/register", "/logout"},
		extension.StepSecure:   {"/secure/send", "/secure/code", "/secure/totp"},
		extension.StepConfirm:  {"/confirm/send", "/confirm/code"},
		extension.StepAgree:    {"/agree", "/agree/decline", "/secure/codes"},
	} {
		s.onboarding.standing(step)
		for _, path := range paths {
			form := s.signed(asStranger, web.TokenField, "forged", "way", "sms", "code", "123456", "flow", "x", "kept", "yes", "terms", string(termsID))
			s.post(t, path, form, signedIn(asInvitee), sentTo(extension.FactorSMS))
		}
	}
	verb := s.onboarding
	changes := len(verb.taken) + len(verb.sent) + len(verb.confirmed) + len(verb.enrolled) + len(verb.agreed) + len(verb.declined) + len(verb.keptCodes)
	if changes+s.account.loggedOut > 0 {
		t.Error("a change was made without the session's token")
	}
}

func TestHostileNamesAreOnlyText(t *testing.T) {
	t.Parallel()
	const hostile = `<script>alert("x")</script>'><img src=x onerror=alert(1)>`
	s := newSite(t, plainURL)
	place, landing := &s.onboarding.place, &s.onboarding.landing
	place.Proofs, s.onboarding.codes, s.onboarding.languages = []extension.Factor{extension.FactorSMS}, []string{hostile}, []string{"en", hostile}
	place.Standings = append(place.Standings, onboard.Standing{Organisation: extension.Organisation{ID: "b", Slug: "b", Name: hostile}})
	for i := range s.onboarding.ways {
		s.onboarding.ways[i].Masked = hostile
	}
	place.Organisation.Name, place.Inviter, place.Terms.Title, place.Terms.Text = hostile, hostile, hostile, hostile
	place.User.FirstName, place.User.LastName, place.User.Mobile, place.User.Address = hostile, hostile, hostile, hostile
	place.Organisation.ReplyTo = `"x" <a@b.example?subject=x"onclick="y>`
	place.User.Assignments[0].Area.Name = hostile
	landing.Inviter, landing.Area, landing.Role, landing.Address, landing.Organisation.Name = hostile, hostile, hostile, hostile, hostile
	for _, step := range []extension.Step{
		extension.StepRegister, extension.StepSecure, extension.StepConfirm, extension.StepAgree, extension.StepIn, extension.StepPaused,
		extension.StepExpired, extension.StepStart,
	} {
		place.Step = step
		for _, path := range []string{
			"/next", "/register", "/secure", "/secure/totp", "/secure/codes", "/confirm", "/confirm/code?way=sms", "/agree", "/agree/declined",
			"/welcome", "/organisations", "/terms/northwind", landingPath,
		} {
			got := s.get(t, path, signedIn(asInvitee), joinCookie(), sentTo(extension.FactorSMS))
			got.hides(t, "<script>alert", "<img src=x", `"onclick="`)
		}
	}
	got := s.get(t, landingPath, signedIn(asStranger), joinCookie())
	got.hides(t, "<script>alert", "<img src=x")
	if !strings.Contains(got.body, "&lt;script&gt;") {
		t.Error("the name is not shown as text")
	}
}

func TestTheWayInShowsHowFarItIs(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.get(t, "/register", signedIn(asInvitee)).shows(t, "Your details", "Terms and conditions", `aria-current="step"`, "Step 1 of 2")
	s.onboarding.place.Organisation.TwoFactor = extension.TwoFactorRequired
	s.get(t, "/register", signedIn(asInvitee)).shows(t, "Second factor", "Step 1 of 3")
	s.onboarding.standing(extension.StepAgree)
	s.get(t, "/agree", signedIn(asInvitee)).shows(t, "Step 3 of 3")

	s.onboarding.place.User.Facts.Activated = now() // asked for the new terms
	got := s.get(t, "/agree", signedIn(asInvitee))
	got.shows(t, "have changed. Please read and accept the new ones")
	got.hides(t, `aria-current="step"`)
}

func TestTheTermsAreReadInALanguageOfTheirs(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.standing(extension.StepAgree)
	s.get(t, "/agree", signedIn(asInvitee)).hides(t, "?language=")
	s.onboarding.languages, s.onboarding.place.Terms.Language = []string{"en", "de"}, "de"
	got := s.get(t, "/agree?language=de", signedIn(asInvitee))
	got.shows(t, `href="/agree?language=en"`, `lang="de"`, ">Deutsch<", `<html lang="en">`)
	if wish := s.onboarding.wishes[len(s.onboarding.wishes)-1]; wish.Language != "de" {
		t.Errorf("the verb was asked for %+v", wish)
	}
}

func TestTheTermsCanBeDeclined(t *testing.T) {
	t.Parallel()
	s := newSite(t, plainURL)
	s.onboarding.standing(extension.StepAgree)
	s.post(t, "/agree/decline", s.signed(asInvitee, "terms", string(termsID)), signedIn(asInvitee)).redirects(t, "/agree/declined")
	if len(s.onboarding.declined) != 1 || s.onboarding.declined[0] != termsID || len(s.onboarding.agreed) > 0 {
		t.Errorf("declined %v, accepted %v", s.onboarding.declined, s.onboarding.agreed)
	}
	got := s.get(t, "/agree/declined", signedIn(asInvitee))
	got.isStatus(t, http.StatusOK)
	got.shows(t, "You have declined", "that you have declined", "If you change your mind", `href="/agree"`, "mailto:", `action="/logout"`)

	s.post(t, "/agree/decline", s.signed("an older session"), signedIn(asInvitee)).redirects(t, "/agree")
	s.get(t, "/agree/decline", signedIn(asInvitee)).redirects(t, "/agree")
	s.onboarding.saveErr = extension.Invalid("", "The terms have changed.")
	s.post(t, "/agree/decline", s.signed(asInvitee), signedIn(asInvitee)).shows(t, "The terms have changed.", "I accept the terms")
	s.onboarding.saveErr = extension.ErrConflict
	s.post(t, "/agree/decline", s.signed(asInvitee), signedIn(asInvitee)).redirects(t, "/next")
	s.onboarding.standing(extension.StepIn)
	s.get(t, "/agree/declined", signedIn(asInvitee)).redirects(t, "/next")
}

func TestAnInstallationsOwnPagesTakeTheirSteps(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, plainURL, func(o *flows.Options) {
		o.OwnPages = &flows.OwnPages{
			Login: "https://app.example/login?theme=dark", Settings: "https://app.example/settings", Recovery: "https://app.example/recovery",
			Verification: "https://app.example/verification", Error: "https://app.example/error",
		}
	})
	const back = "return_to=http%3A%2F%2F127.0.0.1%3A4455%2Fnext"
	for step, to := range map[extension.Step]string{
		extension.StepRegister: "https://app.example/settings?" + back,
		extension.StepSecure:   "https://app.example/settings?" + back,
		extension.StepConfirm:  "https://app.example/login?aal=aal2&" + back + "&theme=dark",
	} {
		s.onboarding.standing(step)
		got := s.get(t, "/next", signedIn(asInvitee))
		got.isStatus(t, http.StatusOK)
		got.shows(t, "You go on to app.example now.")
		if got.header.Get("Refresh") != "0; url="+to {
			t.Errorf("%s leads to %q, want %q", step, got.header.Get("Refresh"), to)
		}
	}
	s.onboarding.standing(extension.StepAgree)
	s.get(t, "/next", signedIn(asInvitee)).redirects(t, "/agree")
}
