package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// recovery is how long a test waits for what must come about. It bounds failures only.
const recovery = time.Minute

// story is one part of a test that shares its stack with others. They run in turn, because some move the clock or stop
// a part.
type story struct {
	name string
	tell func(t *testing.T)
}

func inTurn(t *testing.T, stories ...story) {
	t.Helper()
	for _, s := range stories {
		t.Run(s.name, s.tell)
	}
}

// eventually waits for a condition, looking again and again. Looking takes at most a third of the time, so that it does not
// keep from coming about what it waits for.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), recovery)
	defer cancel()
	for {
		begun := time.Now()
		if condition() {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("it never came about that %s", what)
		case <-time.After(max(20*time.Millisecond, 2*time.Since(begun))):
		}
	}
}

// administrator is the demonstration administrator, signed in.
func (s *testStack) administrator(t testing.TB) *visitor {
	t.Helper()
	ada := s.visitor(t)
	ada.signIn(t, demoAdministrator, s.password).says(t, 200, "Users", demoAdministrator)
	return ada
}

// signIn fills in the sign-in page.
func (v *visitor) signIn(t testing.TB, address, password string) page {
	t.Helper()
	return v.press(t, v.open(t, "/login"), "Sign in", "identifier", address, "password", password)
}

// invites invites addresses to North Pier as Carer, and waits until the batch is done.
func (v *visitor) invites(t *testing.T, addresses ...string) page {
	t.Helper()
	return v.invitesAs(t, "North Pier", "Carer", addresses...)
}

func (v *visitor) invitesAs(t *testing.T, area, role string, addresses ...string) page {
	t.Helper()
	batch := v.press(t, v.open(t, "/o/harbour/invite"), "Invite",
		"addresses", strings.Join(addresses, "\n"), "area", area, "role", role)
	return v.awaitBatch(t, batch)
}

// awaitBatch looks at a batch's page until everything is sent or refused.
func (v *visitor) awaitBatch(t testing.TB, batch page) page {
	t.Helper()
	if !strings.HasPrefix(batch.path(), "/o/harbour/batches/") {
		t.Fatalf("no batch but %s (%d): %s", batch.path(), batch.status, batch.text())
	}
	eventually(t, "the batch is done", func() bool {
		batch = v.open(t, batch.path())
		return batch.status == 200 && !strings.Contains(batch.text(), "This page follows along by itself")
	})
	return batch
}

// settles waits until no call to the mail provider is under way whose outcome is not written down.
func (s *testStack) settles(t *testing.T) {
	t.Helper()
	eventually(t, "what was under way is settled", func() bool {
		return row[int](t, s, `SELECT count(*) FROM mail_chunks WHERE settled_at IS NULL`) == 0
	})
}

// allSent fails the test unless a batch's page says that all of so many invitations were sent, and these words.
func (p page) allSent(t testing.TB, n int, words ...string) {
	t.Helper()
	sentence := fmt.Sprintf(" %d invitations were sent.", n)
	if n == 1 {
		sentence = " 1 invitation was sent."
	}
	p.says(t, 200, append(words, sentence)...)
}

// linkTo is the link in the newest letter to an address that has one. Its token is a secret that the log must not hold.
func (s *testStack) linkTo(t testing.TB, address string) string {
	t.Helper()
	var found string
	eventually(t, "an invitation comes to "+address, func() bool {
		for _, letter := range s.mailbox.Messages(address) { // Kratos writes to people too, without one
			if strings.Contains(letter.Text, "/i/") {
				found = link(t, letter)
			}
		}
		return found != ""
	})
	s.log.mustNotHold(tokenOf(found))
	return found
}

func tokenOf(address string) string {
	_, token, _ := strings.Cut(address, "/i/")
	return token
}

// oneLetterEach fails the test unless every address got exactly one letter.
func (s *testStack) oneLetterEach(t testing.TB, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		s.letters(t, address, 1)
		if n := len(s.mailbox.Messages(address)); n != 1 {
			t.Errorf("%s got %d letters, want 1", address, n)
		}
	}
}

// invitationsTo are the letters to an address beside those about changes of an account.
func (s *testStack) invitationsTo(address string) []mailbox.Message { return s.besidesNews(address) }

// noLetter fails the test if an address got a letter.
func (s *testStack) noLetter(t *testing.T, address string) {
	t.Helper()
	if n := len(s.mailbox.Messages(address)); n != 0 {
		t.Errorf("%s got %d letters, want none", address, n)
	}
}

