package onboard

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// Next is the one dispatcher: it tells where a session stands. While something is missing it asks Kratos for the facts
// that a report may have lost, so that a silent webhook delays nobody. ErrNotFound says that the identity has no user.
func (s *Service) Next(ctx context.Context, session extension.Session) (Place, error) {
	members, err := s.members(ctx, session.Identity)
	if err != nil {
		return Place{}, err
	}
	if s.halfWay(members) {
		if err := s.observe(ctx, session.Identity, members, Evidence{}); err != nil {
			return Place{}, err
		}
		if members, err = s.members(ctx, session.Identity); err != nil {
			return Place{}, err
		}
	}
	proofs, err := s.store.Proofs(ctx, session.ID)
	if err != nil {
		return Place{}, fmt.Errorf("find proofs of a session of identity %s: %w", session.Identity, err)
	}
	return s.place(members, proofs), nil
}

func (s *Service) members(ctx context.Context, identity extension.IdentityID) ([]extension.Member, error) {
	members, err := s.store.Members(ctx, identity)
	if err != nil {
		return nil, fmt.Errorf("find users of identity %s: %w", identity, err)
	}
	if len(members) == 0 {
		return nil, fmt.Errorf("find users of identity %s: %w", identity, extension.ErrNotFound)
	}
	return members, nil
}

// halfWay tells whether a user of these has begun and not arrived.
func (s *Service) halfWay(members []extension.Member) bool {
	for _, m := range members {
		switch m.Next(nil, s.now()) {
		case extension.StepRegister, extension.StepSecure, extension.StepAgree:
			return true
		case extension.StepIn, extension.StepConfirm:
			if m.User.Facts.Activated.IsZero() {
				return true
			}
		case extension.StepPaused, extension.StepExpired, extension.StepStart:
		}
	}
	return false
}

// place chooses what comes first: something to be done, then being in, then the reason for being kept out.
func (s *Service) place(members []extension.Member, proofs []extension.Factor) Place {
	rank := func(step extension.Step) int {
		switch step {
		case extension.StepRegister, extension.StepSecure, extension.StepConfirm, extension.StepAgree:
			return 0
		case extension.StepIn:
			return 1
		case extension.StepExpired, extension.StepPaused, extension.StepStart:
			return 2
		}
		return 2
	}
	best := members[0]
	for _, m := range members[1:] {
		if rank(m.Next(proofs, s.now())) < rank(best.Next(proofs, s.now())) {
			best = m
		}
	}
	return Place{Step: best.Next(proofs, s.now()), Organisation: best.Organisation, User: best.User, Inviter: best.Inviter, Terms: best.Terms}
}

// Evidence is what a request tells about the person who made it.
type Evidence struct {
	IP        string
	UserAgent string
}

// observe asks Kratos what is true of an identity and records it for every user of it. It is the one way in which
// facts are learnt: after a report, on the invitee's next page and by the periodic reconciliation.
func (s *Service) observe(ctx context.Context, id extension.IdentityID, members []extension.Member, evidence Evidence) error {
	identity, err := s.identities.Identity(ctx, id)
	if err != nil {
		return fmt.Errorf("find identity %s: %w", id, err)
	}
	if err := s.store.RecordProfile(ctx, id, identity.Traits); err != nil {
		return fmt.Errorf("record profile of identity %s: %w", id, err)
	}
	if err := s.store.SetFactors(ctx, id, identity.Factors, s.now()); err != nil {
		return fmt.Errorf("record factors of identity %s: %w", id, err)
	}
	for _, m := range members {
		if err := s.observeUser(ctx, identity, m, evidence); err != nil {
			return err
		}
	}
	return s.activate(ctx, id)
}

// observeUser records what is true of one user of an identity.
func (s *Service) observeUser(ctx context.Context, identity extension.Identity, m extension.Member, evidence Evidence) error {
	now := s.now()
	if identity.Registered {
		if _, err := s.store.Record(ctx, m.User, extension.FactRegistered, now); err != nil {
			return fmt.Errorf("record registration of user %s: %w", m.User.ID, err)
		}
	}
	if m.Terms.ID != "" && identity.Traits.Terms.Version == m.Terms.ID {
		return s.confirm(ctx, m, evidence, now)
	}
	return nil
}

// confirm records that Kratos holds the acceptance. The evidence is the row that was written when the invitee pressed
// Accept; where they accepted outside of our pages, it is what the report tells. The trait alone is only a claim: without
// a row and without a report nothing is confirmed, and the invitee is asked on our page.
func (s *Service) confirm(ctx context.Context, m extension.Member, evidence Evidence, now time.Time) error {
	if evidence != (Evidence{}) {
		err := s.store.RecordAcceptance(ctx, extension.Acceptance{
			User: m.User.ID, Terms: m.Terms.ID, At: now, IP: evidence.IP, UserAgent: evidence.UserAgent,
		})
		if err != nil {
			return fmt.Errorf("record acceptance of user %s: %w", m.User.ID, err)
		}
	}
	if err := s.store.ConfirmAcceptance(ctx, m.User, m.Terms.ID, now); err != nil {
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
