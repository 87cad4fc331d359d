package invite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// reissuing is what a resend asks of the database.
type reissuing interface {
	// Reissue makes a resend batch of new invitations for these users and revokes the ones before.
	Reissue(ctx context.Context, actor extension.Actor, batch extension.Batch, users []extension.UserID) error
	User(ctx context.Context, actor extension.Actor, user extension.UserID) (extension.User, error)
}

// ResendCooldown is how long after a message the next one to the same person may be asked for, so that two clicks are
// one message.
const ResendCooldown = time.Minute

// Resend sends a new invitation to a user who is Pending or Expired; the old link stops working. The person's own
// areas and roles stay. Refusals come back as an InvalidError whose sentence can be shown as it is.
func (s *Service) Resend(ctx context.Context, actor extension.Actor, id extension.UserID) (extension.BatchID, error) {
	if !actor.Elevated() {
		return "", fmt.Errorf("resend invitation: %w", extension.ErrForbidden)
	}
	now := s.now() // before the user is read: Reissue refuses whom somebody else has written to since
	user, err := s.store.User(ctx, actor, id)
	if err != nil {
		return "", fmt.Errorf("find user %s: %w", id, err)
	}
	if sentence := resendRefusal(user, now); sentence != "" {
		return "", extension.Invalid("", sentence)
	}
	batch := extension.Batch{
		ID: extension.NewID[extension.BatchID](), Organisation: actor.Organisation, Kind: extension.BatchResend,
		Inviter: actor.Name, InviterUser: actor.User, Pressed: now, Starts: now,
	}
	if user.Identity != "" && user.Facts.Registered.IsZero() {
		// An identity that was deleted in Kratos is let go of, so that this invitation makes a new one. When Kratos does
		// not answer, the old one is kept.
		_ = s.aligner.Align(ctx, user.Identity)
	}
	err = s.store.Reissue(ctx, actor, batch, []extension.UserID{id})
	if errors.Is(err, extension.ErrConflict) {
		return "", extension.Invalid("", "Somebody else has just changed or invited "+user.Address+". Load the list again.")
	}
	if err != nil {
		return "", fmt.Errorf("reissue invitation of user %s: %w", id, err)
	}
	if !user.Facts.Started.IsZero() && user.Facts.Registered.IsZero() {
		// Whoever began by the old link must not finish. Kratos is told at once; when it does not answer, it is told
		// later, because Reissue has put the identity on the list.
		_ = s.aligner.Align(ctx, user.Identity)
	}
	s.goOn(ctx, batch.ID)
	return batch.ID, nil
}

// resendRefusal says in one sentence why a user gets no new invitation now; empty when they do.
func resendRefusal(user extension.User, now time.Time) string {
	switch user.Facts.Status(now) {
	case extension.Active:
		return user.Name() + " is Active already and needs no invitation."
	case extension.Inactive:
		return user.Name() + " is Inactive. Resume the user first."
	case extension.Pending, extension.Expired:
	}
	switch user.Refused {
	case extension.RefusedExistingAccount:
		return user.Address + " already has an account, so no link can be sent to it yet."
	case extension.RefusedByKratos:
		return "The account system does not accept the address " + user.Address + ". Check it, and invite the right one."
	default:
	}
	if user.Facts.Sent.IsZero() && user.Refused == "" {
		return "The invitation to " + user.Address + " is still on its way."
	}
	if now.Sub(user.Facts.Sent) < ResendCooldown {
		return "An invitation to " + user.Address + " was sent less than a minute ago. Give it a moment to arrive."
	}
	return ""
}
