package onboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"paperplane/extension"
)

// Start is the press of the button behind a link. What it does depends on what Kratos holds at that moment, asked live and
// under the identity's lock:
//
//   - Nobody can sign in yet: the identity is switched on and the browser gets a session, so that the invitee can register.
//     Every Start ends the identity's other sessions.
//   - Somebody can, and its address is proven: the holder signs in, and Start with a session of that very identity accepts
//     the invitation. Without one it is LinkAccount, and LinkConfirm with one that has yet to show the second factor which
//     the account has. Nothing else of the account is touched, so that nobody who only
//     holds the letter gets past a password or a second factor.
//   - Somebody can, and the address is not proven: the letter proves it, so whoever else made the account must not keep a
//     way in. Everything that they may have planted is taken away before the browser gets its session.
//
// session is the zero Session when the browser has none. A link that leads nowhere is a LinkError; ErrConflict says that
// the account was changed while Start ran, that nobody was let in, and that Start can be pressed again. The inviter and the
// letter never hold anything that sets a credential.
func (s *Service) Start(ctx context.Context, token string, session extension.Session, browser extension.Browser) (extension.Reply, error) {
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
		reply, err = s.begin(ctx, invited, session, browser)
		return err
	})
	return reply, s.stumbled(ctx, first.Member.User.ID, extension.StepStart, err)
}

// claim is what a link may do with the identity that its address belongs to.
type claim string

const (
	claimMade    claim = "made"    // made by us, and nobody can sign in: switch it on
	claimVacant  claim = "vacant"  // made by somebody else, its address is proven, and nobody can sign in: let in
	claimPlanted claim = "planted" // made by somebody else, and its address is not proven: clear it, then let in
	claimAccount claim = "account" // its holder can sign in: ask them to
)

func (s *Service) begin(
	ctx context.Context, invited extension.Invited, session extension.Session, browser extension.Browser,
) (extension.Reply, error) {
	identity, claim, err := s.claim(ctx, invited)
	if err == nil && claim == claimPlanted {
		identity, claim, err = s.clear(ctx, invited, identity)
	}
	if err != nil {
		return extension.Reply{}, err
	}
	switch claim {
	case claimMade:
		return s.startMade(ctx, invited, identity, browser)
	case claimVacant:
		return s.startVacant(ctx, invited, identity, browser)
	case claimAccount, claimPlanted:
	}
	return extension.Reply{}, s.accept(ctx, invited, identity, session)
}

// claim looks at the invitee's identity as Kratos holds it now. A LinkError says that the link can do nothing with it:
// gone, of another kind, registered by this link, or switched off by somebody else.
func (s *Service) claim(ctx context.Context, invited extension.Invited) (extension.Identity, claim, error) {
	user := invited.Member.User
	identity, err := s.identities.Identity(ctx, user.Identity)
	switch {
	case errors.Is(err, extension.ErrNotFound):
		return identity, "", s.gone(ctx, invited)
	case err != nil:
		return identity, "", fmt.Errorf("find identity %s: %w", user.Identity, err)
	case !identity.Member, identifier(identity.Traits.Email) != identifier(user.Address):
		return identity, "", linkError(LinkForeign, invited)
	}
	members, err := s.store.Members(ctx, identity.ID)
	if err != nil {
		return identity, "", fmt.Errorf("find users of identity %s: %w", identity.ID, err)
	}
	if identity.Registered && admitted(identity, members, user) {
		if _, err := s.store.Record(ctx, user, extension.FactRegistered, s.now()); err != nil {
			return identity, "", fmt.Errorf("record registration of user %s: %w", user.ID, err)
		}
		return identity, "", linkError(LinkSignIn, invited)
	}
	maker, err := s.maker(ctx, identity, members)
	if err != nil {
		return identity, "", err
	}
	if err := s.checkState(ctx, invited, identity, maker); err != nil {
		return identity, "", err
	}
	return identity, claimOf(identity, maker, members), nil
}

// claimOf decides by who made the identity, whether its address is proven and whether somebody can sign in.
func claimOf(identity extension.Identity, maker maker, members []extension.Member) claim {
	proven := identity.Verified || slices.ContainsFunc(members, func(m extension.Member) bool {
		return !m.User.Facts.Registered.IsZero() // in another organisation, which a link to the same mailbox led to
	})
	switch {
	case maker == makerUs && !identity.Registered:
		return claimMade
	case !proven:
		return claimPlanted
	case identity.Registered:
		return claimAccount
	default:
		return claimVacant
	}
}

