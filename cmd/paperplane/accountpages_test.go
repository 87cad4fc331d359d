package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"paperplane/extension"
	"paperplane/flows"
)

// objectsAddress is the id of what the guard says against a change of the address.
const objectsAddress = 9000001

// TestAccountPages changes everything that people can change of their account, and tries what they cannot.
func TestAccountPages(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, func(o *stackOptions) { o.timing.refusal = flows.RefusalTime })
		ada := s.administrator(t)
		inTurn(t,
			story{"the details", func(t *testing.T) { s.changesDetails(t, ada) }},
			story{"names that would mislead", func(t *testing.T) { s.refusesNames(t, ada) }},
			story{"forms without their token", func(t *testing.T) { s.needsTokens(t, ada) }},
			story{"the address stays", func(t *testing.T) { s.keepsAddress(t, ada) }},
			story{"the password, which ends every other session", func(t *testing.T) { s.changesPassword(t, ada) }},
			story{"the browsers that are signed in", func(t *testing.T) { s.endsSessions(t, ada) }},
			story{"a refused sign-in tells nobody who is invited", func(t *testing.T) { s.refusesEvenly(t, ada) }},
			story{"the second factor and its recovery codes", func(t *testing.T) { s.changesFactors(t, ada) }},
			story{"the mobile of somebody with a second factor", func(t *testing.T) { s.protectsMobile(t, ada) }},
			story{"a session that has grown old", func(t *testing.T) { s.outlivesPrivilege(t, ada) }},
			story{"an invitee's session that has grown old", func(t *testing.T) { s.outlivesPrivilegeUnregistered(t, ada) }},
			story{"somebody without an organisation has an account too", func(t *testing.T) { s.servesStrangers(t) }},
			story{"an address is confirmed", func(t *testing.T) { s.confirmsAddress(t) }},
			story{"the error page says what to do", func(t *testing.T) { s.explainsErrors(t) }},
		)
	})
}

// theSettings opens the account.
func (v *visitor) theSettings(t testing.TB) page {
	t.Helper()
	p := v.open(t, "/settings")
	p.says(t, 200, "Your account", "Where you are signed in")
	return p
}

// controlNamed is the button with this name and value, for pages with many that are called alike.
func (p page) controlNamed(t testing.TB, name, value string) *html.Node {
	t.Helper()
	for node := range p.elements("button") {
		gotName, _ := attribute(node, "name")
		gotValue, _ := attribute(node, "value")
		if gotName == name && gotValue == value {
			return node
		}
	}
	t.Fatalf("%s has no button %s=%s:\n%s", p.path(), name, value, p.text())
	return nil
}

func (s *testStack) changesDetails(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "details@example.com"
	v := s.member(t, ada, address)
	other := s.member(t, ada, "details.other@example.com")
	taken := s.user(t, "details.other@example.com").Mobile
	mobile := s.mobile()
	account := v.theSettings(t)
	saved := v.press(t, account, "Save your details",
		"traits.name.first", " Zoë ", "traits.name.last", "O’Brien-Åström", "traits.phone", "0"+strings.TrimPrefix(mobile, "+46"))
	saved.says(t, 200, "Your details are saved.")
	if got := saved.value(t, "traits.name.last"); got != "O’Brien-Åström" {
		t.Errorf("the last name is %q", got)
	}
	eventually(t, "the report is heard", func() bool {
		user := s.user(t, address)
		return user.FirstName == "Zoë" && user.Mobile == mobile
	})

	for name, c := range map[string]struct {
		typed []string
		field string
		says  string
	}{
		"a number of somebody else": {[]string{"traits.phone", taken}, "traits.phone", "This number belongs to another account. Use another number, or ask your administrator to free it."},
		"no number":                 {[]string{"traits.phone", ""}, "traits.phone", "Enter your mobile number."},
		"a number that is none":     {[]string{"traits.phone", "12 monkeys"}, "traits.phone", ""},
		"no name":                   {[]string{"traits.name.first", "   "}, "traits.name.first", "Enter your first name."},
		"a name that never ends":    {[]string{"traits.name.last", strings.Repeat("ab", 2000)}, "traits.name.last", "100 characters"},
		"a name with a line in it":  {[]string{"traits.name.last", "Sand\r\nBcc: all"}, "traits.name.last", ""},
	} {
		t.Run(name, func(t *testing.T) {
			refused := v.press(t, v.theSettings(t), "Save your details", c.typed...)
			refused.says(t, 422, c.says)
			if refused.faults()[c.field] == "" {
				t.Errorf("nothing is said at %s: %v", c.field, refused.faults())
			}
			if got := refused.value(t, c.typed[0]); got != strings.TrimSpace(c.typed[1]) && c.typed[1] != "Sand\r\nBcc: all" {
				t.Errorf("the field shows %.40q, was typed %.40q", got, c.typed[1])
			}
			if user := s.user(t, address); user.Mobile != mobile || user.FirstName != "Zoë" {
				t.Errorf("the user is %s with %s now", user.FirstName, user.Mobile)
			}
		})
	}
	if phone := s.identity(t, s.user(t, "details.other@example.com").Identity)["traits"].(object)["phone"]; phone != taken {
		t.Errorf("the other one has %v now", phone)
	}
	stale := account.formWith(t, "Save your details", "csrf", "forged")
	v.do(t, v.submission(t, account, stale)).says(t, 200, "The page was open for too long, so nothing was changed.")
	foreign := account.formWith(t, "Save your details", "traits.name.first", "Mallory")
	other.do(t, other.submission(t, account, foreign)).says(t, 200, "so nothing was changed")
	if first := s.user(t, "details.other@example.com").FirstName; first != "Robin" {
		t.Errorf("a form of somebody else made the name %s", first)
	}
}

