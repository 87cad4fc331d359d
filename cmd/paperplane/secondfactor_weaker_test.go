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
		owner := s.inBoth(t, quay, "both@example.com")
		before := s.holds(t, owner.address)

		weaker := owner.entersQuay(t)
		asked := weaker.open(t, "/settings")
		if asked.path() != "/confirm" {
			t.Errorf("the settings lead to %s", asked.path())
		}
		asked.says(t, 200, "Harbour Care relies on the second factor that is asked for here", "Type the code that your authenticator app shows now.")
		asked.lacks(t, byText)
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
		if settings.path() != "/settings" {
			t.Errorf("the app leads to %s", settings.path())
		}
	})
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
	ways := again.press(t, confirming, "Confirm", "code", owner.app.code(t))
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
