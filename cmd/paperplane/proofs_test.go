package main

import (
	"net/http"
	"testing"

	"paperplane/extension"
)

// TestProofs takes for proven what Kratos has checked, and nothing else.
func TestProofs(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, direct)
		plain := s.second(t, "mill", nil)
		s.asksForFactor(t, extension.Ways()...)
		inTurn(t,
			story{"a submit that sets nothing up proves nothing", func(t *testing.T) { s.provesNothing(t) }},
			story{"an app from before the invitation was accepted", func(t *testing.T) { s.keepsLinkedApp(t, plain) }},
			story{"recovery codes go with the factor", func(t *testing.T) { s.dropsCodesWithFactor(t) }},
			story{"an invitation that nobody has accepted binds no account", func(t *testing.T) { s.leavesStrangerAlone(t, plain) }},
		)
	})
}

// provesNothing is about a member whose app is unknown here: the row is missing, as after an import.
func (s *testStack) provesNothing(t *testing.T) {
	t.Helper()
	owner := s.secured(t, "imported@example.com")
	thief, _ := owner.comesBack(t)
	flow := owner.beginsSettings(t)
	forget := func() {
		t.Helper()
		for _, table := range []string{"proofs", "factors"} {
			s.rows(t, `DELETE FROM `+table+` WHERE identity_id::text = $1`, string(s.user(t, owner.address).Identity))
		}
	}
	forget()
	thief.opensNoSettings(t)
	if factors := s.factors(t, owner.address); factors != "totp" {
		t.Errorf("the factors are %q", factors)
	}
	for name, fields := range map[string]object{"nothing": {}, "a wrong code": {"totp_code": "000000"}, "unlinking": {"totp_unlink": true}} {
		forget()
		status, errors := flow.submit(t, "totp", fields)
		if proofs := owner.proofs(t); proofs != "" {
			t.Errorf("%s is answered with %d, %v, and proves %q", name, status, errors, proofs)
		}
	}
	if owner.whoami(t) != http.StatusOK {
		t.Error("the owner's session has ended")
	}
	if _, held := credentialsIn(s.held(t, s.user(t, owner.address).Identity))["totp"]; !held {
		t.Error("the app is gone")
	}
}

// keepsLinkedApp invites somebody who has an app in Kratos, and who submits its form before they accept.
func (s *testStack) keepsLinkedApp(t *testing.T, plain extension.Actor) {
	t.Helper()
	const address = "linked@example.com"
	id := s.has(t, account{address: address, verified: true, traits: object{"phone": s.mobile(), "name": object{"first": "Lin", "last": "Ked"}}})
	v := s.visitor(t)
	if status := v.beginsLogin(t).login(t, address, goodPassword); status != http.StatusOK {
		t.Fatalf("signing in answered %d", status)
	}
	v.enrols(t)
	link := s.invitedTo(t, plain, address)
	thief := s.visitor(t)
	if status := thief.beginsLogin(t).login(t, address, goodPassword); status != http.StatusOK {
		t.Fatalf("signing in answered %d", status)
	}
	thief.beginsSettings(t).submit(t, "totp", object{})
	if proofs := thief.proofs(t); proofs != "" {
		t.Errorf("before accepting, the session has shown %q", proofs)
	}
	v.press(t, v.open(t, link), "Accept")
	if kinds := row[string](t, s, `SELECT coalesce(string_agg(kind, ' '), '') FROM factors WHERE identity_id::text = $1`, string(id)); kinds != "totp" {
		t.Errorf("after accepting, the factors are %q", kinds)
	}
	if v.whoami(t) != http.StatusOK {
		t.Error("the owner's session has ended")
	}
	thief.opensNoSettings(t)
}

// dropsCodesWithFactor lets somebody make recovery codes and take the only factor away.
func (s *testStack) dropsCodesWithFactor(t *testing.T) {
	t.Helper()
	thief := s.secured(t, "codes@example.com")
	flow := thief.beginsSettings(t)
	if status, errors := flow.submit(t, "totp", object{"totp_unlink": true}); status != http.StatusOK {
		t.Fatalf("unlinking answered %d, %v", status, errors)
	}
	eventually(t, "the codes go with the factor", func() bool {
		_, kept := credentialsIn(s.held(t, s.user(t, thief.address).Identity))["lookup_secret"]
		return !kept
	})
	if factors := s.factors(t, thief.address); factors != "" {
		t.Errorf("the factors are %q", factors)
	}
	owner := &holder{visitor: s.visitor(t), address: thief.address, mobile: thief.mobile}
	ways := owner.signIn(t, owner.address, goodPassword)
	typing, code := owner.asks(t, ways, byText, owner.mobile)
	owner.press(t, typing, "Confirm", "code", code)
	again, _ := owner.comesBack(t)
	if status := again.confirms(t, object{"method": "lookup_secret", "lookup_secret": thief.codes[0]}); status == http.StatusOK {
		t.Error("a recovery code of the former factor is taken")
	}
	if proofs := again.proofs(t); proofs != "" {
		t.Errorf("the session has shown %q", proofs)
	}
}

// leavesStrangerAlone pauses somebody who has accepted nothing: the account is theirs all the same.
func (s *testStack) leavesStrangerAlone(t *testing.T, plain extension.Actor) {
	t.Helper()
	const address = "stranger@example.com"
	id := s.has(t, account{address: address, verified: true})
	s.invitedTo(t, plain, address)
	s.rows(t, `UPDATE users SET paused_at = now() WHERE identity_id::text = $1`, string(id))
	v := s.visitor(t)
	if status := v.beginsLogin(t).login(t, address, goodPassword); status != http.StatusOK {
		t.Fatalf("signing in answered %d", status)
	}
	if status, errors := v.beginsSettings(t).submit(t, "password", object{"password": "another good password"}); status != http.StatusOK {
		t.Errorf("a password is answered with %d, %v", status, errors)
	}
}
