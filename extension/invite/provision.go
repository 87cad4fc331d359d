package invite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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

const (
	// callsAtOnce bounds the calls to Kratos that one step makes side by side, where it takes one for each person.
	callsAtOnce = 4
	// callsToSettle is after how many of them what came of them is written down: a process that dies loses no more.
	callsToSettle = 40
)

// provision makes the Kratos identities of some people, and gives those of others a corrected address. Users whose
// identity exists already (a resend) are only taken up.
func (s *Service) provision(ctx context.Context, batch extension.BatchID) error {
	work, err := s.store.LeaseWork(ctx, batch, workPerCall, s.lease)
	if err != nil {
		return fmt.Errorf("lease work of batch %s: %w", batch, err)
	}
	p := &provisioning{Service: s, left: map[extension.InvitationID]bool{}}
	for _, w := range work {
		p.left[w.Invitation] = true
	}
	if err := p.makeIdentities(ctx, work); err != nil {
		rest := slices.DeleteFunc(work, func(w extension.Work) bool { return !p.left[w.Invitation] })
		return errors.Join(err, s.store.ReleaseWork(context.WithoutCancel(ctx), rest))
	}
	return nil
}

// provisioning is one step's way through its people. What is certain is written down on the way, so that neither a failure
// nor the end of the process takes it back.
type provisioning struct {
	*Service
	left map[extension.InvitationID]bool // who is not settled yet
}

// makeIdentities first gives identities their corrected address; one that is gone is made anew with the others. An
// identity that is in the way is looked at last.
func (p *provisioning) makeIdentities(ctx context.Context, work []extension.Work) error {
	var missing, misaddressed []extension.Work
	for _, w := range work {
		if w.Identity == "" {
			missing = append(missing, w)
			continue
		}
		misaddressed = append(misaddressed, w)
	}
	gone, err := p.each(ctx, misaddressed, p.readdress)
	if err != nil {
		return err
	}
	inTheWay, err := p.create(ctx, append(missing, gone...))
	if err != nil {
		return err
	}
	_, err = p.each(ctx, inTheWay, p.adopt)
	return err
}

// settle writes down what came of some people. To forget it would cost no more than looking their identities up again,
// but that is a call for each.
func (p *provisioning) settle(ctx context.Context, settled []extension.Settled) error {
	if len(settled) == 0 {
		return nil
	}
	now := p.now()
	if err := p.insist(ctx, func(ctx context.Context) error { return p.store.SettleWork(ctx, settled, now) }); err != nil {
		return fmt.Errorf("settle %d identities: %w", len(settled), err)
	}
	for _, s := range settled {
		delete(p.left, s.Invitation)
	}
	return nil
}

// each does something that takes a call for each person, and settles what came of it, also when some calls fail. It
// returns those of whom nothing came: they have neither an identity nor a refusal.
func (p *provisioning) each(
	ctx context.Context, work []extension.Work, do func(context.Context, extension.Work) (extension.Settled, error),
) (open []extension.Work, err error) {
	for some := range slices.Chunk(work, callsToSettle) {
		done, failure := atOnce(ctx, some, do)
		var settled []extension.Settled
		for _, d := range done {
			if d.Identity == "" && d.Refused == "" {
				open = append(open, d.Work)
				continue
			}
			settled = append(settled, d)
		}
		if err := errors.Join(failure, p.settle(ctx, settled)); err != nil {
			return nil, err
		}
	}
	return open, nil
}

// atOnce makes a few calls at once, and none more after one has failed. It returns what the others came to, in the order
// of the work: rows are always locked in that order.
func atOnce(
	ctx context.Context, work []extension.Work, do func(context.Context, extension.Work) (extension.Settled, error),
) ([]extension.Settled, error) {
	var (
		calls   sync.WaitGroup
		mutex   sync.Mutex
		next    int
		failure error
	)
	done := make([]*extension.Settled, len(work))
	take := func() (place int, more bool) {
		mutex.Lock()
		defer mutex.Unlock()
		next++
		return next - 1, failure == nil && next <= len(work)
	}
	call := func(place int) (err error) {
		defer contain(&err, "call for invitation "+string(work[place].Invitation))
		one, err := do(ctx, work[place])
		if err == nil {
			done[place] = &one
		}
		return err
	}
	for range min(callsAtOnce, len(work)) {
		calls.Go(func() {
			for place, more := take(); more; place, more = take() {
				if err := call(place); err != nil {
					mutex.Lock()
					failure = errors.Join(failure, err)
					mutex.Unlock()
				}
			}
		})
	}
	calls.Wait()
	var settled []extension.Settled
	for _, one := range done {
		if one != nil {
			settled = append(settled, *one)
		}
	}
	return settled, failure
}

