package invite

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// settling is what the settings of sending ask of the database.
type settling interface {
	Organisation(ctx context.Context, id extension.OrganisationID) (extension.Organisation, error)
	// ChangeSending is a conflict when the settings are not those that the actor saw.
	ChangeSending(ctx context.Context, actor extension.Actor, seen, wanted extension.Sending, now time.Time) error
}

// ChangeSending changes how the actor's organisation wants its batches sent. Only administrators may. Batches that exist
// keep their start; reminders and the stop-loss follow the new settings at once. seen is what the actor was shown:
// ErrConflict says that somebody else has changed it since. Input that is refused comes back as an InvalidError with the
// fields undo, reminders, percent and after, all at once.
func (s *Service) ChangeSending(ctx context.Context, actor extension.Actor, seen, wanted extension.Sending) error {
	if !actor.Administrates() {
		return fmt.Errorf("change sending: %w", extension.ErrForbidden)
	}
	organisation, err := s.store.Organisation(ctx, actor.Organisation)
	if err != nil {
		return fmt.Errorf("find organisation: %w", err)
	}
	if err := wanted.Check(organisation.LinkLifetime); err != nil {
		return err
	}
	if err := s.store.ChangeSending(ctx, actor, seen, wanted, s.now()); err != nil {
		return fmt.Errorf("change sending: %w", err)
	}
	return nil
}

// starts is when a batch that is pressed now begins: after the organisation's undo delay.
func (s *Service) starts(ctx context.Context, organisation extension.OrganisationID, pressed time.Time) (time.Time, error) {
	found, err := s.store.Organisation(ctx, organisation)
	if err != nil {
		return time.Time{}, fmt.Errorf("find undo delay: %w", err)
	}
	return pressed.Add(found.Sending.UndoDelay), nil
}
