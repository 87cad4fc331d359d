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

// ErrUndeliverable says that a code was refused for good: the same call again would be too.
var ErrUndeliverable = errors.New("undeliverable")

// reinvite sends what is left of an identity's invitations again and tells whether it is one of an invitee who has no way to
// sign in yet.
func (s *Service) reinvite(ctx context.Context, identity extension.Identity) (bool, error) {
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
// gets past what Start checks. Of codes that anybody can ask for, no more than extension.NoticesPerWindow are mailed to one
// identity, and it is no error that another is not. ErrUndeliverable says that the message was refused for good; any other
// error makes Kratos ask again.
//
// All this happens here and not where somebody asks, because the time of that answer would tell who has an account.
func (s *Service) Deliver(ctx context.Context, notice extension.Notice) error {
	if notice.Kind == extension.NoticeSecondFactor {
		return s.mail(ctx, notice)
	}
	identity, err := s.identities.FindByAddress(ctx, notice.Address)
	if errors.Is(err, extension.ErrNotFound) {
		return s.mail(ctx, notice)
	}
	if err != nil {
		return fmt.Errorf("find whom a code is for: %w", err)
	}
	if notice.Kind == extension.NoticeRecovery {
		if invitee, err := s.reinvite(ctx, identity); err != nil || invitee {
			return err
		}
	}
	return s.mailFew(ctx, identity.ID, notice)
}

// mailFew mails a code unless enough were mailed. It is noted afterwards: Kratos asks again for a message that could not be
// mailed, and its own note must not hold it up.
func (s *Service) mailFew(ctx context.Context, id extension.IdentityID, notice extension.Notice) error {
	allowed, err := s.store.AllowsNotice(ctx, id, notice.Kind)
	if err != nil {
		return fmt.Errorf("count codes mailed to identity %s: %w", id, err)
	}
	if !allowed {
		return nil
	}
	if err := s.mail(ctx, notice); err != nil {
		return err
	}
	if err := s.store.NoteNotice(ctx, id, notice.Kind); err != nil {
		return fmt.Errorf("note a code mailed to identity %s: %w", id, err)
	}
	return nil
}

func (s *Service) mail(ctx context.Context, notice extension.Notice) error {
	language, organisation, err := s.store.Correspondent(ctx, notice.Address)
	if err != nil {
		return fmt.Errorf("find whose code it is: %w", err)
	}
	notice.Language, notice.Organisation = language, organisation
	err = s.post.Notify(ctx, notice)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, extension.ErrUnavailable), ctx.Err() != nil:
		return fmt.Errorf("mail a code: %w", err)
	}
	return fmt.Errorf("mail a code: %w: %w", ErrUndeliverable, err)
}
