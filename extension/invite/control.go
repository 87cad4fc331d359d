package invite

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// controlling is what the buttons of a batch's page ask of the database.
type controlling interface {
	// Control locks a batch that the actor may see, asks what to do about it as it is now, and does that, with the actor's
	// audit: ActionBatchPaused, ActionBatchResumed, ActionBatchRescheduled (to now), ActionBatchCancelled or nothing.
	// A cancellation stands at once; of a large batch, most people are taken back by turns that come after it.
	Control(ctx context.Context, actor extension.Actor, batch extension.BatchID, now time.Time, decide Decide) error
	// CountCancelled counts the messages that a cancellation keeps from being sent, whether they are taken back yet or not.
	CountCancelled(ctx context.Context, actor extension.Actor, batch extension.BatchID) (int, error)
}

// Decide says what to do about a batch; an empty action is nothing.
type Decide = func(extension.Batch) (extension.Action, error)

// PauseBatch holds a batch: no identity is made and no message is sent until it is resumed. Up to a few hundred messages
// whose calls are under way still go out. One that is paused already is left as it is. The actors and the errors are those
// of Report; a batch that is over is an InvalidError.
func (s *Service) PauseBatch(ctx context.Context, actor extension.Actor, batch extension.BatchID) error {
	return s.control(ctx, actor, batch, func(b extension.Batch) (extension.Action, error) {
		switch b.State(s.now()) {
		case extension.BatchCancelled:
			return "", extension.Invalid("", "This batch was cancelled, so there is nothing to pause.")
		case extension.BatchFinished:
			return "", extension.Invalid("", "This batch is finished, so there is nothing to pause.")
		case extension.BatchPaused:
			return "", nil
		case extension.BatchWaiting, extension.BatchRunning:
		}
		return extension.ActionBatchPaused, nil
	})
}

// ResumeBatch lets a paused batch go on, also one that paused itself: then only messages sent from now on are counted
// against it. One that runs is left as it is. The actors and the errors are those of PauseBatch.
func (s *Service) ResumeBatch(ctx context.Context, actor extension.Actor, batch extension.BatchID) error {
	err := s.control(ctx, actor, batch, func(b extension.Batch) (extension.Action, error) {
		switch b.State(s.now()) {
		case extension.BatchCancelled:
			return "", extension.Invalid("", "This batch was cancelled and can't go on. Invite the people again.")
		case extension.BatchFinished:
			return "", extension.Invalid("", "This batch is finished, so there is nothing to resume.")
		case extension.BatchWaiting, extension.BatchRunning:
			return "", nil
		case extension.BatchPaused:
		}
		return extension.ActionBatchResumed, nil
	})
	if err == nil {
		s.goOn(ctx, batch)
	}
	return err
}

// SendNow begins a batch that waits for its time. One that has begun is left as it is. The actors and the errors are those
// of PauseBatch.
func (s *Service) SendNow(ctx context.Context, actor extension.Actor, batch extension.BatchID) error {
	err := s.control(ctx, actor, batch, func(b extension.Batch) (extension.Action, error) {
		switch b.State(s.now()) {
		case extension.BatchCancelled:
			return "", extension.Invalid("", "This batch was cancelled and can't be sent. Invite the people again.")
		case extension.BatchPaused:
			return "", extension.Invalid("", "This batch is paused. Resume it first.")
		case extension.BatchFinished:
			return "", extension.Invalid("", "This batch is finished, so there is nothing to send.")
		case extension.BatchRunning:
			return "", nil
		case extension.BatchWaiting:
		}
		return extension.ActionBatchRescheduled, nil
	})
	if err == nil {
		s.goOn(ctx, batch)
	}
	return err
}

// CancelBatch takes back whatever of a batch was not sent yet, and tells how many messages that are. Calls under way are
// not taken back: nobody could say what becomes of them. Whoever was not sent anything by one is taken back when it ends.
// People who have an earlier link keep that one, and it works again; those who were never sent anything are not listed any
// more. One that is cancelled already is left as it is. The actors and the errors are those of PauseBatch.
func (s *Service) CancelBatch(ctx context.Context, actor extension.Actor, batch extension.BatchID) (cancelled int, err error) {
	err = s.control(ctx, actor, batch, func(b extension.Batch) (extension.Action, error) {
		switch b.State(s.now()) {
		case extension.BatchFinished:
			return "", extension.Invalid("", "This batch is finished, so there is nothing to cancel.")
		case extension.BatchCancelled:
			return "", extension.Invalid("", "This batch was cancelled before, so nothing was left to cancel.")
		case extension.BatchPaused, extension.BatchWaiting, extension.BatchRunning:
		}
		return extension.ActionBatchCancelled, nil
	})
	if err != nil {
		return 0, err
	}
	s.goOn(ctx, batch) // the rest is taken back, and calls of which nobody knows how they ended are brought to an end
	if cancelled, err = s.store.CountCancelled(ctx, actor, batch); err != nil {
		return 0, fmt.Errorf("count what was cancelled of batch %s: %w", batch, err)
	}
	return cancelled, nil
}

func (s *Service) control(ctx context.Context, actor extension.Actor, batch extension.BatchID, decide Decide) error {
	if !actor.Elevated() {
		return fmt.Errorf("control batch: %w", extension.ErrForbidden)
	}
	if err := s.store.Control(ctx, actor, batch, s.now(), decide); err != nil {
		return fmt.Errorf("control batch %s: %w", batch, err)
	}
	return nil
}
