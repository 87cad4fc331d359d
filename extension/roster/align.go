package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// realignAfter is when an identity that was changed is compared with Kratos once more. A settings submit that was in
// flight can overwrite our change for as long as its hooks may run: three attempts of 30 seconds and their pauses.
const realignAfter = 2 * time.Minute

// Align brings Kratos in line with our rows: the identity's state, its sessions and its published memberships. It
// reads, changes only what differs, and comes back later, because Kratos can lose an update. An identity that
// somebody else switched off is left alone.
func (s *Service) Align(ctx context.Context, id extension.IdentityID) error {
	return s.store.Exclusive(ctx, extension.IdentityLock(id), func(ctx context.Context) error {
		standing, err := s.store.Standing(ctx, id, s.now())
		if err != nil {
			return fmt.Errorf("find standing of identity %s: %w", id, err)
		}
		identity, err := s.identities.Identity(ctx, id)
		if errors.Is(err, extension.ErrNotFound) {
			return s.aligned(ctx, id, standing.AsOf, 0) // deleted in Kratos: there is nothing left to align
		}
		if err != nil {
			return fmt.Errorf("find identity %s: %w", id, err)
		}
		changed, err := s.alignState(ctx, identity, standing)
		if err != nil {
			return err
		}
		if err := s.identities.Publish(ctx, id, standing.Memberships); err != nil {
			return fmt.Errorf("publish memberships of identity %s: %w", id, err)
		}
		if changed {
			return s.aligned(ctx, id, standing.AsOf, realignAfter)
		}
		return s.aligned(ctx, id, standing.AsOf, 0)
	})
}

// alignState switches the identity on or off and tells whether it did. What we did is written down before it is done,
// so that a crash in between leaves an identity that we may switch on again.
func (s *Service) alignState(ctx context.Context, identity extension.Identity, want extension.Standing) (bool, error) {
	id := identity.ID
	switch {
	case want.Enabled && !identity.Active && want.LeftInactive:
		if err := s.identities.Enable(ctx, id, want.Address); err != nil {
			return false, fmt.Errorf("enable identity %s: %w", id, err)
		}
		return true, s.leftInactive(ctx, id, time.Time{})
	case want.Enabled && identity.Active && want.LeftInactive:
		return false, s.leftInactive(ctx, id, time.Time{})
	case !want.Enabled && identity.Active:
		if err := s.leftInactive(ctx, id, s.now()); err != nil {
			return false, err
		}
		if err := s.identities.Disable(ctx, id); err != nil {
			return false, fmt.Errorf("disable identity %s: %w", id, err)
		}
		return true, s.endSessions(ctx, id)
	case !want.Enabled:
		return false, s.endSessions(ctx, id) // an inactive identity only masks its sessions; they would come back with it
	}
	return false, nil
}

func (s *Service) leftInactive(ctx context.Context, id extension.IdentityID, at time.Time) error {
	if err := s.store.SetLeftInactive(ctx, id, at); err != nil {
		return fmt.Errorf("note state of identity %s: %w", id, err)
	}
	return nil
}

func (s *Service) endSessions(ctx context.Context, id extension.IdentityID) error {
	if err := s.identities.EndSessions(ctx, id); err != nil {
		return fmt.Errorf("end sessions of identity %s: %w", id, err)
	}
	return nil
}

func (s *Service) aligned(ctx context.Context, id extension.IdentityID, asOf time.Time, again time.Duration) error {
	if err := s.store.Aligned(ctx, id, asOf, again); err != nil {
		return fmt.Errorf("note alignment of identity %s: %w", id, err)
	}
	return nil
}

// AlignDue aligns up to most identities that are due. One that fails stays due and does not hold up the others.
func (s *Service) AlignDue(ctx context.Context, most int) error {
	due, err := s.store.Misaligned(ctx, most)
	if err != nil {
		return fmt.Errorf("find identities to align: %w", err)
	}
	var failed error
	for _, id := range due {
		failed = errors.Join(failed, s.Align(ctx, id))
	}
	return failed
}
