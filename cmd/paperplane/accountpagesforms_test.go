package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The fields of the form with one's details.
const (
	firstField  = "traits.name.first"
	lastField   = "traits.name.last"
	mobileField = "traits.phone"
)

// objectsName is the id of what the guard says against a name.
const objectsName = 9000005

// refusesNames types names that would mislead others, and a number of somebody else. Whatever is wrong is said, all that was
// typed stands there still, and nothing is saved.
func (s *testStack) refusesNames(t *testing.T, ada *visitor) {
	t.Helper()
	const address, other = "names@example.com", "names.other@example.com"
	v := s.member(t, ada, address)
	s.member(t, ada, other)
	before := s.holds(t, address)
	national := func(number string) string { return "0" + strings.TrimPrefix(number, "+46") }
	free, taken := national(s.mobile()), national(s.user(t, other).Mobile)
	const shown, odd, link = " contains characters that cannot be shown.", " cannot contain < or >.", " looks like an address or a link."
	for name, c := range map[string]struct {
		first, last, mobile string
		faults              map[string]string // what stands at a field
	}{
		"markup":                {"Zoë", "<script>alert(1)</script>", free, map[string]string{lastField: "Your last name" + odd}},
		"a link":                {"https://evil.example", "Sand", free, map[string]string{firstField: "Your first name" + link}},
		"a link without scheme": {"Zoë", "Win at WWW.evil.example", free, map[string]string{lastField: "Your last name" + link}},
		"an address":            {"bob@example.com", "Sand", free, map[string]string{firstField: "Your first name" + link}},
		"a bell":                {"Zoë", "Sa\and", free, map[string]string{lastField: "Your last name" + shown}},
		"text turned round":     {"\u202eëoZ", "Sand", free, map[string]string{firstField: "Your first name" + shown}},
		"all at once": {"<b>", "\u202eSand", "12 monkeys", map[string]string{
			firstField: "Your first name" + odd, lastField: "Your last name" + shown, mobileField: "A mobile number has no letters.",
		}},
		"a number of somebody else": {"Zoë", "O’Brien", taken, map[string]string{mobileField: "This number belongs to another account."}},
	} {
		t.Run(name, func(t *testing.T) {
			typed := []string{firstField, c.first, lastField, c.last, mobileField, c.mobile}
			refused := v.press(t, v.theSettings(t), "Save your details", typed...)
			refused.says(t, 422, "Please put this right")
			faults := refused.faults()
			for field, want := range c.faults {
				if !strings.Contains(faults[field], want) {
					t.Errorf("at %s stands %q, want %q", field, faults[field], want)
				}
			}
			if len(faults) != len(c.faults) {
				t.Errorf("the faults are %v", faults)
			}
			for i := 0; i < len(typed); i += 2 {
				if got := refused.value(t, typed[i]); got != typed[i+1] {
					t.Errorf("%s is %q, was typed %q", typed[i], got, typed[i+1])
				}
			}
			if strings.Contains(refused.body, "<script>alert") {
				t.Error("the page holds what was typed as markup")
			}
			if diff := cmp.Diff(before, s.holds(t, address)); diff != "" {
				t.Errorf("something was saved (-before +after):\n%s", diff)
			}
		})
	}

	flow := v.beginsSettings(t) // past our pages, the guard holds names to the same rules
	for _, name := range []string{"<script>", "https://evil.example", "Sa\and"} {
		status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"name": object{"first": "Zoë", "last": name}})})
		if status != http.StatusBadRequest || !slices.Contains(errors, objectsName) {
			t.Errorf("at Kratos, the name %q is answered with %d, %v", name, status, errors)
		}
	}
	if diff := cmp.Diff(before, s.holds(t, address)); diff != "" {
		t.Errorf("past our pages, something was saved (-before +after):\n%s", diff)
	}

	// A name that came from elsewhere stands in the way of no other change.
	s.change(t, s.user(t, address).Identity, "/traits/name/last", "Sand <Harbour>")
	number := s.mobile()
	v.press(t, v.theSettings(t), "Save your details", mobileField, number).says(t, 200, "Your details are saved.")
	if phone := s.identity(t, s.user(t, address).Identity)["traits"].(object)["phone"]; phone != number {
		t.Errorf("the mobile is %v, want %s", phone, number)
	}
}

// without is a form that a program sends without one of its fields.
func (f form) without(field string) form {
	for i := 0; i < len(f.fields); i += 2 {
		if f.fields[i] == field {
			f.fields = slices.Delete(slices.Clone(f.fields), i, i+2)
			return f.without(field)
		}
	}
	return f
}

// needsTokens sends every form of the account without its token, from a page of the same origin: nothing is saved.
func (s *testStack) needsTokens(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "tokens@example.com"
	v := s.member(t, ada, address)
	v.addsApp(t)
	v.keepsCodes(t)
	elsewhere := s.visitor(t)
	elsewhere.signIn(t, address, goodPassword).says(t, 200, "You’re in")
	shown := v.press(t, v.theSettings(t), "Make new recovery codes")
	account := v.theSettings(t)
	other := regexp.MustCompile(`name="session" value="([^"]+)"`).FindStringSubmatch(account.body)
	if other == nil {
		t.Fatalf("no other session is shown: %s", account.text())
	}
	state := func() []any {
		return []any{s.holds(t, address), s.factors(t, address), s.queued(t, address), s.user(t, address), elsewhere.whoami(t), v.whoami(t)}
	}
	eventually(t, "the app is known", func() bool { return s.factors(t, address) == "totp" && !s.user(t, address).Facts.Secured.IsZero() })
	before := state()
	for name, f := range map[string]form{
		"the details":            account.formWith(t, "Save your details", firstField, "Mallory"),
		"the password":           account.formWith(t, "Save the new password", "password", "three wooden bridges"),
		"the app away":           account.formWith(t, "Take away Authenticator app"),
		"a code for another way": account.formWith(t, "Add codes by email"),
		"new recovery codes":     account.formWith(t, "Make new recovery codes"),
		"the codes that are new": shown.formWith(t, "I have kept them"),
		"one other session":      account.formOf(t, account.controlNamed(t, "session", other[1])),
		"all other sessions":     account.formWith(t, "Sign out everywhere else"),
	} {
		t.Run(name, func(t *testing.T) {
			v.do(t, v.submission(t, account, f.without("csrf"))).says(t, http.StatusOK, "Your account", "so nothing was changed")
			if diff := cmp.Diff(before, state()); diff != "" {
				t.Errorf("something was changed (-before +after):\n%s", diff)
			}
		})
	}
	v.press(t, shown, "I have kept them").says(t, 200, "Your new recovery codes work from now on.")
	v.press(t, v.theSettings(t), "Sign out everywhere else").says(t, 200, "Every other browser is signed out.")
	if now := state(); cmp.Equal(before, now) {
		t.Error("nothing has changed with the token either")
	}
}
