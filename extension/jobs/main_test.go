package jobs_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/extension/jobs"
	"paperplane/extension/postgres/postgrestest"
)

var cluster *postgrestest.Cluster // one PostgreSQL for all tests of the package

func TestMain(m *testing.M) {
	// Nearly all that these tests do is wait for River's intervals.
	err := flag.Set("test.parallel", "8")
	if err != nil {
		panic(err)
	}
	if cluster, err = postgrestest.Start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = cluster.Stop()
	os.Exit(code)
}

// call is one time that a worker was asked to go on.
type call struct {
	batch  extension.BatchID
	at     time.Time
	budget time.Duration
}

// verbs stand for the three verbs behind the package's own interfaces.
type verbs struct {
	// goOn is what a worker's n-th call for a batch comes to; nil means that nothing is left.
	goOn func(ctx context.Context, batch extension.BatchID, n int) (bool, error)

	mu         sync.Mutex
	calls      []call
	unfinished []extension.BatchID
	down       error // what the periodic work says
	rounds     map[string]int
}

func (v *verbs) GoOn(ctx context.Context, batch extension.BatchID, budget time.Duration) (bool, error) {
	v.mu.Lock()
	v.calls = append(v.calls, call{batch: batch, at: time.Now(), budget: budget})
	n := len(v.ofLocked(batch))
	v.mu.Unlock()
	if v.goOn == nil {
		return false, nil
	}
	return v.goOn(ctx, batch, n)
}

func (v *verbs) Unfinished(_ context.Context, most int) ([]extension.BatchID, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.unfinished[:min(most, len(v.unfinished))], v.round("unfinished")
}

func (v *verbs) AlignDue(context.Context, int) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.round("align")
}

func (v *verbs) Reconcile(context.Context, int) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.round("reconcile")
}

func (v *verbs) round(name string) error {
	if v.rounds == nil {
		v.rounds = map[string]int{}
	}
	v.rounds[name]++
	return v.down
}

func (v *verbs) ofLocked(batch extension.BatchID) []call {
	return slices.DeleteFunc(slices.Clone(v.calls), func(c call) bool { return c.batch != batch })
}

// of lists the calls for a batch.
func (v *verbs) of(batch extension.BatchID) []call {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ofLocked(batch)
}

// times tells how often a periodic verb was asked.
func (v *verbs) times(name string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.rounds[name]
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newQueue opens a queue on a database.
func newQueue(t *testing.T, dsn string) *jobs.Queue {
	t.Helper()
	queue, err := jobs.OpenQueue(t.Context(), dsn, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(queue.Close)
	return queue
}

// migrated makes a database with River's tables.
func migrated(t *testing.T) (dsn string, queue *jobs.Queue) {
	t.Helper()
	dsn = cluster.DSN(t)
	queue = newQueue(t, dsn)
	if err := queue.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dsn, queue
}

const (
	rarely = time.Hour
	often  = 100 * time.Millisecond
)

func newEngine(t *testing.T, queue *jobs.Queue, v *verbs, every time.Duration) *jobs.Engine {
	t.Helper()
	engine, err := jobs.NewEngine(jobs.EngineOptions{
		Queue: queue, Batches: v, Aligner: v, Reconciler: v, Workers: 4, Every: every, Log: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// work starts an engine until the test ends.
func work(t *testing.T, queue *jobs.Queue, v *verbs, every time.Duration) {
	t.Helper()
	engine := newEngine(t, queue, v, every)
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

func goOn(t *testing.T, queue *jobs.Queue, batch extension.BatchID) {
	t.Helper()
	if err := queue.GoOn(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
}

func newBatch() extension.BatchID { return extension.NewID[extension.BatchID]() }

// eventually waits until something is true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	deadline := time.After(30 * time.Second)
	for !is() {
		select {
		case <-ticks.C:
		case <-deadline:
			t.Fatalf("not in time: %s", what)
		}
	}
}

// scan reads one value of a database.
func scan[T any](t *testing.T, dsn, query string, arguments ...any) T {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(t.Context()) }()
	var value T
	if err := connection.QueryRow(t.Context(), query, arguments...).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// waiting counts the jobs of a batch that have not ended.
func waiting(t *testing.T, dsn string, batch extension.BatchID) int {
	t.Helper()
	return scan[int](t, dsn, `SELECT count(*) FROM river_job WHERE args->>'batch' = $1 AND finalized_at IS NULL`, string(batch))
}
