package main

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
)

// TestLinks opens links of every kind that leads nowhere, and looks where a good link's token goes.
func TestLinks(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	ada := s.administrator(t)
	ada.invites(t, "linda@example.com", "other@example.com", "revoked@example.com", "expired@example.com", "scanned@example.com", "leaks@example.com", "used@example.com", "half@example.com")
	inTurn(t,
		story{"links that must not be told apart get the very same page", func(t *testing.T) { s.deadLinksAreAlike(t, ada) }},
		story{"an expired link says so and whom to ask", func(t *testing.T) { s.expiredLinkSaysSo(t) }},
		story{"a paused user's link says so", func(t *testing.T) {
			s.switchesOff(t, "other@example.com")
			s.visitor(t).open(t, s.linkTo(t, "other@example.com")).says(t, 403, "Your access is paused", "You were invited by Ada Admin to Harbour Care.")
			s.switchesOn(t, "other@example.com")
			s.visitor(t).open(t, s.linkTo(t, "other@example.com")).says(t, 200, "Ada Admin invites you to Harbour Care")
		}},
		story{"the link of somebody registered leads to sign-in and no further", func(t *testing.T) {
			v, address := s.visitor(t), s.linkTo(t, "half@example.com")
			v.registers(t, v.starts(t, address))
			other := s.visitor(t)
			signIn := other.open(t, address)
			signIn.says(t, 200, "Sign in")
			if signIn.path() != "/login" || other.cookie(t, "/", "ory_kratos_session") != "" || strings.Contains(signIn.body, tokenOf(address)) {
				t.Errorf("the link leads to %s", signIn.path())
			}
			if v.whoami(t) != http.StatusOK {
				t.Error("the link ended the session")
			}
			other.press(t, signIn, "Sign in", "identifier", "half@example.com", "password", goodPassword).says(t, 200, "Terms and conditions (EULA)")
		}},
		story{"mail scanners use nothing up", func(t *testing.T) { s.scannersUseNothingUp(t) }},
		story{"a token stands in its cookie and nowhere else", func(t *testing.T) { s.tokenLeaksNowhere(t) }},
	)
}

// deadLink is one way to come to the page of a link that leads nowhere.
type deadLink struct {
	name string
	open func(t *testing.T) page
}

