package invite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// working is what the making of identities asks of the database.
type working interface {
	// LeaseWork takes people of a batch up and hands out those who need an identity, or theirs another address, each to one
	// caller at a time.
	LeaseWork(ctx context.Context, batch extension.BatchID, most int, lease time.Duration) ([]extension.Work, error)
	SettleWork(ctx context.Context, settled []extension.Settled, now time.Time) error
	// ReleaseWork gives leased invitations back, so that the next attempt need not wait for the lease to run out.
	ReleaseWork(ctx context.Context, work []extension.Work) error
}

// provision makes the Kratos identities of some people, and gives those of others a corrected address. Users whose
// identity exists already (a resend) are only taken up.
func (s *Service) provision(ctx context.Context, batch extension.BatchID) error {
	work, err := s.store.LeaseWork(ctx, batch, workPerCall, s.lease)
	if err != nil {
		return fmt.Errorf("lease work of batch %s: %w", batch, err)
	}
	if len(work) == 0 {
		return nil
	}
	settled, err := s.makeIdentities(ctx, work)
	if err != nil {
		return errors.Join(err, s.store.ReleaseWork(context.WithoutCancel(ctx), work))
	}
	if err := s.store.SettleWork(ctx, settled, s.now()); err != nil {
		return fmt.Errorf("settle identities of batch %s: %w", batch, err)
	}
	return nil
}

// makeIdentities first gives identities their corrected address; one that is gone is made anew with the others.
func (s *Service) makeIdentities(ctx context.Context, work []extension.Work) ([]extension.Settled, error) {
	var settled []extension.Settled
	var missing []extension.Work
	for _, w := range work {
		if w.Identity == "" {
			missing = append(missing, w)
			continue
		}
		one, err := s.readdress(ctx, w)
		switch {
		case errors.Is(err, extension.ErrNotFound):
			missing = append(missing, w)
		case err != nil:
			return nil, err
		default:
			settled = append(settled, one)
		}
	}
	if len(missing) == 0 {
		return settled, nil
	}
	created, err := s.createIdentities(ctx, missing)
	return append(settled, created...), err
}

// readdress gives an identity the address that was corrected. One that is not ours to change by now, or an address that
// somebody else has, is somebody's account.
func (s *Service) readdress(ctx context.Context, work extension.Work) (extension.Settled, error) {
	changed, err := s.identities.Readdress(ctx, work.Identity, work.User, work.Address)
	switch {
	case errors.Is(err, extension.ErrConflict), err == nil && changed.Conflict:
		return extension.Settled{Work: work, Refused: extension.RefusedExistingAccount}, nil
	case err != nil:
		return extension.Settled{}, fmt.Errorf("correct the address of an identity: %w", err)
	case changed.Refused != "":
		return extension.Settled{Work: work, Refused: extension.RefusedByKratos, Detail: changed.Refused}, nil
	}
	return extension.Settled{Work: work, Identity: changed.ID}, nil
}

func (s *Service) createIdentities(ctx context.Context, work []extension.Work) ([]extension.Settled, error) {
	wanted := make([]extension.NewIdentity, len(work))
	for i, w := range work {
		wanted[i] = extension.NewIdentity{User: w.User, Address: w.Address}
	}
	created, err := s.identities.CreateIdentities(ctx, wanted)
	if err != nil {
		return nil, fmt.Errorf("create %d identities: %w", len(work), err)
	}
	settled := make([]extension.Settled, len(work))
	for i, c := range created {
		settled[i] = extension.Settled{Work: work[i], Identity: c.ID}
		switch {
		case c.Conflict:
			if settled[i], err = s.adopt(ctx, work[i]); err != nil {
				return nil, err
			}
		case c.Refused != "":
			settled[i] = extension.Settled{Work: work[i], Refused: extension.RefusedByKratos, Detail: c.Refused}
		}
	}
	return settled, nil
}

// adopt takes an identity that is in the way only if it carries exactly our mark: then a crash came between Kratos'
// answer and our row. Every other one is somebody's account, and no link is ever sent to it. One that has gone by the
// time it is looked up was deleted meanwhile, so the address gets one more try.
func (s *Service) adopt(ctx context.Context, work extension.Work) (extension.Settled, error) {
	existing, err := s.identities.FindByAddress(ctx, work.Address)
	if errors.Is(err, extension.ErrNotFound) {
		return s.createAgain(ctx, work)
	}
	if err != nil {
		return extension.Settled{}, fmt.Errorf("find the identity that is in the way: %w", err)
	}
	if existing.Mark != work.User {
		return extension.Settled{Work: work, Refused: extension.RefusedExistingAccount}, nil
	}
	return extension.Settled{Work: work, Identity: existing.ID}, nil
}

func (s *Service) createAgain(ctx context.Context, work extension.Work) (extension.Settled, error) {
	created, err := s.identities.CreateIdentities(ctx, []extension.NewIdentity{{User: work.User, Address: work.Address}})
	switch {
	case err != nil:
		return extension.Settled{}, fmt.Errorf("create one identity again: %w", err)
	case created[0].ID != "":
		return extension.Settled{Work: work, Identity: created[0].ID}, nil
	}
	return extension.Settled{Work: work, Refused: extension.RefusedExistingAccount}, nil
}
