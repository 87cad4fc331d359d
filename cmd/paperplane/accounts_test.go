package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"paperplane/extension"
)

// TestSeveralOrganisations invites people who are known already to one more organisation.
func TestSeveralOrganisations(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, direct)
		ada := s.administrator(t)
		strict := s.second(t, "lighthouse", func(c *extension.Charter) {
			c.Organisation.TwoFactor, c.Organisation.Ways = extension.TwoFactorRequired, []extension.Factor{extension.FactorTOTP}
		})
		plain := s.second(t, "mill", nil)
		inTurn(t,
			story{"Active in one and invited to another, with its own terms and second factor", func(t *testing.T) { s.joinsAnother(t, ada, strict) }},
			story{"the organisation that a browser looks at is a preference and no more", func(t *testing.T) { s.forgesPreference(t, ada, strict) }},
			story{"Pending in one and invited to another, the first link first", func(t *testing.T) { s.startsByFirst(t, ada, plain) }},
			story{"Pending in one and invited to another, the second link first", func(t *testing.T) { s.startsBySecond(t, ada, plain) }},
			story{"Inactive in one and invited to another", func(t *testing.T) { s.isPausedInFirst(t, ada, plain) }},
		)
	})
}

func (s *testStack) joinsAnother(t *testing.T, ada *visitor, strict extension.Actor) {
	t.Helper()
	const address = "both@example.com"
	s.member(t, ada, address)
	link := s.invitedTo(t, strict, address)
	unknown := func() {
		t.Helper()
		if user := s.userOf(t, strict, address); user.Name() != address || user.Mobile != "" || len(user.Factors) > 0 || !user.Facts.Registered.IsZero() {
			t.Errorf("the other organisation learns %+v", user)
		}
	}
	unknown()
	v := s.visitor(t)
	asked := v.asksToSignIn(t, link)
	asked.lacks(t, "Robin", "Harbour Care")
	landing := v.signsInToAccept(t, asked, address)
	unknown()
	if v.gateOf(t, "lighthouse") != http.StatusForbidden || v.gateOf(t, demoSlug) != http.StatusOK {
		t.Error("before accepting, the gates are not as they were")
	}
	due := v.press(t, landing, "Accept")
	due.says(t, 200, "Organisation lighthouse", "second factor")
	if due.path() != "/secure" {
		t.Errorf("accepting leads to %s", due.path())
	}
	app := v.enrols(t)
	terms := v.open(t, "/next")
	terms.says(t, 200, "Rules of lighthouse", "Keep the lamp of lighthouse burning.")
	terms.lacks(t, "Register for")
	v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin", "Your account with Organisation lighthouse is ready.")
	s.isIn(t, strict, address, extension.Active)
	s.is(t, address, extension.Active)

	v.switches(t)
	s.asksEachTime(t, address, app)
	s.keepsApart(t, ada, v, strict, address)
	s.pausesApart(t, v, strict, address)
}

// switches goes from one organisation to the other and back.
func (v *visitor) switches(t *testing.T) {
	t.Helper()
	list := v.open(t, "/organisations")
	list.says(t, 200, "Harbour Care", "Organisation lighthouse", "You are here now.")
	there := v.press(t, list, "Go to Harbour Care")
	there.says(t, 200, "Your account with Harbour Care is ready.")
	v.open(t, "/next").says(t, 200, "Your account with Harbour Care is ready.")
	v.press(t, v.open(t, "/organisations"), "Go to Organisation lighthouse").says(t, 200, "Your account with Organisation lighthouse is ready.")
}

// asksEachTime signs in anew: the organisation that demands a second factor gets it, and the other asks for none.
func (s *testStack) asksEachTime(t *testing.T, address string, app authenticator) {
	t.Helper()
	again := s.visitor(t)
	if got := again.signIn(t, address, goodPassword); got.path() != "/confirm" {
		t.Errorf("signing in leads to %s: %s", got.path(), got.text())
	}
	if again.gateOf(t, demoSlug) != http.StatusOK || again.gateOf(t, "lighthouse") != http.StatusForbidden {
		t.Error("with the password alone, the gates are not open and shut")
	}
	again.press(t, again.open(t, "/organisations"), "Go to Harbour Care").says(t, 200, "Your account with Harbour Care is ready.")
	if status := again.confirms(t, object{"method": "totp", "totp_code": app.code(t)}); status != http.StatusOK {
		t.Fatalf("the second factor answered %d", status)
	}
	if again.gateOf(t, demoSlug) != http.StatusOK || again.gateOf(t, "lighthouse") != http.StatusOK {
		t.Error("with the second factor, a gate is shut")
	}
}

