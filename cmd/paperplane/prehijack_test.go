package main

import (
	"net/http"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/tools/oidc"
)

// attackersPassword is as good as any.
const attackersPassword = "nobody will notice me"

// TestPreHijacking plays the five attacks of Sudhodanan and Paverd ("Pre-hijacked accounts", USENIX Security 2022) against
// Kratos: somebody makes an account for an address before its owner is invited, and waits. Whatever they have left behind,
// it is worth nothing once the owner has followed the invitation.
func TestPreHijacking(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		site, change := withSocial(t)
		s := startTestStack(t, binary, func(o *stackOptions) { change(o); direct(o) })
		ada := s.administrator(t)
		inTurn(t,
			story{"classic-federated merge", func(t *testing.T) { s.mergesNothing(t, ada, site) }},
			story{"unexpired session", func(t *testing.T) { s.endsEverySession(t, ada) }},
			story{"trojan identifier", func(t *testing.T) { s.dropsTrojans(t, ada, site) }},
			story{"unexpired change of the address", func(t *testing.T) { s.endsPendingChanges(t, ada) }},
			story{"non-verifying provider", func(t *testing.T) { s.believesNoProvider(t, ada, site) }},
			story{"an account whose address is proven is changed by no link", func(t *testing.T) { s.leavesProvenAccounts(t, ada) }},
		)
	})
}

// attacker is somebody with an account that has another person's address.
type attacker struct {
	stack    *testStack
	identity extension.IdentityID
	address  string // the victim's
	mobile   string
	browser  *visitor    // signed in
	browsers []*visitor  // all that ever were
	token    string      // of an app that is signed in
	flows    []*settings // settings that were opened in good time
	login    *settings   // a sign-in that was begun in good time
	app      authenticator
}

// plants makes the attacker's account and signs in to it in every way.
func (s *testStack) plants(t *testing.T, address string) *attacker {
	t.Helper()
	a := &attacker{stack: s, address: address, mobile: s.mobile()}
	a.identity = s.has(t, account{
		address: address, traits: object{"phone": a.mobile, "name": object{"first": "Mallory", "last": "Malice"}, "terms": s.accepting(s.terms(t))},
		body: object{"credentials": object{"password": object{"config": object{"password": attackersPassword}}}},
	})
	a.signsIn(t)
	return a
}

// signsIn signs in in another browser, and in an app.
func (a *attacker) signsIn(t *testing.T) {
	t.Helper()
	a.browser = a.stack.visitor(t)
	a.browsers = append(a.browsers, a.browser)
	if status := a.browser.beginsLogin(t).login(t, a.address, attackersPassword); status != http.StatusOK {
		t.Fatalf("the attacker's sign-in answered %d", status)
	}
	a.token = a.stack.tokenFor(t, a.address, attackersPassword)
	if a.token == "" || a.browser.whoami(t) != http.StatusOK || a.stack.whoamiBy(t, a.token) != http.StatusOK {
		t.Fatal("the attacker has no session: this test shows nothing")
	}
	a.flows = append(a.flows, a.browser.beginsSettings(t))
	a.login = a.stack.visitor(t).beginsLogin(t)
}

// isOut fails the test unless nothing of the attacker's leads in.
func (a *attacker) isOut(t *testing.T, when string) {
	t.Helper()
	s := a.stack
	for _, browser := range a.browsers {
		if got := browser.whoami(t); got != http.StatusUnauthorized {
			t.Errorf("%s, the attacker's browser is answered with %d", when, got)
		}
	}
	if got := s.whoamiBy(t, a.token); got != http.StatusUnauthorized {
		t.Errorf("%s, the attacker's token is answered with %d", when, got)
	}
	before := s.held(t, a.identity)
	for _, flow := range a.flows {
		for method, fields := range map[string]object{
			"profile":  {"traits": object{"email": a.address, "phone": a.mobile}},
			"password": {"password": attackersPassword},
			"totp":     {"totp_unlink": true},
		} {
			if status, _ := flow.submit(t, method, fields); status < http.StatusBadRequest {
				t.Errorf("%s, settings from before take %s: %d", when, method, status)
			}
		}
	}
	if status := a.login.login(t, a.address, attackersPassword); status < http.StatusBadRequest {
		t.Errorf("%s, a sign-in from before is answered with %d", when, status)
	}
	a.login = s.visitor(t).beginsLogin(t)
	if status := s.visitor(t).beginsLogin(t).login(t, a.address, attackersPassword); status < http.StatusBadRequest {
		t.Errorf("%s, the attacker's password is answered with %d", when, status)
	}
	if token := s.tokenFor(t, a.address, attackersPassword); token != "" {
		t.Errorf("%s, the attacker's password gives an app a session", when)
	}
	s.visitor(t).signIn(t, a.address, attackersPassword).says(t, 422, "The email address or the password is not right.")
	s.untouched(t, a.identity, before, "metadata_public")
	a.leavesNothing(t, when, before)
}

