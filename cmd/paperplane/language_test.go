package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/tools/mailbox"
)

// TestLanguages goes from the letter to being in, in every language, and meets every kind of sentence on the way.
func TestLanguages(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, nil)
		ada := s.administrator(t)
		s.publishesInEveryLanguage(t)
		s.asksForFactor(t, extension.Ways()...)
		var stories []story
		for _, language := range locale.Languages() {
			stories = append(stories,
				story{"the invitation is in " + string(language), func(t *testing.T) { s.invitesIn(t, language) }},
				story{"the organisation speaks none of them, and the browser " + string(language), func(t *testing.T) { s.browsesIn(t, language) }},
			)
		}
		inTurn(t, append(stories,
			story{"the reader's own choice at the foot of the page is kept", func(t *testing.T) { s.keepsChoice(t) }},
			story{"administrators' pages are in English whatever the browser speaks", func(t *testing.T) {
				s.asksForNoFactor(t)
				ada.languages = "de"
				r := languageReader{visitor: ada, english: english{language: locale.English}, language: locale.English}
				r.sees(t, "users", r.open(t, "/o/harbour/users"))
			}},
		)...)
	})
}

// invitesIn goes the whole way in the language of the invitation, with a browser that asks for another one.
func (s *testStack) invitesIn(t *testing.T, language locale.Language) {
	t.Helper()
	s.speaks(t, string(language))
	r := s.reader(t, language, other(language))
	r.comesIn(t, string(language)+".invited@example.com")
	r.signsIn(t, string(language)+".invited@example.com")
	r.errs(t)
}

// browsesIn comes with an invitation in a language that there is not, so that the browser's counts.
func (s *testStack) browsesIn(t *testing.T, language locale.Language) {
	t.Helper()
	s.speaks(t, "nl")
	r := s.reader(t, language, language)
	link := s.invitedLink(t, string(language)+".browser@example.com")
	r.sees(t, "join", r.open(t, link))
	r.sees(t, "register", r.press(t, r.open(t, link), r.say("Start")))
}

// other is a language that the browser asks for and must not get.
func other(language locale.Language) locale.Language {
	if language == locale.French {
		return locale.Swedish
	}
	return locale.French
}

// languageReader is somebody who expects one language.
type languageReader struct {
	*visitor
	english
	language locale.Language
}

// reader is somebody whose browser asks for a language.
func (s *testStack) reader(t *testing.T, expected, browser locale.Language) languageReader {
	t.Helper()
	r := languageReader{visitor: s.visitor(t), language: expected, english: english{language: expected}}
	r.languages = string(browser) + "-CH, " + string(browser) + ";q=0.9, en;q=0.1"
	if expected != locale.English {
		r.english = englishFor(t, expected)
	}
	return r
}

// say is how a button or a sentence is worded.
func (r languageReader) say(sentence string) string { return r.language.Say(sentence) }

// sees checks a page and returns it for the next press.
func (r languageReader) sees(t *testing.T, what string, p page) page {
	t.Helper()
	r.speaks(t, what, p)
	return p
}

// speaks sets the language of the demonstration organisation.
func (s *testStack) speaks(t *testing.T, language string) {
	t.Helper()
	s.rows(t, `UPDATE organisations SET language = $1 WHERE slug = $2`, language, demoSlug)
}

