package main

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// TestForgottenPasswords asks for a new password in the name of everybody who can be asked for, on the pages and past them.
func TestForgottenPasswords(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s, hooks := behindHooks(t, binary)
		ada := s.administrator(t)
		inTurn(t,
			story{"an Active user reads the code, chooses a new password, and every other session ends", func(t *testing.T) { s.recovers(t, ada) }},
			story{"whoever has a second factor shows it before the settings open", func(t *testing.T) { s.recoversWithFactor(t, ada) }},
			story{"every address is answered alike, and only invitees hear of it", func(t *testing.T) { s.answersAlike(t, ada) }},
			story{"an invitation comes again once an hour at most", func(t *testing.T) { s.reinvitesOnceAnHour(t, ada) }},
			story{"wrong codes, spent codes and codes of others open nothing", func(t *testing.T) { s.refusesCodes(t, ada) }},
			story{"past the pages, a code opens nothing before Start and after expiry", func(t *testing.T) { s.recoversNobodyPastThePages(t, ada, hooks) }},
		)
	})
}

// digits finds a code in a message.
var digits = regexp.MustCompile(`\b\d{6}\b`)

// codeIn is the code in a message, which the log must not hold.
func (s *testStack) codeIn(t testing.TB, message mailbox.Message) string {
	t.Helper()
	code := digits.FindString(message.Text)
	if code == "" {
		t.Fatalf("no code in %q", message.Text)
	}
	s.neverLogged(t, code)
	return code
}

// neverLogged fails the test if the log tells one of these codes by the end. They are too short for testLog: other numbers
// have as many digits, so only a whole word counts, and none that is a part of a time or an id.
func (s *testStack) neverLogged(t testing.TB, codes ...string) {
	t.Helper()
	t.Cleanup(func() {
		for _, code := range codes {
			if regexp.MustCompile(`[^0-9a-fA-F.:+-]` + regexp.QuoteMeta(code) + `[^0-9a-fA-F.:-]`).MatchString(s.log.all()) {
				t.Errorf("the log holds a code")
			}
		}
	})
}

// all is what was written so far.
func (l *testLog) all() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.lines.String()
}

// addressesLack fails the test if an address that the visitor was at, or was led to, holds one of these.
func (v *visitor) addressesLack(t testing.TB, secrets ...string) {
	t.Helper()
	for _, a := range v.answers() {
		for _, secret := range secrets {
			if secret != "" && (strings.Contains(a.address, secret) || strings.Contains(a.header.Get("Location"), secret)) {
				t.Errorf("%s leads to an address that holds a secret", a.method)
			}
		}
	}
}

// forgets asks for a new password for an address. The visitor is then at the page that takes the code.
func (v *visitor) forgets(t testing.TB, address string) page {
	t.Helper()
	asked := v.press(t, v.open(t, "/recovery"), "Send me a code", "email", address)
	asked.says(t, 200, "Look into your mailbox", "If an account belongs to the address that you entered")
	return asked
}

// nthCode reads the code that came to an address as its nth message.
func (s *testStack) nthCode(t testing.TB, address string, n int) string {
	t.Helper()
	return s.codeIn(t, s.letters(t, address, n)[n-1])
}

