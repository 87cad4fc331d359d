package onboard

import (
	"context"
	"fmt"
	"slices"

	"paperplane/extension"
)

// Next is the one dispatcher: it tells where a session stands. While something is missing it asks Kratos for the facts
// that a report may have lost, so that a silent webhook delays nobody. ErrNotFound says that the identity has no user.
func (s *Service) Next(ctx context.Context, session extension.Session, wish Wish) (Place, error) {
	known, err := s.look(ctx, session)
	if err != nil {
		return Place{}, err
	}
	place := s.place(known, s.first(known, wish.Slug))
	if place.Lost, err = s.lost(ctx, place); err != nil {
		return Place{}, err
	}
	if place.Terms, err = s.inLanguage(ctx, place.Terms, wish.Language); err != nil {
		return Place{}, err
	}
	return place, nil
}

// known is what decides about a session: the users of its identity, and what it was confirmed with by our own record.
type known struct {
	members []extension.Member
	proofs  []extension.Factor
}

// look reads what decides about a session, after asking Kratos where something is missing.
func (s *Service) look(ctx context.Context, session extension.Session) (known, error) {
	k, err := s.read(ctx, session)
	if err != nil || !s.unsettled(k) {
		return k, err
	}
	if err := s.observe(ctx, session.Identity, k.members, Evidence{}); err != nil {
		return known{}, err
	}
	return s.read(ctx, session)
}

// read reads the proofs first: a factor and its proofs go together, and whoever loses one at this moment, by a report of
// Kratos', must not be asked for a factor that is gone.
func (s *Service) read(ctx context.Context, session extension.Session) (known, error) {
	proofs, err := s.proofs(ctx, session)
	if err != nil {
		return known{}, err
	}
	members, err := s.members(ctx, session.Identity)
	return known{members: members, proofs: proofs}, err
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

func (s *Service) proofs(ctx context.Context, session extension.Session) ([]extension.Factor, error) {
	proofs, err := s.store.Proofs(ctx, session.ID)
	if err != nil {
		return nil, fmt.Errorf("find proofs of a session of identity %s: %w", session.Identity, err)
	}
	return proofs, nil
}

// unsettled tells whether a user of these has begun and not arrived, or is asked for a factor, which may be gone in Kratos.
func (s *Service) unsettled(k known) bool {
	for _, m := range k.members {
		switch s.step(k, m) {
		case extension.StepRegister, extension.StepSecure, extension.StepConfirm, extension.StepAgree:
			return true
		case extension.StepIn:
			if m.User.Facts.Activated.IsZero() {
				return true
			}
		case extension.StepPaused, extension.StepExpired, extension.StepStart:
		}
	}
	return false
}

// first chooses the organisation that was wished for; else what is to be done, then being in, then the reason for being
// kept out.
func (s *Service) first(k known, slug string) extension.Member {
	best := k.members[0]
	for _, m := range k.members {
		if m.Organisation.Slug == slug {
			return m
		}
		if rank(s.step(k, m)) < rank(s.step(k, best)) {
			best = m
		}
	}
	return best
}

func rank(step extension.Step) int {
	switch step {
	case extension.StepRegister, extension.StepSecure, extension.StepConfirm, extension.StepAgree:
		return 0
	case extension.StepIn:
		return 1
	case extension.StepExpired, extension.StepPaused, extension.StepStart:
	}
	return 2
}

// step is where the session stands in the organisation of one of its users.
func (s *Service) step(k known, m extension.Member) extension.Step {
	return m.NextAmong(k.members, k.proofs, s.now())
}

// asking is the organisation for which the session has yet to show a second factor: to enter it, the user's own; else any
// that keeps the account from being changed. Zero when there is none.
func asking(k known, m extension.Member) extension.Organisation {
	if m.Relies() && !m.Confirmed(k.proofs, true) {
		return m.Organisation
	}
	unshown, _ := extension.Unshown(k.members, k.proofs)
	return unshown.Organisation
}

// place is where the session stands in the organisation of one of its users, and what its page needs.
func (s *Service) place(k known, m extension.Member) Place {
	place := Place{
		Step: s.step(k, m), Organisation: m.Organisation, User: m.User, Inviter: m.Inviter, Terms: m.Terms, Proofs: k.proofs,
		Asking: asking(k, m),
	}
	for _, other := range k.members {
		place.Standings = append(place.Standings, Standing{
			Organisation: other.Organisation, Status: other.User.Facts.Status(s.now()), Step: s.step(k, other), Begun: other.User.Facts.Begun(),
		})
	}
	return place
}

// lost tells whether somebody who is to set a second factor up had one before.
func (s *Service) lost(ctx context.Context, place Place) (bool, error) {
	if place.Step != extension.StepSecure || place.User.Facts.Activated.IsZero() || len(place.User.Factors) > 0 {
		return false, nil
	}
	had, err := s.store.HadFactor(ctx, place.User.ID)
	if err != nil {
		return false, fmt.Errorf("find earlier factors of user %s: %w", place.User.ID, err)
	}
	return had, nil
}

// at finds the user of an identity for whom a step is due; StepError says that it is due for none.
func (s *Service) at(k known, step extension.Step) (extension.Member, error) {
	i := slices.IndexFunc(k.members, func(m extension.Member) bool { return s.step(k, m) == step })
	if i < 0 {
		return extension.Member{}, s.elsewhere(k)
	}
	return k.members[i], nil
}

// elsewhere says that another step is due.
func (s *Service) elsewhere(k known) error {
	return &StepError{Step: s.step(k, s.first(k, ""))}
}

// inLanguage gives the same version of the terms in the reader's language, where there is one, and with its text. Without a
// language nobody reads it.
func (s *Service) inLanguage(ctx context.Context, terms extension.Terms, language string) (extension.Terms, error) {
	if terms.ID == "" || language == "" {
		return terms, nil
	}
	read, err := s.store.TermsIn(ctx, terms.Organisation, terms.Version, language)
	if err != nil {
		return extension.Terms{}, fmt.Errorf("find text of terms %s: %w", terms.ID, err)
	}
	return read, nil
}