// keepsAddress tries to change the address on the page, by a field that is not there, and at Kratos.
func (s *testStack) keepsAddress(t *testing.T, ada *visitor) {
	t.Helper()
	const address, other = "fixed@example.com", "moved@example.com"
	v := s.member(t, ada, address)
	account := v.theSettings(t)
	account.says(t, 200, "You were invited with this address, so it cannot be changed here.", "ask your administrator")
	v.press(t, account, "Save your details", "traits.email", other).says(t, 422, "Your email address cannot be changed here.")
	form := account.formWith(t, "Save your details")
	form.fields = append(form.fields, "email", other, "traits.terms.version", "forged")
	v.do(t, v.submission(t, account, form)).says(t, 200, "Your details are saved.")
	flow := v.beginsSettings(t)
	status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"email": other})})
	if status != http.StatusBadRequest || !slices.Contains(errors, objectsAddress) {
		t.Errorf("at Kratos, another address is answered with %d, %v", status, errors)
	}
	traits := s.identity(t, s.user(t, address).Identity)["traits"].(object)
	if traits["email"] != address || traits["terms"].(object)["version"] != s.terms(t) {
		t.Errorf("the traits are %v", traits)
	}
	s.noLetter(t, other)
}

func (s *testStack) changesPassword(t *testing.T, ada *visitor) {
	t.Helper()
	const address, password = "password.page@example.com", "nine purple kettles"
	s.log.mustNotHold(password)
	v := s.member(t, ada, address)
	elsewhere := s.visitor(t)
	elsewhere.signIn(t, address, goodPassword).says(t, 200, "You’re in")
	for typed, says := range map[string]string{
		"":                          "Enter",
		"short":                     "too short",
		strings.Repeat("long ", 20): "72 characters",
		"password.page@example.com": "too much like your email address",
	} {
		refused := v.press(t, v.theSettings(t), "Save the new password", "password", typed)
		refused.says(t, 422, says)
		if got := refused.value(t, "password"); got != "" {
			t.Errorf("the page holds the password %q", got)
		}
	}
	if elsewhere.whoami(t) != http.StatusOK {
		t.Error("a password that was refused ended a session")
	}
	v.press(t, v.theSettings(t), "Save the new password", "password", password).says(t, 200, "Your new password is saved. Every other browser was signed out.")
	if elsewhere.whoami(t) != http.StatusUnauthorized || v.whoami(t) != http.StatusOK {
		t.Error("not exactly the other session has ended")
	}
	elsewhere.open(t, "/settings").says(t, 200, "Sign in")
	s.visitor(t).signIn(t, address, password).says(t, 200, "You’re in")
	v.addressesLack(t, password)
}

func (s *testStack) endsSessions(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "devices@example.com"
	v := s.member(t, ada, address)
	stranger := s.member(t, ada, "devices.other@example.com")
	ends := regexp.MustCompile(`name="session" value="([^"]+)"`)
	signsIn := func() *visitor {
		t.Helper()
		other := s.visitor(t)
		other.signIn(t, address, goodPassword).says(t, 200, "You’re in")
		return other
	}
	second := signsIn()
	account := v.theSettings(t)
	account.says(t, 200, "This browser")
	found := ends.FindAllStringSubmatch(account.body, -1)
	if len(found) != 1 {
		t.Fatalf("%d sessions can be ended, want 1: %s", len(found), account.text())
	}
	stranger.do(t, stranger.submission(t, account, stranger.theSettings(t).plus(t, "session", found[0][1]))).says(t, 200, "Your account")
	if second.whoami(t) != http.StatusOK {
		t.Fatal("somebody else could end a session")
	}
	v.do(t, v.submission(t, account, account.formOf(t, account.controlNamed(t, "session", found[0][1])))).says(t, 200, "That browser is signed out.")
	if second.whoami(t) != http.StatusUnauthorized || v.whoami(t) != http.StatusOK {
		t.Error("not exactly the chosen session has ended")
	}
	again := v.do(t, v.submission(t, account, account.formOf(t, account.controlNamed(t, "session", found[0][1]))))
	if again.status >= http.StatusInternalServerError {
		t.Errorf("ending it twice is answered with %d", again.status)
	}

	third, fourth := signsIn(), signsIn()
	v.press(t, v.theSettings(t), "Sign out everywhere else").says(t, 200, "Every other browser is signed out.")
	if third.whoami(t) != http.StatusUnauthorized || fourth.whoami(t) != http.StatusUnauthorized || v.whoami(t) != http.StatusOK {
		t.Error("not exactly the others have ended")
	}
	third.open(t, "/settings").says(t, 200, "Sign in")
	if stranger.whoami(t) != http.StatusOK {
		t.Error("somebody else was signed out")
	}
	for _, id := range []string{"", "no id", extension.NewID[string](), "../sessions", strings.Repeat("a", 4000)} {
		if p := v.do(t, v.submission(t, account, v.theSettings(t).plus(t, "session", id))); p.status >= http.StatusInternalServerError {
			t.Errorf("ending %.20q is answered with %d", id, p.status)
		}
	}
}

