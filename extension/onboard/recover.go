package onboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"paperplane/extension"
)

// RecoverCooldown is how long nobody is invited again by asking for a new password: whoever asks may be anybody, and a new
// invitation ends what was begun by the one before.
const RecoverCooldown = time.Hour

// Recover is for somebody who asks for a new password and may never have had one. Whoever is Pending or Expired and has no
// way to sign in gets the invitation again, because a recovery code could not let them in. It tells nothing of whether it
// did, and the page must not either.
func (s *Service) Recover(ctx context.Context, address string) error {
	_, err := s.reinvite(ctx, address)
	return err
}

// reinvite sends what is left of an address's invitations again and tells whether its account is one of an invitee who has
// no way to sign in yet.
func (s *Service) reinvite(ctx context.Context, address string) (bool, error) {
	identity, err := s.identities.FindByAddress(ctx, address)
	if errors.Is(err, extension.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find who asks for a new password: %w", err)
	}
	if identity.Registered {
		return false, nil
	}
	members, err := s.store.Members(ctx, identity.ID)
	if err != nil {
		return false, fmt.Errorf("find users of identity %s: %w", identity.ID, err)
	}
	if slices.ContainsFunc(members, func(m extension.Member) bool { return !m.User.Facts.Registered.IsZero() }) {
		return false, nil // has lost the way to sign in that there was: recovery brings it back
	}
	invitee := false
	var failed error
	for _, m := range members {
		switch m.User.Facts.Status(s.now()) {
		case extension.Pending, extension.Expired:
			invitee = true
			failed = errors.Join(failed, s.inviteAgain(ctx, m))
		case extension.Active, extension.Inactive:
		}
	}
	return invitee, failed
}

// inviteAgain writes to one user in the name of whoever invited them last. One who need not or must not be written to now is
// left alone.
func (s *Service) inviteAgain(ctx context.Context, m extension.Member) error {
	since := s.now().Add(-RecoverCooldown)
	if m.User.Letter.Sent.After(since) || m.User.Facts.Started.After(since) {
		return nil
	}
	_, err := s.inviter.Resend(ctx, extension.System(m.Organisation.ID, m.Inviter), m.User.ID)
	if _, refused := errors.AsType[*extension.InvalidError](err); refused {
		return nil
	}
	if err != nil {
		return fmt.Errorf("invite user %s again: %w", m.User.ID, err)
	}
	return nil
}

// Deliver mails a code that Kratos' courier asks for, in the language and the name of the reader's organisation. A recovery
// code for somebody who has no way to sign in yet is not mailed: the invitation is sent again in its place, so that nobody
// gets past what Start checks. An error makes Kratos ask again.
func (s *Service) Deliver(ctx context.Context, notice extension.Notice) error {
	if notice.Kind == extension.NoticeRecovery {
		if invited, err := s.reinvite(ctx, notice.Address); err != nil || invited {
			return err
		}
	}
	language, organisation, err := s.store.Correspondent(ctx, notice.Address)
	if err != nil {
		return fmt.Errorf("find whose code it is: %w", err)
	}
	notice.Language, notice.Organisation = language, organisation
	if err := s.post.Notify(ctx, notice); err != nil {
		return fmt.Errorf("mail a code: %w", err)
	}
	return nil
}