// starts opens a link and presses its button; the visitor is then at the registration form.
func (v *visitor) starts(t *testing.T, link string) page {
	t.Helper()
	landing := v.open(t, link)
	landing.says(t, 200, "invites you to Harbour Care")
	button := "Start"
	if landing.has("Continue") {
		button = "Continue"
	}
	form := v.press(t, landing, button)
	form.says(t, 200, "Register for Harbour Care")
	return form
}

// registers fills in the registration form; the visitor is then at the terms.
func (v *visitor) registers(t *testing.T, form page) page {
	t.Helper()
	terms := v.press(t, form, "Register", details(v.stack.mobile())...)
	terms.says(t, 200, "Terms and conditions (EULA)")
	return terms
}

// details are what everybody types into the registration form, as pairs of a field and its value.
func details(mobile string, others ...string) []string {
	return append([]string{"first_name", "Robin", "last_name", "Sand", "mobile", mobile, "password", goodPassword}, others...)
}

// joins goes from the letter to being in.
func (v *visitor) joins(t *testing.T, address string) page {
	t.Helper()
	terms := v.registers(t, v.starts(t, v.stack.linkTo(t, address)))
	welcome := v.press(t, terms, "I accept the terms and conditions")
	welcome.says(t, 200, "You’re in")
	return welcome
}

// member invites somebody and brings them in.
func (s *testStack) member(t *testing.T, ada *visitor, address string) *visitor {
	t.Helper()
	ada.invites(t, address).allSent(t, 1)
	v := s.visitor(t)
	v.joins(t, address)
	return v
}

// mobile is a number that nobody in this stack has, of the range that PTS keeps for fiction (+46 70 174 06 05 to 99).
func (s *testStack) mobile() string { return fmt.Sprintf("+467017406%02d", 20+s.mobiles.Add(1)) }

// status is what a user is now.
func (s *testStack) status(t *testing.T, address string) extension.Status {
	t.Helper()
	return s.user(t, address).Facts.Status(s.clock.now())
}

// is fails the test unless a user has this status.
func (s *testStack) is(t *testing.T, address string, want extension.Status) {
	t.Helper()
	if got := s.status(t, address); got != want {
		t.Errorf("%s is %s, want %s", address, got, want)
	}
}

// rows changes Paperplane's own database, past Paperplane.
func (s *testStack) rows(t testing.TB, statement string, values ...any) {
	t.Helper()
	connection := s.database(t)
	defer connection.Close(t.Context())
	if _, err := connection.Exec(t.Context(), statement, values...); err != nil {
		t.Fatal(err)
	}
}

// row reads one value of Paperplane's own database.
func row[T any](t testing.TB, s *testStack, query string, values ...any) T {
	t.Helper()
	connection := s.database(t)
	defer connection.Close(t.Context()) // whoever looks again and again would use up all that the server has
	var value T
	if err := connection.QueryRow(t.Context(), query, values...).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func (s *testStack) database(t testing.TB) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), s.postgres.DSN("paperplane"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.WithoutCancel(t.Context())) })
	return connection
}

// switchesOff deactivates a user without a page, as the command line may.
func (s *testStack) switchesOff(t *testing.T, address string) {
	t.Helper()
	user := s.user(t, address)
	if _, err := s.server.roster.Pause(t.Context(), extension.System(user.Organisation, "test"), user.ID); err != nil {
		t.Fatal(err)
	}
}

// switchesOn takes a deactivation back without a page.
func (s *testStack) switchesOn(t *testing.T, address string) {
	t.Helper()
	user := s.user(t, address)
	if _, err := s.server.roster.Resume(t.Context(), extension.System(user.Organisation, "test"), user.ID); err != nil {
		t.Fatal(err)
	}
}

// looksAgain makes it the time at which everything that was changed in Kratos is compared with it once more.
func (s *testStack) looksAgain(t *testing.T) {
	t.Helper()
	s.rows(t, `UPDATE identities SET realign_at = clock_timestamp() WHERE realign_at IS NOT NULL`)
}

// runsOut makes the newest invitation of a user expire now.
func (s *testStack) runsOut(t *testing.T, address string) {
	t.Helper()
	s.rows(t, `UPDATE invitations SET expires_at = $1 WHERE id = $2`, s.clock.now().Add(-time.Hour), s.user(t, address).Invitation)
}
