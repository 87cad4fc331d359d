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
