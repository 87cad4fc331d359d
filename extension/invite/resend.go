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
	// Reissue makes a resend batch of new invitations for these users and revokes the ones before: for all of them, or it
	// is a conflict.
	Reissue(ctx context.Context, actor extension.Actor, batch extension.Batch, users []extension.UserID) error
	// ReissueMany does it for everybody of a selection who can be written to, and writes down why for the others, unless
	// accept refuses how many people those are: then its error comes back. A batch that exists is left as it is: nil.
	ReissueMany(ctx context.Context, actor extension.Actor, order extension.Reissue, accept func(people int) error) error
	CountReissue(ctx context.Context, actor extension.Actor, order extension.Reissue) (extension.ResendCount, error)
	User(ctx context.Context, actor extension.Actor, user extension.UserID) (extension.User, error)
}

// ResendCooldown is how long after a message the next one to the same person may be asked for by a deliberate click on
// that person, so that two clicks are one message.
const ResendCooldown = time.Minute

// ResendManyCooldown is how long after a message a press of Resend for many people leaves somebody out: whoever presses
// it does not look at each of them, and the message may still be in somebody's queue (RFC 5321 §4.5.4.1 lets a sender
// wait half an hour before it tries again).
const ResendManyCooldown = time.Hour

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
	batch := resendBatch(actor, extension.NewID[extension.BatchID](), now)
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

// resendBatch is a press of Resend that begins at once.
func resendBatch(actor extension.Actor, id extension.BatchID, pressed time.Time) extension.Batch {
	return extension.Batch{
		ID: id, Organisation: actor.Organisation, Kind: extension.BatchResend,
		Inviter: actor.Name, InviterUser: actor.User, Pressed: pressed, Starts: pressed,
	}
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
	case extension.RefusedByKratos:
		return "The account system does not accept the address " + user.Address + ". Check it, and invite the right one."
	default:
	}
	switch user.Suppressed {
	case extension.SuppressedBounce:
		return "The last message to " + user.Address + " came back, so nothing more is sent there by itself. Correct the address, or mail it anyway."
	case extension.SuppressedComplaint:
		return "The last message to " + user.Address + " was reported as spam, so nothing more is sent there by itself. Ask the person, then mail it anyway."
	}
	if user.Facts.Sent.IsZero() && user.Refused == "" || user.Delivery() == extension.DeliveryWaiting {
		return "The invitation to " + user.Address + " is still on its way."
	}
	if now.Sub(user.Facts.Sent) < ResendCooldown || now.Sub(user.Letter.Sent) < ResendCooldown {
		return "An invitation to " + user.Address + " was sent less than a minute ago. Give it a moment to arrive."
	}
	return ""
}

// ResendOrder is one press of Resend for many people. Batch is made from the form, so that pressing twice is one batch.
type ResendOrder struct {
	Batch     extension.BatchID
	Selection extension.Selection
	Expired   bool // people whose link has run out too
	// Confirmed is what was counted when the press was asked for: no more people than that are written to.
	Confirmed Confirmed
}

// Confirmed is how many people of a selection somebody has seen that a press would write to.
type Confirmed struct {
	Pending int
	Expired int // if people whose link has run out are chosen too
}

// most is how many people a press may write to.
func (o ResendOrder) most() int {
	if o.Expired {
		return o.Confirmed.Pending + o.Confirmed.Expired
	}
	return o.Confirmed.Pending
}

// CountResend tells before the press what would become of a selection: how many are Pending, how many Expired, and how
// many would be left out and why. It counts as ResendMany judges; in between people come and go.
func (s *Service) CountResend(ctx context.Context, actor extension.Actor, selection extension.Selection) (extension.ResendCount, error) {
	if !actor.Elevated() {
		return extension.ResendCount{}, fmt.Errorf("count resend: %w", extension.ErrForbidden)
	}
	count, err := s.store.CountReissue(ctx, actor, s.reissue(actor, "", ResendOrder{Selection: selection, Expired: true}))
	if err != nil {
		return extension.ResendCount{}, fmt.Errorf("count resend: %w", err)
	}
	return count, nil
}

// ResendMany sends new invitations to a selection of users, as far as the actor may see them, and gives the batch whose
// page tells what became of everybody. Who cannot be written to (Active, Inactive, undeliverable, still on the way,
// written to within ResendManyCooldown, or Expired and not chosen) is listed there and holds up nobody. It begins after
// the organisation's undo delay. Pressing twice gives the same batch. A refusal is an InvalidError; so is that more people
// would be written to by now than was confirmed.
func (s *Service) ResendMany(ctx context.Context, actor extension.Actor, order ResendOrder) (extension.BatchID, error) {
	if !actor.Elevated() {
		return "", fmt.Errorf("resend invitations: %w", extension.ErrForbidden)
	}
	id, err := extension.ParseID[extension.BatchID](string(order.Batch))
	if err != nil {
		return "", extension.Invalid("", "This page is too old to be sent. Load it again.")
	}
	if !order.Selection.All && len(order.Selection.Users) == 0 {
		return "", extension.Invalid("", "Nobody is selected. Go back to the list and tick the people first.")
	}
	reissue := s.reissue(actor, id, order)
	if reissue.Batch.Starts, err = s.starts(ctx, actor.Organisation, reissue.Batch.Pressed); err != nil {
		return "", err
	}
	count, err := s.store.CountReissue(ctx, actor, reissue)
	if err != nil {
		return "", fmt.Errorf("count resend: %w", err)
	}
	if order.asked(count) > extension.MaxResend {
		return "", extension.Invalid("", "These are more than 100,000 people. Search or filter for fewer, and resend in several goes.")
	}
	err = s.store.ReissueMany(ctx, actor, reissue, func(people int) error {
		switch {
		case people == 0:
			return extension.Invalid("", order.nobody(count))
		case people > order.most():
			return extension.Invalid("", "Nothing was sent: by now more people would be written to than this page said. Look at the new numbers, then press Resend again.")
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("reissue invitations: %w", err)
	}
	s.goOn(ctx, id)
	return id, nil
}

// asked is how many people a press writes down, whether they are written to or not.
func (o ResendOrder) asked(count extension.ResendCount) int {
	if o.Expired {
		return count.Asked()
	}
	return count.Asked() - count.Expired
}

// nobody says why nothing came of a press.
func (o ResendOrder) nobody(count extension.ResendCount) string {
	if count.Asked() == 0 {
		return "Nothing was sent: nobody is left whom you could write to. Go back to the list and choose again."
	}
	if count.Expired > 0 && !o.Expired {
		return "Nothing was sent: nobody of them is Pending. Tick the box to send to those who are Expired."
	}
	return "Nothing was sent: nobody of them can be written to now. Below you see why."
}

// reissue is an order with what the verb decides.
func (s *Service) reissue(actor extension.Actor, batch extension.BatchID, order ResendOrder) extension.Reissue {
	now := s.now()
	return extension.Reissue{
		Batch:     resendBatch(actor, batch, now),
		Selection: order.Selection, Expired: order.Expired, Since: now.Add(-ResendManyCooldown),
	}
}