// maker is who made an identity.
type maker string

const (
	makerUs     maker = "us"
	makerOthers maker = "others"
)

// maker finds who made the identity. A mark that names none of its users says nothing by itself: then our own row tells,
// because the user whom it was made for may have been given another address since.
func (s *Service) maker(ctx context.Context, identity extension.Identity, members []extension.Member) (maker, error) {
	if slices.ContainsFunc(members, func(m extension.Member) bool { return m.User.ID == identity.Mark }) {
		return makerUs, nil
	}
	if identity.Mark == "" {
		return makerOthers, nil
	}
	ours, err := s.store.Origin(ctx, identity.ID, identity.Mark)
	if err != nil {
		return "", fmt.Errorf("find who made identity %s: %w", identity.ID, err)
	}
	if !ours {
		return makerOthers, nil
	}
	return makerUs, nil
}

// checkState refuses an identity that somebody else switched off. Only one that we made is ours to switch.
func (s *Service) checkState(ctx context.Context, invited extension.Invited, identity extension.Identity, maker maker) error {
	if identity.Active {
		return nil
	}
	ours, err := s.store.LeftInactive(ctx, identity.ID)
	if err != nil {
		return fmt.Errorf("find who disabled identity %s: %w", identity.ID, err)
	}
	if !ours || maker != makerUs {
		return linkError(LinkDisabled, invited)
	}
	return nil
}

// gone is for an identity that was deleted in Kratos: alignment lets go of it.
func (s *Service) gone(ctx context.Context, invited extension.Invited) error {
	id := invited.Member.User.Identity
	if err := s.store.Realign(ctx, id); err != nil {
		return fmt.Errorf("note alignment of identity %s: %w", id, err)
	}
	return linkError(LinkDisabled, invited)
}

// identifier is what Kratos makes of an address. Unicode's case folding would be wider: it takes ſ for s, which is another
// mailbox.
func identifier(address string) string { return strings.ToLower(address) }

// startMade records the start before it switches anything on, so that a crash in between leaves nothing that the sweep does
// not find.
func (s *Service) startMade(ctx context.Context, invited extension.Invited, identity extension.Identity, browser extension.Browser) (extension.Reply, error) {
	if err := s.recordStart(ctx, invited); err != nil {
		return extension.Reply{}, err
	}
	if err := s.switchOn(ctx, identity, invited.Member.User.Address); err != nil {
		return extension.Reply{}, err
	}
	return s.admit(ctx, invited, identity, browser)
}

// startVacant records the start last: from then on a credential is taken for the invitee's own, and until nobody else can
// have set one that must not be. A crash before leaves an account that was on already, and a session that no browser has.
func (s *Service) startVacant(ctx context.Context, invited extension.Invited, identity extension.Identity, browser extension.Browser) (extension.Reply, error) {
	if err := s.endSessions(ctx, identity.ID); err != nil {
		return extension.Reply{}, err
	}
	reply, err := s.admit(ctx, invited, identity, browser)
	if err != nil {
		return extension.Reply{}, err
	}
	if err := s.recordStart(ctx, invited); err != nil {
		return extension.Reply{}, errors.Join(err, s.endSessions(ctx, identity.ID))
	}
	return reply, nil
}

// clear takes away what was planted and looks again. It can be repeated, and proves the address last, so that a crash
// leaves the next Start to do it again.
func (s *Service) clear(ctx context.Context, invited extension.Invited, identity extension.Identity) (extension.Identity, claim, error) {
	cleared := s.identities.Clear(ctx, identity.ID, invited.Member.User.Address)
	if cleared != nil && !errors.Is(cleared, extension.ErrConflict) {
		return identity, "", fmt.Errorf("clear identity %s: %w", identity.ID, cleared)
	}
	identity, claim, err := s.claim(ctx, invited)
	switch {
	case err != nil:
		return identity, "", err
	case cleared != nil && claim == claimPlanted && identity.Registered: // by something that cannot be deleted
		return identity, "", linkError(LinkOccupied, invited)
	case cleared != nil:
		return identity, "", fmt.Errorf("clear identity %s: %w", identity.ID, cleared)
	}
	if claim == claimPlanted || claim == claimAccount {
		return identity, "", fmt.Errorf("clear identity %s: it was changed meanwhile: %w", identity.ID, extension.ErrConflict)
	}
	return identity, claim, s.recordHeld(ctx, identity) // what was shown by whoever was here before is not the invitee's
}

