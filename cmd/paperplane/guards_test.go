package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// The ids of what the guards object to; applications and pages choose words by them.
const (
	objectsPaused = 9000002
	objectsTerms  = 9000003
	objectsFactor = 9000004
	objectsCodes  = 9000006
)

// TestGuards goes past Paperplane to Kratos' settings flow with sessions of users.
func TestGuards(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		admin := &checkpoint{}
		s := startTestStack(t, binary, func(o *stackOptions) {
			direct(o)
			o.settings = append(o.settings, "PAPERPLANE_KRATOS_ADMIN_URL="+admin.start(t, o.ports.kratosAdmin))
		})
		ada := s.administrator(t)
		inTurn(t,
			story{"a paused user whose session still lives is refused", func(t *testing.T) { s.refusesPaused(t, ada, admin) }},
			story{"a proven factor is protected from a session that knows the password alone", func(t *testing.T) { s.protectsFactor(t, ada) }},
			story{"strangers are let through", func(t *testing.T) {
				s.stranger(t, "guest@example.com")
				v := s.visitor(t)
				v.signIn(t, "guest@example.com", goodPassword)
				flow := v.beginsSettings(t)
				if status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"email": "guest.moved@example.com"})}); status != http.StatusOK {
					t.Errorf("a stranger's change of address is answered with %d, %v", status, errors)
				}
			}},
			story{"other keys of the published metadata survive", func(t *testing.T) { s.keepsOtherMetadata(t, ada) }},
			story{"whoever takes the operator's name is not taken for the operator", func(t *testing.T) { s.knowsOperator(t, ada) }},
			story{"only the current terms can be accepted", func(t *testing.T) { s.refusesStaleTerms(t, ada) }},
		)
	})
}

// refusesPaused pauses somebody while Kratos' administration cannot be reached: the session lives on, and the guards obey
// our own setting.
func (s *testStack) refusesPaused(t *testing.T, ada *visitor, admin *checkpoint) {
	t.Helper()
	v := s.member(t, ada, "paused@example.com")
	flow := v.beginsSettings(t)
	for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete, http.MethodPut} {
		admin.refuse(method, "/admin/identities/")
	}
	ada.pauses(t, "paused@example.com").says(t, 200, "Ory Kratos could not be told yet; that goes on by itself.")
	if v.whoami(t) != http.StatusOK {
		t.Fatal("the session is gone: there is nothing left to guard")
	}
	v.open(t, "/next").says(t, 403, "Your access is paused", "Ask an administrator")
	for method, fields := range map[string]object{
		"profile":  {"traits": flow.traits(object{"name": object{"first": "Mallory", "last": "Sand"}})},
		"password": {"password": "another good password"},
	} {
		status, errors := flow.submit(t, method, fields)
		if status != http.StatusBadRequest || !slices.Contains(errors, objectsPaused) {
			t.Errorf("%s is answered with %d, %v", method, status, errors)
		}
	}
	admin.clear()
	id := s.user(t, "paused@example.com").Identity
	s.looksAgain(t)
	eventually(t, "Kratos is told as soon as it can be", func() bool { return v.whoami(t) == http.StatusUnauthorized && s.state(t, id) == "inactive" })
	if first := s.identity(t, id)["traits"].(object)["name"].(object)["first"]; first != "Robin" {
		t.Errorf("the name is %v", first)
	}
}

// knowsOperator has an administrator give themselves the operator's name, past our forms, and invite somebody.
func (s *testStack) knowsOperator(t *testing.T, ada *visitor) {
	t.Helper()
	flow := ada.beginsSettings(t)
	named := object{"traits": flow.traits(object{"name": object{"first": "The operator of", "last": "Paperplane"}})}
	if status, errors := flow.submit(t, "profile", named); status != http.StatusOK {
		t.Fatalf("the names are answered with %d, %v", status, errors)
	}
	eventually(t, "the names are known", func() bool { return s.user(t, demoAdministrator).LastName == "Paperplane" })
	const address = "fooled@example.com"
	ada.invites(t, address)
	letter := s.letters(t, address, 1)[0]
	landing := s.visitor(t).open(t, link(t, letter))
	landing.says(t, 200, demoAdministrator+" invites you to Harbour Care")
	for where, text := range map[string]string{"letter": letter.Text, "letter's HTML": letter.HTML, "page": landing.text()} {
		if strings.Contains(strings.ToLower(text), "operator") {
			t.Errorf("the %s takes somebody for the operator: %s", where, text)
		}
	}
}