// keepsApart looks as an administrator of the first organisation for what belongs to the second.
func (s *testStack) keepsApart(t *testing.T, ada, v *visitor, strict extension.Actor, address string) {
	t.Helper()
	for _, path := range []string{"/o/lighthouse/users", "/o/lighthouse/users/" + string(s.userOf(t, strict, address).ID), "/o/harbour/users/" + string(s.userOf(t, strict, address).ID)} {
		ada.open(t, path).says(t, 404, "There is no such page")
		if got := v.open(t, path).status; got == http.StatusOK {
			t.Errorf("a user without any right opens %s", path)
		}
	}
	for _, path := range []string{"/o/harbour/users", "/o/harbour/users?q=both", "/o/harbour/users/" + string(s.user(t, address).ID)} {
		shown := ada.open(t, path)
		shown.says(t, 200, "Robin Sand")
		shown.lacks(t, "lighthouse", "Olga")
	}
	for _, action := range []string{"pause", "resume", "resend"} {
		if got := s.act(t, ada, string(s.userOf(t, strict, address).ID), action); got.status != http.StatusNotFound {
			t.Errorf("%s of the other organisation's user is answered with %d", action, got.status)
		}
	}
	reset := s.act(t, ada, string(s.user(t, address).ID), "second-factor/reset")
	reset.says(t, http.StatusConflict, "This account is used in another organisation too", "paperplane user reset-factor")
	if factors := s.user(t, address).Factors; !slices.Equal(factors, []extension.Factor{extension.FactorTOTP}) {
		t.Errorf("the factors are %v now", factors)
	}
	public, _ := s.identity(t, s.user(t, address).Identity)["metadata_public"].(object)
	if text := cleanJSON(t, public); !strings.Contains(text, `"slug": "harbour"`) || !strings.Contains(text, `"slug": "lighthouse"`) {
		t.Errorf("published is %s", text)
	}
}

// pausesApart pauses in one organisation after the other: the other goes on as if nothing had happened.
func (s *testStack) pausesApart(t *testing.T, v *visitor, strict extension.Actor, address string) {
	t.Helper()
	first := extension.System(s.user(t, address).Organisation, "test")
	for _, at := range []struct {
		actor     extension.Actor
		shut, not string
		to        string
	}{{strict, "lighthouse", demoSlug, "Organisation lighthouse"}, {first, demoSlug, "lighthouse", "Harbour Care"}} {
		user := s.userOf(t, at.actor, address)
		if _, err := s.server.roster.Pause(t.Context(), at.actor, user.ID); err != nil {
			t.Fatal(err)
		}
		if shut, not := v.gateOf(t, at.shut), v.gateOf(t, at.not); shut != http.StatusForbidden || not != http.StatusOK {
			t.Errorf("paused in %s, its gate answers %d and the other %d", at.shut, shut, not)
		}
		if v.whoami(t) != http.StatusOK || s.state(t, user.Identity) != "active" {
			t.Errorf("paused in %s, the account is switched off", at.shut)
		}
		s.isIn(t, at.actor, address, extension.Inactive)
		v.open(t, "/organisations").says(t, 200, "Your access is paused. Ask an administrator.", "You are in.")
		if _, err := s.server.roster.Resume(t.Context(), at.actor, user.ID); err != nil {
			t.Fatal(err)
		}
		if shut := v.gateOf(t, at.shut); shut != http.StatusOK {
			t.Errorf("resumed in %s, its gate answers %d", at.shut, shut)
		}
	}
}

func (s *testStack) forgesPreference(t *testing.T, ada *visitor, strict extension.Actor) {
	t.Helper()
	v := s.member(t, ada, "forger@example.com")
	s.invitedTo(t, strict, "invited.there@example.com")
	check := func() {
		t.Helper()
		v.open(t, "/next").says(t, 200, "Your account with Harbour Care is ready.")
		v.open(t, "/organisations").lacks(t, "lighthouse")
		if got := v.gateOf(t, "lighthouse"); got != http.StatusForbidden {
			t.Errorf("the gate answers %d", got)
		}
		for _, path := range []string{"/o/lighthouse/users", "/terms/lighthouse"} {
			v.open(t, path).lacks(t, "Keep the lamp", "invited.there@example.com")
		}
	}
	if v.cookie(t, "/", "pp_organisation") != demoSlug {
		t.Fatalf("the preference is %q: this story forges another cookie", v.cookie(t, "/", "pp_organisation"))
	}
	for _, slug := range []string{"lighthouse", "nowhere", "../lighthouse", "%00", strings.Repeat("x", 3000)} {
		v.takeCookie(t, "/", "pp_organisation", slug)
		check()
	}
	v.takeCookie(t, "/", "pp_organisation", demoSlug)
	list := v.open(t, "/next").formWith(t, "Sign out")
	list.action, list.fields = s.page("/organisations"), append(list.fields, "organisation", "lighthouse")
	v.do(t, v.submission(t, v.page(t), list)).says(t, 404, "There is no such page")
	check()
}

