package onboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"paperplane/extension"
)

// Evidence is what a request tells about the person who made it.
type Evidence struct {
	IP        string
	UserAgent string
}

// observe asks Kratos what is true of an identity and records it for every user of it. It is the one way in which
// facts are learnt: after a report, on the invitee's next page and by the periodic reconciliation. Of an account whose
// holder has taken no invitation on, nothing is recorded: it may be anybody's, and an inviter must learn nothing of it.
func (s *Service) observe(ctx context.Context, id extension.IdentityID, members []extension.Member, evidence Evidence) error {
	known := false
	err := s.store.Exclusive(ctx, extension.IdentityLock(id), func(ctx context.Context) error {
		identity, err := s.identities.Identity(ctx, id)
		if err != nil {
			return fmt.Errorf("find identity %s: %w", id, err)
		}
		if known = slices.ContainsFunc(members, func(m extension.Member) bool { return admitted(identity, members, m.User) }); !known {
			return nil
		}
		return s.recordSeen(ctx, identity, members, evidence)
	})
	if err != nil || !known {
		return err
	}
	return s.activate(ctx, id) // which aligns, and takes the lock for it
}

// recordSeen records what was just read in Kratos. The caller has held the identity's lock since before, so that what a
// reset or another set-up has changed meanwhile is not overwritten by what was true earlier.
func (s *Service) recordSeen(ctx context.Context, identity extension.Identity, members []extension.Member, evidence Evidence) error {
	if err := s.recordHeld(ctx, identity); err != nil {
		return err
	}
	for _, m := range members {
		if !admitted(identity, members, m.User) {
			continue
		}
		if err := s.observeUser(ctx, identity, m, evidence); err != nil {
			return err
		}
	}
	return nil
}

// admitted tells whether what an identity holds may be taken for the own of a user of these: they have taken the invitation
// on with it, or we made it for them and nobody else has. Otherwise an account of another organisation, or of a stranger, would
// slip past Start: whom it was made for says no more than which organisation was the first to invite.
func admitted(identity extension.Identity, members []extension.Member, user extension.User) bool {
	taken := slices.ContainsFunc(members, func(m extension.Member) bool { return m.User.ID != user.ID && m.User.Facts.Begun() })
	return user.Facts.Begun() || identity.Mark == user.ID && !taken
}

// recordHeld records the names, the mobile and the factors that an identity has in Kratos. The caller has held its lock
// since before it was read.
func (s *Service) recordHeld(ctx context.Context, identity extension.Identity) error {
	if err := s.store.RecordProfile(ctx, identity); err != nil {
		return fmt.Errorf("record profile of identity %s: %w", identity.ID, err)
	}
	before, err := s.factorsOf(ctx, identity.ID)
	if err != nil {
		return err
	}
	if len(before) == 0 && len(identity.Factors) > 0 {
		if err := s.makeWayForTheFirst(ctx, identity); err != nil {
			return err
		}
	}
	if err := s.setHeld(ctx, identity, before); err != nil {
		return err
	}
	return s.dropCodesOfNothing(ctx, identity)
}

// setHeld keeps which factors Kratos holds of somebody who had shown some before, or none.
func (s *Service) setHeld(ctx context.Context, identity extension.Identity, before []extension.ProvenFactor) error {
	added := slices.DeleteFunc(slices.Clone(identity.Factors), func(kind extension.Factor) bool {
		return slices.ContainsFunc(before, func(own extension.ProvenFactor) bool { return own.Kind == kind })
	})
	record := func() error { return s.setFactors(ctx, identity) }
	if len(before) == 0 || len(added) == 0 { // see makeWayForTheFirst
		return record()
	}
	members, err := s.store.Members(ctx, identity.ID)
	if err != nil {
		return fmt.Errorf("find users of identity %s: %w", identity.ID, err)
	}
	return s.adding(ctx, identity.ID, members, added, record)
}

func (s *Service) factorsOf(ctx context.Context, id extension.IdentityID) ([]extension.ProvenFactor, error) {
	factors, err := s.store.FactorsOf(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find factors of identity %s: %w", id, err)
	}
	return factors, nil
}

// setFactors keeps which factors Kratos holds.
func (s *Service) setFactors(ctx context.Context, identity extension.Identity) error {
	if err := s.store.SetFactors(ctx, identity.ID, identity.Factors, s.now()); err != nil {
		return fmt.Errorf("record factors of identity %s: %w", identity.ID, err)
	}
	return nil
}

