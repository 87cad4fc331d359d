package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
)

// Teller tells people what has changed about their account.
type Teller interface {
	// TellNext sends the letter that is due, and tells whether there was one.
	TellNext(ctx context.Context) (there bool, err error)
}

// tellArgs says "tell people what has changed about their account".
type tellArgs struct{}

// Kind names the job.
func (tellArgs) Kind() string { return "tell_news" }

type tellWorker struct {
	river.WorkerDefaults[tellArgs]
	teller Teller
	log    *slog.Logger
}

// Work sends letters until none is due or its time is up. It never fails: the rows are what is tried again.
func (w *tellWorker) Work(ctx context.Context, _ *river.Job[tellArgs]) error {
	for ends := time.Now().Add(budget); ctx.Err() == nil && time.Now().Before(ends); {
		there, err := w.teller.TellNext(ctx)
		if err != nil {
			w.log.WarnContext(ctx, "somebody was not told of a change of their account", "error", err)
		}
		if !there {
			return nil
		}
	}
	return nil
}
