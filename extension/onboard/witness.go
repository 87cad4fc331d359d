package onboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"paperplane/extension"
)

// Witness records that Kratos has checked a second factor in a session, as its login hook tells. Kratos waits for it, and
// refuses the code when it fails; extension.ErrCodeUsed says that it was used before, or may have been, and
// extension.ErrPastPages that it was shown past our pages, where nobody counts wrong ones. Of identities that
// have no user here, or none that has begun, nothing is recorded: whoever made an account for somebody else's address must
// have shown nothing when its owner comes.
func (s *Service) Witness(ctx context.Context, w Witnessed) error {
	members, err := s.store.Members(ctx, w.Identity)
	if err != nil {
		return fmt.Errorf("find users of identity %s: %w", w.Identity, err)
	}
	if w.Session == "" || !slices.ContainsFunc(members, func(m extension.Member) bool { return m.User.Facts.Begun() }) {
		return nil
	}
	shown, ours := s.shown(w)
	if shown.Way == "" && (ours || s.direct) {
		return nil
	}
	return s.store.Exclusive(ctx, extension.IdentityLock(w.Identity), func(ctx context.Context) error {
		if shown.Way == extension.FactorTOTP {
			// Also when it is refused below: who has tried codes at Kratos itself must not show the right one here.
			if err := s.store.WitnessAppCode(ctx, w.Identity, shown.Code, w.Flow+" "+string(w.Session)); err != nil {
				return fmt.Errorf("take a code of identity %s: %w", w.Identity, err)
			}
		}
		if !ours && !s.direct {
			return fmt.Errorf("witness a code of identity %s: %w", w.Identity, extension.ErrPastPages)
		}
		return s.prove(ctx, extension.Proof{
			Session: w.Session, Identity: w.Identity, Kind: shown.Way, Address: shown.Address, At: s.now(),
		})
	})
}

// prove records what a session has shown. The caller holds the identity's lock.
func (s *Service) prove(ctx context.Context, proof extension.Proof) error {
	if proof.Kind == extension.FactorRecovery {
		return s.proveByRecovery(ctx, proof)
	}
	if err := s.witnessFirst(ctx, proof); err != nil {
		return err
	}
	k, err := s.readFor(ctx, proof)
	if err != nil {
		return err
	}
	// Anything else may be an address that Kratos sends codes to, chosen by whoever knows the password, or has what another
	// organisation is content with.
	proof.Adds = mayChange(k)
	record := func() error { return s.witness(ctx, proof) }
	own := k.members[0].User.Factors
	if !proof.Adds || len(own) == 0 || slices.Contains(own, proof.Kind) {
		return record()
	}
	return s.adding(ctx, proof.Identity, k.members, []extension.Factor{proof.Kind}, record)
}

// proveByRecovery is prove for a recovery code. It counts while there are any: those that were there may have been taken
// away since Kratos took it.
func (s *Service) proveByRecovery(ctx context.Context, proof extension.Proof) error {
	if err := s.witnessFirst(ctx, proof); err != nil {
		return err
	}
	held, err := s.holdsCodes(ctx, proof.Identity)
	if err != nil || !held {
		return err
	}
	return s.witness(ctx, proof)
}

func (s *Service) witness(ctx context.Context, proof extension.Proof) error {
	if err := s.store.Witness(ctx, proof); err != nil {
		return fmt.Errorf("record second factor of identity %s: %w", proof.Identity, err)
	}
	return nil
}

// readFor reads what decides about the session of a proof.
func (s *Service) readFor(ctx context.Context, proof extension.Proof) (known, error) {
	proofs, err := s.store.Proofs(ctx, proof.Session)
	if err != nil {
		return known{}, fmt.Errorf("find proofs of a session of identity %s: %w", proof.Identity, err)
	}
	members, err := s.members(ctx, proof.Identity)
	return known{members: members, proofs: proofs}, err
}

// adding records factors that are new. Where an organisation comes to rely on one, recovery codes from before end, and what
// was shown by them: whoever had what the others were content with may have made or seen them, and they would stand in for
// this factor too. They are looked for once more when it counts, because until then such codes can still be made. The caller
// holds the identity's lock.
func (s *Service) adding(
	ctx context.Context, id extension.IdentityID, members []extension.Member, added []extension.Factor, record func() error,
) error {
	if !extension.NewlyRelied(members, added...) {
		return record()
	}
	if err := s.store.EndRecoveryProofs(ctx, id); err != nil {
		return fmt.Errorf("end proofs by recovery codes of identity %s: %w", id, err)
	}
	if err := s.dropOldCodes(ctx, id); err != nil {
		return err
	}
	if err := record(); err != nil {
		return err
	}
	return s.dropOldCodes(ctx, id)
}

func (s *Service) dropOldCodes(ctx context.Context, id extension.IdentityID) error {
	identity, err := s.identities.Identity(ctx, id)
	if err != nil {
		return fmt.Errorf("find recovery codes of identity %s: %w", id, err)
	}
	return s.dropCodes(ctx, identity)
}

// witnessFirst makes way for the first factor that is known of an identity. Whoever has shown the password alone does not
// stay signed in beside it, nor keep recovery codes that would stand in for it; settings that they have opened outlive
// their session, which is why new codes may have to wait (extension.CodesMustWait). It comes before the factor counts, so
// that whoever is told that it failed can show it once more.
//
// Kratos is asked first: when it holds a factor that nobody here knew of, that is the first, and what was shown is one more
// beside it, which a session that has not shown it cannot add.
func (s *Service) witnessFirst(ctx context.Context, proof extension.Proof) error {
	factors, err := s.factorsOf(ctx, proof.Identity)
	if err != nil || len(factors) > 0 {
		return err
	}
	identity, err := s.identities.Identity(ctx, proof.Identity)
	if err != nil {
		return fmt.Errorf("find identity %s: %w", proof.Identity, err)
	}
	held := len(identity.Factors) > 0
	if !held || proof.Kind == extension.FactorRecovery || slices.Contains(identity.Factors, proof.Kind) {
		if err := s.endSessionsBut(ctx, proof.Identity, []extension.SessionID{proof.Session}); err != nil {
			return err
		}
	}
	if held {
		return s.setFactors(ctx, identity)
	}
	return s.dropCodes(ctx, identity)
}

func (s *Service) endSessionsBut(ctx context.Context, id extension.IdentityID, keep []extension.SessionID) error {
	if err := s.identities.EndSessionsBut(ctx, id, keep); err != nil {
		return fmt.Errorf("end other sessions of identity %s: %w", id, err)
	}
	return nil
}

// wayTo is how a code goes to an address of our schema.
func wayTo(address string) extension.Factor {
	if strings.Contains(address, "@") {
		return extension.FactorEmail
	}
	return extension.FactorSMS
}
