package roster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// realignAfter is when an identity that was changed is compared with Kratos once more. A settings submit that was in
// flight can overwrite our change for as long as its hooks may run, three attempts of 30 seconds and their pauses, and
// only a return that is more than a minute away outlives an alignment that finds nothing to change (Store.Aligned).
const realignAfter = 3 * time.Minute

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
			return s.letGo(ctx, id, standing)
		}
		if err != nil {
			return fmt.Errorf("find identity %s: %w", id, err)
		}
		changed, err := s.alignState(ctx, identity, standing)
		if err != nil {
			return err
		}
		wrote, err := s.identities.Publish(ctx, id, standing.Memberships)
		if err != nil {
			return fmt.Errorf("publish memberships of identity %s: %w", id, err)
		}
		if changed || wrote {
			return s.aligned(ctx, id, standing.Asked, realignAfter)
		}
		return s.aligned(ctx, id, standing.Asked, 0)
	})
}

// letGo is for an identity that was deleted in Kratos: nothing is left to align, and users who have not registered get
// a new one with their next invitation.
func (s *Service) letGo(ctx context.Context, id extension.IdentityID, standing extension.Standing) error {
	if err := s.store.Unlink(ctx, id); err != nil {
		return fmt.Errorf("unlink identity %s: %w", id, err)
	}
	return s.aligned(ctx, id, standing.Asked, 0)
}

// alignState switches the identity on or off and tells whether it did. What we do is written down before it is done, so
// that a crash in between leaves an identity that we may switch on again. A held one is left as Start left it. The state of
// an account that others made belongs to them: out of our organisations the gate and the guards keep its holder.
func (s *Service) alignState(ctx context.Context, identity extension.Identity, want extension.Standing) (bool, error) {
	if !want.Ours {
		return false, nil
	}
	switch want.Need {
	case extension.NeedOn:
		return s.switchOn(ctx, identity, want)
	case extension.NeedOff:
		return s.switchOff(ctx, identity)
	case extension.NeedHeld:
	}
	return false, nil
}

func (s *Service) switchOn(ctx context.Context, identity extension.Identity, want extension.Standing) (bool, error) {
	if !want.LeftInactive {
		return false, nil // on already, or switched off by somebody else
	}
	if !identity.Active {
		if err := s.identities.Enable(ctx, identity.ID, want.Address); err != nil {
			return false, fmt.Errorf("enable identity %s: %w", identity.ID, err)
		}
	}
	return !identity.Active, s.leftInactive(ctx, identity.ID, time.Time{})
}

// switchOff also ends the sessions of an identity that is off already: being inactive only masks them, and they would
// come back with it.
func (s *Service) switchOff(ctx context.Context, identity extension.Identity) (bool, error) {
	if identity.Active {
		if err := s.leftInactive(ctx, identity.ID, s.now()); err != nil {
			return false, err
		}
		if err := s.identities.Disable(ctx, identity.ID); err != nil {
			return false, fmt.Errorf("disable identity %s: %w", identity.ID, err)
		}
	}
	return identity.Active, s.endSessions(ctx, identity.ID)
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

func (s *Service) aligned(ctx context.Context, id extension.IdentityID, asked int64, again time.Duration) error {
	if err := s.store.Aligned(ctx, id, asked, again); err != nil {
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