// admit gives the browser a session, and takes it back if the link may not let anybody in any more: another browser may
// have set a password after we looked and before its session ended.
func (s *Service) admit(ctx context.Context, invited extension.Invited, identity extension.Identity, browser extension.Browser) (extension.Reply, error) {
	reply, err := s.identities.Admit(ctx, identity.ID, browser)
	if err != nil {
		return extension.Reply{}, fmt.Errorf("admit identity %s: %w", identity.ID, err)
	}
	_, claim, err := s.claim(ctx, invited)
	switch {
	case err != nil:
	case claim == claimAccount:
		err = linkError(LinkAccount, invited)
	case claim == claimPlanted:
		err = fmt.Errorf("admit identity %s: %w", identity.ID, extension.ErrConflict)
	default:
		// Settings that were open until now are no danger: there is no password yet that somebody could come back with.
		if err = s.store.ForgetOpenings(ctx, identity.ID); err == nil {
			return reply, nil
		}
		err = fmt.Errorf("forget open settings of identity %s: %w", identity.ID, err)
	}
	return extension.Reply{}, errors.Join(err, s.endSessions(ctx, identity.ID))
}

// accept takes the invitation on for the holder of an account, who must have signed in to it. An account that we switched
// off, because its holder is paused elsewhere, is switched on first, so that they can: it was written down before.
func (s *Service) accept(ctx context.Context, invited extension.Invited, identity extension.Identity, session extension.Session) error {
	if identity.Active {
		if err := s.mayAccept(ctx, invited, session); err != nil {
			return err
		}
	}
	// First: from the start on the account counts here, and its factors must not be taken for set up by whoever comes next.
	if err := s.setFactors(ctx, identity); err != nil {
		return err
	}
	if err := s.recordStart(ctx, invited); err != nil {
		return err
	}
	user := invited.Member.User
	if _, err := s.store.Record(ctx, user, extension.FactRegistered, s.now()); err != nil {
		return fmt.Errorf("record registration of user %s: %w", user.ID, err)
	}
	if identity.Active {
		return nil
	}
	if err := s.store.Realign(ctx, identity.ID); err != nil {
		return fmt.Errorf("note alignment of identity %s: %w", identity.ID, err)
	}
	if err := s.switchOn(ctx, identity, user.Address); err != nil {
		return err
	}
	return linkError(LinkAccount, invited)
}

// mayAccept refuses a session that is not of the account, or that has yet to show the second factor which it has: whoever knows
// the password alone joins nothing with it. Where no organisation lets them show one, none is asked for before the next step.
func (s *Service) mayAccept(ctx context.Context, invited extension.Invited, session extension.Session) error {
	if session.Identity != invited.Member.User.Identity {
		return linkError(LinkAccount, invited)
	}
	k, err := s.read(ctx, session)
	if err != nil {
		return err
	}
	open := slices.ContainsFunc(k.members, func(m extension.Member) bool { return m.User.Facts.Begun() && !keptOut(s.step(k, m)) })
	if open && !mayChange(k) {
		return linkError(LinkConfirm, invited)
	}
	return nil
}

func (s *Service) recordStart(ctx context.Context, invited extension.Invited) error {
	user := invited.Member.User
	if _, err := s.store.Record(ctx, user, extension.FactStarted, s.now()); err != nil {
		return fmt.Errorf("record start of user %s: %w", user.ID, err)
	}
	return nil
}

// switchOn makes an identity active that we left inactive, and ends its other sessions.
func (s *Service) switchOn(ctx context.Context, identity extension.Identity, address string) error {
	if !identity.Active {
		if err := s.identities.Enable(ctx, identity.ID, address); err != nil {
			return fmt.Errorf("enable identity %s: %w", identity.ID, err)
		}
	}
	if err := s.store.SetLeftInactive(ctx, identity.ID, time.Time{}); err != nil {
		return fmt.Errorf("note state of identity %s: %w", identity.ID, err)
	}
	return s.endSessions(ctx, identity.ID)
}

func (s *Service) endSessions(ctx context.Context, id extension.IdentityID) error {
	if err := s.identities.EndSessions(ctx, id); err != nil {
		return fmt.Errorf("end sessions of identity %s: %w", id, err)
	}
	return nil
}
