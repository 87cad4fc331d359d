// Package jobs runs background work on River, over a pgx pool of its own. A job only says "go on": the rows are the work
// order, so a job that is lost, doubled or late harms nothing. River's types never leave the package, and its times are
// never compared with the application's clock.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"paperplane/extension"
)

// poolSize is enough for River's listener, its fetcher and its maintenance; the workers' own queries go elsewhere.
const poolSize = 6

// Queue puts jobs where workers find them.
type Queue struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
	log    *slog.Logger
}

// OpenQueue opens the pool. It does not connect yet.
func OpenQueue(ctx context.Context, dsn string, log *slog.Logger) (*Queue, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("read database DSN: it is not a PostgreSQL connection string") // the cause would quote the password
	}
	config.MaxConns = poolSize
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, errors.New("open the pool of background work")
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Logger: log})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("make queue: %w", err)
	}
	return &Queue{pool: pool, client: client, log: log}, nil
}

// Close closes the pool.
func (q *Queue) Close() { q.pool.Close() }

// Migrate brings River's own tables up to date. The caller holds the migration lock.
func (q *Queue) Migrate(ctx context.Context) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(q.pool), &rivermigrate.Config{Logger: q.log})
	if err != nil {
		return fmt.Errorf("prepare River's migrations: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate River's tables: %w", err)
	}
	return nil
}

// GoOn asks a worker to go on with a batch. It is inserted without River's uniqueness: a unique job that is running
// swallows the next, and with it the rows that came meanwhile.
func (q *Queue) GoOn(ctx context.Context, batch extension.BatchID) error {
	if _, err := q.client.Insert(ctx, goOnArgs{Batch: batch}, nil); err != nil {
		q.log.WarnContext(ctx, "batch waits for the sweep, because its job could not be inserted", "batch", batch, "error", err)
		return fmt.Errorf("insert job for batch %s: %w", batch, err)
	}
	return nil
}

// waiting tells which of these batches have a job that will be worked by itself. River's uniqueness does not see the jobs
// of GoOn, and a second job would not wait as long as a part in trouble asked the first to. A job that runs does not
// count: the process that ran it may be dead.
func (q *Queue) waiting(ctx context.Context, batches []extension.BatchID) (map[extension.BatchID]bool, error) {
	found, err := q.client.JobList(ctx, river.NewJobListParams().
		Kinds(goOnArgs{}.Kind()).
		States(rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateScheduled).
		Where("args->>'batch' = any(@batches::text[])", river.NamedArgs{"batches": batches}).
		First(10*round))
	if err != nil {
		return nil, fmt.Errorf("list jobs of batches: %w", err)
	}
	waiting := make(map[extension.BatchID]bool, len(found.Jobs))
	for _, job := range found.Jobs {
		var args goOnArgs
		if err := json.Unmarshal(job.EncodedArgs, &args); err != nil {
			return nil, fmt.Errorf("read job %d: %w", job.ID, err)
		}
		waiting[args.Batch] = true
	}
	return waiting, nil
}
