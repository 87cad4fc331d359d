package onboard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"paperplane/extension"
)

// ResetFactors takes all second factors of a user away, so that the person sets one up again at the next entry; sessions
// end. ErrForbidden says that the actor is no administrator, ErrConflict that the person has begun in other organisations
// too, which the factors protect as well: then only the operator can, by ResetFactorsEverywhere.
//
// It is written down first, with the audit. What is cut short can be repeated.
func (s *Service) ResetFactors(ctx context.Context, actor extension.Actor, id extension.UserID) error {
	return s.resetFactors(ctx, actor, actor, id)
}

// SharedWithOthers tells whether the person has begun in other organisations too, so that ResetFactors would be an ErrConflict,
// without telling which. One that has merely invited them is none of those, and is not told it either.
func (s *Service) SharedWithOthers(ctx context.Context, actor extension.Actor, id extension.UserID) (bool, error) {
	user, err := s.person(ctx, actor, id)
	if err != nil || user.Identity == "" || !user.Facts.Begun() {
		return false, err
	}
	shared, err := s.store.SharedWithOthers(ctx, user.Identity, actor.Organisation)
	if err != nil {
		return false, fmt.Errorf("find other users of identity %s: %w", user.Identity, err)
	}
	return shared, nil
}

// ResetFactorsEverywhere is ResetFactors by the operator, who answers for all organisations. actor is the one of the user's
// organisation that the user is looked up by.
func (s *Service) ResetFactorsEverywhere(ctx context.Context, actor extension.Actor, id extension.UserID) error {
	everywhere := actor
	everywhere.Organisation = ""
	return s.resetFactors(ctx, actor, everywhere, id)
}

func (s *Service) resetFactors(ctx context.Context, finder, actor extension.Actor, id extension.UserID) error {
	user, err := s.person(ctx, finder, id)
	if err != nil {
		return err
	}
	if user.Identity == "" || actor.Organisation != "" && !user.Facts.Begun() { // whatever account they have is not told of
		return extension.Invalid("", "There is nothing to reset: this person has no account yet.")
	}
	return s.store.Exclusive(ctx, extension.IdentityLock(user.Identity), func(ctx context.Context) error {
		if err := s.store.ForgetFactors(ctx, actor, id, s.now()); err != nil {
			return fmt.Errorf("forget second factors of user %s: %w", id, err)
		}
		err := s.identities.RemoveFactors(ctx, user.Identity)
		if errors.Is(err, extension.ErrNotFound) {
			return nil // deleted in Kratos, and everything with it
		}
		if err != nil {
			return fmt.Errorf("remove second factors of user %s: %w", id, err)
		}
		// Once more: a report may have told of the old ones until now.
		if err := s.store.SetFactors(ctx, user.Identity, nil, s.now()); err != nil {
			return fmt.Errorf("record factors of identity %s: %w", user.Identity, err)
		}
		if err := s.endSessions(ctx, user.Identity); err != nil {
			return err
		}
		return s.forgetGuesses(ctx, user.Identity)
	})
}

// person finds a user for an administrator.
func (s *Service) person(ctx context.Context, actor extension.Actor, id extension.UserID) (extension.User, error) {
	if !actor.Administrates() {
		return extension.User{}, fmt.Errorf("change user %s: %w", id, extension.ErrForbidden)
	}
	user, err := s.store.User(ctx, actor, id)
	if err != nil {
		return extension.User{}, fmt.Errorf("find user %s: %w", id, err)
	}
	return user, nil
}

// FreeMobile takes a mobile number away from the account that has it without having proven it, so that the user whom it
// belongs to can register with it. What an invitee typed is kept nowhere, so the administrator says which number. Only an
// account that has proven the number for nothing, and belongs to no other organisation, loses it; for anything else
// InvalidError says why, at the field mobile. ErrConflict says that the user was not told that a number is taken.
func (s *Service) FreeMobile(ctx context.Context, actor extension.Actor, id extension.UserID, number string) error {
	user, err := s.person(ctx, actor, id)
	if err != nil {
		return err
	}
	if user.Stumbled(s.now()).Sentence != StumbleNumberTaken {
		return fmt.Errorf("free a number for user %s: %w", id, extension.ErrConflict)
	}
	return s.freeMobile(ctx, actor, user, number)
}

// FreeMobileEverywhere is FreeMobile by the operator, who answers for all organisations: an account of another organisation
// loses the number too, and the user need not have been told that it is taken. actor is the one of the user's organisation
// that the user is looked up by.
func (s *Service) FreeMobileEverywhere(ctx context.Context, actor extension.Actor, id extension.UserID, number string) error {
	user, err := s.person(ctx, actor, id)
	if err != nil {
		return err
	}
	everywhere := actor
	everywhere.Organisation = ""
	return s.freeMobile(ctx, everywhere, user, number)
}

