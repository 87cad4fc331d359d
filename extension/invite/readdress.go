package invite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"paperplane/extension"
	"paperplane/extension/recognise"
)

// correcting is what a correction of an address asks of the database.
type correcting interface {
	// Readdress corrects the address of a user who has not registered, and invites the new one by a resend batch, in one
	// transaction. ErrForbidden: the user has areas that the actor does not act in, or a role that the actor may not give;
	// ErrConflict: the user has moved on; *extension.TakenError: the organisation has the address already.
	Readdress(ctx context.Context, actor extension.Actor, order extension.Readdress) error
	// Unsuppress lets mail go to a user's address again. ErrNotFound: nothing stood in the way.
	Unsuppress(ctx context.Context, actor extension.Actor, user extension.UserID, now time.Time) error
	// Members lists the users of an identity, in all organisations.
	Members(ctx context.Context, identity extension.IdentityID) ([]extension.Member, error)
}

// Correction is what an administrator typed to correct somebody's address.
type Correction struct {
	Address string
	Sure    bool // the doubts about the address were read
}

// Readdress corrects the address of a user who has not registered and invites the new one: the old link, and whatever was
// begun by it, ends at once; Kratos gets the new address before a letter goes out. Whoever has registered keeps theirs.
// Kratos is asked live by provisioning; here it is asked too, so that somebody who has just registered is not disturbed.
// An inviter may correct only users all of whose areas are theirs and whose roles they may give: otherwise a letter to an
// address of their own would make them an administrator.
//
// Refusals come back as an InvalidError: field "address" for the address, field "sure" for a doubt that Sure lifts, and
// no field where the user cannot be corrected.
func (s *Service) Readdress(ctx context.Context, actor extension.Actor, id extension.UserID, correction Correction) (extension.BatchID, error) {
	if !actor.Elevated() {
		return "", fmt.Errorf("correct address: %w", extension.ErrForbidden)
	}
	user, err := s.store.User(ctx, actor, id)
	if err != nil {
		return "", fmt.Errorf("find user %s: %w", id, err)
	}
	now := s.now()
	if sentence := s.readdressRefusal(ctx, user, now); sentence != "" {
		return "", extension.Invalid("", sentence)
	}
	address, err := correct(user, correction)
	if err != nil {
		return "", err
	}
	batch := resendBatch(actor, extension.NewID[extension.BatchID](), now)
	order := extension.Readdress{Batch: batch, User: id, Address: address.Send, Key: address.Key}
	if err := s.store.Readdress(ctx, actor, order); err != nil {
		return "", s.notReaddressed(ctx, actor, user, address, err)
	}
	if user.Identity != "" {
		// Whoever began by the old link must not finish. When Kratos does not answer, it is told later: the identity is on
		// the list of those to be aligned.
		_ = s.aligner.Align(ctx, user.Identity)
	}
	s.goOn(ctx, batch.ID)
	return batch.ID, nil
}

// readdressRefusal says in one sentence why nobody can correct this user's address now; empty when they can.
func (s *Service) readdressRefusal(ctx context.Context, user extension.User, now time.Time) string {
	const theirs = " From then on the address is theirs, and is changed by them."
	switch user.Facts.Status(now) {
	case extension.Active:
		return user.Name() + " is Active." + theirs
	case extension.Inactive:
		return user.Name() + " is Inactive. Resume the user first."
	case extension.Pending, extension.Expired:
	}
	if !user.Facts.Registered.IsZero() || s.registered(ctx, user) {
		return personOf(user) + " has registered already." + theirs
	}
	if user.Delivery() == extension.DeliveryWaiting {
		return "The invitation to " + personOf(user) + " is still on its way. Wait until it is sent, or cancel it on the page of its batch; then correct the address."
	}
	return ""
}

// registered asks Kratos whether somebody has registered of whom no report has come yet. No answer is no reason to wait:
// provisioning asks again. An account that somebody else made, or that was taken by another organisation's invitation, is not
// the user's before they have taken this one on: until then it keeps nobody from a correction, and whoever invites is not
// told of it.
func (s *Service) registered(ctx context.Context, user extension.User) bool {
	if user.Identity == "" {
		return false
	}
	identity, err := s.identities.FindByAddress(ctx, user.Address)
	if err != nil || identity.ID != user.Identity || !identity.Registered {
		return false
	}
	return user.Facts.Begun() || identity.Mark == user.ID && !s.taken(ctx, user)
}

