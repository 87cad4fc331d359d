package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
)

// TestResendingToMany resends to a selection and to a filter, and lets reminders go out by themselves.
func TestResendingToMany(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", silent)
	ada := s.administrator(t)
	inTurn(t,
		story{"to a selection", func(t *testing.T) { s.resendsToASelection(t, ada) }},
		story{"to all of a filter, Expired only when chosen", func(t *testing.T) { s.resendsToAFilter(t, ada) }},
		story{"pressing twice is once", func(t *testing.T) { s.pressesResendTwice(t, ada) }},
		story{"two administrators at the same moment", func(t *testing.T) { s.resendTogether(t, ada) }},
		story{"an inviter, to areas of their own", func(t *testing.T) { s.inviterResendsToMany(t, ada) }},
		story{"with time to take it back", func(t *testing.T) { s.resendsWithDelay(t, ada) }},
	)
}

// silent lets the mailbox tell nothing of its messages: it would tell it by the real clock.
func silent(o *stackOptions) { o.noNews = true }

// people are so many addresses of their own.
func people(name string, n int) []string {
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("%s%d@example.com", name, i+1)
	}
	return addresses
}

// lettersTo fails the test unless exactly so many letters went to each address.
func (s *testStack) lettersTo(t *testing.T, n int, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		s.letters(t, address, n)
		if got := len(s.invitationsTo(address)); got != n {
			t.Errorf("%s got %d letters, want %d", address, got, n)
		}
	}
}

// asksToResend opens the page of a resend for ticked rows of the users list.
func (v *visitor) asksToResend(t *testing.T, addresses ...string) page {
	t.Helper()
	list := v.open(t, "/o/harbour/users")
	form := list.formWith(t, "Resend to selected")
	for _, address := range addresses {
		form.fields = append(form.fields, "user", string(v.stack.user(t, address).ID))
	}
	return v.do(t, v.submission(t, list, form))
}

// resends presses Resend on its page.
func (v *visitor) resends(t *testing.T, p page) page {
	t.Helper()
	return v.do(t, v.submission(t, p, p.formWith(t, "Resend")))
}

func (s *testStack) resendsToASelection(t *testing.T, ada *visitor) {
	t.Helper()
	all := people("picked", 5)
	ada.invites(t, all...).allSent(t, 5)
	old := s.linkTo(t, all[0])
	ada.asksToResend(t, all[:3]...).says(t, 200, "You selected 3 users.", "Nobody can be written to now.", "3 were written to within the last hour")
	s.clock.advance(2 * time.Hour)

	asked := ada.asksToResend(t, all[:3]...)
	asked.says(t, 200, "You selected 3 users.", "3 users who are Pending get a new invitation.")
	asked.lacks(t, "Left out", "Expired")
	batch := ada.awaitBatch(t, ada.resends(t, asked))
	batch.allSent(t, 3)
	s.lettersTo(t, 2, all[:3]...)
	s.lettersTo(t, 1, all[3:]...)
	s.visitor(t).open(t, old).says(t, http.StatusNotFound, "This link no longer works")
	s.visitor(t).open(t, s.linkTo(t, all[0])).says(t, 200, "invites you to Harbour Care")

	ada.open(t, "/o/harbour/resend").says(t, 200, "Nobody is selected.", "Go back to the list and tick the people first.")
	ada.open(t, "/o/harbour/resend?user="+extension.NewID[string]()).says(t, 200, "Nobody is selected.")
}

func (s *testStack) resendsToAFilter(t *testing.T, ada *visitor) {
	t.Helper()
	all := people("filtered", 4)
	ada.invites(t, all...).allSent(t, 4)
	s.runsOut(t, all[3])
	s.rows(t, `UPDATE users SET suppressed = 'bounced', suppressed_at = now() WHERE address = $1`, all[2])
	s.clock.advance(2 * time.Hour)

	asked := ada.press(t, ada.open(t, "/o/harbour/users?q=filtered"), "Resend to all 4 shown by this filter")
	asked.says(t, 200, "everybody who is Pending or Expired and matches “filtered”", "2 users who are Pending get a new invitation.",
		"Also send one to 1 user who is Expired", "1 cannot be reached")
	ada.awaitBatch(t, ada.resends(t, asked)).allSent(t, 2)
	s.lettersTo(t, 2, all[:2]...)
	s.lettersTo(t, 1, all[2:]...)

	asked = ada.press(t, ada.open(t, "/o/harbour/users?q=filtered"), "Resend to all 4 shown by this filter")
	asked.says(t, 200, "2 were written to within the last hour", "Send a new invitation to 1 user who is Expired")
	ada.resends(t, asked).says(t, http.StatusUnprocessableEntity, "Tick the box to send to those who are Expired")
	asked = ada.press(t, ada.open(t, "/o/harbour/users?q=filtered&status=expired"), "Resend to all 1 shown by this filter")
	asked.says(t, 200, "everybody who is Expired and matches “filtered”", "Send a new invitation to 1 user who is Expired")
	ada.awaitBatch(t, ada.resends(t, asked)).allSent(t, 1)
	s.lettersTo(t, 2, all[0], all[1], all[3])
	s.lettersTo(t, 1, all[2])
	s.is(t, all[3], extension.Pending)
}