func (s *testStack) recovers(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "forgetful@example.com"
	elsewhere := s.member(t, ada, address)
	s.rows(t, `UPDATE organisations SET language = 'de' WHERE slug = $1`, demoSlug)
	defer s.rows(t, `UPDATE organisations SET language = 'en' WHERE slug = $1`, demoSlug)

	v := s.visitor(t)
	asked := v.forgets(t, strings.ToUpper(address[:1])+address[1:]+" ")
	letter := s.letters(t, address, 2)[1]
	if !strings.HasPrefix(letter.Subject, "Harbour Care: ") || !strings.Contains(letter.Text, "Code") || strings.Contains(letter.Text, "Type this code") {
		t.Errorf("the letter is %q, %q", letter.Subject, letter.Text)
	}
	code := s.codeIn(t, letter)
	if strings.Contains(letter.Subject, code) {
		t.Error("the subject shows the code")
	}
	if elsewhere.whoami(t) != http.StatusOK {
		t.Error("asking alone has ended a session")
	}
	chooses := v.press(t, asked, "Confirm the code", "code", code[:3]+" "+code[3:])
	chooses.says(t, 200, "Choose a new password", "It is you: the code was right.")
	if chooses.path() != "/settings" || elsewhere.whoami(t) != http.StatusUnauthorized || s.sessions(t, s.user(t, address).Identity) != 1 {
		t.Errorf("at %s, the other session is answered with %d", chooses.path(), elsewhere.whoami(t))
	}
	const password = "seven green umbrellas"
	s.log.mustNotHold(password)
	v.press(t, chooses, "Save the new password", "password", strings.Repeat(" ", 13)).says(t, 422, extension.PasswordOfSpaces)
	v.press(t, chooses, "Save the new password", "password", password).says(t, 200, "Your new password is saved.")
	v.open(t, "/next").says(t, 200, "You’re in")
	s.visitor(t).signIn(t, address, goodPassword).says(t, 422, "The email address or the password is not right.")
	s.visitor(t).signIn(t, address, password).says(t, 200, "You’re in")
	v.addressesLack(t, code, password)

	again := s.visitor(t)
	again.press(t, again.forgets(t, address), "Confirm the code", "code", code).says(t, 422, "This code is not right")
}

func (s *testStack) recoversWithFactor(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "careful@example.com"
	owner := s.member(t, ada, address)
	app := owner.enrols(t)
	s.log.mustNotHold(app.secret)
	v := s.visitor(t)
	confirm := v.press(t, v.forgets(t, address), "Confirm the code", "code", s.nthCode(t, address, 2))
	confirm.says(t, 200, "Confirm that it is you", "authenticator app")
	if owner.whoami(t) != http.StatusUnauthorized {
		t.Error("the other session lives on")
	}
	v.opensNoSettings(t)
	v.open(t, "/settings").says(t, 200, "Confirm that it is you")
	v.press(t, confirm, "Confirm", "code", "000000").says(t, 422, "This code is not right", "sets its clock")
	chooses := v.press(t, v.open(t, "/settings?recovered=1"), "Confirm", "code", app.code(t))
	chooses.says(t, 200, "Choose a new password")
	v.press(t, chooses, "Save the new password", "password", "eleven quiet lanterns").says(t, 200, "Your new password is saved.")
	v.addressesLack(t, app.secret)
}

// impression is what somebody who asks for a new password can see of the answer.
type impression struct {
	Asking, Answer int
	Headers        []string
	Cookies        []string
	Text           string
}

// asks is everything that an answer to an address tells.
func (v *visitor) asks(t *testing.T, address string) (impression, time.Duration) {
	t.Helper()
	form := v.open(t, "/recovery")
	before := len(v.answers())
	began := time.Now()
	answer := v.press(t, form, "Send me a code", "email", address)
	took := time.Since(began)
	asking := v.answers()[before]
	seen := impression{Asking: asking.status, Answer: answer.status, Text: strings.ReplaceAll(answer.text(), address, "…")}
	for name := range asking.header {
		seen.Headers = append(seen.Headers, name)
	}
	slices.Sort(seen.Headers)
	for _, line := range asking.header.Values("Set-Cookie") {
		name, _, _ := strings.Cut(line, "=")
		seen.Cookies = append(seen.Cookies, name)
	}
	return seen, took
}

