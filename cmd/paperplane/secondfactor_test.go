package main

import (
	"net/http"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/invite"
)

// TestSecondFactor turns the second factor on for an organisation that has users, and brings more people in by each way.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, direct)
		ada := &holder{visitor: s.administrator(t), address: demoAdministrator}
		inTurn(t,
			story{"turned on, it is asked of Active users at their next entry", func(t *testing.T) { s.turnsOn(t, ada) }},
			story{"a text message to a number without +, and recovery codes", func(t *testing.T) { s.comesInByText(t) }},
			story{"an email, then an app beside it", func(t *testing.T) { s.comesInByEmail(t) }},
			story{"an authenticator app, in a real browser", func(t *testing.T) { s.comesInByApp(t, startChromium(t).person(t, "robin")) }},
			story{"a way that is no longer allowed is shown once more", func(t *testing.T) { s.allowsLess(t) }},
			story{"an administrator resets it", func(t *testing.T) { s.resetsFactor(t, ada) }},
			story{"an administrator of one of two organisations does not", func(t *testing.T) { s.resetsNobodyElsewhere(t, ada) }},
		)
	})
}

func (s *testStack) turnsOn(t *testing.T, ada *holder) {
	t.Helper()
	amy := &holder{visitor: s.member(t, ada.visitor, "amy@example.com"), address: "amy@example.com"}
	working := ada.open(t, "/o/harbour/invite")
	asked := ada.press(t, ada.open(t, "/o/harbour/settings/security"), "Save", "two-factor", "required")
	asked.says(t, 200, "Ask for a second factor?", "2 Active users have not set up any of the allowed ways yet", "You are one of them")
	amy.open(t, "/next").says(t, 200, "You’re in")
	ada.press(t, ada.open(t, "/welcome"), "Deutsch")
	german := ada.press(t, asked, "Require it")
	german.says(t, 200, "Harbour Care verlangt ab jetzt einen.")
	german.lacks(t, "saved") // the word of the page before, which is English
	ada.press(t, ada.open(t, "/secure"), "English")
	ways := ada.open(t, "/secure")
	ways.says(t, 200, "Set up a second factor", "Harbour Care asks for one from now on")

	// In the middle of work: nobody is invited, nothing is lost, and the same list goes on afterwards.
	stopped := ada.press(t, working, "Invite", "addresses", "nobody@example.com", "area", "North Pier", "role", "Carer")
	stopped.says(t, 403, "Nothing was sent, and what you typed is still here.")
	s.noLetter(t, "nobody@example.com")
	if done := ada.keeps(t, ada.setsUpApp(t, ways)); done.path() != "/o/harbour/users" {
		t.Errorf("the administrator is led to %s (%d): %s", done.path(), done.status, done.text())
	}
	if list := ada.press(t, stopped, "Continue with this list").value(t, "addresses"); list != "nobody@example.com" {
		t.Errorf("the list is %q", list)
	}

	ways = amy.open(t, "/welcome")
	ways.says(t, 200, "Set up a second factor", "Harbour Care asks for one from now on")
	typing, code := amy.asks(t, ways, byEmail, amy.address)
	amy.keeps(t, amy.press(t, typing, "Confirm", "code", code)).says(t, 200, "You’re in")
	s.is(t, "amy@example.com", extension.Active)
}

