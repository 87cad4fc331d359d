package main

import (
	"strings"
	"testing"

	"paperplane/extension"
)

// walkAccount goes to the account's pages, while the organisation demands no second factor.
func (g *gallery) walkAccount(t *testing.T, ada *visitor) {
	t.Helper()
	s := g.stack
	ada.invites(t, "ines@example.com")
	v := s.visitor(t)
	v.joins(t, "ines@example.com")
	g.hang("settings", "Your account", v.open(t, "/settings"))
	g.hang("settings, weak password", "Your account", v.press(t, v.open(t, "/settings"), "Save the new password", "password", "short"))
	g.hang("settings, details missing", "Your account", v.press(t, v.open(t, "/settings"), "Save your details", "traits.name.first", ""))
	g.hang("settings, saved", "Your account", v.press(t, v.open(t, "/settings"), "Save your details", "traits.name.first", "Ines"))
	g.walkOwnFactors(t, v)
	g.hang("sign out", "Sign out", v.open(t, "/logout"))
	g.hang("login, signed out", "Sign in", v.press(t, v.open(t, "/logout"), "Sign out"))

	g.hang("login", "Sign in", v.open(t, "/login"))
	g.hang("login, wrong password", "Sign in", v.signIn(t, "ines@example.com", "wrong password"))
	g.hang("login, nothing typed", "Sign in", v.signIn(t, "", ""))
	g.hang("login, from a used link", "Sign in", v.open(t, "/login?registered=1"))
	g.hang("login, again", "Sign in again", ada.open(t, "/login?refresh=yes&return_to=/settings"))
	g.hang("error", "That did not work", v.open(t, "/error"))
	g.walkRecovery(t, v)

	s.stranger(t, "guest@example.com")
	guest := s.visitor(t)
	g.hang("not invited", "Your account has no access here", guest.signIn(t, "guest@example.com", goodPassword))
	g.hang("settings, not invited", "Your account", guest.open(t, "/settings"))
}

// walkOwnFactors adds second factors to an account.
func (g *gallery) walkOwnFactors(t *testing.T, v *visitor) {
	t.Helper()
	page := g.hang("settings, app", "Add an authenticator app", v.press(t, v.open(t, "/settings"), "Add an authenticator app"))
	g.hang("settings, app, wrong code", "Add an authenticator app", v.press(t, page, "Confirm", "code", "000000"))
	app := authenticator{secret: secretOn(page)}
	page = v.press(t, page, "Confirm", "code", app.code(t))
	g.hang("settings, app added", "Your account", page)
	page = g.hang("settings, code by email", "Add codes by email", v.press(t, page, "Add codes by email"))
	g.hang("settings, code by email, wrong", "Add codes by email", v.press(t, page, "Confirm the code", "code", "000000"))
	g.hang("settings, recovery codes", "Your new recovery codes", v.press(t, v.open(t, "/settings"), "Make new recovery codes"))
}

// secretOn is the key of an authenticator app that a page shows.
func secretOn(p page) string {
	for node := range p.elements("code") {
		if id, _ := attribute(node, "id"); id == "totp-secret" {
			return strings.ReplaceAll(textOf(node), " ", "")
		}
	}
	return ""
}

// walkRecovery recovers an account, and confirms an address.
func (g *gallery) walkRecovery(t *testing.T, v *visitor) {
	t.Helper()
	s := g.stack
	page := g.hang("recovery", "Forgot your password?", v.open(t, "/recovery"))
	g.hang("recovery, nothing typed", "Forgot your password?", v.press(t, page, "Send me a code"))
	page = g.hang("recovery, code", "Look into your mailbox", v.press(t, page, "Send me a code", "email", "robin@example.com"))
	g.hang("recovery, wrong code", "Look into your mailbox", v.press(t, page, "Confirm the code", "code", "000000"))
	page = v.press(t, page, "Confirm the code", "code", s.newestCode(t, "robin@example.com", 1))
	g.hang("settings, recovered", "Choose a new password", page)
	v.press(t, v.open(t, "/logout"), "Sign out")

	page = g.hang("verification", "Confirm your email address", v.open(t, "/verification"))
	s.stranger(t, "unverified@example.com")
	page = g.hang("verification, code", "Look into your mailbox", v.press(t, page, "Send me a code", "email", "unverified@example.com"))
	g.hang("verification, wrong code", "Look into your mailbox", v.press(t, page, "Confirm the code", "code", "000000"))
	g.hang("verified", "Your email address is confirmed", v.press(t, page, "Confirm the code", "code", s.newestCode(t, "unverified@example.com", 1)))
}

// walkSecurity asks for a second factor, which the administrator then sets up.
func (g *gallery) walkSecurity(t *testing.T, ada *visitor) {
	t.Helper()
	page := g.hang("admin, security", "Security", ada.open(t, "/o/harbour/settings/security"))
	g.hang("admin, security, mistakes", "Security", ada.press(t, page, "Save", "two-factor", "required", "region", "Sweden"))
	page = g.hang("admin, security, asked", "Ask for a second factor?", ada.press(t, page, "Save", "two-factor", "required"))
	for node := range page.elements("button") {
		if kind, _ := attribute(node, "class"); strings.Contains(kind, "button-primary") {
			page = ada.press(t, page, textOf(node))
			break
		}
	}
	page = g.hang("secure, of somebody Active", "Set up a second factor", page)
	page = ada.press(t, page, "Set up an authenticator app")
	app := authenticator{secret: secretOn(page)}
	g.stack.rows(t, `INSERT INTO settings_openings SELECT id, gen_random_uuid(), now() FROM identities`)
	page = g.hang("recovery codes, waiting", "Your second factor is set up", ada.press(t, page, "Confirm", "code", app.code(t)))
	g.stack.rows(t, `DELETE FROM settings_openings`)
	page = g.hang("recovery codes, of somebody Active", "Keep your recovery codes", ada.press(t, page, "Try again"))
	ada.press(t, page, "Go on", "kept", "yes")
	g.hang("admin, security, required", "Security", ada.open(t, "/o/harbour/settings/security"))
	g.stack.asksForFactor(t, extension.FactorEmail)
	g.hang("admin, security, weak", "Security", g.emailAdministrator(t, ada).open(t, "/o/harbour/settings/security"))
	g.stack.asksForFactor(t, extension.Ways()...)
}

// emailAdministrator sets up codes by e-mail for the administrator too, which is the only way that is allowed now.
func (g *gallery) emailAdministrator(t *testing.T, ada *visitor) *visitor {
	t.Helper()
	page := ada.press(t, ada.open(t, "/next"), "Send a code by email")
	page = ada.press(t, page, "Confirm", "code", g.stack.newestCode(t, demoAdministrator, 1))
	if page.has("Go on") {
		ada.press(t, page, "Go on", "kept", "yes")
	}
	return ada
}
