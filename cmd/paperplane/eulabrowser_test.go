package main

import (
	"testing"

	"paperplane/extension"
)

// TestNewTermsInARealBrowser writes new terms, and has somebody who is Active decline and then accept them.
func TestNewTermsInARealBrowser(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	s.member(t, s.administrator(t), "bob@example.com")
	browser := startChromium(t)
	ada, bob := browser.person(t, "ada"), browser.person(t, "bob")
	s.signIn(ada, s.password)
	ada.arrives("/o/harbour/users")

	ada.open(s.page("/o/harbour/terms"))
	ada.choose("language", "English")
	ada.press("Begin a draft")
	ada.arrives("/o/harbour/terms/drafts/en")
	ada.fill("text", "# Quiet hours\n\nBe *quiet* at night. <script>document.title = 'taken'</script>")
	ada.press("Preview")
	ada.sees("Preview: not saved yet", "Quiet hours", "<script>document.title = 'taken'</script>")
	ada.press("Save draft")
	ada.sees("The draft in English is saved.")
	ada.press("Publish the drafts")
	ada.sees("Publish version 2?", "2 Active users are asked to accept it.", "14 days")
	ada.press("Publish version 2")
	ada.sees("Version 2 is published. Active users are asked to accept it within 14 days.", "Nobody has accepted this version yet.")
	ada.sees(row[string](t, s, `SELECT sha256 FROM terms WHERE id = $1`, s.terms(t)))

	bob.open(s.page("/login"))
	bob.fill("identifier", "bob@example.com")
	bob.fill("password", goodPassword)
	bob.press("Sign in")
	bob.sees("Until then you can go on without.", "Quiet hours") // there is time to read them
	s.looks(bob, "terms-in-grace")
	bob.press("Later")
	bob.sees("You’re in")
	s.clock.advance(extension.MaxGrace)
	bob.open(s.page("/next"))
	bob.arrives("/agree")
	bob.sees("have changed", "Quiet hours", "<script>document.title = 'taken'</script>")
	bob.press("Decline")
	bob.sees("You have declined the terms and conditions")
	bob.press("Read them again")
	bob.press("I accept the terms and conditions")
	bob.sees("You’re in")
	s.is(t, "bob@example.com", extension.Active)
}