func (s *testStack) deadLinksAreAlike(t *testing.T, ada *visitor) {
	t.Helper()
	genuine, foreign := s.linkTo(t, "linda@example.com"), s.linkTo(t, "other@example.com")
	token, invitation := tokenOf(genuine), s.user(t, "linda@example.com").Invitation
	join := "/join/" + string(invitation)
	model := s.visitor(t).open(t, "/i/k1."+base64.RawURLEncoding.EncodeToString(make([]byte, 48)))
	model.says(t, 404, "This link no longer works", "Registered already? Sign in.")

	at := func(path string) func(t *testing.T) page {
		return func(t *testing.T) page { t.Helper(); return s.visitor(t).open(t, path) }
	}
	links := []deadLink{
		{"truncated by a character", at("/i/" + token[:len(token)-1])},
		{"cut in half", at("/i/" + token[:len(token)/2])},
		{"with a character more", at("/i/" + token + "A")},
		{"with other bits at the end", at("/i/" + otherEnd(token))},
		{"without a key", at("/i/" + strings.TrimPrefix(token, "k1."))},
		{"of the key alone", at("/i/k1.")},
		{"of another key", at("/i/" + s.forged(t, "k1", invitation))},
		{"of an unknown key", at("/i/" + s.forged(t, "k2", invitation))},
		{"of an unknown invitation", at("/i/" + s.token(t, extension.NewID[extension.InvitationID]()))},
		{"in upper case", at("/i/" + strings.ToUpper(token))},
		{"escaped", at("/i/" + token + "%01")},
		{"without a cookie", at(join)},
		{"to no invitation", at("/join/nothing")},
		{"to an unknown invitation", at("/join/" + extension.NewID[string]())},
		{"with the cookie of another invitation", func(t *testing.T) page {
			t.Helper()
			v := s.visitor(t)
			v.takeCookie(t, join, "pp_join", tokenOf(foreign))
			return v.open(t, join)
		}},
		{"with a forged cookie", func(t *testing.T) page {
			t.Helper()
			v := s.visitor(t)
			v.takeCookie(t, join, "pp_join", s.forged(t, "k1", invitation))
			return v.open(t, join)
		}},
		{"started after the cookie was lost", func(t *testing.T) page {
			t.Helper()
			v := s.visitor(t)
			start := v.open(t, genuine).formWith(t, "Start")
			return s.visitor(t).do(t, v.submission(t, v.page(t), start))
		}},
		{"revoked by a resend", func(t *testing.T) page { t.Helper(); return s.revokedLink(t, ada) }},
		{"used up", func(t *testing.T) page {
			t.Helper()
			s.visitor(t).joins(t, "linda@example.com")
			return s.visitor(t).open(t, genuine)
		}},
		{"used up, in the browser that used it", func(t *testing.T) page {
			t.Helper()
			v := s.visitor(t)
			v.joins(t, "used@example.com")
			return v.open(t, "/join/"+string(s.user(t, "used@example.com").Invitation))
		}},
		{"never sent", func(t *testing.T) page {
			t.Helper()
			s.mailbox.RefuseAddress("foreign@example.com", "The mailbox does not exist.")
			ada.invites(t, "foreign@example.com")
			return s.visitor(t).open(t, "/i/"+s.token(t, s.user(t, "foreign@example.com").Invitation))
		}},
	}
	for _, link := range links {
		t.Run(link.name, func(t *testing.T) {
			got := link.open(t)
			if got.status != model.status || got.body != model.body {
				t.Errorf("answered %d and differs from the page of a forged link:\n%s", got.status, got.text())
			}
			if cookies := got.header.Values("Set-Cookie"); len(cookies) > 0 {
				t.Errorf("sets %d cookies", len(cookies))
			}
		})
	}
}