func (s *testStack) comesInByText(t *testing.T) {
	t.Helper()
	s.invitesCarer(t, "text@example.com")
	h := &holder{visitor: s.visitor(t), address: "text@example.com", mobile: s.mobile()}
	ways := h.press(t, h.starts(t, s.linkTo(t, h.address)), "Register", details(strings.Replace(h.mobile, "+46", "0", 1))...)
	ways.says(t, 200, "Set up a second factor", "We send a code to ••• "+h.mobile[len(h.mobile)-3:])
	typing, code := h.asks(t, ways, byText, h.mobile)
	refused := h.press(t, typing, "Confirm", "code", wrongFor(code))
	refused.says(t, 422, "This code is not right")
	s.rests(t, extension.CodePause)
	typing, newer := h.asks(t, refused, "Send another code", h.mobile)
	h.press(t, typing, "Confirm", "code", code).says(t, 422, "This code is not right", "Type the newest one that you were sent")
	code = newer // which works although a wrong one was typed before it
	shown := h.press(t, typing, "Confirm", "code", code)
	shown.says(t, 200, "Keep your recovery codes")
	s.log.mustNotHold(strings.Join(shownCodes(t, shown), " "))
	h.press(t, shown, "Go on").says(t, 422, "Tick the box once you have kept the codes.")
	shown = h.open(t, "/secure/codes")
	terms := h.keeps(t, shown)
	terms.says(t, 200, "Terms and conditions (EULA)")
	h.open(t, "/secure/codes").says(t, 200, "Recovery codes are shown once")
	h.arrives(t, terms)
	s.is(t, h.address, extension.Active)

	h.press(t, h.open(t, "/welcome"), "Sign out").says(t, 200, "You are signed out.")
	asked := h.signIn(t, h.address, goodPassword)
	asked.says(t, 200, "Confirm that it is you")
	asked.lacks(t, "Send a code by email", "Type the code from your app")
	s.rests(t, extension.CodePause)
	typing, code = h.asks(t, asked, byText, h.mobile)
	h.press(t, typing, "Confirm", "code", code).says(t, 200, "You’re in")

	again, asked := h.comesBack(t)
	recovery := again.press(t, asked, "Use a recovery code")
	recovery.says(t, 200, "Use a recovery code")
	again.press(t, recovery, "Confirm", "code", strings.ToUpper(h.codes[3])).says(t, 200, "You’re in")
	again, asked = h.comesBack(t)
	recovery = again.press(t, again.press(t, asked, "Use a recovery code"), "Confirm", "code", h.codes[3])
	recovery.says(t, 422, "This recovery code was used before")
	again.press(t, recovery, "Confirm", "code", "abcd1234").says(t, 422, "none of your recovery codes")
	again.press(t, recovery, "Confirm", "code", h.codes[4]).says(t, 200, "You’re in")
	if got := again.proofs(t); got != "lookup_secret" {
		t.Errorf("the session has shown %q", got)
	}
}

// wrongFor is a code that is not this one.
func wrongFor(code string) string {
	if code == "000000" {
		return "111111"
	}
	return "000000"
}

func (s *testStack) comesInByEmail(t *testing.T) {
	t.Helper()
	h, ways := s.holder(t, "email@example.com")
	typing, code := h.asks(t, ways, byEmail, h.address)
	typing.says(t, 200, "We have sent a code to e•••@example.com")
	shown := h.press(t, typing, "Confirm", "code", " "+code[:3]+" "+code[3:]+" ")
	h.arrives(t, h.press(t, shown, "Go on without recovery codes"))

	h.app = h.enrols(t)
	eventually(t, "the app counts too", func() bool { return s.factors(t, h.address) == "email totp" })
	again, asked := h.comesBack(t)
	asked.says(t, 200, "Type the code that your authenticator app shows now.")
	asked.lacks(t, "Use a recovery code", "Send a code by text message")
	again.press(t, asked, "Confirm", "code", h.app.code(t)).says(t, 200, "You’re in")
	again, asked = h.comesBack(t)
	s.rests(t, extension.CodePause)
	typing, code = again.asks(t, asked, byEmail, h.address)
	again.press(t, typing, "Confirm", "code", code).says(t, 200, "You’re in")

	// The level of the session in Kratos alone opens nothing: a code to the mobile, which is no factor of theirs.
	again, _ = h.comesBack(t)
	again.secondStep(t, "&via=phone").codeOf(t, h.mobile)
	if level := again.aal(t); level != "aal2" {
		t.Fatalf("the session is %s", level)
	}
	again.staysOut(t)
}

// allowsLess allows the app alone, for somebody who has shown codes by email.
func (s *testStack) allowsLess(t *testing.T) {
	t.Helper()
	s.asksForFactor(t, extension.FactorTOTP)
	defer s.asksForFactor(t, extension.Ways()...)
	amy := &holder{visitor: s.visitor(t), address: "amy@example.com"}
	asked := amy.signIn(t, amy.address, goodPassword)
	asked.says(t, 200, "Confirm that it is you")
	asked.lacks(t, "Set up an authenticator app")
	s.rests(t, extension.CodePause)
	typing, code := amy.asks(t, asked, byEmail, amy.address)
	ways := amy.press(t, typing, "Confirm", "code", code)
	ways.says(t, 200, "Set up a second factor", "Authenticator app")
	ways.lacks(t, byText, byEmail)
	// Codes that were made by email do not stand in for the app that is relied on from now on.
	amy.keeps(t, amy.setsUpApp(t, ways)).says(t, 200, "You’re in")

	again, asked := amy.comesBack(t)
	asked.says(t, 200, "Type the code that your authenticator app shows now.")
	asked.lacks(t, byEmail)
	again.press(t, asked, "Confirm", "code", amy.app.code(t)).says(t, 200, "You’re in")
}

