package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
)

// termsTargets are the forms of the terms and of the security settings. Another organisation's keeper publishes, so that the
// drafts of the others stay.
func (s *testStack) termsTargets(t *testing.T, ada *visitor) []target {
	t.Helper()
	ada.drafts(t, "fr", "Conditions", "Soyez calmes.").says(t, 200, "is saved")
	draft, drop := ada.open(t, "/o/harbour/terms/drafts/en"), ada.open(t, "/o/harbour/terms/drafts/fr/delete")
	keeper := s.keeperOf(t, "publishing")
	keeper.press(t, keeper.open(t, "/o/publishing/terms/drafts/en"), "Save draft", "text", "Be loud.").says(t, 200, "is saved")
	publish, security := keeper.open(t, "/o/publishing/terms/publish"), ada.open(t, "/o/harbour/settings/security")
	return []target{
		{route: "/o/:slug/terms/drafts/:language", visitor: ada, page: draft, form: draft.formWith(t, "Save draft", "text", "Be planted."), token: true},
		{route: "/o/:slug/terms/drafts/:language/delete", visitor: ada, page: drop, form: drop.formWith(t, "Delete the draft"), token: true},
		{route: "/o/:slug/terms/publish", visitor: keeper, page: publish, form: publish.formWith(t, "Publish version 2", "grace", "14"), token: true},
		{route: "/o/:slug/settings/security", visitor: ada, page: security, form: security.formWith(t, "Save", "two-factor", "off", "region", "NO"), token: true},
	}
}

// rescueTargets are what an administrator does for somebody who cannot get in.
func (s *testStack) rescueTargets(t *testing.T, ada *visitor) []target {
	t.Helper()
	s.member(t, ada, "reset@example.com").enrols(t)
	eventually(t, "the factor is known", func() bool { return len(s.user(t, "reset@example.com").Factors) == 1 })
	reset := ada.open(t, s.personPage(t, "reset@example.com")+"/second-factor/reset")
	s.member(t, ada, "squatter@example.com")
	s.isTold(t, ada, "told@example.com", s.user(t, "squatter@example.com").Mobile)
	told := ada.open(t, s.personPage(t, "told@example.com"))
	return []target{
		{route: "/o/:slug/users/:user/second-factor/reset", visitor: ada, page: reset, form: reset.formWith(t, "Reset second factor"), token: true},
		{
			route: "/o/:slug/users/:user/free-number", visitor: ada, page: told, token: true,
			form: told.formWith(t, "Free this number", "mobile", s.user(t, "squatter@example.com").Mobile),
		},
	}
}

// doorTargets are the forms of the second factor, of an organisation that demands one.
func (s *testStack) doorTargets(t *testing.T) []target {
	t.Helper()
	strict := s.second(t, "strict", func(c *extension.Charter) { c.Organisation.TwoFactor = extension.TwoFactorRequired })
	newcomer := func(address string) (*holder, page) {
		v := s.visitor(t)
		form := v.press(t, v.open(t, s.invitedTo(t, strict, address)), "Start")
		ways := v.press(t, form, "Register", details(s.mobile())...)
		ways.says(t, 200, "Set up a second factor")
		return &holder{visitor: v, address: address}, ways
	}
	sending, sendPage := newcomer("sending@example.com")
	coding, ways := newcomer("coding@example.com")
	codePage, code := coding.asks(t, ways, byEmail, coding.address)
	enrolling, _ := newcomer("enrolling@example.com")
	enrolPage := enrolling.open(t, "/secure/totp")
	app := enrolling.reads(t, enrolPage)
	keeping, ways := newcomer("keeping@example.com")
	keepPage := keeping.setsUpApp(t, ways)
	mailed, ways := newcomer("mailed@example.com")
	typing, first := mailed.asks(t, ways, byEmail, mailed.address)
	mailed.press(t, mailed.keeps(t, mailed.press(t, typing, "Confirm", "code", first)), "I accept the terms and conditions").says(t, 200, "You’re in")
	s.rests(t, 2*time.Minute)
	again := s.visitor(t)
	againPage := again.signIn(t, mailed.address, goodPassword)
	shown, ways := newcomer("shown@example.com")
	shown.press(t, shown.keeps(t, shown.setsUpApp(t, ways)), "I accept the terms and conditions").says(t, 200, "You’re in")
	back := s.visitor(t)
	backPage := back.signIn(t, shown.address, goodPassword)
	return []target{
		{route: "/secure/send", visitor: sending.visitor, page: sendPage, form: sendPage.formWith(t, byEmail), token: true},
		{route: "/secure/code", visitor: coding.visitor, page: codePage, form: codePage.formWith(t, "Confirm", "code", code), token: true},
		{route: "/secure/totp", visitor: enrolling.visitor, page: enrolPage, form: enrolPage.formWith(t, "Confirm", "code", app.code(t)), token: true, app: app},
		{route: "/secure/codes", visitor: keeping.visitor, page: keepPage, form: keepPage.formWith(t, "Go on", "kept", "yes"), token: true},
		{route: "/confirm/send", visitor: again, page: againPage, form: againPage.formWith(t, byEmail), token: true},
		{route: "/confirm/code", visitor: back, page: backPage, form: backPage.formWith(t, "Confirm", "code", shown.app.code(t)), token: true, app: shown.app},
	}
}

