package invite_test

import (
	"errors"
	"testing"
	"time"

	"paperplane/extension"
)

func TestOnlyAdministratorsChangeHowBatchesAreSent(t *testing.T) {
	t.Parallel()
	s := setup(t)
	seen := extension.Sending{StopLoss: extension.StopLoss{Percent: 3, After: 50}}
	wanted := extension.Sending{UndoDelay: time.Minute, StopLoss: seen.StopLoss}
	inviter := extension.Actor{Organisation: s.admin.Organisation, Right: extension.RightInviter, Areas: []extension.AreaID{s.charter.Areas[0].ID}}
	if err := s.ChangeSending(t.Context(), inviter, seen, wanted); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("an inviter: %v", err)
	}
	if err := s.ChangeSending(t.Context(), s.admin, seen, extension.Sending{Reminders: []int{7}, StopLoss: seen.StopLoss}); sentence(err) == "" {
		t.Errorf("a reminder when the link has ended: %v", err)
	}
	if err := s.ChangeSending(t.Context(), s.admin, seen, wanted); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangeSending(t.Context(), s.admin, seen, extension.Sending{StopLoss: extension.StopLoss{After: 1}}); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("settings that somebody else has changed: %v", err)
	}
	stranger := extension.System(extension.NewID[extension.OrganisationID](), "Eve")
	if err := s.ChangeSending(t.Context(), stranger, seen, wanted); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("an organisation that is none: %v", err)
	}
}
