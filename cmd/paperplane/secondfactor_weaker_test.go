package main

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"paperplane/extension"
)

// TestAWeakerFactorElsewhere has somebody be in two organisations that accept different factors. The account is the same in
// both: whoever holds what one is content with must not take away, replace or go round what the other relies on.
func TestAWeakerFactorElsewhere(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, direct)
		s.asksForFactor(t, extension.FactorTOTP)
		quay := s.second(t, "quay", func(c *extension.Charter) {
			c.Organisation.TwoFactor, c.Organisation.Ways = extension.TwoFactorRequired, []extension.Factor{extension.FactorSMS}
		})
		inTurn(t,
			story{"whoever holds it changes nothing", func(t *testing.T) { s.meetsWeaker(t, quay) }},
			story{"settings that they opened before show nothing that counts", func(t *testing.T) { s.meetsEarlyWeaker(t, quay) }},
		)
	})
}

func (s *testStack) meetsWeaker(t *testing.T, quay extension.Actor) {
	t.Helper()
	owner := s.inBoth(t, quay, "both@example.com")
	before := s.holds(t, owner.address)

	weaker := owner.entersQuay(t)
	asked := weaker.open(t, "/settings")
	if asked.path() != "/confirm" {
		t.Errorf("the settings lead to %s", asked.path())
	}
	asked.says(t, 200, "Harbour Care relies on the second factor that is asked for here", "Type the code that your authenticator app shows now.",
		"You belong to several organisations, so your administrator has to ask the operator of Paperplane for it.")
	asked.lacks(t, byText, "Ask an administrator of")
	weaker.opensNoSettings(t)
	s.refusesAll(t, owner, weaker)
	weaker.secondStep(t, "&refresh=true&via=email").codeAfter(t, owner.address)
	if factors := s.factors(t, owner.address); factors != "sms totp" {
		t.Errorf("the factors are %q", factors)
	}
	if after := s.holds(t, owner.address); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if weaker.gateOf(t, demoSlug) != http.StatusForbidden {
		t.Error("the organisation that relies on the app lets the session in")
	}

	s.appsRest(t)
	settings := weaker.press(t, weaker.open(t, "/settings"), "Confirm", "code", owner.app.code(t))
	settings.says(t, 200, "Your account")
	s.soonAgain(t)
	moved := weaker.press(t, settings, "Save your details", "traits.phone", s.mobile())
	moved.says(t, 200, "Codes went elsewhere before.")
	seen := &gallery{stack: s, t: t}
	seen.hang("a factor that another organisation relies on", "Confirm that it is you", asked)
	seen.hang("a number that has yet to be confirmed", "Your account", moved)
	seen.check(t, startChromium(t))
	if settings.path() != "/settings" {
		t.Errorf("the app leads to %s", settings.path())
	}
}

// meetsEarlyWeaker lets somebody who has the password and the telephone make recovery codes, show one, and open settings, all
// while only the organisation that is content with text messages relies on a factor. Then the owner joins the stricter one.
func (s *testStack) meetsEarlyWeaker(t *testing.T, quay extension.Actor) {
	t.Helper()
	owner := s.inQuay(t, quay, "early.both@example.com")
	s.rests(t, extension.CodePause)
	thief := &holder{visitor: s.visitor(t), address: owner.address, mobile: owner.mobile}
	ways := thief.signIn(t, owner.address, goodPassword)
	typing, code := thief.asks(t, ways, byText, owner.mobile)
	thief.press(t, typing, "Confirm", "code", code).says(t, 200, "Your account with Organisation quay is ready.")
	made := thief.press(t, thief.open(t, "/settings"), "Make new recovery codes")
	codes := shownCodes(t, made)
	thief.press(t, made, "I have kept them").says(t, 200, "Your new recovery codes work from now on.")
	recovered := s.visitor(t)
	paper := recovered.press(t, recovered.signIn(t, owner.address, goodPassword), "Use a recovery code")
	recovered.press(t, paper, "Confirm", "code", codes[0]).says(t, 200, "Your account with Organisation quay is ready.")
	flow := thief.beginsSettings(t)

	s.invitesCarer(t, owner.address)
	landing := owner.open(t, link(t, s.letters(t, owner.address, 2)[1]))
	secure := owner.press(t, owner.press(t, landing, "Accept"), "Set up an authenticator app")
	owner.app = owner.reads(t, secure)
	waits := owner.press(t, secure, "Confirm", "code", owner.app.code(t))
	waits.says(t, 409, "Recovery codes have to wait", "without the second factor that you have now")
	owner.arrives(t, owner.press(t, waits, "Go on without recovery codes"))
	for _, v := range []*visitor{thief.visitor, recovered} {
		if v.gateOf(t, demoSlug) != http.StatusForbidden || v.open(t, "/settings").path() != "/confirm" {
			t.Errorf("a session that has shown %q passes for one that has shown the app", v.proofs(t))
		}
		v.opensNoSettings(t)
	}
	again := s.visitor(t)
	asked := again.signIn(t, owner.address, goodPassword)
	asked.lacks(t, "Use a recovery code")
	if status := again.confirms(t, object{"method": "lookup_secret", "lookup_secret": codes[1]}); status == http.StatusOK {
		t.Error("a recovery code from before the app stands in for it")
	}
	if shown, _ := flow.submit(t, "lookup_secret", object{"lookup_secret_reveal": true}); shown == http.StatusOK && again.proofs(t) != "" {
		t.Error("the old form shows codes that count")
	}

	s.rows(t, `UPDATE settings_openings SET opened_at = opened_at - interval '16 minutes'`)
	s.endSettings(t)
	owner.keeps(t, owner.open(t, "/secure/codes"))
}

