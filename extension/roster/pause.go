package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// Pause deactivates a user: our own setting first, which the gate and the guards obey at once, then Kratos' state and
// sessions. When Kratos does not answer, the user is kept out all the same and Kratos is told as soon as it is back.
// Only administrators may, and nobody may lock themselves out.
func (s *Service) Pause(ctx context.Context, actor extension.Actor, id extension.UserID) error {
	if actor.User == id {
		return extension.Invalid("", "You cannot deactivate yourself. Ask another administrator.")
	}
	return s.setPaused(ctx, actor, id, s.now())
}

// Resume takes a deactivation back. Old sessions stay ended. Someone who never started stays inactive in Kratos.
func (s *Service) Resume(ctx context.Context, actor extension.Actor, id extension.UserID) error {
	return s.setPaused(ctx, actor, id, time.Time{})
}

func (s *Service) setPaused(ctx context.Context, actor extension.Actor, id extension.UserID, paused time.Time) error {
	if !actor.Administrates() {
		return fmt.Errorf("pause user: %w", extension.ErrForbidden)
	}
	user, err := s.store.User(ctx, actor, id)
	if err != nil {
		return fmt.Errorf("find user %s: %w", id, err)
	}
	changed, err := s.store.SetPaused(ctx, actor, id, paused, s.now())
	if err != nil {
		return fmt.Errorf("pause user %s: %w", id, err)
	}
	if !changed || user.Identity == "" {
		return nil
	}
	if err := s.Align(ctx, user.Identity); err != nil && !errors.Is(err, extension.ErrUnavailable) {
		return err
	}
	return nil // unavailable: the identity is on the list of those to be aligned
}

// Find gives one user whom the actor may see.
func (s *Service) Find(ctx context.Context, actor extension.Actor, id extension.UserID) (extension.User, error) {
	if !actor.Elevated() {
		return extension.User{}, fmt.Errorf("find user: %w", extension.ErrForbidden)
	}
	user, err := s.store.User(ctx, actor, id)
	if err != nil {
		return extension.User{}, fmt.Errorf("find user %s: %w", id, err)
	}
	return user, nil
}