// leavesNothing looks through what Kratos holds.
func (a *attacker) leavesNothing(t *testing.T, when string, identity object) {
	t.Helper()
	credentials := credentialsIn(identity)
	for _, kind := range []string{"totp", "lookup_secret", "oidc"} {
		credential, _ := credentials[kind].(object)
		if identifiers, _ := credential["identifiers"].([]any); len(identifiers) > 0 {
			t.Errorf("%s, there is a credential %s of %v", when, kind, identifiers)
		}
	}
	text := cleanJSON(t, object{
		"traits": identity["traits"], "verifiable": identity["verifiable_addresses"], "recovery": identity["recovery_addresses"], "code": credentials["code"],
	})
	for _, planted := range []string{a.mobile, "Mallory", "Malice", "evil.example"} {
		if strings.Contains(text, planted) {
			t.Errorf("%s, %s is left in\n%s", when, planted, text)
		}
	}
}

// claims lets the victim follow the invitation to the registration form: nothing of the attacker's stands in it.
func (a *attacker) claimed(t *testing.T, ada *visitor) (victim *visitor, form page) {
	t.Helper()
	ada.invites(t, a.address).allSent(t, 1)
	victim = a.stack.visitor(t)
	form = victim.starts(t, a.stack.linkTo(t, a.address))
	for _, field := range []string{"first_name", "last_name", "mobile"} {
		if value := form.value(t, field); value != "" {
			t.Errorf("the form holds %q as %s", value, field)
		}
	}
	return victim, form
}

// TestPreHijacking: the attacker has a password, the victim comes with a social sign-in that has the same address.
func (s *testStack) mergesNothing(t *testing.T, ada *visitor, site *oidc.Provider) {
	t.Helper()
	a := s.plants(t, "merged@example.com")
	victims := oidc.Person{Subject: "victim of a merge", Email: a.address, EmailVerified: true}
	site.SetPerson(victims)
	before := s.held(t, a.identity)
	s.visitor(t).signsInElsewhere(t).says(t, 200, "You are not signed in") // nothing is merged by a like address
	s.untouched(t, a.identity, before)

	victim, form := a.claimed(t, ada)
	a.isOut(t, "after Start")
	terms := victim.goesElsewhere(t, victim.press(t, form, "Continue with Example ID", details(s.mobile(), "password", "")...))
	terms.says(t, 200, "Terms and conditions (EULA)")
	victim.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
	s.is(t, a.address, extension.Active)
	if status := s.visitor(t).beginsLogin(t).login(t, a.address, attackersPassword); status < http.StatusBadRequest {
		t.Errorf("the attacker's password signs in beside the social sign-in: %d", status)
	}
	s.visitor(t).signsInElsewhere(t).says(t, 200, "You’re in")
}

