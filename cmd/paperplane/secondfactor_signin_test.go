package main

import (
	"net/http"
	"testing"
)

// meetsUserOfTheFirstForm is a thief who brings a second step to the form of the first one, which counts no wrong codes and
// pauses no text messages.
func (s *testStack) meetsUserOfTheFirstForm(t *testing.T) {
	t.Helper()
	owner := s.secured(t, "first.form@example.com")
	thief, asked := owner.comesBack(t)
	status, begun := thief.inKratos(t, http.MethodGet, "/self-service/login/browser?aal=aal2", nil)
	if status != http.StatusOK {
		t.Fatalf("the second step is answered with %d", status)
	}
	flow := begun["id"].(string)
	thief.open(t, "/login?flow="+flow).says(t, 200, "Confirm that it is you")
	csrf := (&settings{flow: begun}).attribute("csrf_token", "value").(string)
	for name, fields := range map[string][]string{
		"a right code": {"method", "totp", "totp_code", owner.app.code(t)}, "a right code beside a password": {"method", "password", "totp_code", owner.app.code(t)},
		"a recovery code": {"method", "lookup_secret", "lookup_secret", owner.codes[0]}, "a text message": {"method", "code", "address", owner.mobile},
	} {
		got := thief.do(t, thief.submission(t, asked, form{
			method: http.MethodPost, action: s.page("/login"), fields: append([]string{"flow", flow, "csrf_token", csrf}, fields...),
		}))
		if proofs := thief.proofs(t); got.path() == "/welcome" || proofs != "" {
			t.Errorf("%s leads to %s (%d), and the session has shown %q", name, got.path(), got.status, proofs)
		}
	}
	if n := len(s.mailbox.Messages(owner.mobile)); n != 0 {
		t.Errorf("%d text messages were sent", n)
	}
}
