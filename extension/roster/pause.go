package roster

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// Pause deactivates a user: our own setting first, which the gate and the guards obey at once, then Kratos' state and
// sessions. told says whether Kratos has been told; if not, the user is kept out all the same, and Kratos is told as soon
// as it can be. Only administrators may, and nobody may lock themselves out.
func (s *Service) Pause(ctx context.Context, actor extension.Actor, id extension.UserID) (told bool, err error) {
	if actor.User == id {
		return false, extension.Invalid("", "You cannot deactivate yourself. Ask another administrator.")
	}
	return s.setPaused(ctx, actor, id, s.now())
}

// Resume takes a deactivation back. Old sessions stay ended. Somebody who has not registered stays inactive in Kratos:
// only the link switches on.
func (s *Service) Resume(ctx context.Context, actor extension.Actor, id extension.UserID) (told bool, err error) {
	return s.setPaused(ctx, actor, id, time.Time{})
}

func (s *Service) setPaused(ctx context.Context, actor extension.Actor, id extension.UserID, paused time.Time) (bool, error) {
	if !actor.Administrates() {
		return false, fmt.Errorf("pause user: %w", extension.ErrForbidden)
	}
	user, err := s.store.User(ctx, actor, id)
	if err != nil {
		return false, fmt.Errorf("find user %s: %w", id, err)
	}
	changed, err := s.store.SetPaused(ctx, actor, id, paused, s.now())
	if err != nil {
		return false, fmt.Errorf("pause user %s: %w", id, err)
	}
	if !changed || user.Identity == "" {
		return true, nil
	}
	// The setting stands; whatever goes wrong from here is made good later, because the identity is on the list.
	return s.Align(ctx, user.Identity) == nil, nil
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