// endsEverySession: the attacker stays signed in.
func (s *testStack) endsEverySession(t *testing.T, ada *visitor) {
	t.Helper()
	a := s.plants(t, "session@example.com")
	ada.invites(t, a.address).allSent(t, 1)
	a.signsIn(t) // once more, now that there is an invitation
	a.browser.open(t, "/next").says(t, 403, "Open the link in your email")
	if got := a.browser.gateOf(t, demoSlug); got != http.StatusForbidden {
		t.Errorf("the gate answers the attacker with %d", got)
	}
	s.is(t, a.address, extension.Pending)

	victim := s.visitor(t)
	form := victim.starts(t, s.linkTo(t, a.address))
	a.isOut(t, "after Start")
	victim.press(t, victim.registers(t, form), "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
	a.isOut(t, "once the victim is in")
	if got := a.browser.gateOf(t, demoSlug); got != http.StatusUnauthorized {
		t.Errorf("the gate answers the attacker with %d", got)
	}
	if n := s.sessions(t, a.identity); n != 1 {
		t.Errorf("there are %d sessions, want the victim's alone", n)
	}
}

// dropsTrojans: the attacker adds an authenticator app, recovery codes, a number and an account at a provider.
func (s *testStack) dropsTrojans(t *testing.T, ada *visitor, site *oidc.Provider) {
	t.Helper()
	a := s.plants(t, "trojan@example.com")
	attackers := oidc.Person{Subject: "mallory", Email: "mallory@evil.example", EmailVerified: true}
	site.SetPerson(attackers)
	a.browser.linksAtKratos(t)
	a.app = a.browser.enrols(t)
	flow := a.browser.beginsSettings(t)
	for _, press := range []string{"lookup_secret_regenerate", "lookup_secret_confirm"} {
		if status, errors := flow.submit(t, "lookup_secret", object{press: true}); status != http.StatusOK {
			t.Fatalf("%s answered %d, %v", press, status, errors)
		}
	}
	a.flows = append(a.flows, a.browser.beginsSettings(t))
	ada.invites(t, a.address).allSent(t, 1)
	a.signsIn(t)
	if status := a.browser.confirms(t, object{"method": "totp", "totp_code": a.app.code(t)}); status != http.StatusOK {
		t.Fatalf("the attacker's second factor answered %d", status)
	}
	if factors := s.user(t, a.address).Factors; len(factors) > 0 {
		t.Errorf("the attacker's factors count: %v", factors)
	}

	victim := s.visitor(t)
	form := victim.starts(t, s.linkTo(t, a.address))
	for _, field := range []string{"first_name", "last_name", "mobile"} {
		if value := form.value(t, field); value != "" {
			t.Errorf("the form holds %q as %s", value, field)
		}
	}
	a.isOut(t, "after Start")
	s.visitor(t).signsInElsewhere(t).says(t, 200, "You are not signed in")
	victim.press(t, victim.registers(t, form), "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
	a.isOut(t, "once the victim is in")
	s.visitor(t).signsInElsewhere(t).says(t, 200, "You are not signed in")

	if user := s.user(t, a.address); len(user.Factors) > 0 || user.Name() != "Robin Sand" || user.Mobile == a.mobile {
		t.Errorf("the user is %s with %v and %s", user.Name(), user.Factors, user.Mobile)
	}
	if level := victim.aal(t); level != "aal1" {
		t.Errorf("the victim's session is %s", level)
	}
	s.has(t, account{address: "number@example.com", traits: object{"phone": a.mobile}}) // the number is nobody's now
}

// endsPendingChanges: the attacker has proven an address of their own, asked for codes to it, and then changed it to the
// victim's, so that codes for the same account are on their way to both.
func (s *testStack) endsPendingChanges(t *testing.T, ada *visitor) {
	t.Helper()
	const own, address = "mallory@evil.example", "change@example.com"
	a := &attacker{stack: s, address: own, mobile: s.mobile()}
	a.identity = s.has(t, account{
		address: own, traits: object{"phone": a.mobile},
		body: object{"credentials": object{"password": object{"config": object{"password": attackersPassword}}}},
	})
	a.signsIn(t)
	recovering := s.visitor(t).asksForCode(t, "recovery", own)
	verifying := s.visitor(t).asksForCode(t, "verification", own)
	codes := s.codesMailedTo(t, own, 2)
	flow := a.browser.beginsSettings(t)
	if status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"email": address})}); status != http.StatusOK {
		t.Fatalf("the attacker's change of the address answered %d, %v", status, errors)
	}
	a.address = address
	a.login = s.visitor(t).beginsLogin(t)
	codes = append(codes, "000000")

	ada.invites(t, address)
	victim := s.visitor(t)
	form := victim.starts(t, link(t, s.newestInvitation(t, address)))
	tries := func(when string) {
		t.Helper()
		for _, code := range codes {
			for kind, begun := range map[string]*settings{"recovery": recovering, "verification": verifying} {
				begun.typesCode(t, kind, code)
				if got := begun.visitor.whoami(t); got != http.StatusUnauthorized {
					t.Errorf("%s, a code for %s signs the attacker in: %d", when, kind, got)
				}
			}
		}
		a.isOut(t, when)
	}
	tries("after Start")
	victim.press(t, victim.registers(t, form), "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
	tries("once the victim is in")
	if email := s.identity(t, a.identity)["traits"].(object)["email"]; email != address {
		t.Errorf("the address is %v", email)
	}
	if victim.whoami(t) != http.StatusOK {
		t.Error("the victim was signed out")
	}
}

