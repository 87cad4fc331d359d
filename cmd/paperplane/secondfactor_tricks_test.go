package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"paperplane/extension"
)

// secondStep is a second step of a sign-in at Kratos itself.
func (v *visitor) secondStep(t *testing.T, query string) *settings {
	t.Helper()
	status, flow := v.inKratos(t, http.MethodGet, "/self-service/login/browser?aal=aal2"+query, nil)
	if status != http.StatusOK {
		t.Fatalf("second step answered %d: %v", status, flow)
	}
	return &settings{visitor: v, flow: flow}
}

// submitStep submits to it, and tells whether Kratos let the session through.
func (f *settings) submitStep(t *testing.T, fields object) bool {
	t.Helper()
	fields["csrf_token"] = f.attribute("csrf_token", "value")
	status, answer := f.visitor.inKratos(t, http.MethodPost, "/self-service/login?flow="+f.flow["id"].(string), fields)
	if answer["ui"] != nil {
		f.flow = answer
	}
	return status == http.StatusOK
}

// sends has Kratos send a code to an address, unless it has done so by itself, and gives the code.
func (f *settings) sends(t *testing.T, to string, before int) string {
	t.Helper()
	if f.visitor.stack.queued(t, to) == before {
		f.submitStep(t, object{"method": "code", "address": to})
	}
	return f.visitor.stack.newestCode(t, to, before+1)
}

// texting is a member who shows codes by text message.
func (s *testStack) texting(t *testing.T, address string) *holder {
	t.Helper()
	h, ways := s.holder(t, address)
	typing, code := h.asks(t, ways, byText, h.mobile)
	h.arrives(t, h.keeps(t, h.press(t, typing, "Confirm", "code", code)))
	s.rests(t, extension.CodePause)
	return h
}

// meetsResender lets somebody who reads the owner's mail begin a step by text message, and have its code sent to the mailbox.
func (s *testStack) meetsResender(t *testing.T) {
	t.Helper()
	owner := s.texting(t, "resent@example.com")
	thief, _ := owner.comesBack(t)
	texts, mails := s.queued(t, owner.mobile), s.queued(t, owner.address)
	step := thief.secondStep(t, "&via=phone")
	step.sends(t, owner.mobile, texts)
	step.submitStep(t, object{"method": "code", "address": owner.address, "resend": "code"})
	code := s.newestCode(t, owner.address, mails+1)
	if !step.submitStep(t, object{"method": "code", "code": code}) || thief.aal(t) != "aal2" {
		t.Fatal("Kratos itself does not take the code: there is nothing left to guard")
	}
	thief.opensNoSettings(t)
	thief.staysOut(t)
	if factors := s.factors(t, owner.address); factors != "sms" {
		t.Errorf("the factors are %q", factors)
	}
}

// meetsGuesser lets somebody have codes sent both ways, and type a wrong one before the right one from the mailbox: Kratos
// then tells the address that the thief claims.
func (s *testStack) meetsGuesser(t *testing.T) {
	t.Helper()
	owner := s.texting(t, "guessed@example.com")
	thief, _ := owner.comesBack(t)
	texts, mails := s.queued(t, owner.mobile), s.queued(t, owner.address)
	first := thief.secondStep(t, "&via=phone")
	first.sends(t, owner.mobile, texts)
	step := thief.secondStep(t, "&via=email")
	code := step.sends(t, owner.address, mails)
	if step.submitStep(t, object{"method": "code", "code": "000000", "identifier": owner.mobile}) {
		t.Fatal("a wrong code is taken")
	}
	if !step.submitStep(t, object{"method": "code", "code": code, "identifier": owner.mobile}) || thief.aal(t) != "aal2" {
		t.Fatal("Kratos itself does not take the code: there is nothing left to guard")
	}
	thief.opensNoSettings(t)
	thief.staysOut(t)
}

// meetsForger lets somebody who reads the mailbox have a code sent there, and have Kratos write the telephone into the place
// of that address by a request that it does not understand.
func (s *testStack) meetsForger(t *testing.T) {
	t.Helper()
	owner := s.texting(t, "forged@example.com")
	thief, _ := owner.comesBack(t)
	mails := s.queued(t, owner.address)
	step := thief.secondStep(t, "&via=email")
	code := step.sends(t, owner.address, mails)
	step.submitStep(t, object{"method": "code", "identifier": owner.mobile, "resend": "bogus"})
	step.submitStep(t, object{"method": "code", "code": code})
	thief.opensNoSettings(t)
	thief.staysOut(t)
}

