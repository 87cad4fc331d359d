package main

import (
	"net/http"
	"strings"
	"testing"
)

// walk goes to every page.
func (g *gallery) walk(t *testing.T, ada *visitor) {
	t.Helper()
	g.walkLinks(t, ada)
	g.walkRegistration(t, ada)
	g.walkAccount(t, ada)
	g.walkUsers(t, ada)
	g.walkBatches(t, ada)
	g.walkTerms(t, ada)
	g.walkSecurity(t, ada)
	g.walkFactors(t, ada)
	g.walkConfirmation(t)
	g.walkEnds(t, ada)
}

// walkLinks goes to what is behind a link, good and bad.
func (g *gallery) walkLinks(t *testing.T, ada *visitor) {
	t.Helper()
	s := g.stack
	ada.invites(t, "link@example.com", "late@example.com", "pause@example.com", "off@example.com", "foreign@example.com", "taken@example.com")
	good := s.linkTo(t, "link@example.com")
	v := s.visitor(t)
	landing := g.hang("join", "Ada Admin invites you", v.open(t, good))
	g.hang("cookies off", "Your browser keeps no cookies", s.visitor(t).open(t, landing.path()+"?fresh=1"))
	g.hang("link dead", "This link no longer works", v.open(t, "/i/nothing"))
	g.hang("join, switch person", "You are signed in as", ada.keepsCookies(t).open(t, good))

	v.press(t, landing, "Start")
	g.hang("join, begun", "Ada Admin invites you", v.open(t, good))

	s.runsOut(t, "late@example.com")
	g.hang("link expired", "This invitation has expired", s.visitor(t).open(t, s.linkTo(t, "late@example.com")))
	paused := s.linkTo(t, "pause@example.com")
	s.switchesOff(t, "pause@example.com")
	g.hang("link paused", "Your access is paused", s.visitor(t).open(t, paused))
	g.hang("link disabled", "Your account is switched off", g.startsDisabled(t))
	foreign := s.visitor(t)
	page := foreign.open(t, s.linkTo(t, "foreign@example.com"))
	s.change(t, s.user(t, "foreign@example.com").Identity, "/metadata_admin", object{"owner": "somebody else"})
	s.change(t, s.user(t, "foreign@example.com").Identity, "/traits/email", "moved@example.com")
	g.hang("link foreign", "This address has an account", foreign.press(t, page, "Start"))
	g.hang("link to an account", "You have an account already", g.startsWithAccount(t))
}

func (g *gallery) startsDisabled(t *testing.T) page {
	t.Helper()
	v, link := g.stack.visitor(t), g.stack.linkTo(t, "off@example.com")
	v.starts(t, link)
	g.stack.change(t, g.stack.user(t, "off@example.com").Identity, "/state", "inactive")
	other := g.stack.visitor(t)
	return other.press(t, other.open(t, link), "Continue")
}

// startsWithAccount presses Start for somebody who has an account that the invitation did not make.
func (g *gallery) startsWithAccount(t *testing.T) page {
	t.Helper()
	s := g.stack
	id := s.stranger(t, "holder@example.com")
	s.asAdministrator(t, http.MethodPatch, "/admin/identities/"+string(id), []object{
		{"op": "replace", "path": "/verifiable_addresses/0/verified", "value": true},
		{"op": "replace", "path": "/verifiable_addresses/0/status", "value": "completed"},
	}, http.StatusOK)
	s.administrator(t).invites(t, "holder@example.com")
	v := s.visitor(t)
	return v.press(t, v.open(t, s.linkTo(t, "holder@example.com")), "Start")
}

// walkRegistration registers somebody, with every mistake on the way, and shows them the terms.
func (g *gallery) walkRegistration(t *testing.T, ada *visitor) {
	t.Helper()
	s := g.stack
	ada.invites(t, "robin@example.com", "slow@example.com")
	v := s.visitor(t)
	form := g.hang("register", "Register for Harbour Care", v.starts(t, s.linkTo(t, "robin@example.com")))
	g.hang("register, mistakes", "Register for Harbour Care", v.press(t, form, "Register"))
	weak := g.hang("register, weak password", "Register for Harbour Care", v.press(t, form, "Register", details(s.mobile(), "password", "short")...))
	g.hang("register, open too long", "Register for Harbour Care", v.press(t, form, "Register", details(s.mobile())...))
	g.hang("social, on the way out", "One moment", v.press(t, weak, "Continue with Example ID", details(s.mobile())...))
	form = v.open(t, "/register")
	slow := s.visitor(t)
	left := slow.starts(t, s.linkTo(t, "slow@example.com"))
	slow.client.Jar.SetCookies(slow.address(t, "/"), []*http.Cookie{{Name: "ory_kratos_session", Path: "/", MaxAge: -1}})
	g.hang("register, too late", "Your session has ended", slow.press(t, left, "Register", details(s.mobile())...))
	g.hang("register, no session", "Your session has ended", slow.open(t, "/register"))

	terms := g.hang("agree", "Terms and conditions", v.registers(t, form))
	declined := g.hang("declined", "You have declined", v.press(t, terms, "Decline"))
	again := v.press(t, declined, "Read them again")
	g.hang("welcome", "You’re in, Robin", v.press(t, again, "I accept the terms and conditions"))
	g.hang("terms", "Terms and conditions", v.open(t, "/terms/harbour"))
	g.hang("no administration pages", "You have no administration pages", v.open(t, "/o/harbour/users"))
	g.hang("no such page", "There is no such page", v.open(t, "/nothing"))
	g.hang("welcome of an administrator", "You’re in, Ada", ada.open(t, "/welcome"))
}

// secondOrganisation invites the administrator to another organisation.
func (g *gallery) secondOrganisation(t *testing.T) {
	t.Helper()
	charter := demoCharter()
	charter.Organisation.Slug, charter.Organisation.Name = "quay", "Quay Clinic"
	if err := found(t.Context(), g.stack.server, charter, demoAdministrator); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the administrator is invited to it", func() bool {
		invitations := 0
		for _, letter := range g.stack.mailbox.Messages(demoAdministrator) {
			if strings.Contains(letter.Text, "/i/") {
				invitations++
			}
		}
		return invitations == 2
	})
}
