package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestSettingsOfSendingAreChangedByWhoeverSawThem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	organisation := func() extension.Organisation {
		t.Helper()
		found, err := b.db.Organisation(t.Context(), b.charter.Organisation.ID)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if diff := cmp.Diff(b.charter.Organisation, organisation()); diff != "" {
		t.Errorf("a new organisation (-want +got):\n%s", diff)
	}
	first := organisation().Sending
	second := extension.Sending{UndoDelay: 5 * time.Minute, Reminders: []int{3, 6}, StopLoss: extension.StopLoss{Percent: 0, After: 10}}
	third := extension.Sending{StopLoss: extension.StopLoss{Percent: 5, After: 100}}
	change := func(seen, wanted extension.Sending) error {
		return b.db.ChangeSending(t.Context(), b.admin, seen, wanted, noon())
	}
	if err := change(first, second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(second, organisation().Sending); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if err := change(first, third); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("a change over somebody else's: %v, want a conflict", err)
	}
	if err := change(first, second); err != nil {
		t.Errorf("what is so already: %v", err)
	}
	if err := change(second, third); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"no undo delay, no reminders, stop-loss above 3 % of 50 → undo delay 5m0s, reminders on day 3 and 6, no stop-loss",
		"undo delay 5m0s, reminders on day 3 and 6, no stop-loss → no undo delay, no reminders, stop-loss above 5 % of 100",
	}
	if diff := cmp.Diff(want, read[[]string](t, b.db, `SELECT detail FROM audit WHERE action = 'organisation.sending_changed' ORDER BY id`)); diff != "" {
		t.Errorf("the audit (-want +got):\n%s", diff)
	}
	if _, err := b.db.Organisation(t.Context(), extension.NewID[extension.OrganisationID]()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("no such organisation: %v", err)
	}
}