// makeWayForTheFirst does for a factor that was set up in Kratos' settings what witnessFirst does for one that was shown:
// the session that did it has a proof, which the guard has written, and no other may have. Recovery codes from before it
// are somebody's who had shown no factor. Those beside a factor that nobody has set up here are its owner's, and stay.
func (s *Service) makeWayForTheFirst(ctx context.Context, identity extension.Identity) error {
	proven, err := s.store.ProvenSessions(ctx, identity.ID, identity.Factors)
	if err != nil {
		return fmt.Errorf("find proven sessions of identity %s: %w", identity.ID, err)
	}
	if err := s.endSessionsBut(ctx, identity.ID, proven); err != nil {
		return err
	}
	if len(proven) == 0 {
		return nil
	}
	return s.dropCodes(ctx, identity)
}

// dropCodesOfNothing takes recovery codes away that no factor is left for. They would stand in for the next one, whoever
// had made them.
func (s *Service) dropCodesOfNothing(ctx context.Context, identity extension.Identity) error {
	if !identity.Recovery {
		return nil
	}
	factors, err := s.factorsOf(ctx, identity.ID)
	if err != nil || len(factors) > 0 {
		return err
	}
	return s.dropCodes(ctx, identity)
}

func (s *Service) dropCodes(ctx context.Context, identity extension.Identity) error {
	if !identity.Recovery {
		return nil
	}
	if err := s.identities.RemoveRecoveryCodes(ctx, identity.ID); err != nil {
		return fmt.Errorf("remove recovery codes of identity %s: %w", identity.ID, err)
	}
	return nil
}

// observeUser records what is true of one user of an identity, who is admitted.
func (s *Service) observeUser(ctx context.Context, identity extension.Identity, m extension.Member, evidence Evidence) error {
	now := s.now()
	if identity.Registered {
		if _, err := s.store.Record(ctx, m.User, extension.FactRegistered, now); err != nil {
			return fmt.Errorf("record registration of user %s: %w", m.User.ID, err)
		}
	}
	accepted := identity.Traits.Terms.Version
	current, err := s.current(ctx, m, accepted)
	if err != nil || !current {
		return err
	}
	return s.confirm(ctx, m, accepted, evidence, now)
}

// current tells whether these terms are the current version of the user's organisation, in whatever language. The id may
// come from a trait, which holds what its owner has written into it.
func (s *Service) current(ctx context.Context, m extension.Member, terms extension.TermsID) (bool, error) {
	if m.Terms.ID == "" || terms == "" || terms == m.Terms.ID {
		return terms != "" && terms == m.Terms.ID, nil
	}
	id, err := extension.ParseID[extension.TermsID](string(terms))
	version := 0
	if err == nil {
		version, err = s.store.VersionOf(ctx, m.Organisation.ID, id)
	}
	switch {
	case errors.Is(err, extension.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("find terms %s: %w", terms, err)
	}
	return version == m.Terms.Version, nil
}

// confirm records that Kratos holds the acceptance. The evidence is the row that was written when the invitee pressed
// Accept; where they accepted outside of our pages, it is what the report tells. The trait alone is only a claim: without
// a row and without a report nothing is confirmed, and the invitee is asked on our page.
func (s *Service) confirm(ctx context.Context, m extension.Member, terms extension.TermsID, evidence Evidence, now time.Time) error {
	if evidence != (Evidence{}) {
		err := s.store.RecordAcceptance(ctx, extension.Acceptance{
			User: m.User.ID, Terms: terms, At: now, IP: evidence.IP, UserAgent: evidence.UserAgent,
		})
		if err != nil {
			return fmt.Errorf("record acceptance of user %s: %w", m.User.ID, err)
		}
	}
	if err := s.store.ConfirmAcceptance(ctx, m.User, terms, now); err != nil {
		return fmt.Errorf("confirm acceptance of user %s: %w", m.User.ID, err)
	}
	return nil
}

// activate turns every user Active for whom the last fact has come in, and publishes it. An acceptance after the
// invitation ran out counts once the user has been invited again.
func (s *Service) activate(ctx context.Context, id extension.IdentityID) error {
	members, err := s.store.Members(ctx, id)
	if err != nil {
		return fmt.Errorf("find users of identity %s: %w", id, err)
	}
	fresh := false
	for _, m := range members {
		facts := m.User.Facts
		late := !facts.Expires.IsZero() && !facts.Accepted.Before(facts.Expires)
		if !facts.Complete(m.Organisation.TwoFactor) || !m.User.Detailed() || !facts.Activated.IsZero() || !facts.Paused.IsZero() || late {
			continue
		}
		first, err := s.store.Record(ctx, m.User, extension.FactActivated, s.now())
		if err != nil {
			return fmt.Errorf("activate user %s: %w", m.User.ID, err)
		}
		fresh = fresh || first
	}
	if !fresh {
		return nil
	}
	if err := s.aligner.Align(ctx, id); err != nil { // the record has asked for it too, in case this is cut short
		return fmt.Errorf("publish identity %s: %w", id, err)
	}
	return nil
}
