package onboard

import (
	"context"
	"errors"
	"fmt"

	"paperplane/extension"
)

// Report is what Kratos' report hook tells after a settings change was saved: which identity, and who pressed. The
// facts themselves are asked of Kratos, so a report may be late, doubled, out of order or made up and changes nothing
// that is not true.
type Report struct {
	Identity extension.IdentityID
	Evidence Evidence
	Method   extension.SettingsMethod // by which the settings were saved
	Change   string                   // names the save: the same in every repetition of the report, and may be in that of the next save
}

// Report records the facts that have become true of an identity. Identities without a user here are none of ours: nil.
// One that is gone in Kratos is left to alignment, which lets go of it.
func (s *Service) Report(ctx context.Context, report Report) error {
	members, err := s.members(ctx, report.Identity)
	if errors.Is(err, extension.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = s.observe(ctx, report.Identity, members, report.Evidence)
	if err == nil {
		err = s.noteReported(ctx, report)
	}
	if errors.Is(err, extension.ErrNotFound) {
		if err := s.store.Realign(ctx, report.Identity); err != nil {
			return fmt.Errorf("note alignment of identity %s: %w", report.Identity, err)
		}
		return nil
	}
	return err
}

// Observe learns what Kratos holds of a session's identity now, sooner than its report comes. ErrNotFound says that the
// identity has no user.
func (s *Service) Observe(ctx context.Context, session extension.Session) error {
	members, err := s.members(ctx, session.Identity)
	if err != nil {
		return err
	}
	return s.observe(ctx, session.Identity, members, Evidence{})
}

// Reconcile asks Kratos about identities of users who are half-way, longest unasked first, and records what lost
// reports would have told. Those whose invitation ran out before they registered are then switched off again. One that
// fails does not hold up the others.
func (s *Service) Reconcile(ctx context.Context, most int) error {
	unreported, err := s.store.Unreported(ctx, s.now(), most)
	if err != nil {
		return fmt.Errorf("find users half-way: %w", err)
	}
	var failed error
	for _, id := range unreported {
		failed = errors.Join(failed, s.Report(ctx, Report{Identity: id}))
	}
	if err := s.store.PurgeProofs(ctx, s.now()); err != nil {
		failed = errors.Join(failed, fmt.Errorf("delete old proofs: %w", err))
	}
	if err := s.store.PurgeNews(ctx); err != nil {
		failed = errors.Join(failed, fmt.Errorf("delete old news: %w", err))
	}
	return errors.Join(failed, s.sweep(ctx, most))
}

// sweep switches off identities whose invitation ran out between Start and registration: they have a session and no
// credential, and the mail that would let them in is no longer good.
func (s *Service) sweep(ctx context.Context, most int) error {
	ids, err := s.store.HalfWay(ctx, s.now(), most)
	if err != nil {
		return fmt.Errorf("find identities left half-way: %w", err)
	}
	var failed error
	for _, id := range ids {
		failed = errors.Join(failed, s.switchOff(ctx, id))
	}
	return failed
}

// switchOff asks Kratos first: a registration whose report was lost must not be swept.
func (s *Service) switchOff(ctx context.Context, id extension.IdentityID) error {
	if err := s.Report(ctx, Report{Identity: id}); err != nil {
		return err
	}
	if err := s.store.Realign(ctx, id); err != nil {
		return fmt.Errorf("note alignment of identity %s: %w", id, err)
	}
	if err := s.aligner.Align(ctx, id); err != nil {
		return fmt.Errorf("switch off identity %s: %w", id, err)
	}
	return nil
}
