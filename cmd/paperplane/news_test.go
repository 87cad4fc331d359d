package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// isNews tells whether a letter is about changes of an account.
func isNews(letter mailbox.Message) bool {
	return strings.HasPrefix(letter.Headers["X-Entity-Ref-ID"], "news-")
}

// besidesNews are the messages to an address or a number that are not about changes of an account.
func (s *testStack) besidesNews(to string) []mailbox.Message {
	return slices.DeleteFunc(s.mailbox.Messages(to), isNews)
}

// newsTo are those that are.
func (s *testStack) newsTo(to string) []mailbox.Message {
	return slices.DeleteFunc(s.mailbox.Messages(to), func(letter mailbox.Message) bool { return !isNews(letter) })
}

// TestOwnersHearOfChanges changes accounts in every way that their owners are told of, and in the one that they are not.
func TestOwnersHearOfChanges(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, direct)
		ada := s.administrator(t)
		const first = "first@example.com"
		inTurn(t,
			story{"what is set up on the way in is no news", func(t *testing.T) { s.setsUpUntold(t, first) }},
			story{"an app, recovery codes, the password", func(t *testing.T) { s.hearsOfOwnChanges(t, ada) }},
			story{"twice in one form of Kratos' own settings", func(t *testing.T) { s.hearsOfEverySave(t, ada) }},
			story{"a recovery code that lets somebody in", func(t *testing.T) { s.hearsOfRecovery(t, ada) }},
			story{"an administrator's reset", func(t *testing.T) { s.hearsOfReset(t, ada) }},
			story{"a number that is freed", func(t *testing.T) { s.hearsOfLostNumber(t, ada) }},
			story{"while the provider is in trouble it waits, and is sent once", func(t *testing.T) { s.hearsAfterTrouble(t, ada) }},
			story{"one that is refused for good is given up", func(t *testing.T) { s.isRefused(t, ada) }},
			story{"the first is told nothing of the way in, however late", func(t *testing.T) { s.heard(t, first) }},
		)
	})
}

// heard waits until somebody has been told so often, the last time in these words, and fails if it was oftener.
func (s *testStack) heard(t *testing.T, address string, told ...string) {
	t.Helper()
	user := s.user(t, address)
	eventually(t, address+" is told all", func() bool {
		waiting := row[int](t, s, `SELECT count(*)::int FROM news WHERE identity_id::text = $1 AND done_at IS NULL`, string(user.Identity))
		return waiting == 0 && len(s.newsTo(address)) >= len(told)
	})
	letters := s.newsTo(address)
	if len(letters) != len(told) {
		t.Fatalf("%s was told %d times, want %d: %+v", address, len(letters), len(told), letters)
	}
	for i, words := range told {
		if !strings.Contains(letters[i].Text, words) {
			t.Errorf("the letter to %s does not say %q:\n%s", address, words, letters[i].Text)
		}
	}
}

func (s *testStack) setsUpUntold(t *testing.T, address string) {
	t.Helper()
	s.asksForFactor(t, extension.FactorTOTP)
	defer s.asksForNoFactor(t)
	h := s.secured(t, address)
	s.is(t, address, extension.Active)
	s.heard(t, address)
	// Reports may come late, when they are Active.
	for _, method := range extension.SettingsMethods() {
		s.savedBy(t, address, method)
	}
	s.heard(t, address)
	if h.whoami(t) != http.StatusOK {
		t.Error("the session ended")
	}
}

// savedBy tells Paperplane, as Kratos does and twice, that somebody has saved their settings by a method.
func (s *testStack) savedBy(t *testing.T, address string, method extension.SettingsMethod) {
	t.Helper()
	body := cleanJSON(t, object{
		"flow_id": extension.NewID[string](), "identity": object{"id": string(s.user(t, address).Identity), "updated_at": "2026-11-23T09:30:00Z"},
	})
	for range 2 {
		status := s.report(t, "/hooks/kratos/report/"+string(method), "Bearer "+s.server.config.Internal.HookKey.Reveal(), body)
		if status != http.StatusNoContent {
			t.Fatalf("a report by %s is answered with %d", method, status)
		}
	}
}

func (s *testStack) hearsOfOwnChanges(t *testing.T, ada *visitor) {
	t.Helper()
	const address, password = "changes@example.com", "nine purple kettles"
	s.log.mustNotHold(password)
	v := s.member(t, ada, address)
	const app = "An authenticator app was added as a second factor."
	v.addsApp(t)
	s.heard(t, address, app)
	letter := s.newsTo(address)[0]
	if letter.Subject != "Harbour Care: Your account was changed" || strings.Count(letter.HTML, `href="`) != strings.Count(letter.HTML, `href="`+s.page("/settings")+`"`) {
		t.Errorf("the letter is %q:\n%s", letter.Subject, letter.HTML)
	}
	s.visitor(t).open(t, s.page("/settings")).says(t, 200, "Sign in") // the link lets nobody in

	s.clock.advance(time.Hour)
	const codes, changed, away = "New recovery codes were made.", "A new password was set.", "The authenticator app is no longer a second factor."
	v.keepsCodes(t)
	s.heard(t, address, app, codes)
	v.press(t, v.theSettings(t), "Save the new password", "password", password).says(t, 200, "Your new password is saved.")
	s.heard(t, address, app, codes, changed)
	v.press(t, v.theSettings(t), "Take away Authenticator app").says(t, 200, "Add an authenticator app")
	s.heard(t, address, app, codes, changed, away)
	s.savedBy(t, address, extension.MethodOIDC)
	s.heard(t, address, app, codes, changed, away, "a way to sign in with an account at another site, was added or removed.")
}