// freeMobile looks for the account that has the number. An actor without an organisation is the operator.
func (s *Service) freeMobile(ctx context.Context, actor extension.Actor, user extension.User, number string) error {
	number, err := s.spelled(ctx, user, number)
	if err != nil {
		return err
	}
	holder, err := s.identities.Holder(ctx, number)
	if errors.Is(err, extension.ErrNotFound) {
		return extension.Invalid("mobile", "No account has this number now. Ask the person to try again.")
	}
	if err != nil {
		return fmt.Errorf("find who holds a number: %w", err)
	}
	return s.store.Exclusive(ctx, extension.IdentityLock(holder.ID), func(ctx context.Context) error {
		return s.free(ctx, actor, user, holder, number)
	})
}

// spelled reads a number as the user's own registration would.
func (s *Service) spelled(ctx context.Context, user extension.User, number string) (string, error) {
	members, err := s.members(ctx, user.Identity)
	if err != nil {
		return "", err
	}
	region := ""
	for _, m := range members {
		if m.User.ID == user.ID {
			region = m.Organisation.Region
		}
	}
	return s.mobiles(number, region)
}

// holding is an account that has a number, with what is known of it here.
type holding struct {
	extension.Identity
	members []extension.Member
	factors []extension.ProvenFactor
}

func (s *Service) free(ctx context.Context, actor extension.Actor, user extension.User, holder extension.Identity, number string) error {
	members, err := s.store.Members(ctx, holder.ID)
	if err != nil {
		return fmt.Errorf("find users of identity %s: %w", holder.ID, err)
	}
	factors, err := s.store.FactorsOf(ctx, holder.ID)
	if err != nil {
		return fmt.Errorf("find factors of identity %s: %w", holder.ID, err)
	}
	held := holding{Identity: holder, members: members, factors: factors}
	if sentence := mustKeep(actor, user, held, number); sentence != "" {
		return extension.Invalid("mobile", sentence)
	}
	entry := extension.Audit{
		At: s.now(), Organisation: user.Organisation, Actor: actor.Name, ActorUser: actor.User, Action: extension.ActionMobileFreed,
		User: user.ID, Detail: "identity " + string(holder.ID),
	}
	if err := s.store.Note(ctx, entry); err != nil {
		return fmt.Errorf("record that a number is freed for user %s: %w", user.ID, err)
	}
	lost := extension.AccountChange{Kind: extension.ChangeMobileFreed, Address: number, At: s.now()}
	announced, err := s.store.Announce(ctx, holder.ID, lost)
	if err != nil {
		return fmt.Errorf("note who loses a number for user %s: %w", user.ID, err)
	}
	if err := s.identities.DropMobile(ctx, holder.ID, number); err != nil {
		return fmt.Errorf("free a number for user %s: %w", user.ID, err)
	}
	err = s.forgetMobile(ctx, holder, members)
	if untold := s.store.TellNow(ctx, announced); untold != nil {
		err = errors.Join(err, fmt.Errorf("tell who has lost a number for user %s: %w", user.ID, untold))
	}
	return err
}

// forgetMobile keeps what Kratos holds now of somebody who has lost a number, if they are known here.
func (s *Service) forgetMobile(ctx context.Context, holder extension.Identity, members []extension.Member) error {
	if !slices.ContainsFunc(members, func(m extension.Member) bool { return admitted(holder, members, m.User) }) {
		return nil
	}
	now, err := s.identities.Identity(ctx, holder.ID) // once more: holder was found before its lock was taken
	if err != nil {
		return fmt.Errorf("find identity %s: %w", holder.ID, err)
	}
	return s.recordHeld(ctx, now)
}

// mustKeep says in one sentence why an account keeps its number; empty when it can be taken away.
func mustKeep(actor extension.Actor, user extension.User, holder holding, number string) string {
	elsewhere := actor.Organisation != "" && slices.ContainsFunc(holder.members, func(m extension.Member) bool {
		return m.Organisation.ID != actor.Organisation
	})
	proven := slices.ContainsFunc(holder.factors, func(f extension.ProvenFactor) bool {
		return f.Kind == extension.FactorSMS && f.Address == number
	})
	switch {
	case holder.ID == user.Identity:
		return "This person's own account has this number already. Ask the person to try again."
	case proven:
		return "The account that has this number has proven it by a text message, so it stays there. Check the number."
	case !holder.Member && actor.Organisation == "":
		return "The account that has this number belongs to another application, so it stays there. Change it where that application does."
	case !holder.Member, elsewhere:
		return "The account that has this number belongs to another organisation or application, so it stays there. Ask the operator of Paperplane."
	}
	return ""
}
