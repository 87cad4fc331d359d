package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// TestRegisteringTakesBadInput fills in the registration form with everything that can be wrong in it.
func TestRegisteringTakesBadInput(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, nil)
		ada := s.administrator(t)
		ada.invites(t, "wrong.person@example.com", "taker@example.com")
		taken := s.mobile()
		taker := s.visitor(t)
		taker.press(t, taker.starts(t, s.linkTo(t, "taker@example.com")), "Register", details(taken)...).says(t, 200, "Terms and conditions (EULA)")

		v := s.visitor(t)
		old := v.starts(t, s.linkTo(t, "wrong.person@example.com"))
		inTurn(t,
			story{"fields are refused one by one, and what was typed stays", func(t *testing.T) { v.isRefusedAtFields(t, old, taken) }},
			story{"a form from before the last answer is taken at the second press", func(t *testing.T) {
				again := v.press(t, old, "Register", details("+4670", "first_name", "Kim")...)
				again.says(t, 403, "This page was open for too long", "only the password must be typed again")
				if again.value(t, "first_name") != "Kim" || again.value(t, "mobile") != "+4670" {
					t.Error("what was typed is lost")
				}
				v.press(t, again, "Register", "password", goodPassword).faultsAre(t, "mobile")
			}},
			story{"an email changed by hand is refused", func(t *testing.T) { v.changesEmailByHand(t) }},
			story{"an email changed at Kratos itself is refused", func(t *testing.T) { v.changesEmailAtKratos(t) }},
			story{"everything put right is taken", func(t *testing.T) {
				mobile := s.mobile()
				again := v.press(t, v.open(t, "/register"), "Register", details(mobile, "first_name", " Zoë ", "last_name", "O'Neill-Ångström 佐藤", "password", "short")...)
				again.faultsAre(t, "password")
				terms := v.press(t, again, "Register", "password", "佐藤 correct horse")
				terms.says(t, 200, "Terms and conditions (EULA)")
				v.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Zoë", "Zoë O'Neill-Ångström 佐藤")
				if user := s.user(t, "wrong.person@example.com"); user.Mobile != mobile || user.FirstName != "Zoë" {
					t.Errorf("%s has the mobile %s", user.Name(), user.Mobile)
				}
				s.is(t, "wrong.person@example.com", extension.Active)
				v.open(t, "/register").says(t, 200, "You’re in, Zoë")
			}},
		)
	})
}

