package main

import (
	"net/http"
	"testing"
	"time"

	"paperplane/extension"
)

// walkFactors sets up a second factor in every way, with mistakes.
func (g *gallery) walkFactors(t *testing.T, ada *visitor) {
	t.Helper()
	s := g.stack
	ada.invites(t, "toto@example.com", "sms@example.com")
	v := s.visitor(t)
	ways := g.hang("secure", "Set up a second factor", v.press(t, v.starts(t, s.linkTo(t, "toto@example.com")), "Register", details(s.mobile())...))
	page := g.hang("secure, app", "Set up an authenticator app", v.press(t, ways, "Set up an authenticator app"))
	g.hang("secure, app, wrong code", "Set up an authenticator app", v.press(t, page, "Confirm", "code", "000000"))

	sent := g.hang("secure, email", "Type the code", v.press(t, v.open(t, "/secure"), "Send a code by email"))
	g.hang("secure, email, wrong code", "Type the code", v.press(t, sent, "Confirm", "code", "000000"))
	g.hang("secure, email, too soon", "", v.press(t, sent, "Send another code"))
	g.hang("secure, cooldown", "Set up a second factor", v.open(t, "/secure"))

	app := authenticator{secret: secretOn(page)}
	codes := g.hang("recovery codes", "Keep your recovery codes", v.press(t, page, "Confirm", "code", app.code(t)))
	codes = g.hang("recovery codes, not kept", "Keep your recovery codes", v.press(t, codes, "Go on"))
	v.press(t, codes, "Go on", "kept", "yes")
	g.hang("recovery codes, shown once", "Recovery codes are shown once", v.open(t, "/secure/codes"))
	v.press(t, v.open(t, "/next"), "I accept the terms and conditions")

	other, mobile := s.visitor(t), s.mobile()
	page = other.press(t, other.starts(t, s.linkTo(t, "sms@example.com")), "Register", details(mobile)...)
	g.hang("secure, text message", "Type the code", other.press(t, page, "Send a code by text message"))
	g.hang("secure, text message, code page", "Type the code", other.open(t, "/secure/code?way=sms"))
}

// walkConfirmation signs somebody in who has a second factor.
func (g *gallery) walkConfirmation(t *testing.T) {
	t.Helper()
	s := g.stack
	v := s.visitor(t)
	page := g.hang("confirm, app", "Confirm that it is you", v.signIn(t, "toto@example.com", goodPassword))
	g.hang("confirm, app, wrong code", "Confirm that it is you", v.press(t, page, "Confirm", "code", "000000"))
	page = g.hang("confirm, recovery code", "Use a recovery code", v.press(t, page, "Use a recovery code"))
	g.hang("confirm, wrong recovery code", "Use a recovery code", v.press(t, page, "Confirm", "code", "nonsense"))
	s.rows(t, `UPDATE code_failures SET in_window = 10`)
	s.rows(t, `DELETE FROM code_failures WHERE kind = 'lookup_secret'`)
	g.hang("confirm, app, too many wrong codes", "Too many wrong codes", v.open(t, "/confirm"))
	g.hang("confirm, recovery code, beside too many wrong codes", "Use a recovery code", v.open(t, "/confirm/code?way=lookup_secret"))
	s.rows(t, `UPDATE code_failures SET in_a_row = 100`)
	g.hang("confirm, too many wrong codes in a row", "Too many wrong codes", v.open(t, "/confirm"))
	s.rows(t, `DELETE FROM code_failures`)

	ines := s.visitor(t)
	ines.signIn(t, "sms@example.com", goodPassword)
	s.rows(t, `DELETE FROM settings_openings`) // of the browser that registered
	page = ines.press(t, ines.open(t, "/secure"), "Send a code by email")
	page = ines.press(t, page, "Confirm", "code", s.newestCode(t, "sms@example.com", 1))
	g.hang("recovery codes, after email", "Keep your recovery codes", page)
	ines = s.visitor(t)
	s.rests(t, 61*time.Second)
	page = g.hang("confirm", "Confirm that it is you", ines.signIn(t, "sms@example.com", goodPassword))
	g.hang("confirm, email", "Type the code", ines.press(t, page, "Send a code by email"))
}

// walkEnds goes to where a way ends, and to the choice of organisations.
func (g *gallery) walkEnds(t *testing.T, ada *visitor) {
	t.Helper()
	s := g.stack
	ada.invites(t, "ends@example.com", "waits@example.com")
	v := s.visitor(t)
	v.press(t, v.starts(t, s.linkTo(t, "ends@example.com")), "Register", details(s.mobile())...)
	s.runsOut(t, "ends@example.com")
	g.hang("expired half-way", "Your invitation has expired", v.open(t, "/next"))

	s.rows(t, `UPDATE users SET paused_at = clock_timestamp() WHERE id = $1`, s.user(t, "toto@example.com").ID)
	paused := s.visitor(t)
	g.hang("paused", "Your access is paused", paused.signIn(t, "toto@example.com", goodPassword))
	s.switchesOff(t, "robin@example.com")
	g.hang("login, switched off", "Sign in", s.visitor(t).signIn(t, "robin@example.com", goodPassword))

	g.secondOrganisation(t)
	g.hang("organisations", "Your organisations", ada.open(t, "/organisations"))
	g.hang("open the link", "Open the link in your email", ada.press(t, ada.open(t, "/organisations"), "Go to Quay Clinic"))
	if status := ada.press(t, ada.open(t, "/organisations"), "Go to Harbour Care").status; status != http.StatusOK {
		t.Errorf("the way back answers %d", status)
	}
	s.is(t, "waits@example.com", extension.Pending)
}
