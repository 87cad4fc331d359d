package main

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// TestStart presses Start in every situation in which somebody might.
func TestStart(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		admin := &checkpoint{}
		s := startTestStack(t, binary, func(o *stackOptions) {
			o.settings = append(o.settings, "PAPERPLANE_KRATOS_ADMIN_URL="+admin.start(t, o.ports.kratosAdmin))
		})
		ada := s.administrator(t)
		ada.invites(t, "twice@example.com", "tabs@example.com", "second@example.com", "password@example.com", "disabled@example.com",
			"foreign@example.com", "deleted@example.com", "interrupted@example.com", "other@example.com", "lost@example.com", "resent@example.com")
		inTurn(t,
			story{"twice: the second session takes the place of the first", func(t *testing.T) {
				v, link := s.visitor(t), s.linkTo(t, "twice@example.com")
				v.starts(t, link)
				first := v.keepsCookies(t)
				v.starts(t, link)
				s.onlyLast(t, "twice@example.com", first, v)
				v.registers(t, v.open(t, "/register"))
			}},
			story{"in two tabs at the same moment: the browser goes on with one session", func(t *testing.T) { s.startsInTwoTabs(t) }},
			story{"in a second browser: the first one's session ends", func(t *testing.T) {
				first, second := s.visitor(t), s.visitor(t)
				link := s.linkTo(t, "second@example.com")
				form := first.starts(t, link)
				second.starts(t, link)
				s.onlyLast(t, "second@example.com", first, second)
				first.press(t, form, "Register", details(s.mobile())...).says(t, 403, "Your session has ended", "Back to your invitation")
				first.open(t, "/register").says(t, 403, "Your session has ended", "Open the link in your email again")
				second.registers(t, second.open(t, "/register"))
			}},
			story{"when a password was set meanwhile: the link leads to sign-in and nobody gets in", func(t *testing.T) { s.startsWithPassword(t) }},
			story{"on an identity that somebody else disabled: it stays inactive", func(t *testing.T) { s.startsDisabled(t) }},
			story{"on an identity whose mark is not ours: it is not touched", func(t *testing.T) { s.startsForeign(t) }},
			story{"on an identity that was deleted: it says whom to ask", func(t *testing.T) {
				v, link := s.visitor(t), s.linkTo(t, "deleted@example.com")
				s.asAdministrator(t, http.MethodDelete, "/admin/identities/"+string(s.user(t, "deleted@example.com").Identity), nil, http.StatusNoContent)
				v.press(t, v.open(t, link), "Start").says(t, 403, "Ask an administrator of Harbour Care", "You were invited by Ada Admin")
			}},
			story{"after an interrupted registration: it goes on where it was", func(t *testing.T) { s.resumesRegistration(t) }},
			story{"a resend ends what the old link began", func(t *testing.T) { s.resendsToSomebodyStarted(t, ada) }},
			story{"with Kratos' answers lost one after the other: the next press goes on", func(t *testing.T) { s.losesAnswersAtStart(t, admin) }},
			story{"by somebody who is signed in: asked first, and never mixed up", func(t *testing.T) { s.asksWhoeverIsSignedIn(t) }},
		)
	})
}

// onlyLast fails the test unless the first browser's session is dead and the last one's is the only one.
func (s *testStack) onlyLast(t *testing.T, address string, first, last *visitor) {
	t.Helper()
	if got := first.whoami(t); got != http.StatusUnauthorized {
		t.Errorf("Kratos answers %d for the session before", got)
	}
	if got := last.whoami(t); got != http.StatusOK {
		t.Errorf("Kratos answers %d for the last session", got)
	}
	if n := s.sessions(t, s.user(t, address).Identity); n != 1 {
		t.Errorf("there are %d sessions, want 1", n)
	}
}