func (s *testStack) answersAlike(t *testing.T, ada *visitor) {
	t.Helper()
	people := []string{"nobody.at.all@example.com", "pending@example.com", "begun@example.com", "late@example.com", "off@example.com", "in@example.com"}
	ada.invites(t, people[1:4]...)
	begun := s.visitor(t)
	begun.starts(t, s.linkTo(t, "begun@example.com"))
	s.member(t, ada, "off@example.com")
	s.member(t, ada, "in@example.com")
	s.switchesOff(t, "off@example.com")
	s.runsOut(t, "late@example.com")
	s.is(t, "late@example.com", extension.Expired)
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 hours'`)

	var first impression
	for i, address := range people {
		seen, took := s.visitor(t).asks(t, address)
		t.Logf("%s was answered within %s", address, took)
		if i == 0 {
			first = seen
		}
		if diff := cmp.Diff(first, seen); diff != "" {
			t.Errorf("%s is answered otherwise than nobody (-nobody +them):\n%s", address, diff)
		}
	}
	if first.Asking != http.StatusSeeOther || first.Answer != http.StatusOK {
		t.Errorf("answered with %d, %d", first.Asking, first.Answer)
	}
	for _, address := range []string{"pending@example.com", "late@example.com"} {
		if code := digits.FindString(s.letters(t, address, 2)[1].Text); code != "" {
			t.Errorf("%s got a code that leads nowhere", address)
		}
		s.is(t, address, extension.Pending)
	}
	s.visitor(t).joins(t, "late@example.com")
	s.nthCode(t, "in@example.com", 2)
	v := s.visitor(t)
	off := v.press(t, v.forgets(t, "off@example.com"), "Confirm the code", "code", s.nthCode(t, "off@example.com", 3))
	off.says(t, 403, "Your access is paused", "ask your administrator")
	if v.cookie(t, "/", "ory_kratos_session") != "" {
		t.Error("somebody whose access is paused got a session")
	}
	if n := len(s.invitationsTo("begun@example.com")); n != 1 {
		t.Errorf("somebody who began a moment ago got %d letters, want 1: another would end what they do", n)
	}
	s.noLetter(t, "nobody.at.all@example.com")
}