// believesNoProvider: a provider says of the attacker that they have the victim's address.
func (s *testStack) believesNoProvider(t *testing.T, ada *visitor, site *oidc.Provider) {
	t.Helper()
	const address = "believed@example.com"
	claims := []oidc.Person{{Subject: "liar", Email: address}, {Subject: "liar", Email: address, EmailVerified: true}}
	lies := func(when string) {
		t.Helper()
		for _, claim := range claims {
			site.SetPerson(claim)
			liar := s.visitor(t)
			liar.signsInElsewhere(t).says(t, 200, "You are not signed in")
			if got := liar.whoami(t); got != http.StatusUnauthorized {
				t.Errorf("%s, Kratos answers the liar with %d", when, got)
			}
		}
	}
	id := s.has(t, account{address: address, body: object{"credentials": object{
		"oidc": object{"config": object{"providers": []object{{"provider": "example", "subject": "liar"}}}},
	}}})
	site.SetPerson(claims[0])
	planted := s.visitor(t)
	planted.signsInElsewhere(t).says(t, 403, "no organisation here has invited that account")

	a := &attacker{stack: s, identity: id, address: address, mobile: "nothing", browsers: []*visitor{planted}, login: s.visitor(t).beginsLogin(t)}
	victim, form := a.claimed(t, ada)
	a.isOut(t, "after Start")
	lies("after Start")
	victim.press(t, victim.registers(t, form), "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
	a.isOut(t, "once the victim is in")
	lies("once the victim is in")

	s.has(t, account{address: "bystander@example.com", verified: true})
	claims = []oidc.Person{{Subject: "liar", Email: "bystander@example.com"}, {Subject: "liar", Email: "bystander@example.com", EmailVerified: true}}
	lies("of an account without an invitation")
}

// leavesProvenAccounts: whoever holds the letter alone gets as far as the sign-in, however often they press.
func (s *testStack) leavesProvenAccounts(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "proven@example.com"
	id := s.has(t, account{address: address, verified: true, traits: object{"phone": s.mobile(), "name": object{"first": "Olle", "last": "Owner"}}})
	owner := s.visitor(t)
	if status := owner.beginsLogin(t).login(t, address, goodPassword); status != http.StatusOK {
		t.Fatalf("the owner's sign-in answered %d", status)
	}
	before := s.held(t, id)
	ada.invites(t, address).allSent(t, 1)

	reader := s.visitor(t)
	asked := reader.asksToSignIn(t, s.linkTo(t, address))
	asked.lacks(t, "Olle", "Owner")
	for range 3 {
		asked = reader.asksToSignIn(t, s.linkTo(t, address))
	}
	reader.press(t, asked, "Sign in to accept").says(t, 200, "Sign in")
	reader.press(t, reader.press(t, asked, "Sign in to accept"), "Sign in", "identifier", address, "password", attackersPassword).
		says(t, 422, "The email address or the password is not right.")
	for _, path := range []string{"/register", "/next", "/settings", "/agree", "/welcome"} {
		reader.open(t, path).lacks(t, "Olle", "Register for Harbour Care", "I accept the terms")
	}
	if reader.whoami(t) != http.StatusUnauthorized || owner.whoami(t) != http.StatusOK {
		t.Error("the reader of the letter has a session, or the owner has none")
	}
	s.untouched(t, id, before)
	s.is(t, address, extension.Pending)
	if user := s.user(t, address); user.Name() != address || user.Mobile != "" || !user.Facts.Started.IsZero() || !user.Facts.Registered.IsZero() {
		t.Errorf("the administrator learns of the account: %+v", user)
	}

	owner.press(t, owner.open(t, s.linkTo(t, address)), "Accept").says(t, 200, "Terms and conditions (EULA)")
	s.untouched(t, id, before)
	owner.press(t, owner.open(t, "/agree"), "I accept the terms and conditions").says(t, 200, "You’re in, Olle")
	if name := s.user(t, address).Name(); name != "Olle Owner" {
		t.Errorf("the user is %s", name)
	}
}