// protectsFactor enrols an authenticator app, then comes back with the password alone, as a thief of it would. The thief has
// opened settings while there was no factor: Kratos opens none any more.
func (s *testStack) protectsFactor(t *testing.T, ada *visitor) {
	t.Helper()
	owner := s.member(t, ada, "factor@example.com")
	thief := s.visitor(t)
	thief.signIn(t, "factor@example.com", goodPassword).says(t, 200, "You’re in")
	flow, protection := thief.beginsSettings(t), thief.csrf(t)
	app := owner.enrols(t)
	eventually(t, "the factor is known", func() bool { return !s.user(t, "factor@example.com").Facts.Secured.IsZero() })
	eventually(t, "the session from before has ended", func() bool { return thief.whoami(t) == http.StatusUnauthorized })
	mobile := s.user(t, "factor@example.com").Mobile

	thief.signIn(t, "factor@example.com", goodPassword).says(t, 200, "You’re in")
	thief.opensNoSettings(t)
	thief.client.Jar.SetCookies(thief.address(t, "/"), protection)
	renamed := object{"first": "Mallory", "last": "Sand"}
	for name, change := range map[string]struct {
		method  string
		traits  object // of the profile
		fields  object // of other methods
		refused bool   // by our guard; otherwise by Kratos itself
	}{
		"the mobile":               {"profile", object{"phone": s.mobile()}, nil, true},
		"the mobile with the name": {"profile", object{"phone": s.mobile(), "name": renamed}, nil, true},
		"the mobile away":          {"profile", object{"phone": nil}, nil, true},
		"the password":             {"password", nil, object{"password": "another good password"}, true},
		"the app away":             {"totp", nil, object{"totp_unlink": true}, true},
		"the app for another":      {"totp", nil, object{"totp_code": "000000"}, true},
		"recovery codes in force":  {"lookup_secret", nil, object{"lookup_secret_confirm": true}, false},
		"recovery codes open":      {"lookup_secret", nil, object{"lookup_secret_reveal": true}, false},
		"recovery codes away":      {"lookup_secret", nil, object{"lookup_secret_disable": true}, true},
	} {
		t.Run("a thief puts "+name, func(t *testing.T) {
			if change.traits != nil {
				change.fields = object{"traits": flow.traits(change.traits)}
			}
			status, errors := flow.submit(t, change.method, change.fields)
			if status != http.StatusBadRequest || change.refused && !slices.Contains(errors, objectsFactor) {
				t.Errorf("answered with %d, %v", status, errors)
			}
			if proofs := thief.proofs(t); proofs != "" {
				t.Errorf("the session has shown %q", proofs)
			}
		})
	}
	if thief.confirms(t, object{"method": "totp", "totp_code": "000000"}) == http.StatusOK {
		t.Error("a wrong code was taken")
	}
	if phone := s.identity(t, s.user(t, "factor@example.com").Identity)["traits"].(object)["phone"]; phone != mobile {
		t.Errorf("the mobile is %v, was %s", phone, mobile)
	}

	if status := thief.confirms(t, object{"method": "totp", "totp_code": app.code(t)}); status != http.StatusOK { // no thief after all
		t.Fatalf("the right code is answered with %d", status)
	}
	flow = thief.beginsSettings(t)
	if status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"phone": s.mobile()})}); status != http.StatusOK {
		t.Errorf("once confirmed, changing the mobile is answered with %d, %v", status, errors)
	}
	if status, errors := flow.submit(t, "totp", object{"totp_unlink": true}); status != http.StatusOK {
		t.Errorf("once confirmed, unlinking is answered with %d, %v", status, errors)
	}
	eventually(t, "the factor is gone", func() bool { return s.user(t, "factor@example.com").Facts.Secured.IsZero() })
}

