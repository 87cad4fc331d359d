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
	case invited.Revoked, invited.Refused, !facts.Activated.IsZero(), invited.Member.User.Identity == "":
		return extension.Invited{}, &LinkError{Reason: LinkDead}
	case !facts.Paused.IsZero():
		return extension.Invited{}, linkError(LinkPaused, invited)
	case invited.Expires.IsZero() || !s.now().Before(invited.Expires):
		return extension.Invited{}, linkError(LinkExpired, invited)
	case !facts.Registered.IsZero():
		return extension.Invited{}, linkError(LinkSignIn, invited)
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
		reply, err = s.begin(ctx, invited, browser)
		return err
	})
	return reply, s.stumbled(ctx, first.Member.User.ID, extension.StepStart, err)
}

// begin records the start before it acts on it, so that a crash in between leaves nothing that the sweep does not find.
func (s *Service) begin(ctx context.Context, invited extension.Invited, browser extension.Browser) (extension.Reply, error) {
	user := invited.Member.User
	identity, err := s.startable(ctx, invited)
	if err != nil {
		return extension.Reply{}, err
	}
	if _, err := s.store.Record(ctx, user, extension.FactStarted, s.now()); err != nil {
		return extension.Reply{}, fmt.Errorf("record start of user %s: %w", user.ID, err)
	}
	if err := s.switchOn(ctx, identity, user.Address); err != nil {
		return extension.Reply{}, err
	}
	reply, err := s.identities.Admit(ctx, identity.ID, browser)
	if err != nil {
		return extension.Reply{}, fmt.Errorf("admit identity %s: %w", identity.ID, err)
	}
	// Another browser may have set the password after we looked and before its session ended.
	if _, err := s.startable(ctx, invited); err != nil {
		if endErr := s.identities.EndSessions(ctx, identity.ID); endErr != nil {
			err = errors.Join(err, fmt.Errorf("end sessions of identity %s: %w", identity.ID, endErr))
		}
		return extension.Reply{}, err
	}
	return reply, nil
}

// startable finds the invitee's identity and refuses one that a link must not switch on: gone, not made for this user,
// registered by now, or switched off by somebody else.
func (s *Service) startable(ctx context.Context, invited extension.Invited) (extension.Identity, error) {
	user := invited.Member.User
	identity, err := s.identities.Identity(ctx, user.Identity)
	switch {
	case errors.Is(err, extension.ErrNotFound):
		if err := s.store.Realign(ctx, user.Identity); err != nil { // alignment lets go of it
			return identity, fmt.Errorf("note alignment of identity %s: %w", user.Identity, err)
		}
		return identity, linkError(LinkDisabled, invited)
	case err != nil:
		return identity, fmt.Errorf("find identity %s: %w", user.Identity, err)
	case identity.Mark != user.ID:
		return identity, linkError(LinkForeign, invited)
	case identity.Registered:
		if _, err := s.store.Record(ctx, user, extension.FactRegistered, s.now()); err != nil {
			return identity, fmt.Errorf("record registration of user %s: %w", user.ID, err)
		}
		return identity, linkError(LinkSignIn, invited)
	case identity.Active:
		return identity, nil
	}
	ours, err := s.store.LeftInactive(ctx, identity.ID)
	if err != nil {
		return identity, fmt.Errorf("find who disabled identity %s: %w", identity.ID, err)
	}
	if !ours {
		return identity, linkError(LinkDisabled, invited)
	}
	return identity, nil
}

// switchOn makes a startable identity active and ends its other sessions.
func (s *Service) switchOn(ctx context.Context, identity extension.Identity, address string) error {
	if !identity.Active {
		if err := s.identities.Enable(ctx, identity.ID, address); err != nil {
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