// readdress gives an identity the address that was corrected. One whose holder has registered by now keeps its own. An
// address that somebody else has belongs to an account that the user is linked to instead; of an identity that is gone
// nothing comes.
func (p *provisioning) readdress(ctx context.Context, work extension.Work) (extension.Settled, error) {
	changed, err := p.identities.Readdress(ctx, work.Identity, work.User, work.Address)
	switch {
	case errors.Is(err, extension.ErrNotFound):
		return extension.Settled{Work: work}, nil
	case errors.Is(err, extension.ErrConflict):
		return extension.Settled{Work: work, Refused: extension.RefusedExistingAccount}, nil
	case err == nil && changed.Conflict:
		return p.adopt(ctx, work)
	case err != nil:
		return extension.Settled{}, fmt.Errorf("correct the address of an identity: %w", err)
	case changed.Refused != "":
		return extension.Settled{Work: work, Refused: extension.RefusedByKratos, Detail: changed.Refused}, nil
	}
	return extension.Settled{Work: work, Identity: changed.ID}, nil
}

// create makes identities by one call, and returns the people for whom another identity is in the way.
func (p *provisioning) create(ctx context.Context, work []extension.Work) (inTheWay []extension.Work, err error) {
	if len(work) == 0 {
		return nil, nil
	}
	wanted := make([]extension.NewIdentity, len(work))
	for i, w := range work {
		wanted[i] = extension.NewIdentity{User: w.User, Address: w.Address}
	}
	created, err := p.identities.CreateIdentities(ctx, wanted)
	if err != nil {
		return nil, fmt.Errorf("create %d identities: %w", len(work), err)
	}
	var settled []extension.Settled
	for i, c := range created {
		switch {
		case c.Conflict:
			inTheWay = append(inTheWay, work[i])
		case c.Refused != "":
			settled = append(settled, extension.Settled{Work: work[i], Refused: extension.RefusedByKratos, Detail: c.Refused})
		default:
			settled = append(settled, extension.Settled{Work: work[i], Identity: c.ID})
		}
	}
	return inTheWay, p.settle(ctx, settled)
}

// adopt takes an identity that is in the way. One that carries exactly our mark was made before a crash came between
// Kratos' answer and our row. Any other that follows our schema is somebody's account: the user is linked to it, and its
// holder has to sign in before anything is accepted, so that neither the link nor whoever invited takes it over. Accounts
// of another schema have other rules, and no guard of ours can read them. One that has gone by the time it is looked up
// was deleted meanwhile, so the address gets one more try.
func (p *provisioning) adopt(ctx context.Context, work extension.Work) (extension.Settled, error) {
	existing, err := p.identities.FindByAddress(ctx, work.Address)
	switch {
	case errors.Is(err, extension.ErrNotFound):
		return p.createAgain(ctx, work)
	case err != nil:
		return extension.Settled{}, fmt.Errorf("find the identity that is in the way: %w", err)
	case existing.Mark == work.User:
		return extension.Settled{Work: work, Identity: existing.ID}, nil
	case existing.Member:
		return extension.Settled{Work: work, Identity: existing.ID, Linked: true}, nil
	}
	return extension.Settled{Work: work, Refused: extension.RefusedExistingAccount}, nil
}

func (p *provisioning) createAgain(ctx context.Context, work extension.Work) (extension.Settled, error) {
	created, err := p.identities.CreateIdentities(ctx, []extension.NewIdentity{{User: work.User, Address: work.Address}})
	switch {
	case err != nil:
		return extension.Settled{}, fmt.Errorf("create one identity again: %w", err)
	case created[0].ID != "":
		return extension.Settled{Work: work, Identity: created[0].ID}, nil
	}
	return extension.Settled{Work: work, Refused: extension.RefusedExistingAccount}, nil
}