// inQuay is somebody who is in the organisation that is content with text messages, and nowhere else.
func (s *testStack) inQuay(t *testing.T, quay extension.Actor, address string) *holder {
	t.Helper()
	h := &holder{visitor: s.visitor(t), address: address, mobile: s.mobile()}
	form := h.press(t, h.open(t, s.invitedTo(t, quay, address)), "Start")
	ways := h.press(t, form, "Register", details(h.mobile)...)
	typing, code := h.asks(t, ways, byText, h.mobile)
	h.keeps(t, h.press(t, typing, "Confirm", "code", code))
	h.press(t, h.open(t, "/next"), "I accept the terms and conditions").says(t, 200, "You’re in")
	s.isIn(t, quay, address, extension.Active)
	return h
}

// inBoth is somebody who is in an organisation by an app, and in another by text messages.
func (s *testStack) inBoth(t *testing.T, other extension.Actor, address string) *holder {
	t.Helper()
	owner := s.secured(t, address)
	link := s.invitedTo(t, other, address)
	again := *owner
	again.visitor = s.visitor(t)
	landing := again.signsInToAccept(t, again.asksToSignIn(t, link), address)
	s.appsRest(t)
	confirming := again.press(t, landing, "Accept")
	confirming.says(t, 200, "Type the code that your authenticator app shows now.")
	landing = again.press(t, confirming, "Confirm", "code", owner.app.code(t))
	ways := again.press(t, landing, "Accept")
	ways.says(t, 200, "Set up a second factor", "Organisation quay asks for one")
	typing, code := again.asks(t, ways, byText, owner.mobile)
	again.press(t, typing, "Confirm", "code", code)
	again.press(t, again.open(t, "/next"), "I accept the terms and conditions").says(t, 200, "You’re in")
	s.isIn(t, other, address, extension.Active)
	if factors := s.factors(t, address); factors != "sms totp" {
		t.Fatalf("the factors are %q", factors)
	}
	s.rests(t, extension.CodePause)
	return owner
}

// entersQuay signs in elsewhere and shows what the second organisation accepts.
func (h *holder) entersQuay(t *testing.T) *holder {
	t.Helper()
	weaker, _ := h.comesBack(t)
	ways := weaker.press(t, weaker.open(t, "/organisations"), "Go to Organisation quay")
	typing, code := weaker.asks(t, ways, byText, h.mobile)
	weaker.press(t, typing, "Confirm", "code", code).says(t, 200, "Your account with Organisation quay is ready.")
	if proofs := weaker.proofs(t); proofs != "sms" {
		t.Fatalf("the session has shown %q", proofs)
	}
	if weaker.gateOf(t, "quay") != http.StatusOK || weaker.gateOf(t, demoSlug) != http.StatusForbidden {
		t.Fatal("by text message, the gates are not open and shut")
	}
	return weaker
}

// refusesAll fails the test unless every change is refused at Kratos, in settings that the owner has opened.
func (s *testStack) refusesAll(t *testing.T, owner, weaker *holder) {
	t.Helper()
	owner.opensNoSettings(t) // who has shown the app, and not what the second organisation relies on
	owner.secondStep(t, "&refresh=true&via=phone").codeAfter(t, owner.mobile)
	open := &settings{visitor: weaker.visitor, flow: owner.beginsSettings(t).flow}
	name := deed{"change the name alone", "profile", object{"name": object{"first": "Mallory", "last": "Sand"}}, nil}
	for _, d := range append(slices.Clone(s.deeds()), name) {
		fields := maps.Clone(d.fields)
		if d.traits != nil {
			fields = object{"traits": open.traits(d.traits)}
		}
		if status, errors := open.submit(t, d.method, fields); status < http.StatusBadRequest {
			t.Errorf("to %s is answered with %d, %v", d.name, status, errors)
		}
	}
}

// codeAfter has one more code sent to an address and types it.
func (f *settings) codeAfter(t *testing.T, to string) {
	t.Helper()
	code := f.sends(t, to, f.visitor.stack.queued(t, to))
	if !f.submitStep(t, object{"method": "code", "code": code}) {
		t.Fatal("Kratos itself does not take the code")
	}
}
