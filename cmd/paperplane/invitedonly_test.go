package main

import (
	"strings"
	"testing"

	"paperplane/extension"
)

// TestInvitedOnly looks at accounts that an organisation has invited and that have not begun there.
func TestInvitedOnly(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, direct)
		ada := s.administrator(t)
		mill := s.second(t, "mill", nil)
		werk := s.second(t, "werk", func(c *extension.Charter) { c.Organisation.Language = "de" })
		inTurn(t,
			story{"an administrator learns nothing of the account of somebody whom they have merely invited", func(t *testing.T) { s.learnsNoFactors(t, ada, mill) }},
			story{"whoever registers by another organisation's link has not registered here", func(t *testing.T) { s.registersElsewhere(t, ada, mill) }},
			story{"letters with codes are in the name of where somebody has begun", func(t *testing.T) { s.writesInItsName(t, ada, werk) }},
			story{"a password alone accepts no invitation for an account with a second factor", func(t *testing.T) { s.showsFactorToAccept(t, ada, mill) }},
			story{"after recovery a new password is chosen, whatever page was looked at in between", func(t *testing.T) { s.choosesAfterFactor(t, ada) }},
		)
	})
}

// joins registers at an organisation by its link.
func (s *testStack) joins(t *testing.T, link string) *visitor {
	t.Helper()
	v := s.visitor(t)
	v.press(t, v.press(t, v.press(t, v.open(t, link), "Start"), "Register", details(s.mobile())...), "I accept the terms and conditions")
	v.open(t, "/next").says(t, 200, "Robin")
	return v
}

func (s *testStack) learnsNoFactors(t *testing.T, ada *visitor, mill extension.Actor) {
	t.Helper()
	const address, fresh = "elsewhere@example.com", "nobody.yet@example.com"
	v := s.joins(t, s.invitedTo(t, mill, address))
	v.addsApp(t)
	v.keepsCodes(t)
	ada.invites(t, address, fresh).allSent(t, 2)
	s.letters(t, address, 1)
	person := "/o/harbour/users/" + string(s.user(t, address).ID)
	stays := func() {
		t.Helper()
		shown := ada.open(t, person)
		shown.says(t, 200, "None is set up.", "Pending")
		shown.lacks(t, "Authenticator app", "Recovery codes", "Robin", "Second factor proven", "Reset second factor")
		if user := s.user(t, address); len(user.Factors) > 0 || !user.Facts.Secured.IsZero() || user.Mobile != "" {
			t.Errorf("the administrator learns %+v", user)
		}
		reset := ada.open(t, person+"/second-factor/reset")
		reset.says(t, 200, "Reset the second factor?")
		reset.lacks(t, "another organisation", "operator")
		s.act(t, ada, string(s.user(t, address).ID), "second-factor/reset").says(t, 200, "There is nothing to reset: this person has no account yet.")
	}
	stays()
	s.act(t, ada, string(s.user(t, fresh).ID), "second-factor/reset").says(t, 200, "There is nothing to reset: this person has no account yet.")
	v.theSettings(t).says(t, 200, "Authenticator app")
	if factors := s.userOf(t, mill, address).Factors; len(factors) != 1 {
		t.Errorf("there the factors are %v", factors)
	}

	// What changes in the account is told where they have begun.
	v.press(t, v.theSettings(t), "Take away Authenticator app")
	stays()
	v.addsApp(t)
	stays()
	v.press(t, v.open(t, s.linkTo(t, address)), "Accept").says(t, 200, "Terms and conditions (EULA)")
	ada.open(t, person).says(t, 200, "Authenticator app", "Robin Sand")
}

