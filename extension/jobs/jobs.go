// Package jobs runs background work on River, over a pgx pool of its own. A job only says "go on": the rows are the work
// order, so a job that is lost, doubled or late harms nothing. River's types never leave the package, and its times are
// never compared with the application's clock.
package jobs

import (
	"context"
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

// GoOn calls a hand, because there is work for a batch.
func (q *Queue) GoOn(ctx context.Context, batch extension.BatchID) error {
	if err := q.call(ctx, handArgs{Batch: batch}); err != nil {
		q.log.WarnContext(ctx, "batch waits for the sweep, because its job could not be inserted", "batch", batch, "error", err)
		return fmt.Errorf("call a hand for batch %s: %w", batch, err)
	}
	return nil
}

// call puts a hand into the queue, unless one is waiting there: that one will look at the rows later than now, and so
// see whatever was written before. River's uniqueness can't say this, because a unique job that is running swallows the
// next, and with it the rows that came after it looked.
func (q *Queue) call(ctx context.Context, args handArgs) error {
	waiting, err := q.client.JobList(ctx, river.NewJobListParams().Kinds(args.Kind()).States(rivertype.JobStateAvailable).First(1))
	if err != nil {
		return fmt.Errorf("look for a waiting hand: %w", err)
	}
	if len(waiting.Jobs) > 0 {
		return nil
	}
	if _, err := q.client.Insert(ctx, args, nil); err != nil {
		return fmt.Errorf("insert job: %w", err)
	}
	return nil
}