// isRefusedAtFields tries one wrong value after the other.
func (v *visitor) isRefusedAtFields(t *testing.T, form page, taken string) {
	t.Helper()
	for name, c := range map[string]struct {
		typed  []string // pairs, beside the right ones
		fields []string
		words  string
	}{
		"nothing":               {[]string{"first_name", "", "last_name", "  ", "mobile", "", "password", ""}, []string{"first_name", "last_name", "mobile", "password"}, "Choose a password."},
		"a short password":      {[]string{"password", "Ab1!x"}, []string{"password"}, "This password is too short. Choose a longer one."},
		"a password too long":   {[]string{"password", strings.Repeat("long enough ", 7)}, []string{"password"}, "72 characters are the most"},
		"a similar password":    {[]string{"password", "wrong.person@example.com"}, []string{"password"}, "too similar to your email address"},
		"a phone of letters":    {[]string{"mobile", "call me maybe"}, []string{"mobile"}, "A mobile number has no letters."},
		"a short phone":         {[]string{"mobile", "+4670"}, []string{"mobile"}, "This number is too short."},
		"a phone of no country": {[]string{"mobile", "+999 123 456 789"}, []string{"mobile"}, "There is no country with this code."},
		"a phone that is taken": {[]string{"mobile", taken}, []string{"mobile"}, "This mobile number belongs to another account."},
		"a taken phone, spelt otherwise": {
			[]string{"mobile", "070-" + taken[5:8] + " " + taken[8:]},
			[]string{"mobile"},
			"This mobile number belongs to another account.",
		},
		"a name with a line end":  {[]string{"first_name", "Rob\nin"}, []string{"first_name"}, "contains characters that cannot be shown"},
		"a name turned round":     {[]string{"last_name", "\u202esand"}, []string{"last_name"}, "contains characters that cannot be shown"},
		"a name that is no UTF-8": {[]string{"last_name", "Sand\xff"}, []string{"last_name"}, "contains characters that cannot be shown"},
		"a name with an address":  {[]string{"first_name", "Win at https://evil.example"}, []string{"first_name"}, "looks like an address or a link"},
		"a name with a site":      {[]string{"last_name", "WWW.evil.example"}, []string{"last_name"}, "looks like an address or a link"},
		"a name with markup":      {[]string{"last_name", `<img src=x onerror=alert(1)>`}, []string{"last_name"}, "cannot contain < or >"},
		"a name too long":         {[]string{"first_name", strings.Repeat("ä", 101)}, []string{"first_name"}, "at most 100 characters"},
	} {
		t.Run(name, func(t *testing.T) {
			typed := details("+46701740619", c.typed...)
			answer := v.press(t, form, "Register", typed...)
			form = answer
			answer.says(t, 422, "Please put this right", "At least 12 characters", c.words)
			answer.faultsAre(t, c.fields...)
			last := map[string]string{}
			for i := 0; i < len(typed); i += 2 {
				last[typed[i]] = typed[i+1]
			}
			for field, want := range last {
				if field == "password" {
					want = ""
				}
				if got := answer.value(t, field); got != asShown(want) && strings.TrimSpace(got) != strings.TrimSpace(want) {
					t.Errorf("%s is %q now, was %q", field, got, want)
				}
			}
			if password := last["password"]; password != "" && strings.Contains(answer.body, password) && !strings.Contains(password, "@") {
				t.Error("the page holds the password")
			}
			if got := answer.value(t, "email"); got != "wrong.person@example.com" {
				t.Errorf("the email is %q", got)
			}
		})
	}
}

// asShown is a value as a page can hold it: with U+FFFD for what is no character of HTML.
func asShown(value string) string { return strings.ToValidUTF8(value, "\uFFFD") }

func (v *visitor) changesEmailByHand(t *testing.T) {
	t.Helper()
	form := v.open(t, "/register")
	for _, email := range []string{"mallory@example.com", "", "wrong.person@example.com.evil.example", "ſomebody@example.com"} {
		answer := v.press(t, form, "Register", details(v.stack.mobile(), "email", email)...)
		answer.says(t, 422, "The email address cannot be changed: it is the one that the invitation was sent to.")
		answer.faultsAre(t, "email")
		if got := answer.value(t, "email"); got != "wrong.person@example.com" {
			t.Errorf("the form shows %q", got)
		}
	}
	user := v.stack.user(t, "wrong.person@example.com")
	if email := v.stack.identity(t, user.Identity)["traits"].(object)["email"]; email != "wrong.person@example.com" {
		t.Errorf("Kratos holds %v", email)
	}
	if !user.Facts.Registered.IsZero() {
		t.Error("the user is registered")
	}
}

func (v *visitor) changesEmailAtKratos(t *testing.T) {
	t.Helper()
	flow := v.beginsSettings(t)
	id := v.stack.user(t, "wrong.person@example.com").Identity
	before := v.stack.identity(t, id)["traits"]
	status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"email": "mallory@example.com"})})
	if diff := cmp.Diff([]int64{9000001}, errors); status != http.StatusBadRequest || diff != "" {
		t.Errorf("Kratos answered %d with %v", status, errors)
	}
	after := v.stack.identity(t, id)
	if diff := cmp.Diff(before, after["traits"]); diff != "" {
		t.Errorf("the traits have changed (-before +after):\n%s", diff)
	}
	if addresses := cleanJSON(t, after["verifiable_addresses"]); strings.Contains(addresses, "mallory") {
		t.Errorf("the addresses have changed: %s", addresses)
	}
	for _, address := range []string{"mallory@example.com", "wrong.person@example.com"} {
		if n := len(v.stack.mailbox.Messages(address)); n > 1 {
			t.Errorf("%s got %d letters", address, n)
		}
	}
}