func (s *testStack) registersElsewhere(t *testing.T, ada *visitor, mill extension.Actor) {
	t.Helper()
	const address = "made.for.another@example.com"
	ada.invites(t, address).allSent(t, 1)
	first := s.linkTo(t, address)
	v := s.joins(t, s.invitedTo(t, mill, address))
	s.looksAgain(t)
	s.isIn(t, mill, address, extension.Active)
	unknown := func() {
		t.Helper()
		if user := s.user(t, address); user.Name() != address || user.Mobile != "" || !user.Facts.Registered.IsZero() || !user.Facts.Started.IsZero() {
			t.Errorf("the organisation that merely invites learns %+v", user)
		}
	}
	unknown()
	s.visitor(t).asksToSignIn(t, first)
	unknown()
	landing := v.open(t, first)
	landing.says(t, 200, "You are signed in as "+address, "Press Accept to join with this account.")
	v.open(t, "/settings").says(t, 200, "Your account")
	v.open(t, "/next").says(t, 200, "Your account with Organisation mill is ready.")
	unknown()
	terms := v.press(t, landing, "Accept")
	terms.says(t, 200, "Terms and conditions (EULA)", "Harbour Care")
	v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin", "Harbour Care")
	s.is(t, address, extension.Active)
	s.isIn(t, mill, address, extension.Active)
}

func (s *testStack) writesInItsName(t *testing.T, ada *visitor, werk extension.Actor) {
	t.Helper()
	const address = "letters@example.com"
	s.member(t, ada, address)
	s.invitedTo(t, werk, address)
	v := s.visitor(t)
	v.forgets(t, address)
	letter := s.letters(t, address, 3)[2]
	if !strings.HasPrefix(letter.Subject, "Harbour Care: ") || !strings.Contains(letter.Text, "Type this code") {
		t.Errorf("the letter is %q, %q", letter.Subject, letter.Text)
	}
	s.codeIn(t, letter)
}

func (s *testStack) showsFactorToAccept(t *testing.T, ada *visitor, mill extension.Actor) {
	t.Helper()
	const address = "accepts@example.com"
	owner := s.member(t, ada, address)
	app := owner.addsApp(t)
	link := s.invitedTo(t, mill, address)
	v := s.visitor(t)
	landing := v.signsInToAccept(t, v.asksToSignIn(t, link), address)
	if landing.path() == "/confirm" {
		t.Fatal("the page of the invitation was not shown")
	}
	asked := v.press(t, landing, "Accept")
	asked.says(t, 200, "Confirm that it is you")
	if user := s.userOf(t, mill, address); !user.Facts.Started.IsZero() || !user.Facts.Registered.IsZero() || asked.path() != "/confirm" {
		t.Errorf("with the password alone, at %s the facts are %+v", asked.path(), user.Facts)
	}
	s.appsRest(t)
	back := v.press(t, asked, "Confirm", "code", app.code(t))
	back.says(t, 200, "Press Accept to join with this account.")
	if !strings.HasPrefix(back.path(), "/join/") {
		t.Errorf("the factor leads to %s", back.path())
	}
	terms := v.press(t, back, "Accept")
	terms.says(t, 200, "Rules of mill")
	v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin", "Organisation mill")
	s.isIn(t, mill, address, extension.Active)
}

func (s *testStack) choosesAfterFactor(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "forgot.it@example.com"
	owner := s.member(t, ada, address)
	app := owner.addsApp(t)
	codes := owner.keepsCodes(t)
	recovers := func() (*visitor, page) {
		t.Helper()
		v := s.visitor(t)
		before := len(s.besidesNews(address))
		form := v.forgets(t, address)
		confirm := v.press(t, form, "Confirm the code", "code", s.nthCode(t, address, before+1))
		confirm.says(t, 200, "Confirm that it is you")
		return v, confirm
	}
	v, confirm := recovers()
	s.appsRest(t)
	v.press(t, confirm, "Confirm", "code", app.code(t)).says(t, 200, "Choose a new password")

	v, _ = recovers()
	for _, path := range []string{"/settings", "/settings/profile", "/next", "/secure"} {
		v.open(t, path)
	}
	v.confirmsOnPaper(t, codes[0]).says(t, 200, "Choose a new password")
	v.open(t, "/settings").says(t, 200, "Your account")
}
