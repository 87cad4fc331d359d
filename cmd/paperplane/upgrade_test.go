package main

import (
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/migrations"
)

// TestPeopleOfADatabaseOfTheReleaseBeforeGoOn takes the door out of a database with people in every step, which leaves
// what the release before knew of them, and brings it up to date again as an operator does.
func TestPeopleOfADatabaseOfTheReleaseBeforeGoOn(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	ada := s.administrator(t)
	ada.invites(t, "active@example.com", "begun@example.com", "pending@example.com").allSent(t, 3)
	active, begun, pending := s.visitor(t), s.visitor(t), s.visitor(t)
	active.joins(t, "active@example.com")
	form := begun.starts(t, s.linkTo(t, "begun@example.com"))
	s.settles(t)

	down, err := migrations.Files.ReadFile("0003_door.tx.down.sql")
	if err != nil {
		t.Fatal(err)
	}
	s.rows(t, string(down)+`; DELETE FROM paperplane_migrations WHERE name = '0003'`)
	if got := execute(t, s.environ, "", "migrate", "status"); !strings.Contains(got.out, "missing  0003_door") || !strings.Contains(got.out, "applied  0002_bulk") {
		t.Fatalf("before: %+v", got)
	}
	if got := execute(t, s.environ, "", "migrate", "up"); got.code != exitDone || !strings.Contains(got.out, "applied 0003_door") {
		t.Fatalf("up: %+v", got)
	}

	active.open(t, "/settings").says(t, 200, "Your account", "active@example.com") // the session from before
	back := s.visitor(t)
	back.signIn(t, "active@example.com", goodPassword).says(t, 200, "You’re in, Robin")
	if got := back.gateOf(t, demoSlug); got != 200 {
		t.Errorf("the gate answers %d", got)
	}
	ada.open(t, "/o/harbour/users").says(t, 200, "Robin Sand", "active@example.com", "begun@example.com", "pending@example.com")
	ada.open(t, "/o/harbour/users/"+string(s.user(t, "active@example.com").ID)).says(t, 200, "Robin Sand", "Terms and conditions (EULA)")
	begun.press(t, begun.registers(t, form), "I accept the terms and conditions").says(t, 200, "You’re in, Robin")
	pending.joins(t, "pending@example.com")
	for _, address := range []string{"active@example.com", "begun@example.com", "pending@example.com"} {
		s.is(t, address, extension.Active)
	}
}