// plus is a form to the sessions of an account with the page's own token and one field.
func (p page) plus(t testing.TB, field, value string) form {
	t.Helper()
	return form{method: http.MethodPost, action: p.resolve(t, "/settings/sessions"), fields: []string{"csrf", p.value(t, "csrf"), field, value}}
}

func (s *testStack) servesStrangers(t *testing.T) {
	t.Helper()
	s.stranger(t, "customer@example.com")
	v := s.visitor(t)
	v.signIn(t, "customer@example.com", goodPassword)
	account := v.theSettings(t)
	account.lacks(t, "Second factor", "You were invited")
	v.press(t, account, "Save your details", "traits.name.first", "Cus").says(t, 200, "Your details are saved.") // and no number, which nobody asks for
	v.press(t, v.theSettings(t), "Save the new password", "password", "twelve brass buttons").says(t, 200, "Your new password is saved.")
	for _, path := range []string{"/settings/totp", "/secure", "/secure/totp", "/secure/codes", "/confirm", "/agree", "/welcome", "/organisations"} {
		if p := v.open(t, path); p.status >= http.StatusInternalServerError {
			t.Errorf("%s answers %d: %s", path, p.status, p.text())
		}
	}
}

func (s *testStack) confirmsAddress(t *testing.T) {
	t.Helper()
	const address = "unconfirmed@example.com"
	id := s.stranger(t, address)
	verified := func() bool {
		list, _ := s.identity(t, id)["verifiable_addresses"].([]any)
		return len(list) > 0 && list[0].(object)["verified"] == true
	}
	asks := func(v *visitor, address string) page {
		t.Helper()
		return v.press(t, v.open(t, "/verification"), "Send me a code", "email", address)
	}
	v := s.visitor(t)
	mine, nobodys := asks(v, address), asks(s.visitor(t), "nobody.here@example.com")
	mine.says(t, 200, "Look into your mailbox", "If this address belongs to an account")
	if diff := cmp.Diff(nobodys.text(), mine.text()); diff != "" {
		t.Errorf("an address of nobody is answered otherwise (-nobody +somebody):\n%s", diff)
	}
	code := s.nthCode(t, address, 1)
	v.press(t, mine, "Confirm the code", "code", "000000").says(t, 422, "This code is not right")
	if verified() {
		t.Error("a wrong code confirms")
	}
	done := v.press(t, mine, "Confirm the code", "code", code)
	done.says(t, 200, "Your email address is confirmed")
	if !verified() || v.whoami(t) == http.StatusOK {
		t.Error("the address is not confirmed, or somebody was signed in by it")
	}
	v.press(t, mine, "Confirm the code", "code", code).says(t, 410, "This code does not work any more")
	guessing := s.visitor(t)
	answer := asks(guessing, address)
	for range 10 {
		if answer.has("Confirm the code") {
			answer = guessing.press(t, answer, "Confirm the code", "code", "000000")
		}
	}
	answer.says(t, 410, "This code does not work any more", "Enter your email address")
	guessing.open(t, "/verification?flow="+extension.NewID[string]()).says(t, 410, "Enter your email address")
	v.addressesLack(t, code)
	s.noLetter(t, "nobody.here@example.com")
}

func (s *testStack) explainsErrors(t *testing.T) {
	t.Helper()
	v := s.visitor(t)
	for _, query := range []string{"", "?id=", "?id=" + extension.NewID[string](), "?id=" + strings.Repeat("z", 6000), "?id=stub:500", "?id=../../admin/identities"} {
		p := v.open(t, "/error"+query)
		p.says(t, 200, "That did not work", "What was saved before is safe.", "start page")
		if !p.has("Go to the start page") || !p.has("Sign in") {
			t.Error("the page leads nowhere")
		}
	}
	// A social sign-in's answer that belongs to nothing is what Kratos itself sends to the error page.
	lost := v.open(t, "/self-service/methods/oidc/callback/nobody?code=a&state=b")
	if lost.status >= http.StatusInternalServerError {
		t.Errorf("a stray answer of a social sign-in is answered with %d: %s", lost.status, lost.text())
	}
}