func (s *testStack) startsByFirst(t *testing.T, ada *visitor, plain extension.Actor) {
	t.Helper()
	const address = "first.link@example.com"
	ada.invites(t, address).allSent(t, 1)
	first := s.linkTo(t, address)
	second := s.invitedTo(t, plain, address)
	v := s.visitor(t)
	v.press(t, v.registers(t, v.starts(t, first)), "I accept the terms and conditions").says(t, 200, "You’re in")
	s.isIn(t, plain, address, extension.Pending)
	if user := s.userOf(t, plain, address); user.Name() != address {
		t.Errorf("the other organisation learns the name %s", user.Name())
	}
	s.visitor(t).asksToSignIn(t, second)
	terms := v.press(t, v.open(t, second), "Accept")
	terms.says(t, 200, "Rules of mill")
	v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin", "Organisation mill")
	s.isIn(t, plain, address, extension.Active)
	s.is(t, address, extension.Active)
	v.open(t, second).says(t, 404, "This link no longer works")
}

func (s *testStack) startsBySecond(t *testing.T, ada *visitor, plain extension.Actor) {
	t.Helper()
	const address = "second.link@example.com"
	ada.invites(t, address).allSent(t, 1)
	first := s.linkTo(t, address)
	second := s.invitedTo(t, plain, address)
	v := s.visitor(t)
	form := v.press(t, v.open(t, second), "Start")
	form.says(t, 200, "Register for Organisation mill")
	terms := v.press(t, form, "Register", details(s.mobile())...)
	terms.says(t, 200, "Rules of mill")
	v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin", "Organisation mill")
	s.isIn(t, plain, address, extension.Active)
	s.is(t, address, extension.Pending)
	if got := v.gateOf(t, demoSlug); got != http.StatusForbidden {
		t.Errorf("the first organisation's gate answers %d", got)
	}

	other := s.visitor(t)
	terms = other.press(t, other.signsInToAccept(t, other.asksToSignIn(t, first), address), "Accept")
	terms.says(t, 200, "Terms and conditions (EULA)", "Harbour Care")
	other.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin", "Harbour Care")
	s.is(t, address, extension.Active)
}

func (s *testStack) isPausedInFirst(t *testing.T, ada *visitor, plain extension.Actor) {
	t.Helper()
	const address = "paused.there@example.com"
	s.member(t, ada, address)
	id := s.user(t, address).Identity
	ada.pauses(t, address)
	if state := s.state(t, id); state != "inactive" {
		t.Fatalf("the identity is %s", state)
	}
	second := s.invitedTo(t, plain, address)
	s.visitor(t).open(t, second).says(t, 200, "invites you to Organisation mill")
	if state := s.state(t, id); state != "inactive" {
		t.Errorf("invited and no more, the identity is %s", state)
	}
	v := s.visitor(t)
	landing := v.press(t, v.press(t, v.asksToSignIn(t, second), "Sign in to accept"), "Sign in", "identifier", address, "password", goodPassword)
	for _, button := range []string{"Accept", "Continue"} {
		if landing.has(button) {
			landing = v.press(t, landing, button)
		}
	}
	if landing.path() != "/agree" {
		landing = v.open(t, "/next")
	}
	landing.says(t, 200, "Rules of mill")
	v.press(t, landing, "I accept the terms and conditions").says(t, 200, "You’re in, Robin", "Organisation mill")
	s.isIn(t, plain, address, extension.Active)
	s.is(t, address, extension.Inactive)
	if v.gateOf(t, "mill") != http.StatusOK || v.gateOf(t, demoSlug) != http.StatusForbidden {
		t.Error("the gates are not open and shut")
	}
	ada.resumes(t, address)
	if v.gateOf(t, "mill") != http.StatusOK || v.gateOf(t, demoSlug) != http.StatusOK {
		t.Error("resumed, a gate is shut")
	}
}