func (s *testStack) reinvitesOnceAnHour(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "impatient@example.com"
	ada.invites(t, address)
	v := s.visitor(t)
	for range 3 {
		v.forgets(t, address).says(t, 200, "less than an hour ago, none is sent again")
	}
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '61 minutes' WHERE id = $1`, s.user(t, address).Invitation)
	for range 3 {
		v.forgets(t, address)
	}
	s.letters(t, address, 2)
	// What Kratos' courier still brings counts too: its messages are all handed over before the one of somebody else.
	other := s.visitor(t)
	s.member(t, ada, "marker@example.com")
	other.forgets(t, "marker@example.com")
	s.nthCode(t, "marker@example.com", 2)
	for _, letter := range s.invitationsTo(address) {
		if digits.MatchString(letter.Text) {
			t.Error("a code came")
		}
	}
	if n := len(s.invitationsTo(address)); n != 2 {
		t.Errorf("%d letters came, want 2", n)
	}
}

func (s *testStack) refusesCodes(t *testing.T, ada *visitor) {
	t.Helper()
	s.member(t, ada, "victim@example.com")
	s.member(t, ada, "thief@example.com")
	thief, victim := s.visitor(t), s.visitor(t)
	at, own := victim.forgets(t, "victim@example.com"), thief.forgets(t, "thief@example.com")
	victims, thiefs := s.nthCode(t, "victim@example.com", 2), s.nthCode(t, "thief@example.com", 2)

	// The thief's own code in the flow that was begun for the victim, and the victim's flow in the thief's browser.
	mixed := s.visitor(t)
	wrong := mixed.press(t, mixed.forgets(t, "victim@example.com"), "Confirm the code", "code", thiefs)
	wrong.says(t, 422, "This code is not right")
	stolen := own.formWith(t, "Confirm the code", "code", victims)
	thief.do(t, thief.submission(t, own, stolen)).says(t, 422, "This code is not right")
	carried := at.formWith(t, "Confirm the code", "code", victims)
	thief.do(t, thief.submission(t, at, carried)).says(t, 410, "This code does not work any more", "Enter your email address")
	for _, v := range []*visitor{mixed, thief} {
		if v.cookie(t, "/", "ory_kratos_session") != "" {
			t.Error("a code of somebody else gave a session")
		}
	}

	guessing := victim
	answer := at
	for tries := 0; answer.has("Confirm the code"); tries++ {
		if tries > 10 {
			t.Fatal("codes can be guessed for ever")
		}
		if answer = guessing.press(t, answer, "Confirm the code", "code", "000000"); answer.status == http.StatusUnprocessableEntity {
			answer.says(t, 422, "This code is not right")
		}
	}
	answer.says(t, 410, "This code does not work any more", "too many wrong codes", "Enter your email address")
	guessing.do(t, guessing.submission(t, at, carried)).says(t, 410, "This code does not work any more")
	for _, empty := range []string{"", "   ", "12345", "١٢٣٤٥٦", strings.Repeat("9", 5000), "12\x0034"} {
		form := guessing.forgets(t, "victim@example.com")
		if got := guessing.press(t, form, "Confirm the code", "code", empty); got.status >= http.StatusInternalServerError || got.status == http.StatusOK {
			t.Errorf("the code %.20q is answered with %d: %s", empty, got.status, got.text())
		}
	}
	guessing.open(t, "/recovery?flow="+url.QueryEscape(extension.NewID[string]())).says(t, 410, "Enter your email address")
	guessing.open(t, "/recovery?flow=%01%0d%0aX:%20y").says(t, 410, "Enter your email address")
	guessing.open(t, "/recovery?flow=%00").says(t, 400, "This request cannot be read")
}

// recoversNobodyPastThePages plays somebody who reads the codes that Kratos makes, whoever they were meant for.
func (s *testStack) recoversNobodyPastThePages(t *testing.T, ada *visitor, hooks *checkpoint) {
	t.Helper()
	addresses := []string{"not.started@example.com", "run.out@example.com"}
	ada.invites(t, addresses...)
	registering := s.visitor(t)
	registering.starts(t, s.linkTo(t, addresses[1]))
	s.runsOut(t, addresses[1])
	id := s.user(t, addresses[1]).Identity
	s.forgetsLook(t, addresses[1])
	eventually(t, "the sweep makes the identity inactive", func() bool { return s.state(t, id) == "inactive" && registering.whoami(t) == http.StatusUnauthorized })
	for _, address := range addresses {
		t.Run(address, func(t *testing.T) {
			v := s.visitor(t)
			before := len(hooks.of("/hooks/kratos/courier"))
			status, flow := v.inKratos(t, http.MethodGet, "/self-service/recovery/browser", nil)
			begun := settings{visitor: v, flow: flow}
			if status != http.StatusOK {
				t.Fatalf("recovery answered %d", status)
			}
			post := func(fields object) (int, object) {
				fields["csrf_token"], fields["method"] = begun.attribute("csrf_token", "value"), "code"
				return v.inKratos(t, http.MethodPost, "/self-service/recovery?flow="+flow["id"].(string), fields)
			}
			post(object{"email": address})
			code := ""
			eventually(t, "Kratos hands a code over", func() bool {
				for _, call := range hooks.of("/hooks/kratos/courier")[before:] {
					if strings.Contains(call.body, address) {
						code = digits.FindString(call.body)
					}
				}
				return code != ""
			})
			s.neverLogged(t, code)
			status, answer := post(object{"code": code})
			if v.whoami(t) != http.StatusUnauthorized || s.sessions(t, s.user(t, address).Identity) != 0 {
				t.Errorf("the code gave a session: %d, %v", status, answer)
			}
			for _, letter := range s.invitationsTo(address) {
				if strings.Contains(letter.Text, code) {
					t.Error("the code was mailed")
				}
			}
			if state := s.state(t, s.user(t, address).Identity); state != "inactive" {
				t.Errorf("the identity is %s now", state)
			}
		})
	}
}