// accountTargets are the forms of the account pages, each in the hands of somebody of their own.
func (s *testStack) accountTargets(t *testing.T, ada *visitor) []target {
	t.Helper()
	in := func(address string) (*visitor, page) {
		v := s.member(t, ada, address)
		account := v.theSettings(t)
		return v, account
	}
	anybody := s.visitor(t)
	login, recovery, verification := anybody.open(t, "/login"), anybody.open(t, "/recovery"), anybody.open(t, "/verification")
	social := form{method: http.MethodPost, action: s.page("/login/with/nobody")}
	profiled, profile := in("profiled@example.com")
	secret, password := in("secret@example.com")
	coded, code := in("coded@example.com")
	adding, _ := in("adding@example.com")
	add := adding.open(t, "/settings/totp")
	app := authenticator{secret: secretOn(add)}
	s.log.mustNotHold(app.secret)
	held, _ := in("held@example.com")
	held.enrols(t)
	codes := held.theSettings(t)
	ending, _ := in("ending@example.com")
	s.visitor(t).signIn(t, "ending@example.com", goodPassword)
	sessions := ending.theSettings(t)
	linking, account := in("linking@example.com")
	link := account.formWith(t, "Sign out")
	link.action, link.fields = s.page("/settings/social"), append(link.fields, "link", "nobody")
	both := s.member(t, ada, "both@example.com")
	opened := both.open(t, s.invitedTo(t, s.second(t, "other", nil), "both@example.com"))
	terms := both.press(t, opened, s.onlyButton(t, opened))
	choice := both.open(t, "/organisations")
	return []target{
		{route: "/language", visitor: anybody, page: login, form: login.formWith(t, "Deutsch")},
		{route: "/recovery", visitor: anybody, page: recovery, form: recovery.formWith(t, "Send me a code", "email", "settled@example.com")},
		{route: "/verification", visitor: anybody, page: verification, form: verification.formWith(t, "Send me a code", "email", "settled@example.com")},
		{route: "/login/with/:provider", visitor: anybody, page: login, form: social, answers: http.StatusConflict}, // with no flow of its page, it asks again
		{
			route: "/settings/profile", visitor: profiled, page: profile, token: true,
			form: profile.formWith(t, "Save your details", "traits.name.first", "Planted"),
		},
		{route: "/settings/password", visitor: secret, page: password, form: password.formWith(t, "Save the new password", "password", "twelve brass buttons"), token: true},
		{route: "/settings/code", visitor: coded, page: code, form: code.formWith(t, "Add codes by email"), token: true},
		{route: "/settings/totp", visitor: adding, page: add, form: add.formWith(t, "Confirm", "code", app.code(t)), token: true, app: app},
		{route: "/settings/codes", visitor: held, page: codes, form: codes.formWith(t, "Make new recovery codes"), token: true},
		{route: "/settings/sessions", visitor: ending, page: sessions, form: sessions.formWith(t, "Sign out everywhere else"), token: true},
		{route: "/settings/social", visitor: linking, page: account, form: link, token: true},
		{route: "/agree/decline", visitor: both, page: terms, form: terms.formWith(t, "Decline"), token: true},
		{route: "/agree/later", visitor: both, page: terms, form: terms.formWith(t, "Decline").to(s.page("/agree/later")), token: true},
		{route: "/organisations", visitor: both, page: choice, form: choice.formWith(t, "Go to Harbour Care"), token: true},
	}
}

// onlyButton is the button by which an account's holder accepts an invitation.
func (s *testStack) onlyButton(t *testing.T, p page) string {
	t.Helper()
	for node := range p.elements("button") {
		if kind, _ := attribute(node, "class"); strings.Contains(kind, "button-primary") {
			return textOf(node)
		}
	}
	t.Fatalf("%s has no button: %s", p.path(), p.text())
	return ""
}

// changedAtDoor tells everything that the targets of the door and of the account could change, in one line.
func (s *testStack) changedAtDoor(t *testing.T) string {
	t.Helper()
	return row[string](t, s, `SELECT concat_ws(' | ',
		(SELECT string_agg(region || two_factor, ' ' ORDER BY slug) FROM organisations),
		(SELECT string_agg(language || body, ' ' ORDER BY organisation_id, language) FROM terms_drafts), (SELECT count(*) FROM terms),
		(SELECT string_agg(identity_id || kind || address, ' ' ORDER BY identity_id, kind) FROM factors), (SELECT count(*) FROM proofs),
		(SELECT count(*) FROM code_sends), (SELECT count(*) FROM declines),
		(SELECT string_agg(first_name || mobile, ' ' ORDER BY address) FROM users WHERE address ~ '^(profiled|squatter|told)@'))`)
}

// to is the same form for another address: the button of that one stands on a page only at times.
func (f form) to(address string) form {
	f.action = address
	return f
}
