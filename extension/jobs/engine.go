package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"paperplane/extension"
)

// Batches is the work on batches.
type Batches interface {
	GoOn(ctx context.Context, batch extension.BatchID, budget time.Duration) (more bool, err error)
	Unfinished(ctx context.Context, most int) ([]extension.BatchID, error)
}

// Aligner brings Kratos in line with our rows.
type Aligner interface {
	AlignDue(ctx context.Context, most int) error
}

// Reconciler learns from Kratos what lost reports would have told.
type Reconciler interface {
	Reconcile(ctx context.Context, most int) error
}

// EngineOptions say what the engine works on.
type EngineOptions struct {
	Queue      *Queue
	Batches    Batches
	Aligner    Aligner
	Reconciler Reconciler
	Workers    int           // jobs at a time in this process
	Every      time.Duration // how often the periodic work runs; one of all replicas runs it
	Log        *slog.Logger
}

// Engine works on jobs.
type Engine struct {
	client *river.Client[pgx.Tx]
}

const (
	// jobTimeout bounds one job; rescueAfter is when a job of a process that died is given to another. River has no
	// heartbeat, so the one must be well above the other, and jobs must be short.
	jobTimeout  = 90 * time.Second
	rescueAfter = 3 * time.Minute
	// stopTimeout is how long a stopping engine lets jobs end by themselves before it cancels them.
	stopTimeout = 5 * time.Second
)

// NewEngine makes an engine. It does not connect yet.
func NewEngine(o EngineOptions) (*Engine, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &goOnWorker{batches: o.Batches, log: o.Log})
	river.AddWorker(workers, &sweepWorker{batches: o.Batches, queue: o.Queue})
	river.AddWorker(workers, &alignWorker{aligner: o.Aligner})
	river.AddWorker(workers, &reconcileWorker{reconciler: o.Reconciler})
	client, err := river.NewClient(riverpgxv5.New(o.Queue.pool), &river.Config{
		Logger:               o.Log,
		Workers:              workers,
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Workers}, upkeepQueue: {MaxWorkers: 2}},
		PeriodicJobs:         periodic(o.Every),
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		SoftStopTimeout:      stopTimeout,
	})
	if err != nil {
		return nil, fmt.Errorf("make engine: %w", err)
	}
	return &Engine{client: client}, nil
}

// Start begins to work. It waits for the database.
func (e *Engine) Start(ctx context.Context) error {
	if err := e.client.Start(ctx); err != nil {
		return fmt.Errorf("start engine: %w", err)
	}
	return nil
}

// Stop lets running jobs end, within limits, and stops.
func (e *Engine) Stop(ctx context.Context) error {
	if err := e.client.Stop(ctx); err != nil {
		return fmt.Errorf("stop engine: %w", err)
	}
	return nil
}

// upkeepQueue keeps periodic work from waiting behind batches.
const upkeepQueue = "upkeep"

// periodic makes the three periodic jobs. A round that is still waiting or running is enough: the next one is left out.
func periodic(every time.Duration) []*river.PeriodicJob {
	job := func(args river.JobArgs) *river.PeriodicJob {
		return river.NewPeriodicJob(river.PeriodicInterval(every), func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{Queue: upkeepQueue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: underWay()}}
		}, &river.PeriodicJobOpts{RunOnStart: true})
	}
	return []*river.PeriodicJob{job(sweepArgs{}), job(alignArgs{}), job(reconcileArgs{})}
}