// meetsOwnerOfAnotherPhone changes the mobile in Kratos past every guard, as another application's administration could.
func (s *testStack) meetsOwnerOfAnotherPhone(t *testing.T) {
	t.Helper()
	owner := s.secured(t, "phone@example.com")
	thief, _ := owner.comesBack(t)
	stolen := s.mobile()
	s.change(t, s.user(t, owner.address).Identity, "/traits/phone", stolen)
	code := thief.secondStep(t, "&via=phone").codeOf(t, stolen)
	if thief.aal(t) != "aal2" {
		t.Fatalf("Kratos itself does not take the code %s: there is nothing left to guard", code)
	}
	thief.opensNoSettings(t)
	thief.staysOut(t)
	if factors := s.factors(t, owner.address); factors != "totp" {
		t.Errorf("the factors are %q", factors)
	}

	// Somebody whose only factor were texts to the number before is none the better for it.
	texting := s.texting(t, "moved@example.com")
	thief, _ = texting.comesBack(t)
	stolen = s.mobile()
	s.change(t, s.user(t, texting.address).Identity, "/traits/phone", stolen)
	thief.secondStep(t, "&via=phone").codeOf(t, stolen)
	thief.opensNoSettings(t)
	if proofs := thief.proofs(t); proofs != "" {
		t.Errorf("the session has shown %q", proofs)
	}
}

// codeOf has a code sent to an address and types it.
func (f *settings) codeOf(t *testing.T, to string) string {
	t.Helper()
	code := f.sends(t, to, 0)
	f.submitStep(t, object{"method": "code", "code": code})
	return code
}

// meetsReaderOfMail recovers an account by a code in the mailbox: at Kratos itself, and on our pages.
func (s *testStack) meetsReaderOfMail(t *testing.T) {
	t.Helper()
	owner := s.secured(t, "read@example.com")
	before := s.holds(t, owner.address)
	thief := s.visitor(t)
	flow := thief.asksForCode(t, "recovery", owner.address)
	flow.typesCode(t, "recovery", s.newestCode(t, owner.address, 1))
	if thief.whoami(t) != http.StatusOK {
		t.Fatal("Kratos itself gives no session: there is nothing left to guard")
	}
	if owner.whoami(t) == http.StatusOK {
		t.Error("recovery has left the other sessions alone")
	}
	thief.opensNoSettings(t)
	thief.staysOut(t)
	if after := s.holds(t, owner.address); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}

	again := s.visitor(t)
	form := again.press(t, again.open(t, "/recovery"), "Send me a code", "email", owner.address)
	asked := again.press(t, form, "Confirm the code", "code", s.newestCode(t, owner.address, 2))
	if asked.path() != "/confirm" {
		t.Fatalf("recovery leads to %s (%d): %s", asked.path(), asked.status, asked.text())
	}
	again.staysOut(t)

	// The owner, who has forgotten the password, shows the factor and chooses another one.
	s.appsRest(t)
	chosen := again.press(t, asked, "Confirm", "code", owner.app.code(t))
	chosen.says(t, 200, "Your account")
}

// letsOwnerChangeAll makes the same changes in a session that has shown the factor.
func (s *testStack) letsOwnerChangeAll(t *testing.T) {
	t.Helper()
	owner := s.secured(t, "owner@example.com")
	back, asked := owner.comesBack(t)
	back.press(t, asked, "Confirm", "code", owner.app.code(t)).says(t, 200, "You’re in")
	mobile := s.mobile()
	flow := back.beginsSettings(t)
	for _, change := range []struct {
		method string
		fields func() object
	}{
		{"profile", func() object { return object{"traits": flow.traits(object{"phone": mobile})} }},
		{"lookup_secret", func() object { return object{"lookup_secret_reveal": true} }},
		{"lookup_secret", func() object { return object{"lookup_secret_regenerate": true} }},
		{"lookup_secret", func() object { return object{"lookup_secret_confirm": true} }},
		{"lookup_secret", func() object { return object{"lookup_secret_disable": true} }},
		{"password", func() object { return object{"password": "another good password"} }},
		{"totp", func() object { return object{"totp_unlink": true} }},
	} {
		fields := change.fields()
		if status, errors := flow.submit(t, change.method, fields); status != http.StatusOK {
			t.Errorf("%s %v is answered with %d, %v", change.method, fields, status, errors)
		}
		if !strings.Contains(cleanJSON(t, fields), "reveal") && !strings.Contains(cleanJSON(t, fields), "regenerate") {
			flow = back.beginsSettings(t)
		}
	}
	eventually(t, "the factor is gone", func() bool { return s.factors(t, owner.address) == "" })
	app := back.enrols(t)
	if got := back.proofs(t); !slices.Contains(strings.Fields(got), "totp") {
		t.Errorf("after enrolling another app, the session has shown %q", got)
	}
	if status := back.whoami(t); status != http.StatusOK || app.secret == owner.app.secret {
		t.Errorf("the session is answered with %d", status)
	}
	if phone := s.identity(t, s.user(t, owner.address).Identity)["traits"].(object)["phone"]; phone != mobile {
		t.Errorf("the mobile is %v, want %s", phone, mobile)
	}
}
