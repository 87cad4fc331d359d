package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// walkUsers goes to the users, and to the page of one of each kind.
func (g *gallery) walkUsers(t *testing.T, ada *visitor) {
	t.Helper()
	s := g.stack
	list := g.hang("admin, users", "Users", ada.open(t, "/o/harbour/users"))
	g.pictures = append(g.pictures, picture{name: "admin, users, menus open", page: list, open: true})
	g.hang("admin, users, none found", "Users", ada.open(t, "/o/harbour/users?q=nobody-at-all"))
	for _, address := range []string{"link@example.com", "off@example.com", "ines@example.com", "late@example.com"} {
		g.hang("admin, person "+address, "", ada.open(t, "/o/harbour/users/"+string(s.user(t, address).ID)))
	}
	person := "/o/harbour/users/" + string(s.user(t, "link@example.com").ID)
	g.hang("admin, person, mistakes", "", ada.press(t, ada.open(t, person), "Fix address and resend", "address", "nonsense"))
	g.hang("admin, person, reset", "", ada.open(t, "/o/harbour/users/"+string(s.user(t, "ines@example.com").ID)+"/second-factor/reset"))
	g.hang("admin, resend all", "", ada.open(t, "/o/harbour/resend?all=yes"))
	g.hang("admin, sending", "Sending", ada.open(t, "/o/harbour/sending"))
	g.hang("admin, sending, mistakes", "Sending", ada.press(t, ada.open(t, "/o/harbour/sending"), "Save", "percent", "300"))
}

// walkBatches goes to the form that invites, with everything that it warns of, and to batches.
func (g *gallery) walkBatches(t *testing.T, ada *visitor) {
	t.Helper()
	empty := g.hang("admin, invite", "Invite", ada.open(t, "/o/harbour/invite"))
	const pasted = "new.person@example.com\nlink@example.com\nlate@example.com\nNew.Person@example.com\nnobody@example\nbob@gmial.com\n" +
		"ada.admin@harbour.example\nplain words; trailing@dot.example.\npaused@example.com"
	g.hang("admin, invite, checked", "Invite", ada.press(t, empty, "Check addresses", "addresses", pasted, "area", "North Pier", "role", "Carer"))
	g.hang("admin, invite, mistakes", "Invite", ada.press(t, empty, "Invite", "addresses", ""))
	batch := ada.awaitBatch(t, ada.press(t, empty, "Invite", "addresses", "moved.person@example.com\nbroken@example\n"+demoAdministrator, "area", "North Pier", "role", "Carer"))
	g.hang("admin, batch", "", batch)
	g.hang("admin, batch, move", "", ada.open(t, batch.path()+"/move"))
	g.hang("admin, batches", "Batches", ada.open(t, "/o/harbour/batches"))

	starts := g.stack.clock.now().Add(26 * time.Hour).UTC().Format("2006-01-02T15:04")
	planned := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite", "addresses", "planned@example.com", "area", "North Pier", "role", "Carer", "starts", starts)
	g.hang("admin, batch planned", "", planned)
	g.hang("admin, batch, cancel", "", ada.open(t, planned.path()+"/cancel"))
	g.hang("admin, batch taken back", "", ada.press(t, ada.open(t, planned.path()+"/cancel"), buttonOf(t, ada.open(t, planned.path()+"/cancel"), "Cancel ")))

	lost := ada.keepsCookies(t)
	form := lost.open(t, "/o/harbour/invite")
	lost.client.Jar.SetCookies(lost.address(t, "/"), []*http.Cookie{{Name: "ory_kratos_session", Path: "/", MaxAge: -1}})
	g.hang("admin, kept", "", lost.press(t, form, "Invite", "addresses", "kept@example.com", "area", "North Pier", "role", "Carer"))
}

// buttonOf is the whole name of the button that begins so.
func buttonOf(t *testing.T, p page, beginning string) string {
	t.Helper()
	for node := range p.elements("button") {
		if name := textOf(node); strings.HasPrefix(name, beginning) {
			return name
		}
	}
	t.Fatalf("%s has no button %s…:\n%s", p.path(), beginning, p.text())
	return ""
}

// demoMarkdown uses everything that Markdown has.
const demoMarkdown = "# Purpose\n\nThese terms say what **you** agree to.\n\n## Rules\n\n- Keep your password to *yourself*.\n- Tell us at once:\n  1. by telephone\n  2. by email\n\n" +
	"> Quoted law.\n\n```\nARTICLE 1 — A_LONG_LINE_OF_CODE_THAT_IS_WIDER_THAN_ANY_PHONE_COULD_EVER_BE_MADE_BY_ANYBODY\n```\n\n" +
	"| Right | Duty |\n|---|---|\n| see | keep secret |\n\n---\n\nRead <https://example.com/a-very-long-address/that/does/not/end/for/a/very/long/time/at/all>.\n"

// walkTerms drafts, publishes and shows terms.
func (g *gallery) walkTerms(t *testing.T, ada *visitor) {
	t.Helper()
	g.hang("admin, terms", "Terms", ada.open(t, "/o/harbour/terms"))
	draft := g.hang("admin, draft", "Draft", ada.open(t, "/o/harbour/terms/drafts/en"))
	g.hang("admin, draft, mistakes", "Draft", ada.press(t, draft, "Save draft", "title", "", "text", ""))
	g.hang("admin, draft, preview", "Draft", ada.press(t, draft, "Preview", "title", "Our terms", "text", demoMarkdown))
	for _, language := range []string{"en", "de", "sv"} {
		ada.press(t, ada.open(t, "/o/harbour/terms/drafts/"+language), "Save draft", "title", "Our terms "+language, "text", demoMarkdown)
	}
	g.hang("admin, terms, drafts", "Terms", ada.open(t, "/o/harbour/terms"))
	g.hang("admin, draft, delete", "", ada.open(t, "/o/harbour/terms/drafts/sv/delete"))
	publish := g.hang("admin, publish", "", ada.open(t, "/o/harbour/terms/publish"))
	g.hang("admin, publish, mistakes", "", ada.press(t, publish, "Publish version 2", "grace", "other", "days", "400"))
	ada.press(t, publish, "Publish version 2", "grace", "0")
	g.hang("agree, changed, in languages", "Our terms", ada.open(t, "/next"))
	ada.press(t, ada.open(t, "/next"), "I accept the terms and conditions")
	g.hang("admin, version", "", ada.open(t, "/o/harbour/terms/versions/2"))
	g.hang("admin, version before", "", ada.open(t, "/o/harbour/terms/versions/1"))
	ada.press(t, ada.open(t, "/o/harbour/terms/drafts/en"), "Save draft", "title", "Our terms", "text", "Be calm.")
	ada.press(t, ada.open(t, "/o/harbour/terms/publish"), "Publish version 3", "grace", "7")
	waits := g.hang("agree, within the grace period", "Our terms", ada.open(t, "/next"))
	declined := g.hang("declined, within the grace period", "You have declined", ada.press(t, waits, "Decline"))
	ada.press(t, declined, "Go on for now").says(t, 200, "Users")
}
