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
	NextTurn(ctx context.Context) (turn extension.Turn, there bool, err error)
	TakeTurn(ctx context.Context, turn extension.Turn) error
	NextDue(ctx context.Context) (after time.Duration, inSight bool, err error)
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
	Reminder   Reminder
	Teller     Teller
	Workers    int           // hands at a time in this process
	Every      time.Duration // how often the periodic work runs; one of all replicas runs it
	Log        *slog.Logger
}

// Engine works on jobs.
type Engine struct {
	client *river.Client[pgx.Tx]
	queue  *Queue
	alarm  *alarm

	stopAlarm context.CancelFunc
	alarmOff  chan struct{} // closed when the alarm has stopped
}

const (
	// jobTimeout bounds one job: a hand's budget and one step more, which can be a hundred messages to a slow mail server.
	// rescueAfter is when River takes a job for one of a process that died. Nobody waits for that: the rows' leases run
	// out long before, and the alarm or the sweep calls another hand.
	jobTimeout  = 3 * time.Minute
	rescueAfter = 5 * time.Minute
	// stopTimeout is how long a stopping engine lets jobs end by themselves before it cancels them.
	stopTimeout = 5 * time.Second
)

// NewEngine makes an engine. It does not connect yet.
func NewEngine(o EngineOptions) (*Engine, error) {
	alarm := newAlarm()
	workers := river.NewWorkers()
	river.AddWorker(workers, &handWorker{batches: o.Batches, queue: o.Queue, alarm: alarm, log: o.Log})
	river.AddWorker(workers, &sweepWorker{batches: o.Batches, alarm: alarm})
	river.AddWorker(workers, &alignWorker{aligner: o.Aligner})
	river.AddWorker(workers, &reconcileWorker{reconciler: o.Reconciler})
	river.AddWorker(workers, &remindWorker{reminder: o.Reminder})
	river.AddWorker(workers, &tellWorker{teller: o.Teller, log: o.Log})
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
	return &Engine{client: client, queue: o.Queue, alarm: alarm}, nil
}

// Start begins to work, with what a process that died has left. It waits for the database.
func (e *Engine) Start(ctx context.Context) error {
	ringing, stop := context.WithCancel(ctx)
	off := make(chan struct{})
	go func() {
		defer close(off)
		e.alarm.run(ringing, func(ctx context.Context) error { return e.queue.call(ctx, handArgs{}) })
	}()
	e.stopAlarm, e.alarmOff = stop, off
	if err := e.client.Start(ctx); err != nil {
		e.endAlarm()
		return fmt.Errorf("start engine: %w", err)
	}
	e.alarm.in(ctx, 0)
	return nil
}

// Stop lets running jobs end, within limits, and stops.
func (e *Engine) Stop(ctx context.Context) error {
	err := e.client.Stop(ctx)
	e.endAlarm()
	if err != nil {
		return fmt.Errorf("stop engine: %w", err)
	}
	return nil
}

// endAlarm ends the alarm after the last job that may set it.
func (e *Engine) endAlarm() {
	if e.stopAlarm == nil {
		return
	}
	e.stopAlarm()
	<-e.alarmOff
}

// upkeepQueue keeps periodic work from waiting behind batches.
const upkeepQueue = "upkeep"

// periodic makes the periodic jobs. A round that is still waiting or running is enough: the next one is left out.
func periodic(every time.Duration) []*river.PeriodicJob {
	job := func(args river.JobArgs, every time.Duration) *river.PeriodicJob {
		return river.NewPeriodicJob(river.PeriodicInterval(every), func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{Queue: upkeepQueue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: underWay()}}
		}, &river.PeriodicJobOpts{RunOnStart: true})
	}
	return []*river.PeriodicJob{
		job(sweepArgs{}, every), job(alignArgs{}, every), job(reconcileArgs{}, every), job(tellArgs{}, every), job(remindArgs{}, remindEvery*every),
	}
}
