package main

import (
	"testing"
	"time"

	"paperplane/flows"
)

// refusesEvenly signs in as somebody registered, somebody invited and nobody. Kratos alone answers the second in a tenth of
// the time.
func (s *testStack) refusesEvenly(t *testing.T, ada *visitor) {
	t.Helper()
	s.member(t, ada, "refused@example.com")
	ada.invites(t, "refused.pending@example.com")
	v := s.visitor(t)
	var said string
	for _, address := range []string{"refused@example.com", "refused.pending@example.com", "refused.nobody@example.com"} {
		form := v.open(t, "/login")
		start := time.Now()
		refused := v.press(t, form, "Sign in", "identifier", address, "password", "another good password")
		took := time.Since(start)
		t.Logf("%s: %s", address, took)
		if took < flows.RefusalTime {
			t.Errorf("%s is refused after %s", address, took)
		}
		refused.says(t, 422, "The email address or the password is not right.")
		if said == "" {
			said = refused.text()
		} else if refused.text() != said {
			t.Errorf("%s is told:\n%s\nand not:\n%s", address, refused.text(), said)
		}
	}
	start := time.Now()
	v.signIn(t, "refused@example.com", goodPassword).says(t, 200, "You’re in")
	t.Logf("signed in after %s", time.Since(start))
}