// token makes the genuine token of an invitation.
func (s *testStack) token(t *testing.T, invitation extension.InvitationID) string {
	t.Helper()
	token, err := s.server.links.Token(s.server.links.Current(), invitation)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// forged makes a token of an invitation under another secret.
func (s *testStack) forged(t *testing.T, keyID string, invitation extension.InvitationID) string {
	t.Helper()
	links, err := extension.NewLinks([]extension.LinkKey{{ID: keyID, Secret: []byte(strings.Repeat("x", 32))}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := links.Token(keyID, invitation)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// revokedLink resends an invitation and opens the link of the letter before.
func (s *testStack) revokedLink(t *testing.T, ada *visitor) page {
	t.Helper()
	old := s.linkTo(t, "revoked@example.com")
	start := s.visitor(t)
	landing := start.open(t, old)
	ada.press(t, ada.open(t, "/o/harbour/users?q=revoked"), "Resend the invitation to revoked@example.com").
		says(t, 200, "sent less than a minute ago")
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 minutes' WHERE id = $1`, s.user(t, "revoked@example.com").Invitation)
	ada.press(t, ada.open(t, "/o/harbour/users?q=revoked"), "Resend the invitation to revoked@example.com").
		says(t, 200, "A new invitation is on its way to revoked@example.com; the old link no longer works.")
	fresh := link(t, s.letters(t, "revoked@example.com", 2)[1])
	s.visitor(t).open(t, fresh).says(t, 200, "Ada Admin invites you to Harbour Care")
	if pressed := start.press(t, landing, "Start"); pressed.status != 404 {
		t.Errorf("Start of a revoked link answered %d: %s", pressed.status, pressed.text())
	}
	return s.visitor(t).open(t, old)
}

func (s *testStack) expiredLinkSaysSo(t *testing.T) {
	t.Helper()
	address := s.linkTo(t, "expired@example.com")
	v := s.visitor(t)
	landing := v.open(t, address)
	s.runsOut(t, "expired@example.com")
	for name, p := range map[string]page{
		"opened anew": s.visitor(t).open(t, address), "loaded again": v.open(t, landing.path()), "started": v.press(t, landing, "Start"),
	} {
		t.Run(name, func(t *testing.T) {
			p.says(t, http.StatusGone, "This invitation has expired", "UTC", "You were invited by Ada Admin to Harbour Care.")
			if strings.Contains(p.body, tokenOf(address)) {
				t.Error("the page holds the token")
			}
		})
	}
	if identity := s.user(t, "expired@example.com").Identity; s.state(t, identity) != "inactive" {
		t.Error("the identity was switched on")
	}
}

func (s *testStack) scannersUseNothingUp(t *testing.T) {
	t.Helper()
	address := s.linkTo(t, "scanned@example.com")
	head := s.visitor(t).once(t, http.MethodHead, address)
	if forged := s.visitor(t).once(t, http.MethodHead, "/i/k1.nonsense"); head.status != forged.status || len(head.header) != len(forged.header) {
		t.Errorf("HEAD tells a genuine link from a forged one: %v and %v", head.header, forged.header)
	}
	if opened := s.user(t, "scanned@example.com").Facts.Opened; !opened.IsZero() {
		t.Errorf("HEAD was noted as opening, at %s", opened)
	}
	for range 20 {
		scanner := s.visitor(t)
		scanner.open(t, address).says(t, 200, "Ada Admin invites you to Harbour Care")
		scanner.once(t, http.MethodGet, "/join/"+string(s.user(t, "scanned@example.com").Invitation)+"/start")
	}
	scanned := s.user(t, "scanned@example.com")
	if opened := scanned.Facts.Opened; opened.IsZero() || time.Since(opened) > recovery {
		t.Errorf("opened at %s", opened)
	}
	if !scanned.Facts.Started.IsZero() || s.state(t, scanned.Identity) != "inactive" || s.sessions(t, scanned.Identity) != 0 {
		t.Error("opening a link changed more than a time")
	}
	s.visitor(t).joins(t, "scanned@example.com")
}

// tokenLeaksNowhere goes the whole way and looks at every answer.
func (s *testStack) tokenLeaksNowhere(t *testing.T) {
	t.Helper()
	v := s.visitor(t)
	v.joins(t, "leaks@example.com")
	token := tokenOf(s.linkTo(t, "leaks@example.com"))
	given := 0
	for _, a := range v.answers() {
		if strings.Contains(a.body, token) {
			t.Errorf("the body of %s holds the token", a.method+" "+withoutToken(a.address, token))
		}
		for name, values := range a.header {
			for _, value := range values {
				switch {
				case !strings.Contains(value, token):
				case name == "Set-Cookie":
					given++
					for _, part := range []string{"; Path=/join/", "; HttpOnly", "; SameSite=Lax", "; Max-Age=6"} {
						if !strings.Contains(value, part) {
							t.Errorf("the cookie lacks %q: %s", part, withoutToken(value, token))
						}
					}
				default:
					t.Errorf("the header %s holds the token", name)
				}
			}
		}
		if strings.Contains(a.address, token) && a.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("the link's answer has the Referrer-Policy %q", a.header.Get("Referrer-Policy"))
		}
	}
	if given != 1 {
		t.Errorf("the token was given in %d cookies, want 1", given)
	}
	if v.cookie(t, "/next", "pp_join") != "" {
		t.Error("the cookie goes to other pages too")
	}
}

func withoutToken(text, token string) string { return strings.ReplaceAll(text, token, "***") }

// otherEnd is a token whose last character is another one.
func otherEnd(token string) string {
	end := len(token) - 1
	if token[end] == '_' {
		return token[:end] + "A"
	}
	return token[:end] + "_"
}