// taken tells whether a user's identity is somebody's who has begun in another organisation.
func (s *Service) taken(ctx context.Context, user extension.User) bool {
	members, err := s.store.Members(ctx, user.Identity)
	return err == nil && slices.ContainsFunc(members, func(m extension.Member) bool { return m.User.ID != user.ID && m.User.Facts.Begun() })
}

// correct reads the one address that was typed.
func correct(user extension.User, correction Correction) (recognise.Address, error) {
	found := recognise.Recognise(correction.Address)
	switch {
	case len(found.Recognised) > 1:
		return recognise.Address{}, extension.Invalid("address", "Type one address only.")
	case len(found.Rejected) > 0:
		return recognise.Address{}, extension.Invalid("address", "This is no valid email address. "+found.Rejected[0].Reason.Sentence())
	case len(found.Recognised) == 0:
		return recognise.Address{}, extension.Invalid("address", "Type the right email address.")
	}
	address := found.Recognised[0]
	if address.Send == user.Address {
		return address, extension.Invalid("address", "This is the address that "+personOf(user)+" has already. To send the invitation once more, press Resend.")
	}
	if len(found.Warnings) > 0 && !correction.Sure {
		return address, extension.Invalid("sure", doubts(found.Warnings))
	}
	return address, nil
}

// doubts says what is doubtful about an address.
func doubts(warnings []recognise.Warning) string {
	var words []string
	for _, warning := range warnings {
		words = append(words, warning.Kind.Sentence())
		if warning.Suggestion != "" {
			words = append(words, "Did you mean "+recognise.Display(warning.Suggestion)+"?")
		}
	}
	return strings.Join(words, " ")
}

// notReaddressed words why the database did not take a correction.
func (s *Service) notReaddressed(ctx context.Context, actor extension.Actor, user extension.User, address recognise.Address, err error) error {
	var taken *extension.TakenError
	switch {
	case errors.As(err, &taken):
		return extension.Invalid("address", s.whoHas(ctx, actor, address, *taken))
	case errors.Is(err, extension.ErrForbidden):
		return extension.Invalid("", personOf(user)+" has a service area that is not yours, or a role that you may not give. Ask an administrator to correct the address.")
	case errors.Is(err, extension.ErrConflict):
		return extension.Invalid("", "Somebody else has just changed or invited "+personOf(user)+". Load the page again.")
	}
	return fmt.Errorf("correct address of user %s: %w", user.ID, err)
}

// whoHas says where an address is that cannot be given to a second person.
func (s *Service) whoHas(ctx context.Context, actor extension.Actor, address recognise.Address, taken extension.TakenError) string {
	if taken.Withdrawn {
		return "An invitation to " + address.Display() + " was cancelled before it was sent. Invite this address with Invite Users instead."
	}
	if taken.User != "" {
		if other, err := s.store.User(ctx, actor, taken.User); err == nil {
			var areas []string
			for _, assignment := range other.Assignments {
				areas = append(areas, assignment.Area.Name)
			}
			return fmt.Sprintf("%s belongs to somebody in this organisation already, who is %s in %s. Two people cannot have one address.",
				address.Display(), other.Facts.Status(s.now()), strings.Join(slices.Compact(areas), ", "))
		}
	}
	return address.Display() + " belongs to somebody in this organisation already, outside of your service areas. Ask an administrator."
}

// MailAnyway lets mail go again to an address from which a message came back or that complained, and sends the
// invitation: a deliberate act for one person, with an audit of its own. What Resend would refuse for another reason is
// refused first and changes nothing.
func (s *Service) MailAnyway(ctx context.Context, actor extension.Actor, id extension.UserID) (extension.BatchID, error) {
	if !actor.Elevated() {
		return "", fmt.Errorf("mail an address anyway: %w", extension.ErrForbidden)
	}
	user, err := s.store.User(ctx, actor, id)
	if err != nil {
		return "", fmt.Errorf("find user %s: %w", id, err)
	}
	user.Suppressed = ""
	if sentence := resendRefusal(user, s.now()); sentence != "" {
		return "", extension.Invalid("", sentence)
	}
	if err := s.store.Unsuppress(ctx, actor, id, s.now()); err != nil && !errors.Is(err, extension.ErrNotFound) {
		return "", fmt.Errorf("lift suppression of user %s: %w", id, err)
	}
	return s.Resend(ctx, actor, id)
}

// personOf is how sentences call a user: the address, because it is what was invited and is never missing.
func personOf(user extension.User) string { return recognise.Display(user.Address) }
