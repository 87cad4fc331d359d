package invite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"paperplane/extension"
)

// turning is what the order of the work asks of the database.
type turning interface {
	// NextTurn gives the next step that can be done for any batch and notes the turn; ErrNotFound when there is none now.
	NextTurn(ctx context.Context, chunk int, now time.Time) (extension.Turn, error)
	// NextDue tells how long it is until there may be one; ErrNotFound when none is in sight.
	NextDue(ctx context.Context, chunk int, now time.Time) (time.Duration, error)
	// Finish closes a batch in which nothing is left to do and tells whether it is closed.
	Finish(ctx context.Context, batch extension.BatchID, now time.Time) (bool, error)
	// Hold writes down what holds a batch up and lets it rest; Ease takes off what held it up.
	Hold(ctx context.Context, batch extension.BatchID, sentence string, rest time.Duration) error
	Ease(ctx context.Context, batch extension.BatchID) error
}

// The sizes of one step. Kratos imports a tenth faster by 250 rows a call than by 100, and no faster by more; the provider
// takes 100 messages.
const (
	workPerCall  = 250
	lettersAPost = 100
)

// DefaultLease is how long a step keeps its rows unless Options say otherwise: as long as the calls to Kratos or the
// provider take with their time-outs. A process that dies leaves its rows to others after this time. One that outlasts it
// is overtaken by others, which wastes calls and harms nothing: an identity that is there already is adopted by its mark,
// a chunk is called again with the key and bytes that the provider knows, and a protocol that knows no keys marks every
// message before it is handed over.
const DefaultLease = time.Minute

// patience is how long a batch rests after trouble when the part in trouble did not say how long; up to as much again is
// added by chance, so that replicas don't knock together.
const patience = 3 * time.Second

// NextTurn gives the next step to be done for any batch, and tells whether there is one now. Organisations take turns, so
// that five invitations don't wait behind another organisation's fifty thousand. Whoever takes a turn and dies leaves
// nothing behind but leases. A batch begins when this process' clock has reached its time, so clocks that differ make it
// begin by the foremost of them.
func (s *Service) NextTurn(ctx context.Context) (turn extension.Turn, there bool, err error) {
	turn, err = s.store.NextTurn(ctx, lettersAPost, s.now())
	if errors.Is(err, extension.ErrNotFound) {
		return extension.Turn{}, false, nil
	}
	if err != nil {
		return extension.Turn{}, false, fmt.Errorf("find whose turn it is: %w", err)
	}
	return turn, true, nil
}

// NextDue tells how long it is until there may be a turn to take, and whether any is in sight: zero when there is one now.
func (s *Service) NextDue(ctx context.Context) (after time.Duration, inSight bool, err error) {
	after, err = s.store.NextDue(ctx, lettersAPost, s.now())
	if errors.Is(err, extension.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("find when the next turn is: %w", err)
	}
	return after, true, nil
}

// TakeTurn does one step for a batch. When a part is in trouble, the reason is written on the batch and the batch rests,
// for as long as the part asked; the others go on. So the error is for the log, and the next turn can be asked for.
func (s *Service) TakeTurn(ctx context.Context, turn extension.Turn) error {
	err := s.step(ctx, turn)
	if later, ok := errors.AsType[*laterError](err); ok {
		if err := s.store.Hold(ctx, turn.Batch, later.sentence, 0); err != nil {
			return fmt.Errorf("note who of batch %s is written to later: %w", turn.Batch, err)
		}
		return nil
	}
	switch {
	case err == nil && turn.Troubled:
		if err := s.store.Ease(ctx, turn.Batch); err != nil {
			return fmt.Errorf("take trouble off batch %s: %w", turn.Batch, err)
		}
		return nil
	case err == nil, ctx.Err() != nil: // to be stopped is nobody's trouble
		return err
	}
	if holdErr := s.store.Hold(ctx, turn.Batch, sentenceOf(err), restAfter(err)); holdErr != nil {
		return errors.Join(err, fmt.Errorf("note trouble of batch %s: %w", turn.Batch, holdErr))
	}
	return err
}

// laterError says that some people are written to later. It holds up nobody else, so the batch's page says so and the
// batch goes on.
type laterError struct{ sentence string }

func (e *laterError) Error() string { return e.sentence }

// step does the step. One that panics is a trouble of its batch too: otherwise it would take a hand from the others, each
// time that its turn comes.
func (s *Service) step(ctx context.Context, turn extension.Turn) (err error) {
	defer contain(&err, string(turn.Step)+" of batch "+string(turn.Batch))
	switch turn.Step {
	case extension.BatchProvision:
		return s.provision(ctx, turn.Batch)
	case extension.BatchDeliver:
		return s.deliver(ctx, turn)
	case extension.BatchFinish:
		if _, err := s.store.Finish(ctx, turn.Batch, s.now()); err != nil {
			return fmt.Errorf("finish batch %s: %w", turn.Batch, err)
		}
		return nil
	}
	return fmt.Errorf("take a turn: the step %q is unknown", turn.Step)
}

// contain, deferred, makes a panic an error.
func contain(err *error, what string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s panicked: %v\n%s", what, p, debug.Stack())
	}
}

const (
	// firstPause and longestPause are between two attempts to write down what was done. Up to as much again is added by
	// chance, so that those who got in each other's way don't meet again.
	firstPause   = 50 * time.Millisecond
	longestPause = 5 * time.Second
	// lastAttempts is for how long it is still attempted when the process is to stop.
	lastAttempts = 5 * time.Second
)

// insist writes down what was done elsewhere and can't be taken back, again and again for as long as a lease: a deadlock,
// or a database that fails over, must not make us forget what we know. A process that is to stop writes it down first.
func (s *Service) insist(ctx context.Context, write func(ctx context.Context) error) error {
	patient, giveUp := context.WithTimeout(context.WithoutCancel(ctx), s.lease)
	defer giveUp()
	hurry := context.AfterFunc(ctx, func() { time.AfterFunc(lastAttempts, giveUp) })
	defer hurry()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := write(context.WithoutCancel(ctx)) // the first attempt is made however short the lease is
		if err == nil {
			return nil
		}
		select {
		case <-patient.Done():
			return err
		case <-time.After(pause + rand.N(pause)): //nolint:gosec // jitter needs no secrecy
		}
	}
}

// unexpected is what a batch's page says of an error that no part has worded.
const unexpected = "Something unexpected holds this batch up. It is tried again by itself; if this stays, the server's log says more."

// sentenceOf is what a batch's page says of an error.
func sentenceOf(err error) string {
	if trouble, ok := errors.AsType[*extension.TroubleError](err); ok {
		return trouble.Sentence
	}
	return unexpected
}

// restAfter is how long a batch rests after an error: never shorter than a part asked, and never as long as another batch
// that met the same trouble.
func restAfter(err error) time.Duration {
	if after := asked(err); after > 0 {
		return after + rand.N(after/10+1) //nolint:gosec // jitter needs no secrecy
	}
	return patience + rand.N(patience) //nolint:gosec // likewise
}

// asked is the longest pause that a part in trouble asked for; several parts can be in trouble at once.
func asked(err error) time.Duration {
	var longest time.Duration
	if trouble, ok := errors.AsType[*extension.TroubleError](err); ok {
		longest = trouble.After
	}
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		for _, one := range several.Unwrap() {
			longest = max(longest, asked(one))
		}
	}
	return longest
}