// TestRegisteringGoesOnAfterLostAnswers drops Kratos' answers to registration and acceptance, and presses twice at once.
func TestRegisteringGoesOnAfterLostAnswers(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		public, hooks := &checkpoint{}, &checkpoint{}
		s := startTestStack(t, binary, func(o *stackOptions) {
			o.settings = append(o.settings, "PAPERPLANE_KRATOS_PUBLIC_URL="+public.start(t, o.ports.kratosPublic),
				"PAPERPLANE_INTERNAL_URL="+hooks.start(t, o.ports.internal))
		})
		s.administrator(t).invites(t, "lost@example.com", "double@example.com", "guardless@example.com")
		inTurn(t,
			story{"lost answers", func(t *testing.T) {
				v := s.visitor(t)
				form := v.starts(t, s.linkTo(t, "lost@example.com"))
				mobile := s.mobile()
				public.lose(http.MethodPost, "/self-service/settings") // of the profile
				form = v.press(t, form, "Register", details(mobile)...)
				form.says(t, 503, "What you typed stands below")
				public.onSecond(http.MethodPost, "/self-service/settings") // of the password
				again := v.press(t, form, "Register", "password", goodPassword)
				if public.lost() != 2 {
					t.Errorf("%d answers were lost, want 2", public.lost())
				}
				again.says(t, 200, "Terms and conditions (EULA)") // Kratos was asked: the password is set
				public.lose(http.MethodPost, "/self-service/settings")
				again = v.press(t, again, "I accept the terms and conditions")
				if public.lost() != 3 {
					t.Errorf("%d answers were lost, want 3", public.lost())
				}
				again.says(t, 200, "You’re in")
				s.is(t, "lost@example.com", extension.Active)
			}},
			story{"every button pressed twice at once", func(t *testing.T) { s.pressesTwice(t) }},
			story{"guards out of reach", func(t *testing.T) {
				v := s.visitor(t)
				form := v.starts(t, s.linkTo(t, "guardless@example.com"))
				hooks.refuse(http.MethodPost, "/hooks/kratos/guard/")
				form = v.press(t, form, "Register", details(s.mobile())...)
				form.says(t, 503, "What you typed stands below", "Wait a moment")
				hooks.clear()
				if registered := s.user(t, "guardless@example.com").Facts.Registered; !registered.IsZero() {
					t.Error("registered without a guard")
				}
				terms := v.press(t, form, "Register", "password", goodPassword)
				hooks.refuse(http.MethodPost, "/hooks/kratos/guard/")
				again := v.press(t, terms, "I accept the terms and conditions")
				again.says(t, 503, "nothing that you entered is lost", "Wait a moment")
				hooks.clear()
				v.press(t, again, "I accept the terms and conditions").says(t, 200, "You’re in")
			}},
		)
	})
}

// pressesTwice double-clicks through the whole registration.
func (s *testStack) pressesTwice(t *testing.T) {
	t.Helper()
	v := s.visitor(t)
	twice := func(p page, button string, typed ...string) {
		t.Helper()
		answers := make([]page, 2)
		var pressing sync.WaitGroup
		for i := range answers {
			pressing.Go(func() { answers[i] = v.press(t, p, button, typed...) })
		}
		pressing.Wait()
		for _, answer := range answers {
			if answer.status >= http.StatusInternalServerError {
				t.Errorf("%s pressed twice is answered with %d: %s", button, answer.status, answer.text())
			}
		}
	}
	twice(v.open(t, s.linkTo(t, "double@example.com")), "Start")
	if v.whoami(t) != http.StatusOK {
		v.starts(t, s.linkTo(t, "double@example.com"))
	}
	twice(v.open(t, "/register"), "Register", details(s.mobile())...)
	terms := v.open(t, "/next")
	terms.says(t, 200, "Terms and conditions (EULA)")
	twice(terms, "I accept the terms and conditions")
	v.open(t, "/next").says(t, 200, "You’re in")
	s.is(t, "double@example.com", extension.Active)
	if n := row[int](t, s, `SELECT count(*)::int FROM audit WHERE user_id = $1 AND action = 'user.activated'`, s.user(t, "double@example.com").ID); n != 1 {
		t.Errorf("%d activations are in the audit, want 1", n)
	}
	s.looksAgain(t) // one press may have undone what was published after the other
	s.published(t, "double@example.com")
}
