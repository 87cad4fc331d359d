package onboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"paperplane/extension"
)

// Ways lists the second factors that somebody can use or set up where their session stands. To be set up: those that the
// organisation allows. To be shown: their own that count there, and a recovery code when they keep any. Otherwise, on the
// settings page, all.
func (s *Service) Ways(ctx context.Context, session extension.Session, place Place) ([]Way, error) {
	guesses, err := s.store.Guesses(ctx, session.Identity)
	if err != nil {
		return nil, fmt.Errorf("find wrong codes of identity %s: %w", session.Identity, err)
	}
	proven, err := s.factorsOf(ctx, session.Identity)
	if err != nil {
		return nil, err
	}
	wayBy := func(kind extension.Factor) Way {
		return Way{
			Kind: kind, Masked: masked(kind, place.User), Proven: kind == extension.FactorRecovery || reached(kind, proven, addressOf(kind, place.User, session)),
			Closed: guesses.Closed[kind], Spent: guesses.SpentBy(kind),
		}
	}
	var ways []Way
	for _, kind := range extension.Ways() {
		if way := wayBy(kind); offered(place, way) && (kind != extension.FactorSMS || place.User.Mobile != "") {
			ways = append(ways, way)
		}
	}
	if place.Step == extension.StepConfirm {
		held, err := s.holdsCodes(ctx, session.Identity)
		if err != nil {
			return nil, err
		}
		if held {
			ways = append(ways, wayBy(extension.FactorRecovery))
		}
	}
	return s.withPauses(ctx, session, ways)
}

// withPauses adds when the next code can be sent.
func (s *Service) withPauses(ctx context.Context, session extension.Session, ways []Way) ([]Way, error) {
	for i, way := range ways {
		if !sent(way.Kind) {
			continue
		}
		next, err := s.store.NextCode(ctx, session.Identity, way.Kind)
		if err != nil {
			return nil, fmt.Errorf("find when a code can be sent by %s: %w", way.Kind, err)
		}
		ways[i].Next = next
	}
	return ways, nil
}

// reached tells whether a way is one of the person's own, whose codes still go where they went when it was proven.
func reached(kind extension.Factor, proven []extension.ProvenFactor, address string) bool {
	return slices.ContainsFunc(proven, func(f extension.ProvenFactor) bool { return f.Kind == kind && f.Reaches(address) })
}

// offered tells whether a way leads on from a place.
func offered(place Place, way Way) bool {
	switch place.Step {
	case extension.StepSecure:
		return place.Organisation.Allows(way.Kind)
	case extension.StepConfirm:
		// While nothing that the organisation allows was proven, any factor confirms the session, to set one up.
		return way.Proven && (!relies(place) || place.Asking.Allows(way.Kind))
	case extension.StepPaused, extension.StepExpired, extension.StepStart, extension.StepRegister, extension.StepAgree, extension.StepIn:
	}
	return true
}

// relies tells whether the organisation that asks accepts a factor that the person has proven.
func relies(place Place) bool {
	return place.Asking.TwoFactor == extension.TwoFactorRequired && slices.ContainsFunc(place.User.Factors, place.Asking.Allows)
}

// masked shows where codes go, so that its holder knows it and nobody else learns it: the end of a number, and of an
// address the first letter and the domain. It does not tell how long what is left out is.
func masked(kind extension.Factor, user extension.User) string {
	const left = 3 // digits
	switch kind {
	case extension.FactorSMS:
		return "••• " + user.Mobile[max(0, len(user.Mobile)-left):]
	case extension.FactorEmail:
		name, domain, _ := strings.Cut(user.Address, "@")
		for _, first := range name {
			return string(first) + "•••@" + domain
		}
	case extension.FactorTOTP, extension.FactorWebAuthn, extension.FactorRecovery:
	}
	return ""
}

// mayChange tells whether a session may change what a second factor protects.
func mayChange(k known) bool {
	_, unshown := extension.Unshown(k.members, k.proofs)
	return !unshown
}

// mayShow finds the user for whom a way may be shown or set up in this session: one of their own factors, or a recovery
// code in its place, at any time; another one to add to them where mayAdd says so. StepError says that there is none.
func (s *Service) mayShow(k known, way extension.Factor) (extension.Member, error) {
	for _, m := range k.members {
		own := slices.Contains(m.User.Factors, way) || way == extension.FactorRecovery && len(m.User.Factors) > 0
		if own && !keptOut(s.step(k, m)) {
			return m, nil
		}
	}
	if way == extension.FactorRecovery {
		return extension.Member{}, s.elsewhere(k)
	}
	return s.mayAdd(k, way)
}

// mayAdd finds the user for whom a factor may be set up: because it is the step that is due, or as one more, from a session
// that may change settings. Where it is due, it must be one that the organisation allows.
func (s *Service) mayAdd(k known, way extension.Factor) (extension.Member, error) {
	for _, m := range k.members {
		switch s.step(k, m) {
		case extension.StepSecure:
			if m.Organisation.Allows(way) {
				return m, nil
			}
		case extension.StepAgree, extension.StepIn:
			if mayChange(k) {
				return m, nil
			}
		case extension.StepPaused, extension.StepExpired, extension.StepStart, extension.StepRegister, extension.StepConfirm:
		}
	}
	return extension.Member{}, s.elsewhere(k)
}

// keptOut tells whether a session may do nothing at all.
func keptOut(step extension.Step) bool { return rank(step) > rank(extension.StepIn) }