// keepsOtherMetadata writes keys of another application's and lets Paperplane publish again.
func (s *testStack) keepsOtherMetadata(t *testing.T, ada *visitor) {
	t.Helper()
	ada.invites(t, "metadata@example.com")
	id := s.user(t, "metadata@example.com").Identity
	s.change(t, id, "/metadata_public", object{"theme": "dark", "nested": object{"a": []any{1.0, "b"}}})
	s.change(t, id, "/metadata_admin/other", object{"plan": "gold"})
	s.visitor(t).joins(t, "metadata@example.com")
	check := func(when string) {
		t.Helper()
		identity := s.identity(t, id)
		public, _ := identity["metadata_public"].(object)
		if diff := cmp.Diff(object{"a": []any{1.0, "b"}}, public["nested"]); diff != "" || public["theme"] != "dark" {
			t.Errorf("%s, the public metadata is %v", when, public)
		}
		admin, _ := identity["metadata_admin"].(object)
		if diff := cmp.Diff(object{"paperplane": object{"user": string(s.user(t, "metadata@example.com").ID)}, "other": object{"plan": "gold"}}, admin); diff != "" {
			t.Errorf("%s, the administrators' metadata differs (-want +got):\n%s", when, diff)
		}
	}
	check("once Active")
	ada.pauses(t, "metadata@example.com")
	check("paused")
	public, _ := s.identity(t, id)["metadata_public"].(object)
	if diff := cmp.Diff(object{"organisations": []any{}}, public["paperplane"]); diff != "" {
		t.Errorf("published of somebody paused (-want +got):\n%s", diff)
	}
	ada.resumes(t, "metadata@example.com")
	check("resumed")
}

// refusesStaleTerms publishes new terms. It comes last: everybody has to accept them.
func (s *testStack) refusesStaleTerms(t *testing.T, ada *visitor) {
	t.Helper()
	other := s.foundSecond(t)
	ada.invites(t, "terms@example.com")
	v := s.visitor(t)
	shown := v.registers(t, v.starts(t, s.linkTo(t, "terms@example.com")))
	stale := s.terms(t)
	s.rows(t, `INSERT INTO terms (id, organisation_id, version, title, body, sha256, published_at)
		SELECT $1, organisation_id, version + 1, title, 'Be kind.', sha256, now() FROM terms WHERE id = $2`, extension.NewID[string](), stale)

	flow := v.beginsSettings(t)
	for name, version := range map[string]string{
		"the version before": stale, "an unknown version": extension.NewID[string](), "no version's id": "2026-11",
		"another organisation's version": string(other.Terms.ID),
	} {
		t.Run(name, func(t *testing.T) {
			status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"terms": s.accepting(version)})})
			if status != http.StatusBadRequest || !slices.Contains(errors, objectsTerms) {
				t.Errorf("answered with %d, %v", status, errors)
			}
		})
	}
	s.is(t, "terms@example.com", extension.Pending)

	again := v.press(t, shown, "I accept the terms and conditions")
	again.says(t, 422, "The terms have changed since you opened this page.", "Be kind.", "Version 2")
	v.press(t, again, "I accept the terms and conditions").says(t, 200, "You’re in")
	s.is(t, "terms@example.com", extension.Active)
	if version := s.identity(t, s.user(t, "terms@example.com").Identity)["traits"].(object)["terms"].(object)["version"]; version != s.terms(t) {
		t.Errorf("Kratos holds the version %v", version)
	}
	ada.open(t, "/o/harbour/users").says(t, 200, "Terms and conditions (EULA)", "Be kind.")
}