func (s *testStack) pressesResendTwice(t *testing.T, ada *visitor) {
	t.Helper()
	all := people("twice", 3)
	ada.invites(t, all...).allSent(t, 3)
	s.clock.advance(2 * time.Hour)
	asked := ada.asksToResend(t, all...)
	var pressing sync.WaitGroup
	batches := make([]string, 4)
	for i := range batches {
		pressing.Go(func() {
			got := ada.sharing(t)
			batches[i] = got.resends(t, asked).path()
		})
	}
	pressing.Wait()
	for _, batch := range batches {
		if batch != batches[0] || !strings.HasPrefix(batch, "/o/harbour/batches/") {
			t.Errorf("the presses lead to %q", batches)
		}
	}
	ada.awaitBatch(t, ada.open(t, batches[0])).allSent(t, 3)
	s.lettersTo(t, 2, all...)
}

func (s *testStack) resendTogether(t *testing.T, ada *visitor) {
	t.Helper()
	ada.invitesAs(t, "North Pier", "Administrator", "second@example.com").allSent(t, 1)
	second := s.visitor(t)
	second.joins(t, "second@example.com")
	all := people("together", 20)
	ada.invites(t, all...).allSent(t, 20)
	s.clock.advance(2 * time.Hour)
	asked := []page{ada.asksToResend(t, all...), second.asksToResend(t, all...)}
	answers := make([]page, len(asked))
	var pressing sync.WaitGroup
	for i, v := range []*visitor{ada, second} {
		pressing.Go(func() { answers[i] = v.resends(t, asked[i]) })
	}
	pressing.Wait()
	for _, answer := range answers {
		if answer.status != http.StatusOK && answer.status != http.StatusUnprocessableEntity {
			t.Errorf("answered %d: %s", answer.status, answer.text())
		}
		if answer.status == http.StatusUnprocessableEntity {
			answer.says(t, 422, "nobody of them can be written to now", "Left out: 20")
		}
	}
	s.lettersTo(t, 2, all...)
	if n := row[int](t, s, `SELECT count(*) FROM invitations i JOIN users u ON u.id = i.user_id WHERE u.address LIKE 'together%'`); n != 40 {
		t.Errorf("%d invitations for twenty people who were invited once and once again", n)
	}
}

func (s *testStack) inviterResendsToMany(t *testing.T, ada *visitor) {
	t.Helper()
	ada.invitesAs(t, "North Pier", "Team lead", "leading@example.com").allSent(t, 1)
	lead := s.visitor(t)
	lead.joins(t, "leading@example.com")
	ada.invitesAs(t, "North Pier", "Carer", "area.north@example.com").allSent(t, 1)
	ada.invitesAs(t, "South Pier", "Carer", "area.south@example.com").allSent(t, 1)
	s.clock.advance(2 * time.Hour)
	lead.asksToResend(t, "area.north@example.com", "area.south@example.com").says(t, 200, "You selected 1 user.")
	asked := lead.press(t, lead.open(t, "/o/harbour/users?q=area."), "Resend to all 1 shown by this filter")
	lead.awaitBatch(t, lead.resends(t, asked)).allSent(t, 1)
	s.lettersTo(t, 2, "area.north@example.com")
	s.lettersTo(t, 1, "area.south@example.com")
	lead.open(t, "/o/harbour/sending").says(t, 403, "You may not do this")
}

// saves changes the sending settings on their page.
func (v *visitor) saves(t *testing.T, typed ...string) page {
	t.Helper()
	settings := v.press(t, v.open(t, "/o/harbour/users"), "Sending settings")
	settings.says(t, 200, "Sending settings", "the whole batch can be taken back")
	return v.press(t, settings, "Save", typed...)
}

