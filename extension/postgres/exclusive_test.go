package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// holder runs a function under a name that waits until it is let go.
type holder struct {
	inside chan struct{} // closed once it holds the lock
	letGo  chan struct{}
	done   chan error
}

func hold(ctx context.Context, db *postgres.DB, name string) holder {
	h := holder{inside: make(chan struct{}), letGo: make(chan struct{}), done: make(chan error, 1)}
	go func() {
		h.done <- db.Exclusive(ctx, name, func(context.Context) error {
			close(h.inside)
			<-h.letGo
			return nil
		})
	}()
	return h
}

func nothing(context.Context) error { return nil }

func TestOneCallerAtATimeRunsUnderAName(t *testing.T) {
	t.Parallel()
	dsn := cluster.DSN(t)
	var inside, runs atomic.Int64
	var group sync.WaitGroup
	for range 4 { // replicas
		db := cluster.OpenDSN(t, dsn)
		for range 4 {
			group.Go(func() {
				err := db.Exclusive(t.Context(), "identity:1", func(ctx context.Context) error {
					if n := inside.Add(1); n != 1 {
						t.Errorf("%d are inside at once", n)
					}
					defer inside.Add(-1)
					runs.Add(1)
					return db.Ping(ctx)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	if runs.Load() != 16 {
		t.Errorf("%d of 16 ran", runs.Load())
	}
}

func TestOtherNamesDoNotWait(t *testing.T) {
	t.Parallel()
	db := cluster.Open(t)
	held := hold(t.Context(), db, "identity:1")
	<-held.inside
	var waiters sync.WaitGroup
	for range 10 { // more than the pool of locks has connections
		waiters.Go(func() {
			if err := db.Exclusive(t.Context(), "identity:1", nothing); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range 10 {
		if err := db.Exclusive(t.Context(), fmt.Sprintf("identity:%d", i+2), nothing); err != nil {
			t.Errorf("another name: %v", err)
		}
	}
	close(held.letGo)
	waiters.Wait()
	if err := <-held.done; err != nil {
		t.Error(err)
	}
}

func TestMoreCallersThanConnectionsGetTheirTurn(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(postgres.Options{DSN: cluster.DSN(t), MaxConnections: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			err := db.Exclusive(t.Context(), fmt.Sprintf("identity:%d", i%3), func(ctx context.Context) error {
				return errors.Join(db.Ping(ctx), db.Ping(ctx))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestWhoWaitsForALockCanGiveUp(t *testing.T) {
	t.Parallel()
	db := cluster.Open(t)
	held := hold(t.Context(), db, "identity:1")
	<-held.inside
	never := func(context.Context) error { return errors.New("it ran beside the holder") }
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() { waiting <- db.Exclusive(ctx, "identity:1", never) }()
	select {
	case err := <-waiting:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	select {
	case err := <-waiting:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("given up with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it went on waiting")
	}
	late, cancelLate := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancelLate()
	if err := db.Exclusive(late, "identity:1", never); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("out of time with %v", err)
	}
	close(held.letGo)
	if err := errors.Join(<-held.done, db.Exclusive(t.Context(), "identity:1", nothing)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestALockIsHeldUntilItsFunctionReturns(t *testing.T) {
	t.Parallel()
	db := cluster.Open(t)
	ctx, cancel := context.WithCancel(t.Context())
	held := hold(ctx, db, "identity:1")
	<-held.inside
	cancel() // a function may need time to come to its end
	briefly, done := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer done()
	err := db.Exclusive(briefly, "identity:1", func(context.Context) error {
		t.Error("it ran beside the holder")
		return nil
	})
	if err == nil {
		t.Error("the lock was free")
	}
	close(held.letGo)
	if err := errors.Join(<-held.done, db.Exclusive(t.Context(), "identity:1", nothing)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestWhateverHappensInsideTheLockIsFreedAndTheErrorPassesAsItIs(t *testing.T) {
	t.Parallel()
	db := cluster.Open(t)
	mine := errors.New("mine")
	for range 5 {
		if err := db.Exclusive(t.Context(), "identity:1", func(context.Context) error { return mine }); !errors.Is(err, mine) {
			t.Fatalf("the error became %v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = db.Exclusive(t.Context(), "identity:1", func(context.Context) error { panic("out of range") })
		}()
	}
	if err := db.Exclusive(t.Context(), "identity:1", nothing); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestAHolderThatIsKilledFreesTheLock(t *testing.T) {
	t.Parallel()
	dsn := cluster.DSN(t)
	db := cluster.OpenDSN(t, dsn)
	killed := outsider(t, dsn)
	if _, err := killed.Exec(t.Context(), `BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('migrations', 0))`); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() {
		_, err := db.MigrateUp(t.Context(), nothing)
		migrated <- err
	}()
	select {
	case err := <-migrated:
		t.Fatalf("it did not wait for the holder: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := killed.PgConn().Conn().Close(); err != nil { // as the kernel does it for a dead process: no word of farewell
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Error(err)
	}
}