func (s *testStack) startsInTwoTabs(t *testing.T) {
	t.Helper()
	v, link := s.visitor(t), s.linkTo(t, "tabs@example.com")
	tabs := []*visitor{v, v.sharing(t)}
	landings := []page{tabs[0].open(t, link), tabs[1].open(t, link)}
	answers := make([]page, len(tabs))
	var pressing sync.WaitGroup
	for i, tab := range tabs {
		pressing.Go(func() { answers[i] = tab.press(t, landings[i], "Start") })
	}
	pressing.Wait()
	for _, answer := range answers {
		if answer.status >= http.StatusInternalServerError {
			t.Errorf("a tab got %d: %s", answer.status, answer.text())
		}
	}
	if n := s.sessions(t, s.user(t, "tabs@example.com").Identity); n != 1 {
		t.Errorf("there are %d sessions, want 1", n)
	}
	if v.whoami(t) != http.StatusOK { // the answers may have crossed; pressing again always helps
		v.starts(t, link)
	}
	v.registers(t, v.open(t, "/register"))
}

// startsWithPassword sets a password past Paperplane, so that no report tells of it.
func (s *testStack) startsWithPassword(t *testing.T) {
	t.Helper()
	link := s.linkTo(t, "password@example.com")
	v := s.visitor(t)
	landing := v.open(t, link)
	user := s.user(t, "password@example.com")
	identity := s.identity(t, user.Identity)
	s.asAdministrator(t, http.MethodPut, "/admin/identities/"+string(user.Identity), object{
		"schema_id": "member", "state": "inactive", "traits": identity["traits"], "metadata_admin": identity["metadata_admin"],
		"credentials": object{"password": object{"config": object{"password": goodPassword}}},
	}, http.StatusOK)
	before := cleanJSON(t, s.identity(t, user.Identity))

	for _, p := range []page{v.press(t, landing, "Start"), v.press(t, landing, "Start"), s.visitor(t).open(t, link)} {
		if p.says(t, 200, "Sign in"); p.path() != "/login" {
			t.Errorf("the link leads to %s", p.path())
		}
	}
	if v.cookie(t, "/", "ory_kratos_session") != "" || s.sessions(t, user.Identity) != 0 {
		t.Error("Start gave a session")
	}
	if diff := cmp.Diff(before, cleanJSON(t, s.identity(t, user.Identity))); diff != "" {
		t.Errorf("the identity has changed (-before +after):\n%s", diff)
	}
}

func (s *testStack) startsDisabled(t *testing.T) {
	t.Helper()
	v, link := s.visitor(t), s.linkTo(t, "disabled@example.com")
	v.starts(t, link)
	id := s.user(t, "disabled@example.com").Identity
	s.change(t, id, "/state", "inactive")
	before := cleanJSON(t, s.identity(t, id))
	other := s.visitor(t)
	other.press(t, other.open(t, link), "Continue").says(t, 403, "Your account is switched off", "Ask an administrator of Harbour Care")
	if diff := cmp.Diff(before, cleanJSON(t, s.identity(t, id))); diff != "" {
		t.Errorf("the identity has changed (-before +after):\n%s", diff)
	}
	if other.cookie(t, "/", "ory_kratos_session") != "" {
		t.Error("Start gave a session")
	}
}

func (s *testStack) startsForeign(t *testing.T) {
	t.Helper()
	v, link := s.visitor(t), s.linkTo(t, "foreign@example.com")
	landing := v.open(t, link)
	id := s.user(t, "foreign@example.com").Identity
	for name, mark := range map[string]object{
		"no mark":                {"owner": "somebody else"},
		"a mark of nobody here":  {"paperplane": object{"user": extension.NewID[string]()}},
		"a mark in another form": {"paperplane": string(s.user(t, "foreign@example.com").ID)},
	} {
		t.Run(name, func(t *testing.T) {
			s.change(t, id, "/metadata_admin", mark)
			before := cleanJSON(t, s.identity(t, id))
			v.press(t, landing, "Start").says(t, 403, "Your account is switched off", "Ask an administrator of Harbour Care")
			if diff := cmp.Diff(before, cleanJSON(t, s.identity(t, id))); diff != "" {
				t.Errorf("the identity has changed (-before +after):\n%s", diff)
			}
			if s.sessions(t, id) != 0 {
				t.Error("Start gave a session")
			}
		})
	}
}

