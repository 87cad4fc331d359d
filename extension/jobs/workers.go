package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"paperplane/extension"
)

const (
	// budget is how long one job works on a batch before it makes room for others.
	budget = 20 * time.Second
	// breath is the pause before a job goes on with work that others hold.
	breath = time.Second
	// patience is the pause after trouble when the part in trouble did not say how long; up to as much again is added
	// by chance, so that replicas don't knock together.
	patience = 3 * time.Second
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

// goOnArgs says "go on with this batch".
type goOnArgs struct {
	Batch extension.BatchID `json:"batch"`
}

// Kind names the job.
func (goOnArgs) Kind() string { return "go_on_with_batch" }

type goOnWorker struct {
	river.WorkerDefaults[goOnArgs]
	batches Batches
	log     *slog.Logger
}

// Work goes on with a batch. Work that is left, and trouble of any kind, bring the job back; it is never given up,
// because the rows would wait for nobody else. Only a batch that is gone ends it.
func (w *goOnWorker) Work(ctx context.Context, job *river.Job[goOnArgs]) error {
	more, err := w.batches.GoOn(ctx, job.Args.Batch, budget)
	if errors.Is(err, extension.ErrNotFound) {
		return river.JobCancel(err)
	}
	if err != nil {
		w.log.WarnContext(ctx, "batch is held up", "batch", job.Args.Batch, "error", err)
		return river.JobSnooze(pause(err))
	}
	if more {
		return river.JobSnooze(breath)
	}
	return nil
}

func pause(err error) time.Duration {
	if after := asked(err); after > 0 {
		return after
	}
	return patience + rand.N(patience) //nolint:gosec // jitter needs no secrecy
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

// sweepArgs says "put back the jobs of batches that have none".
type sweepArgs struct{}

// Kind names the job.
func (sweepArgs) Kind() string { return "sweep_batches" }

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	batches Batches
	queue   *Queue
}

// Work puts a job back for every unfinished batch that has none, in case a process died between the rows and the job.
// Here uniqueness is right: replicas that sweep at once put back one.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	unfinished, err := w.batches.Unfinished(ctx, round)
	if err != nil {
		return err
	}
	waiting, err := w.queue.waiting(ctx, unfinished)
	if err != nil {
		return err
	}
	for _, batch := range unfinished {
		if waiting[batch] {
			continue
		}
		opts := &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: underWay()}}
		if _, err := w.queue.client.Insert(ctx, goOnArgs{Batch: batch}, opts); err != nil {
			return fmt.Errorf("put back job of batch %s: %w", batch, err)
		}
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
