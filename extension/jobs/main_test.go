package jobs_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
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

// verbs stand for the verbs behind the package's own interfaces. The work is a list of steps, each done by one hand.
type verbs struct {
	// take is what a hand does with a turn; nil means that it is done at once.
	take func(ctx context.Context, turn extension.Turn) error

	mu     sync.Mutex
	todo   []extension.Turn
	taken  []extension.Turn
	asked  int       // how often a hand asked for a turn
	due    time.Time // when the next turn is in sight; zero for none
	down   error     // what the periodic work says
	rounds map[string]int

	letters int // about changes, that are due
}

func (v *verbs) NextTurn(context.Context) (extension.Turn, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked++
	if len(v.todo) == 0 || time.Now().Before(v.due) {
		return extension.Turn{}, false, v.down
	}
	turn := v.todo[0]
	v.todo, v.taken = v.todo[1:], append(v.taken, turn)
	return turn, true, nil
}

func (v *verbs) TakeTurn(ctx context.Context, turn extension.Turn) error {
	if v.take == nil {
		return nil
	}
	return v.take(ctx, turn)
}

func (v *verbs) NextDue(context.Context) (time.Duration, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return max(time.Until(v.due), 0), len(v.todo) > 0, v.round("due")
}

// add adds so many steps for a batch.
func (v *verbs) add(batch extension.BatchID, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for range n {
		v.todo = append(v.todo, extension.Turn{Batch: batch})
	}
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

func (v *verbs) Remind(context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.round("remind")
}

func (v *verbs) TellNext(context.Context) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.round("tell")
	if v.letters == 0 {
		return false, err
	}
	v.letters--
	return true, err
}

func (v *verbs) round(name string) error {
	if v.rounds == nil {
		v.rounds = map[string]int{}
	}
	v.rounds[name]++
	return v.down
}

// of counts the turns that were taken for a batch.
func (v *verbs) of(batch extension.BatchID) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, turn := range v.taken {
		if turn.Batch == batch {
			n++
		}
	}
	return n
}

// asks is how often a hand asked for a turn.
func (v *verbs) asks() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asked
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
	workers = 4
	rarely  = time.Hour
	often   = 100 * time.Millisecond
)

func newEngine(t *testing.T, queue *jobs.Queue, v *verbs, every time.Duration) *jobs.Engine {
	t.Helper()
	engine, err := jobs.NewEngine(jobs.EngineOptions{
		Queue: queue, Batches: v, Aligner: v, Reconciler: v, Reminder: v, Teller: v, Workers: workers, Every: every, Log: quiet(),
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

// hands counts the hands in the queue that have not ended.
func hands(t *testing.T, dsn string) int {
	t.Helper()
	return scan[int](t, dsn, `SELECT count(*) FROM river_job WHERE kind = 'go_on_with_batch' AND finalized_at IS NULL`)
}
