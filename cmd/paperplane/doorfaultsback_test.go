package main

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// walk is the way in of somebody who goes back after every step: to every page before, and to every form, which is sent
// again as it was.
type walk struct {
	*holder
	pages []string
	sent  []*sentForm
}

// sentForm is a form as it was submitted, with the page that it stood on.
type sentForm struct {
	at   page
	form form
}

// steps presses a button, goes back through everything, and gives the page that is due then.
func (w *walk) steps(t *testing.T, p page, button string, typed ...string) page {
	t.Helper()
	w.pages = append(w.pages, p.address.String())
	w.sent = append(w.sent, &sentForm{at: p, form: p.formWith(t, button, typed...)})
	due := w.press(t, p, button, typed...)
	if due.status != http.StatusOK {
		t.Fatalf("%s leads to %d: %s", button, due.status, due.text())
	}
	w.goesThrough(t, due)
	again := w.open(t, due.address.String())
	if again.path() != due.path() || again.status != http.StatusOK {
		t.Fatalf("going back from %s has led to %s (%d): %s", due.path(), again.path(), again.status, again.text())
	}
	return again
}

// goesThrough opens every page and sends every form of before, in this tab and in another.
func (w *walk) goesThrough(t *testing.T, due page) {
	t.Helper()
	other := w.sharing(t)
	for _, address := range w.pages {
		if p := w.open(t, address); p.status >= http.StatusInternalServerError {
			t.Errorf("from %s back to %s: %d: %s", due.path(), address, p.status, p.text())
		}
	}
	for _, sent := range w.sent {
		if p := other.do(t, other.submission(t, sent.at, sent.form)); p.status >= http.StatusInternalServerError {
			t.Errorf("from %s, %s sent again: %d: %s", due.path(), sent.form.action, p.status, p.text())
		}
	}
}

// goesBackEverywhere walks the whole way in, back and forth, and counts what has happened.
func (s *testStack) goesBackEverywhere(t *testing.T) {
	t.Helper()
	const address = "backwards@example.com"
	s.invitesCarer(t, address)
	w := &walk{holder: &holder{visitor: s.visitor(t), address: address, mobile: s.mobile()}}
	landing := w.open(t, s.linkTo(t, address))
	form := w.steps(t, landing, "Start")
	form.says(t, 200, "Register for Harbour Care")
	ways := w.steps(t, form, "Register", details(w.mobile)...)
	ways.says(t, 200, "Set up a second factor")
	typing := w.steps(t, ways, byEmail)
	typing.says(t, 200, "Type the code")
	code := s.newestCode(t, address, 1)
	codes := w.steps(t, typing, "Confirm", "code", code)
	codes.says(t, 200, "Keep your recovery codes")
	w.codes = shownCodes(t, codes)
	terms := w.steps(t, codes, "Go on", "kept", "yes")
	terms.says(t, 200, "Terms and conditions (EULA)")
	w.steps(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in")
	s.is(t, address, extension.Active)

	user := s.user(t, address)
	counted := map[string]int{}
	for what, query := range map[string]string{
		"activations": `SELECT count(*)::int FROM audit WHERE user_id::text = $1 AND action = 'user.activated'`,
		"acceptances": `SELECT count(*)::int FROM acceptances WHERE user_id::text = $1`,
		"declines":    `SELECT count(*)::int FROM declines WHERE user_id::text = $1`,
		"new factors": `SELECT count(*)::int FROM audit WHERE user_id::text = $1 AND action LIKE 'factor%'`,
		"proven ways": `SELECT count(*)::int FROM factors WHERE identity_id = (SELECT identity_id FROM users WHERE id::text = $1)`,
		"codes asked": `SELECT count(*)::int FROM code_sends WHERE identity_id = (SELECT identity_id FROM users WHERE id::text = $1)`,
	} {
		counted[what] = row[int](t, s, query, string(user.ID))
	}
	counted["all sessions"] = s.sessions(t, user.Identity)
	counted["letters"], counted["codes"] = len(s.mailbox.Messages(address))-len(s.codesTo(address)), len(s.codesTo(address))
	want := map[string]int{
		"activations": 1, "acceptances": 1, "declines": 0, "new factors": counted["new factors"], "proven ways": 1, "codes asked": 1, "all sessions": 1,
		"letters": 1, "codes": 1,
	}
	if diff := cmp.Diff(want, counted); diff != "" {
		t.Errorf("going back had effects (-want +got):\n%s", diff)
	}
	if counted["new factors"] > 1 {
		t.Errorf("the audit tells of %d new factors", counted["new factors"])
	}
	again, _ := w.comesBack(t)
	if p := again.confirmsOnPaper(t, w.codes[0]); p.path() != "/welcome" {
		t.Errorf("the recovery codes that were kept lead to %s (%d): %s", p.path(), p.status, p.text())
	}
	w.addressesLack(t, append(w.codes, code)...)
}