func (s *testStack) resendsWithDelay(t *testing.T, ada *visitor) {
	t.Helper()
	ada.saves(t, "undo", "soon").says(t, 422, "Choose one of the undo delays.")
	ada.saves(t, "percent", "101").says(t, 422, "a whole number from 0 (never pause) to 100")
	ada.invites(t, "delayed@example.com").allSent(t, 1)
	ada.saves(t, "undo", "5 minutes").says(t, 200, "The sending settings are saved.")
	s.clock.advance(2 * time.Hour)
	asked := ada.asksToResend(t, "delayed@example.com")
	asked.says(t, 200, "Nothing is sent for the first 5 minutes")
	batch := ada.resends(t, asked)
	batch.says(t, 200)
	s.lettersTo(t, 1, "delayed@example.com")
	s.clock.advance(5 * time.Minute)
	ada.awaitBatch(t, batch).allSent(t, 1)
	s.lettersTo(t, 2, "delayed@example.com")
	ada.saves(t, "undo", "Off: sending begins at once").says(t, 200, "The sending settings are saved.")
	if detail := row[string](t, s, `SELECT detail FROM audit WHERE action = 'organisation.sending_changed' ORDER BY id LIMIT 1`); !strings.HasPrefix(detail, "no undo delay, ") {
		t.Errorf("the audit says %q", detail)
	}
}

// TestReminders lets days pass.
func TestReminders(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", silent)
	ada := s.administrator(t)
	ada.saves(t, "first", "3", "second", "7").says(t, 422, "A reminder goes out on day 1 to 6")
	ada.saves(t, "first", "6", "second", "3").says(t, 422, "must be on a later day than the first")
	ada.invites(t, "slow@example.com", "bounced@example.com", "paused@example.com", "resent@example.com").allSent(t, 4)
	s.member(t, ada, "quick@example.com")
	s.rows(t, `UPDATE users SET suppressed = 'bounced', suppressed_at = now() WHERE address = 'bounced@example.com'`)
	s.switchesOff(t, "paused@example.com")
	s.clock.advance(3*24*time.Hour - 5*time.Minute)
	ada.press(t, ada.open(t, "/o/harbour/users?q=resent"), "Resend the invitation to resent@example.com").says(t, 200, "A new invitation is on its way")
	s.lettersTo(t, 2, "resent@example.com")
	ada.saves(t, "first", "3", "second", "6").says(t, 200, "The sending settings are saved.")
	s.lettersTo(t, 1, "slow@example.com")

	reminded := func(n int) {
		t.Helper()
		s.lettersTo(t, n, "slow@example.com") // by the periodic work, with nobody's help
		for range 3 {
			if err := s.server.invite.Remind(t.Context()); err != nil {
				t.Error(err)
			}
		}
		eventually(t, "every batch is finished", func() bool { return row[int](t, s, `SELECT count(*) FROM batches WHERE finished_at IS NULL`) == 0 })
		s.lettersTo(t, n, "slow@example.com")
		s.lettersTo(t, 1, "bounced@example.com", "paused@example.com", "quick@example.com")
	}
	s.clock.advance(10 * time.Minute)
	reminded(2)
	s.lettersTo(t, 2, "resent@example.com") // whose own three days have just begun
	s.clock.advance(3 * 24 * time.Hour)
	reminded(3)
	s.lettersTo(t, 3, "resent@example.com")

	letters := s.invitationsTo("slow@example.com")
	for i, letter := range letters {
		s.log.mustNotHold(tokenOf(link(t, letter)))
		if link(t, letter) != link(t, letters[0]) {
			t.Errorf("letter %d has another link", i+1)
		}
		if want := i > 0; strings.HasPrefix(letter.Subject, "Reminder: ") != want {
			t.Errorf("letter %d is about %q", i+1, letter.Subject)
		}
	}
	late := s.visitor(t)
	late.press(t, late.registers(t, late.starts(t, link(t, letters[2]))), "I accept the terms and conditions").says(t, 200, "You’re in")
	s.is(t, "slow@example.com", extension.Active)
	if n := row[int](t, s, `SELECT count(*) FROM batches WHERE kind = 'reminder'`); n != 2 {
		t.Errorf("%d rounds of reminders, want 2", n)
	}
}
