package invite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
)

// resting is what the work on batches asks of the database.
type resting interface {
	// Hold writes down what holds a batch up; an empty sentence says that nothing does.
	Hold(ctx context.Context, batch extension.BatchID, sentence string) error
	// Finish closes a batch in which nothing is left to do and tells whether it is closed.
	Finish(ctx context.Context, batch extension.BatchID, now time.Time) (bool, error)
	// Unfinished lists batches with work left.
	Unfinished(ctx context.Context, most int) ([]extension.BatchID, error)
}

// The sizes of one round. Kratos gains nothing beyond 100 rows a call, and the provider takes 100 messages.
const (
	workPerCall  = 100
	lettersAPost = 100
)

// lease is how long a round may keep its rows: longer than the calls to Kratos or the provider may take with their
// time-outs. A process that dies leaves its rows to others after this time.
const lease = 2 * time.Minute

// providerMemory is how long the mail provider remembers an idempotency key (Resend: 24 hours), with an hour to spare.
const providerMemory = 23 * time.Hour

// GoOn works on a batch until nothing is left or the budget is used up, and tells whether work is left. Identities are
// made while letters go out. An ErrUnavailable says that a part is down: the reason is written on the batch, and the
// same call should be made again later. Any number of callers may work on one batch.
func (s *Service) GoOn(ctx context.Context, batch extension.BatchID, budget time.Duration) (more bool, err error) {
	stop := make(chan struct{})
	timer := time.AfterFunc(budget, func() { close(stop) })
	defer timer.Stop()

	made := make(chan struct{}, 1)
	provisioned := make(chan error, 1)
	go func() {
		defer close(made)
		provisioned <- s.provisionAll(ctx, batch, stop, made)
	}()
	delivered := s.deliverAll(ctx, batch, stop, made)
	err = errors.Join(<-provisioned, delivered)

	if holdErr := s.hold(ctx, batch, err); holdErr != nil {
		return true, errors.Join(err, holdErr)
	}
	if err != nil {
		return true, fmt.Errorf("go on with batch %s: %w", batch, err)
	}
	finished, err := s.store.Finish(ctx, batch, s.now())
	if err != nil {
		return true, fmt.Errorf("finish batch %s: %w", batch, err)
	}
	return !finished, nil
}

// unexpected is what a batch's page says of an error that no part has worded.
const unexpected = "Something unexpected holds this batch up. It is tried again by itself; if this stays, the server's log says more."

// hold writes the trouble on the batch, or takes it off.
func (s *Service) hold(ctx context.Context, batch extension.BatchID, err error) error {
	sentence := ""
	if err != nil && ctx.Err() == nil {
		sentence = unexpected
	}
	if trouble, ok := errors.AsType[*extension.TroubleError](err); ok {
		sentence = trouble.Sentence
	}
	if err := s.store.Hold(ctx, batch, sentence); err != nil {
		return fmt.Errorf("note trouble of batch %s: %w", batch, err)
	}
	return nil
}

// provisionAll makes identities, round by round, and tells made after each. There is one round in any case, so that even
// a budget of nothing gets somewhere.
func (s *Service) provisionAll(ctx context.Context, batch extension.BatchID, stop <-chan struct{}, made chan<- struct{}) error {
	for {
		n, err := s.provision(ctx, batch)
		if n == 0 || err != nil {
			return err
		}
		select {
		case made <- struct{}{}:
		default: // the deliverer has been told and has not looked yet
		}
		select {
		case <-stop:
			return nil
		default:
		}
	}
}

// deliverAll sends what there is to send whenever identities were made, until none will be.
func (s *Service) deliverAll(ctx context.Context, batch extension.BatchID, stop <-chan struct{}, made <-chan struct{}) error {
	for more := true; more; {
		_, more = <-made
		for {
			n, err := s.deliver(ctx, batch)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			select {
			case <-stop:
				return nil
			default:
			}
		}
	}
	return nil
}

// Unfinished lists batches with work left, for the sweep that puts lost jobs back.
func (s *Service) Unfinished(ctx context.Context, most int) ([]extension.BatchID, error) {
	batches, err := s.store.Unfinished(ctx, most)
	if err != nil {
		return nil, fmt.Errorf("find unfinished batches: %w", err)
	}
	return batches, nil
}
