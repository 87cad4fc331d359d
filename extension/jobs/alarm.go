package jobs

import (
	"context"
	"time"
)

const (
	// breath is how soon the alarm rings at the earliest, so that nothing can make hands spin.
	breath = 100 * time.Millisecond
	// retry is the pause before the database is asked again that did not answer.
	retry = 2 * time.Second
	// farthest is how far ahead the alarm is set. What is later is found by the sweep when it comes nearer.
	farthest = time.Minute
)

// alarm calls a hand when the next turn is due: a batch begins or has rested, or the lease of somebody who died runs out.
// It lives in one process and measures durations, so neither clocks that differ nor a job table full of appointments are
// a trouble. When the process dies, the sweep of another finds the same.
type alarm struct {
	asked chan time.Duration
}

func newAlarm() *alarm { return &alarm{asked: make(chan time.Duration)} }

// in makes the alarm ring after a time, or earlier if it is set so already.
func (a *alarm) in(ctx context.Context, after time.Duration) {
	if after > farthest {
		return
	}
	select {
	case a.asked <- max(after, breath):
	case <-ctx.Done():
	}
}

// run rings until the context ends.
func (a *alarm) run(ctx context.Context, ring func(context.Context) error) {
	timer := time.NewTimer(farthest)
	timer.Stop()
	var at time.Time // zero while it is not set
	for {
		select {
		case after := <-a.asked:
			if next := time.Now().Add(after); at.IsZero() || next.Before(at) {
				at = next
				timer.Reset(after)
			}
		case <-timer.C:
			at = time.Time{}
			if err := ring(ctx); err != nil {
				at = time.Now().Add(retry)
				timer.Reset(retry)
			}
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}