// hearsOfEverySave saves one form again and again: Kratos v1.3.1 then reports the same flow, and the same moment of its
// identity.
func (s *testStack) hearsOfEverySave(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "often@example.com"
	passwords := []string{"eleven brown kettles", "twelve brown kettles"}
	s.log.mustNotHold(passwords...)
	v := s.member(t, ada, address)
	s.clock.advance(time.Hour)
	const changed = "A new password was set."
	form := v.beginsSettings(t)
	var told []string
	for _, password := range passwords {
		if status, errors := form.submit(t, "password", object{"password": password}); status != http.StatusOK {
			t.Fatalf("a password is answered with %d, %v", status, errors)
		}
		told = append(told, changed)
		s.heard(t, address, told...)
	}
	v.addsApp(t)
	told = append(told, "An authenticator app was added as a second factor.")
	s.heard(t, address, told...)
	form = v.beginsSettings(t)
	const made, gone = "New recovery codes were made.", "The recovery codes were taken away."
	makes := func() (int, []int64) { return form.makesCodes(t) }
	disables := func() (int, []int64) {
		return form.submit(t, "lookup_secret", object{"lookup_secret_disable": true})
	}
	for _, save := range []struct {
		does func() (int, []int64)
		told string
	}{{makes, made}, {disables, gone}, {makes, made}} {
		if status, errors := save.does(); status != http.StatusOK {
			t.Fatalf("%q is answered with %d, %v", save.told, status, errors)
		}
		told = append(told, save.told)
		s.heard(t, address, told...)
	}
}

func (s *testStack) hearsOfRecovery(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "paper@example.com"
	v := s.member(t, ada, address)
	const app, codes, used = "An authenticator app was added", "New recovery codes were made.", "A recovery code was used to sign in."
	v.addsApp(t)
	s.heard(t, address, app)
	s.clock.advance(time.Hour)
	kept := v.keepsCodes(t)
	s.heard(t, address, app, codes)
	paper := s.visitor(t)
	paper.signIn(t, address, goodPassword)
	paper.open(t, "/settings").says(t, 200, "Confirm that it is you")
	paper.confirmsOnPaper(t, "abcd1234").says(t, 422, "This is none of your recovery codes.")
	paper.confirmsOnPaper(t, kept[0]).says(t, 200, "Your account")
	s.heard(t, address, app, codes, used)
}

func (s *testStack) hearsOfReset(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "reset@example.com"
	v := s.member(t, ada, address)
	v.addsApp(t)
	const added = "An authenticator app was added"
	s.heard(t, address, added)
	path := "/o/harbour/users/" + string(s.user(t, address).ID)
	for range 2 {
		ada.press(t, ada.open(t, path+"/second-factor/reset"), "Reset second factor").says(t, 200, "signed out everywhere")
	}
	s.heard(t, address, added, "An administrator has taken your second factor away")
}

func (s *testStack) hearsOfLostNumber(t *testing.T, ada *visitor) {
	t.Helper()
	const loser, winner = "loser@example.com", "winner@example.com"
	s.member(t, ada, loser)
	mobile := s.user(t, loser).Mobile
	s.isTold(t, ada, winner, mobile)
	person := ada.open(t, "/o/harbour/users/"+string(s.user(t, winner).ID))
	ada.press(t, person, "Free this number", "mobile", mobile).says(t, 200, "The number is free")
	s.heard(t, loser, "has taken the mobile number ••• "+mobile[len(mobile)-3:]+" out of your account")
	if letter := s.newsTo(loser)[0]; strings.Contains(letter.Text+letter.HTML, mobile) || strings.Contains(letter.Text, winner) {
		t.Errorf("the letter says too much:\n%s", letter.Text)
	}
	s.heard(t, winner)
}

func (s *testStack) hearsAfterTrouble(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "trouble@example.com"
	v := s.member(t, ada, address)
	s.mailbox.Fail(1, mailbox.FaultLost) // which takes the letter and says that it failed
	v.addsApp(t)
	identity := string(s.user(t, address).Identity)
	eventually(t, "the letter waits", func() bool { return s.log.holds("about changes of identity " + identity + " waits") })
	s.rows(t, `UPDATE news SET try_at = clock_timestamp() WHERE identity_id::text = $1`, identity)
	s.heard(t, address, "An authenticator app was added")
}

func (s *testStack) isRefused(t *testing.T, ada *visitor) {
	t.Helper()
	const address = "refused@example.com"
	v := s.member(t, ada, address)
	s.mailbox.RefuseAddress(address, "We know "+address+" to be dead.")
	v.addsApp(t)
	identity := string(s.user(t, address).Identity)
	eventually(t, "the letter is given up", func() bool { return s.log.holds("about changes of identity " + identity + " is given up") })
	if s.log.holds("dead") {
		t.Error("the log says what the provider says of an address")
	}
	s.heard(t, address)
}