// resumesRegistration saves the profile, has the password refused, and goes on from the link in another browser.
func (s *testStack) resumesRegistration(t *testing.T) {
	t.Helper()
	first, link := s.visitor(t), s.linkTo(t, "interrupted@example.com")
	mobile := s.mobile()
	first.press(t, first.starts(t, link), "Register", details(mobile, "password", "short")...).says(t, 422, "This password is too short.", "At least 12 characters")

	second := s.visitor(t)
	form := second.starts(t, link)
	for field, want := range map[string]string{"first_name": "Robin", "last_name": "Sand", "mobile": mobile, "password": ""} {
		if got := form.value(t, field); got != want {
			t.Errorf("%s is %q, want %q", field, got, want)
		}
	}
	terms := second.press(t, form, "Register", "password", goodPassword)
	terms.says(t, 200, "Terms and conditions (EULA)")

	// Interrupted again, now before the terms: the link is used up, and signing in leads on.
	third := s.visitor(t)
	terms = third.press(t, third.open(t, link), "Sign in", "identifier", "interrupted@example.com", "password", goodPassword)
	terms.says(t, 200, "Terms and conditions (EULA)")
	third.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
	s.is(t, "interrupted@example.com", extension.Active)
}

// resendsToSomebodyStarted sends the invitation again while somebody holds the session of the old link.
func (s *testStack) resendsToSomebodyStarted(t *testing.T, ada *visitor) {
	t.Helper()
	first, old := s.visitor(t), s.linkTo(t, "resent@example.com")
	form := first.starts(t, old)
	id := s.user(t, "resent@example.com").Identity
	s.rows(t, `UPDATE invitations SET sent_at = sent_at - interval '2 minutes' WHERE id = $1`, s.user(t, "resent@example.com").Invitation)
	ada.press(t, ada.open(t, "/o/harbour/users?q=resent"), "Resend the invitation to resent@example.com").says(t, 200, "the old link no longer works")
	eventually(t, "the session of the old link ends", func() bool {
		return first.whoami(t) == http.StatusUnauthorized && s.sessions(t, id) == 0 && s.state(t, id) == "inactive"
	})
	first.press(t, form, "Register", details(s.mobile())...).says(t, 403, "Your session has ended", "Back to your invitation")
	first.open(t, old).says(t, 404, "This link no longer works")

	second := s.visitor(t)
	fresh := link(t, s.letters(t, "resent@example.com", 2)[1])
	second.press(t, second.registers(t, second.starts(t, fresh)), "I accept the terms and conditions").says(t, 200, "You’re in")
	s.is(t, "resent@example.com", extension.Active)
}

// losesAnswersAtStart breaks Start off after each of the calls that it makes.
func (s *testStack) losesAnswersAtStart(t *testing.T, admin *checkpoint) {
	t.Helper()
	v, link := s.visitor(t), s.linkTo(t, "lost@example.com")
	landing := v.open(t, link)
	own := "/admin/identities/" + string(s.user(t, "lost@example.com").Identity) // the upkeep makes such calls too
	for i, call := range []struct{ method, path string }{
		{http.MethodPatch, own},
		{http.MethodDelete, own},
		{http.MethodPost, "/admin/recovery/code"},
	} {
		admin.lose(call.method, call.path)
		button := "Start"
		if landing.has("Continue") {
			button = "Continue"
		}
		landing = v.press(t, landing, button)
		if admin.lost() != i+1 {
			t.Fatalf("%d answers were lost after %s, want %d", admin.lost(), call.method, i+1)
		}
		landing.says(t, 503, "Your invitation is safe")
	}
	admin.clear()
	v.registers(t, v.starts(t, link))
	if n := s.sessions(t, s.user(t, "lost@example.com").Identity); n != 1 {
		t.Errorf("there are %d sessions, want 1", n)
	}
}

