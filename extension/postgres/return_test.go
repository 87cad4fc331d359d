package postgres_test

import (
	"errors"
	"testing"
	"time"

	"paperplane/extension"
)

// TestAReturnOutlivesAnAlignmentThatFindsNothingToChange aligns twice in a row, as the page and the upkeep do at once:
// the second look sees what the first has changed, and Kratos may still lose that change.
func TestAReturnOutlivesAnAlignmentThatFindsNothingToChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	if err := b.db.Realign(t.Context(), user.Identity); err != nil {
		t.Fatal(err)
	}
	asked := b.standing(t, user.Identity, noon()).Asked
	if ids := b.due(t); len(ids) != 1 { // the upkeep has taken it, and waits for the page
		t.Fatalf("due: %v", ids)
	}
	for _, again := range []time.Duration{3 * time.Minute, 0} {
		if err := b.db.Aligned(t.Context(), user.Identity, asked, again); err != nil {
			t.Fatal(err)
		}
	}
	if !read[bool](t, b.db, `SELECT realign_at > clock_timestamp() + interval '2 minutes' FROM identities WHERE id = ?`, user.Identity) {
		t.Error("the identity does not come back")
	}
	for range 3 {
		b.minuteLater(t)
	}
	if ids := b.due(t); len(ids) != 1 {
		t.Errorf("due after three minutes: %v", ids)
	}
	if err := b.db.Aligned(t.Context(), user.Identity, asked, 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b.minuteLater(t)
	}
	if ids := b.due(t); len(ids) != 0 {
		t.Errorf("due once nothing had to be changed: %v", ids)
	}
}

// TestAResendIsRefusedToSomebodyWrittenToSinceItWasPressed presses twice at once: the second press had looked before the
// first one's letter went out.
func TestAResendIsRefusedToSomebodyWrittenToSinceItWasPressed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com")) // at noon
	bob := b.user(t, "bob@example.com")
	resend := func(pressed time.Time) error {
		return b.db.Reissue(t.Context(), b.admin, extension.Batch{
			ID: extension.NewID[extension.BatchID](), Organisation: b.charter.Organisation.ID, Kind: extension.BatchResend,
			Inviter: "Ada Admin", Pressed: pressed,
		}, []extension.UserID{bob.ID})
	}
	if err := resend(noon().Add(-time.Second)); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("pressed before the letter went out: %v", err)
	}
	if err := resend(noon().Add(time.Second)); err != nil {
		t.Errorf("pressed afterwards: %v", err)
	}
}