func (s *testStack) resetsFactor(t *testing.T, ada *holder) {
	t.Helper()
	lost := s.secured(t, "lost@example.com")
	user := s.user(t, lost.address)
	path := "/o/harbour/users/" + string(user.ID)
	person := ada.open(t, path)
	person.says(t, 200, "Authenticator app", "kept")
	reset := ada.open(t, path+"/second-factor/reset")
	reset.says(t, 200, "Reset the second factor?", "They are signed out everywhere.")
	done := ada.press(t, reset, "Reset second factor")
	done.says(t, 200, "is reset, and they are signed out everywhere", "None is set up yet.")
	if status := lost.whoami(t); status != http.StatusUnauthorized || s.sessions(t, user.Identity) != 0 {
		t.Errorf("the session is answered with %d", status)
	}
	if n := row[int](t, s, `SELECT count(*)::int FROM audit WHERE user_id = $1 AND action = $2 AND actor_user_id = $3`,
		user.ID, string(extension.ActionFactorsReset), s.user(t, demoAdministrator).ID); n != 1 {
		t.Errorf("%d audit rows, want 1", n)
	}
	before := lost.app.secret
	again := &holder{visitor: s.visitor(t), address: lost.address}
	ways := again.signIn(t, again.address, goodPassword)
	ways.says(t, 200, "Set up a second factor", "Your second factor was taken away: set one up again.")
	again.keeps(t, again.setsUpApp(t, ways)).says(t, 200, "You’re in")
	if again.app.secret == before {
		t.Error("the app is the one from before")
	}
	back, asked := again.comesBack(t)
	back.press(t, back.press(t, asked, "Use a recovery code"), "Confirm", "code", lost.codes[0]).says(t, 422, "none of your recovery codes")
	asked.says(t, 200, "Lost your phone, and no recovery code left?")
	back.press(t, asked, "Confirm", "code", again.app.code(t)).says(t, 200, "You’re in")

	back.press(t, back.open(t, "/settings"), "Take away Authenticator app")
	eventually(t, "the report is heard", func() bool { return s.factors(t, again.address) == "" })
	ada.open(t, path).says(t, 200, "Second factor removed: Authenticator app", "Second factor proven: Authenticator app", "Second factors reset by")
}

// resetsNobodyElsewhere is about somebody who has taken an invitation on in a second organisation, whose account the factor
// protects too.
func (s *testStack) resetsNobodyElsewhere(t *testing.T, ada *holder) {
	t.Helper()
	both := s.secured(t, "both@example.com")
	charter := s.foundSecond(t)
	operator := extension.System(charter.Organisation.ID, "test")
	_, err := s.server.invite.Send(t.Context(), operator, invite.Order{
		Batch: extension.NewID[extension.BatchID](), Text: both.address, Area: charter.Areas[0].ID, Role: charter.Roles[0].ID,
	})
	if err != nil {
		t.Fatal(err)
	}
	user := s.user(t, both.address)
	eventually(t, "the account is linked", func() bool {
		return row[int](t, s, `SELECT count(*)::int FROM users WHERE identity_id = $1`, string(user.Identity)) == 2
	})
	// An invitation that nobody has taken on is nobody's use of the account.
	page := "/o/harbour/users/" + string(user.ID) + "/second-factor/reset"
	ada.open(t, page).says(t, 200, "Every second factor is removed")
	s.rows(t, `UPDATE users SET started_at = coalesce(started_at, now()) WHERE identity_id = $1`, string(user.Identity))
	ada.open(t, page).says(t, 200, "This account is used in another organisation too")
	before := s.holds(t, both.address)
	s.act(t, ada.visitor, string(user.ID), "second-factor/reset").says(t, 409, "This account is used in another organisation too", "paperplane user reset-factor")
	if after := s.holds(t, both.address); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if both.whoami(t) != http.StatusOK || s.factors(t, both.address) != "totp" {
		t.Error("something was reset")
	}
}
