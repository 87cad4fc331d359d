package flows

import (
	"context"
	"errors"
	"time"

	"paperplane/extension"
)

// RefusalTime is how long it takes to hear that a sign-in is refused: longer than Kratos usually does. By its own time
// Kratos tells who is invited and has not registered: of an account without a password it compares none, and answers in a
// tenth of the time. OWASP calls that a discrepancy factor (Authentication Cheat Sheet).
const RefusalTime = 2 * time.Second

// judged tells whether Kratos has looked at who wants to sign in, and refused them.
func judged(err error) bool {
	_, refused := errors.AsType[*extension.RefusedError](err)
	return refused || errors.Is(err, extension.ErrDisabled)
}

// evenly waits until a whole number of spans has passed since the start, so that an answer which took longer than the
// first tells no more than that. It ends with the context, which every request has a limit in.
func evenly(ctx context.Context, start time.Time, span time.Duration) {
	if span <= 0 {
		return
	}
	timer := time.NewTimer(span - time.Since(start)%span)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
