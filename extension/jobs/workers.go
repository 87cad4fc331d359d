package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"paperplane/extension"
)

const (
	// budget is how long a hand works before another takes its place: River has no heartbeat, so jobs must be short.
	budget = 20 * time.Second
	// round is how many rows one periodic round takes.
	round = 200
)

// underWay are the states of a job that has not ended.
func underWay() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateScheduled,
	}
}

// handArgs says "there may be work". Batch is the one that was pressed, for whoever reads the queue: the hand asks whose
// turn it is.
type handArgs struct {
	Batch extension.BatchID `json:"batch,omitempty"`
}

// Kind names the job.
func (handArgs) Kind() string { return "go_on_with_batch" }

// handWorker is a hand: it takes turns until there are none or its time is up.
type handWorker struct {
	river.WorkerDefaults[handArgs]
	batches Batches
	queue   *Queue
	alarm   *alarm
	log     *slog.Logger
}

// Work takes turns. A hand that finds a turn calls another one, so that all workers of all replicas come to help as long
// as there is something to do; one that finds none sets the alarm for when there may be. It never fails: the rows are
// what is tried again.
func (w *handWorker) Work(ctx context.Context, _ *river.Job[handArgs]) error {
	ends := time.Now().Add(budget)
	for turns := 0; ctx.Err() == nil; turns++ {
		turn, there, err := w.batches.NextTurn(ctx)
		if err != nil {
			w.log.WarnContext(ctx, "hand stops, because it can't learn whose turn it is", "error", err)
			w.alarm.in(ctx, retry)
			return nil
		}
		if !there {
			w.rest(ctx)
			return nil
		}
		done := time.Now().After(ends)
		if turns == 0 || done {
			w.callAnother(ctx)
		}
		if err := w.batches.TakeTurn(ctx, turn); err != nil {
			w.log.WarnContext(ctx, "batch is held up", "batch", turn.Batch, "error", err)
		}
		if done {
			return nil
		}
	}
	return nil
}

// callAnother calls another hand. When that fails, the sweep does.
func (w *handWorker) callAnother(ctx context.Context) {
	if err := w.queue.call(ctx, handArgs{}); err != nil {
		w.log.WarnContext(ctx, "no other hand was called", "error", err)
	}
}

// rest sets the alarm for the next turn that is in sight.
func (w *handWorker) rest(ctx context.Context) {
	after, inSight, err := w.batches.NextDue(ctx)
	if err != nil {
		w.log.WarnContext(ctx, "hand can't learn when the next turn is", "error", err)
		after, inSight = retry, true
	}
	if inSight {
		w.alarm.in(ctx, after)
	}
}

// sweepArgs says "call a hand if there is work".
type sweepArgs struct{}

// Kind names the job.
func (sweepArgs) Kind() string { return "sweep_batches" }

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	batches Batches
	alarm   *alarm
}

// Work sets the alarm for the next turn in sight, in case a process died between the rows and the job, or the one that had
// set its own.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	after, inSight, err := w.batches.NextDue(ctx)
	if err != nil {
		return err
	}
	if inSight {
		w.alarm.in(ctx, after)
	}
	return nil
}

// alignArgs says "bring Kratos in line where it may not be".
type alignArgs struct{}

// Kind names the job.
func (alignArgs) Kind() string { return "align_identities" }

type alignWorker struct {
	river.WorkerDefaults[alignArgs]
	aligner Aligner
}

// Work aligns what is due.
func (w *alignWorker) Work(ctx context.Context, _ *river.Job[alignArgs]) error {
	return w.aligner.AlignDue(ctx, round)
}

// reconcileArgs says "ask Kratos what reports may not have told".
type reconcileArgs struct{}

// Kind names the job.
func (reconcileArgs) Kind() string { return "reconcile_users" }

type reconcileWorker struct {
	river.WorkerDefaults[reconcileArgs]
	reconciler Reconciler
}

// Work reconciles one round.
func (w *reconcileWorker) Work(ctx context.Context, _ *river.Job[reconcileArgs]) error {
	return w.reconciler.Reconcile(ctx, round)
}
