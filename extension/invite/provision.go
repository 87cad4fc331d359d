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
	// LeaseWork hands out invitations of a batch whose users have no identity yet, each to one caller at a time.
	LeaseWork(ctx context.Context, batch extension.BatchID, most int, lease time.Duration) ([]extension.Work, error)
	SettleWork(ctx context.Context, settled []extension.Settled, now time.Time) error
	// ReleaseWork gives leased invitations back, so that the next attempt need not wait for the lease to run out.
	ReleaseWork(ctx context.Context, work []extension.Work) error
}

// provision makes the Kratos identities of one round of invitations and tells how many it settled. Users whose
// identity exists already (a resend) have no work here.
func (s *Service) provision(ctx context.Context, batch extension.BatchID) (int, error) {
	work, err := s.store.LeaseWork(ctx, batch, workPerCall, lease)
	if err != nil {
		return 0, fmt.Errorf("lease work of batch %s: %w", batch, err)
	}
	if len(work) == 0 {
		return 0, nil
	}
	settled, err := s.createIdentities(ctx, work)
	if err != nil {
		return 0, errors.Join(err, s.store.ReleaseWork(context.WithoutCancel(ctx), work))
	}
	if err := s.store.SettleWork(ctx, settled, s.now()); err != nil {
		return 0, fmt.Errorf("settle identities of batch %s: %w", batch, err)
	}
	return len(settled), nil
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
