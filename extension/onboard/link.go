package onboard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// Open checks a link and notes that it was opened: perhaps by a mail scanner, so the time decides nothing. It gives the
// invitation and until when a cookie may hold the token. A link that leads nowhere is a LinkError.
func (s *Service) Open(ctx context.Context, token string) (extension.InvitationID, time.Time, error) {
	invited, err := s.invited(ctx, token)
	if err != nil {
		return "", time.Time{}, err
	}
	if err := s.store.RecordOpened(ctx, invited.Invitation, s.now()); err != nil {
		return "", time.Time{}, fmt.Errorf("note opening of invitation %s: %w", invited.Invitation, err)
	}
	return invited.Invitation, invited.Expires, nil
}

// Landing gives what the page behind a link shows.
func (s *Service) Landing(ctx context.Context, token string) (Landing, error) {
	invited, err := s.invited(ctx, token)
	if err != nil {
		return Landing{}, err
	}
	return Landing{
		Invitation: invited.Invitation, Organisation: invited.Member.Organisation, Identity: invited.Member.User.Identity,
		Inviter: invited.Member.Inviter, Area: invited.Area, Role: invited.Role, Address: invited.Member.User.Address,
		Expires: invited.Expires, Resume: !invited.Member.User.Facts.Started.IsZero(),
	}, nil
}

// invited finds the invitation of a token and refuses one whose link leads nowhere. The token only names the
// invitation; all authority comes from its row.
func (s *Service) invited(ctx context.Context, token string) (extension.Invited, error) {
	id, err := s.links.Verify(token)
	if err != nil {
		return extension.Invited{}, &LinkError{Reason: LinkDead}
	}
	invited, err := s.store.Invited(ctx, id)
	if errors.Is(err, extension.ErrNotFound) {
		return extension.Invited{}, &LinkError{Reason: LinkDead}
	}
	if err != nil {
		return extension.Invited{}, fmt.Errorf("find invitation %s: %w", id, err)
	}
	facts := invited.Member.User.Facts
	switch {
	case invited.Revoked, invited.Refused, !facts.Registered.IsZero(), !facts.Activated.IsZero(), invited.Member.User.Identity == "":
		return extension.Invited{}, &LinkError{Reason: LinkDead}
	case !facts.Paused.IsZero():
		return extension.Invited{}, linkError(LinkPaused, invited)
	case invited.Expires.IsZero() || !s.now().Before(invited.Expires):
		return extension.Invited{}, linkError(LinkExpired, invited)
	}
	return invited, nil
}

func linkError(reason LinkReason, invited extension.Invited) *LinkError {
	return &LinkError{
		Reason: reason, Organisation: invited.Member.Organisation.Name, Inviter: invited.Member.Inviter,
		ReplyTo: invited.Member.Organisation.ReplyTo, Expired: invited.Expires,
	}
}

// Start turns the identity on and gives the browser a Kratos session, so that the invitee can register. It works only
// while Kratos holds no first-factor credential for the identity (asked live, under the identity's lock), only on an
// identity that we made for this user, and only when it was us who left it inactive. Every Start ends the identity's
// other sessions. The inviter and the letter never hold anything that sets a credential.
func (s *Service) Start(ctx context.Context, token string, browser extension.Browser) (extension.Reply, error) {
	first, err := s.invited(ctx, token)
	if err != nil {
		return extension.Reply{}, err
	}
	var reply extension.Reply
	err = s.store.Exclusive(ctx, extension.IdentityLock(first.Member.User.Identity), func(ctx context.Context) error {
		invited, err := s.invited(ctx, token) // again: somebody else may have held the lock
		if err != nil {
			return err
		}
		if err := s.switchOn(ctx, invited); err != nil {
			return err
		}
		if _, err := s.store.Record(ctx, invited.Member.User, extension.FactStarted, s.now()); err != nil {
			return fmt.Errorf("record start of user %s: %w", invited.Member.User.ID, err)
		}
		if reply, err = s.identities.Admit(ctx, invited.Member.User.Identity, browser); err != nil {
			return fmt.Errorf("admit identity %s: %w", invited.Member.User.Identity, err)
		}
		return nil
	})
	return reply, err
}

// switchOn makes an invitee's identity active, if it is ours to switch on, and ends its other sessions.
func (s *Service) switchOn(ctx context.Context, invited extension.Invited) error {
	user := invited.Member.User
	identity, err := s.identities.Identity(ctx, user.Identity)
	switch {
	case errors.Is(err, extension.ErrNotFound):
		return linkError(LinkDisabled, invited)
	case err != nil:
		return fmt.Errorf("find identity %s: %w", user.Identity, err)
	case identity.Mark != user.ID:
		return linkError(LinkForeign, invited)
	case identity.Registered:
		if _, err := s.store.Record(ctx, user, extension.FactRegistered, s.now()); err != nil {
			return fmt.Errorf("record registration of user %s: %w", user.ID, err)
		}
		return &LinkError{Reason: LinkDead}
	}
	if !identity.Active {
		ours, err := s.store.LeftInactive(ctx, identity.ID)
		if err != nil {
			return fmt.Errorf("find who disabled identity %s: %w", identity.ID, err)
		}
		if !ours {
			return linkError(LinkDisabled, invited)
		}
		if err := s.identities.Enable(ctx, identity.ID, user.Address); err != nil {
			return fmt.Errorf("enable identity %s: %w", identity.ID, err)
		}
	}
	if err := s.store.SetLeftInactive(ctx, identity.ID, time.Time{}); err != nil {
		return fmt.Errorf("note state of identity %s: %w", identity.ID, err)
	}
	if err := s.identities.EndSessions(ctx, identity.ID); err != nil {
		return fmt.Errorf("end sessions of identity %s: %w", identity.ID, err)
	}
	return nil
}