// publishesInEveryLanguage gives the organisation terms whose texts cannot be taken for English.
func (s *testStack) publishesInEveryLanguage(t *testing.T) {
	t.Helper()
	admin := s.system(t)
	for _, language := range locale.Languages() {
		draft := extension.TermsDraft{Language: string(language), Title: "EULA " + string(language), Text: "Lorem ipsum dolor " + string(language)}
		if err := s.server.policy.SaveDraft(t.Context(), admin, draft, ""); err != nil {
			t.Fatal(err)
		}
	}
	next, err := s.server.policy.Publication(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.server.policy.Publish(t.Context(), admin, next.Seal, 30*24*time.Hour); err != nil {
		t.Fatal(err)
	}
}

// invitedLink invites somebody and gives the link of the letter.
func (s *testStack) invitedLink(t *testing.T, address string) string {
	t.Helper()
	s.invitesCarer(t, address)
	return s.linkTo(t, address)
}

// writes fails the test unless a message is in the language, its HTML as well.
func (r languageReader) writes(t *testing.T, message mailbox.Message) {
	t.Helper()
	if r.language == locale.English {
		return
	}
	root, err := html.Parse(strings.NewReader(message.HTML))
	if err != nil {
		t.Fatal(err)
	}
	r.speaks(t, "the message "+message.Subject, page{root: root, address: r.address(t, "/letter")})
	plain := regexp.MustCompile(`\S+@\S+|https?://\S+`).ReplaceAllString(message.Subject+"\n"+message.Text, "")
	for _, text := range r.in(strings.Split(plain, "\n")) {
		t.Errorf("the message %q says in English %q", message.Subject, text)
	}
}

// comesIn registers with mistakes, sets up a second factor by a code, declines, accepts and looks at everything.
func (r languageReader) comesIn(t *testing.T, address string) {
	t.Helper()
	s := r.stack
	link := s.invitedLink(t, address)
	r.writes(t, s.letters(t, address, 1)[0])
	landing := r.sees(t, "join", r.open(t, link))
	expires := row[time.Time](t, s, `SELECT expires_at FROM invitations WHERE id = $1`, s.user(t, address).Invitation)
	landing.says(t, http.StatusOK, r.language.DateTime(expires))
	r.sees(t, "dead link", r.open(t, "/i/nothing"))

	form := r.sees(t, "register", r.press(t, landing, r.say("Start")))
	form = r.sees(t, "register, mistakes", r.press(t, form, r.say("Register")))
	form = r.sees(t, "register, wrong mobile", r.press(t, form, r.say("Register"), details("12")...))
	form = r.sees(t, "register, Kratos refuses the password", r.press(t, form, r.say("Register"), details(s.mobile(), "password", "short")...))
	form = r.sees(t, "register, number of another", r.press(t, form, r.say("Register"), details("+46 70 174 06 05")...))

	mobile := s.mobile()
	ways := r.sees(t, "ways", r.press(t, form, r.say("Register"), details(mobile)...))
	app := r.sees(t, "app", r.press(t, ways, r.say("Set up an authenticator app")))
	r.sees(t, "app, wrong code", r.press(t, app, r.say("Confirm"), "code", "000000"))
	text := r.sees(t, "text message", r.press(t, ways, r.say("Send a code by text message")))
	if code := s.newestCode(t, mobile, 1); code == "" {
		t.Error("no text message came")
	}
	r.sees(t, "text message, wrong code", r.press(t, text, r.say("Confirm"), "code", "000000"))
	r.sees(t, "text message, too soon", r.press(t, text, r.say("Send another code")))
	typing := r.sees(t, "email", r.press(t, r.open(t, "/secure"), r.say("Send a code by email")))
	code := s.newestCode(t, address, 1)
	r.writes(t, s.letters(t, address, 2)[1])
	codes := r.sees(t, "recovery codes", r.press(t, typing, r.say("Confirm"), "code", code))
	codes = r.sees(t, "recovery codes, not kept", r.press(t, codes, r.say("Go on")))

	terms := r.sees(t, "terms", r.press(t, codes, r.say("Go on"), "kept", "yes"))
	terms.says(t, http.StatusOK, "EULA "+string(r.language), "Lorem ipsum dolor "+string(r.language), r.language.Date(s.clock.now()))
	declined := r.sees(t, "declined", r.press(t, terms, r.say("Decline")))
	again := r.press(t, declined, r.say("Read them again"))
	r.sees(t, "welcome", r.press(t, again, r.say("I accept the terms and conditions"))).says(t, http.StatusOK, "Robin")
	r.sees(t, "terms again", r.open(t, "/terms/harbour")).says(t, http.StatusOK, r.language.DateTime(s.user(t, address).Facts.Accepted))
	r.sees(t, "organisations", r.open(t, "/organisations"))
}

// signsIn meets what the account's pages and Kratos have to say.
func (r languageReader) signsIn(t *testing.T, address string) {
	t.Helper()
	s := r.stack
	settings := r.sees(t, "settings", r.open(t, "/settings"))
	r.sees(t, "settings, Kratos refuses the password", r.press(t, settings, r.say("Save the new password"), "password", "short"))
	r.sees(t, "settings, no name", r.press(t, r.open(t, "/settings"), r.say("Save your details"), "traits.name.first", ""))
	r.sees(t, "settings, saved", r.press(t, r.open(t, "/settings"), r.say("Save your details")))
	r.sees(t, "settings, app", r.press(t, r.open(t, "/settings"), r.say("Add an authenticator app")))
	r.sees(t, "new recovery codes", r.press(t, r.open(t, "/settings"), r.say("Make new recovery codes")))
	out := r.sees(t, "sign out", r.open(t, "/logout"))
	r.sees(t, "signed out", r.press(t, out, r.say("Sign out")))

	r.sees(t, "sign in, wrong", r.press(t, r.open(t, "/login"), r.say("Sign in"), "identifier", address, "password", "wrong password"))
	r.sees(t, "sign in, nothing", r.press(t, r.open(t, "/login"), r.say("Sign in")))
	s.rests(t, time.Hour)
	confirm := r.sees(t, "confirm", r.press(t, r.open(t, "/login"), r.say("Sign in"), "identifier", address, "password", goodPassword))
	recovery := r.sees(t, "recovery code", r.press(t, confirm, r.say("Use a recovery code")))
	r.sees(t, "recovery code, wrong", r.press(t, recovery, r.say("Confirm"), "code", "nonsense"))

	away := s.reader(t, r.language, r.language)
	asked := away.sees(t, "recovery", away.open(t, "/recovery"))
	asked = away.sees(t, "recovery, sent", away.press(t, asked, r.say("Send me a code"), "email", address))
	away.sees(t, "recovery, wrong code", away.press(t, asked, r.say("Confirm the code"), "code", "000000"))
	s.newestCode(t, address, 2)
	messages := s.besidesNews(address)
	r.writes(t, messages[len(messages)-1])
	sent := away.sees(t, "verification", away.open(t, "/verification"))
	away.sees(t, "verification, sent", away.press(t, sent, r.say("Send me a code"), "email", "nobody@example.com"))

	s.switchesOff(t, address)
	away.sees(t, "switched off", away.press(t, away.open(t, "/login"), r.say("Sign in"), "identifier", address, "password", goodPassword))
}

// errs meets pages of errors.
func (r languageReader) errs(t *testing.T) {
	t.Helper()
	r.sees(t, "no such page", r.open(t, "/nothing"))
	r.sees(t, "error", r.open(t, "/error"))
	r.sees(t, "error of Kratos", r.open(t, "/error?id=00000000-0000-4000-8000-000000000000"))
	r.sees(t, "from another site", r.do(t, r.request(t, http.MethodPost, "/agree", http.NoBody)))
	r.sees(t, "a method that there is not", r.do(t, r.request(t, http.MethodDelete, "/agree", http.NoBody)))
}

// keepsChoice chooses Swedish on a page of a German invitation, with a French browser.
func (s *testStack) keepsChoice(t *testing.T) {
	t.Helper()
	s.speaks(t, "de")
	german, link := s.reader(t, locale.German, locale.French), s.invitedLink(t, "chooses@example.com")
	german.sees(t, "join", german.open(t, link))
	german.press(t, german.open(t, link), "Svenska")
	swedish := languageReader{visitor: german.visitor, english: englishFor(t, locale.Swedish), language: locale.Swedish}
	landing := swedish.sees(t, "join, chosen", swedish.open(t, link))
	swedish.sees(t, "register, chosen", swedish.press(t, landing, swedish.say("Start")))
	swedish.sees(t, "sign in, chosen", swedish.open(t, "/recovery"))
	swedish.open(t, s.invitedLink(t, "again@example.com"))
	swedish.sees(t, "after another invitation", swedish.open(t, "/recovery"))
}