func (s *testStack) asksWhoeverIsSignedIn(t *testing.T) {
	t.Helper()
	v, link := s.administrator(t), s.linkTo(t, "other@example.com")
	adas := v.keepsCookies(t)
	asked := v.open(t, link)
	asked.says(t, 200, "You are signed in as "+demoAdministrator)
	if v.whoami(t) != http.StatusOK {
		t.Error("opening the link ended the session")
	}
	unasked := asked.formWith(t, "Sign out and continue as other@example.com", "switch", "")
	v.do(t, v.submission(t, asked, unasked)).says(t, 409, "You are signed in as "+demoAdministrator)
	if v.whoami(t) != http.StatusOK || !s.user(t, "other@example.com").Facts.Started.IsZero() {
		t.Error("without a yes, the session ended or the invitation was started")
	}
	form := v.press(t, asked, "Sign out and continue as other@example.com")
	form.says(t, 200, "Register for Harbour Care")
	if got := form.value(t, "email"); got != "other@example.com" {
		t.Errorf("registers as %s", got)
	}
	if got := adas.whoami(t); got != http.StatusUnauthorized {
		t.Errorf("the administrator's session is answered with %d", got)
	}
}

// TestAnInvitationThatExpiresHalfWay lets invitations run out between Start and the last step, and sends them again.
func TestAnInvitationThatExpiresHalfWay(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, nil)
		ada := s.administrator(t)
		ada.invites(t, "started@example.com", "registered@example.com", "never@example.com")
		started, registered := s.visitor(t), s.visitor(t)
		form := started.starts(t, s.linkTo(t, "started@example.com"))
		terms := registered.registers(t, registered.starts(t, s.linkTo(t, "registered@example.com")))

		s.clock.advance(7*24*time.Hour + time.Minute)
		for _, address := range []string{"started@example.com", "registered@example.com", "never@example.com"} {
			s.is(t, address, extension.Expired)
		}
		id := s.user(t, "started@example.com").Identity
		s.forgetsLook(t, "started@example.com")
		eventually(t, "the sweep makes the identity inactive", func() bool { return s.state(t, id) == "inactive" })
		eventually(t, "the sweep ends the sessions", func() bool { return started.whoami(t) == http.StatusUnauthorized && s.sessions(t, id) == 0 })
		started.press(t, form, "Register", details(s.mobile())...).says(t, 403, "Your session has ended", "Back to your invitation")
		started.open(t, s.linkTo(t, "started@example.com")).says(t, 410, "This invitation has expired")

		// Who has a password keeps the account, but the invitation is over.
		registered.press(t, terms, "I accept the terms and conditions").says(t, 410, "Your invitation has expired")
		s.is(t, "registered@example.com", extension.Expired)
		if state := s.state(t, s.user(t, "registered@example.com").Identity); state != "active" {
			t.Errorf("the registered identity is %s", state)
		}

		for _, address := range []string{"started@example.com", "registered@example.com", "never@example.com"} {
			ada.press(t, ada.open(t, "/o/harbour/users?status=expired"), "Resend the invitation to "+address).says(t, 200, "A new invitation is on its way to "+address)
			s.letters(t, address, 2)
			s.is(t, address, extension.Pending)
		}
		again := s.visitor(t)
		again.press(t, again.registers(t, again.starts(t, s.linkTo(t, "started@example.com"))), "I accept the terms and conditions").says(t, 200, "You’re in")
		s.is(t, "started@example.com", extension.Active)
		s.visitor(t).joins(t, "never@example.com")

		back := s.visitor(t)
		terms = back.signIn(t, "registered@example.com", goodPassword)
		terms.says(t, 200, "Terms and conditions (EULA)")
		back.press(t, terms, "I accept the terms and conditions").says(t, 200, "You’re in")
		s.is(t, "registered@example.com", extension.Active)
	})
}
