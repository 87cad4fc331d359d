package jobs_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/jobs"
)

// No job says so: the rows are there alone, as after a restore or a process that died in between.
func TestTheSweepFindsWorkThatNobodyWasCalledFor(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	v := &verbs{}
	work(t, queue, v, often)
	eventually(t, "the engine has looked", func() bool { return v.asks() >= 1 && hands(t, dsn) == 0 })
	lost := newBatch()
	v.add(lost, 2)
	eventually(t, "the lost turns are taken", func() bool { return v.of(lost) == 2 })
}

func TestAnEngineThatStartsLooksAtOnce(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	v := &verbs{}
	left := newBatch()
	v.add(left, 3)
	work(t, queue, v, rarely)
	eventually(t, "what was left is taken up", func() bool { return v.of(left) == 3 })
}

func TestTheAlarmCallsAHandWhenTheNextTurnIsDue(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	v := &verbs{}
	work(t, queue, v, rarely)
	eventually(t, "the engine has looked", func() bool { return v.asks() >= 1 && hands(t, dsn) == 0 })
	batch := newBatch()
	v.mu.Lock()
	v.due = time.Now().Add(1500 * time.Millisecond) // it begins then, or rests until then; verbs gives no turn before
	v.mu.Unlock()
	v.add(batch, 1)
	goOn(t, queue, batch)
	eventually(t, "the turn is taken", func() bool { return v.of(batch) == 1 })
	if n := v.asks(); n > 20 {
		t.Errorf("hands asked %d times: they spin", n)
	}
}

func TestPeriodicWorkGoesOnAfterTrouble(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	v := &verbs{down: errors.New("Kratos does not answer")}
	work(t, queue, v, often)
	for _, name := range []string{"due", "align", "reconcile", "remind", "tell"} {
		eventually(t, name+" is asked again after trouble", func() bool { return v.times(name) >= 3 })
	}
}

func TestTwoEnginesShareOneBatch(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	var running atomic.Int64
	release := make(chan struct{})
	v := &verbs{take: func(ctx context.Context, _ extension.Turn) error {
		running.Add(1)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	}}
	batch := newBatch()
	v.add(batch, 4*workers)
	work(t, queue, v, often)
	work(t, newQueue(t, dsn), v, often)
	goOn(t, queue, batch) // once
	eventually(t, "both engines are full", func() bool { return running.Load() == 2*workers })
	close(release)
	eventually(t, "all is done", func() bool { return v.of(batch) == 4*workers && hands(t, dsn) == 0 })
}

func TestTheOtherEngineGoesOnWhenOneStops(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	first, second := &verbs{}, &verbs{}
	leader := newEngine(t, queue, first, often)
	if err := leader.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first engine leads", func() bool { return first.times("align") >= 1 })
	work(t, newQueue(t, dsn), second, often)
	if err := leader.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, asks := first.times("align"), first.asks()
	batch := newBatch()
	second.add(batch, 1)
	goOn(t, queue, batch)
	eventually(t, "the second engine works", func() bool { return second.of(batch) == 1 })
	eventually(t, "the second engine leads", func() bool { return second.times("align") >= 2 })
	if after := first.times("align"); after != before || first.asks() != asks {
		t.Errorf("the stopped engine worked %d times more", after-before+first.asks()-asks)
	}
}

func TestStopLetsARunningTurnEnd(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	release := make(chan struct{})
	var cut atomic.Bool
	v := &verbs{take: func(ctx context.Context, _ extension.Turn) error {
		select {
		case <-release:
		case <-ctx.Done():
			cut.Store(true)
		}
		return ctx.Err()
	}}
	engine := newEngine(t, queue, v, rarely)
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	batch, late := newBatch(), newBatch()
	v.add(batch, 1)
	goOn(t, queue, batch)
	eventually(t, "the turn is taken", func() bool { return v.of(batch) == 1 })
	stopped := make(chan error, 1)
	go func() { stopped <- engine.Stop(t.Context()) }()
	select {
	case err := <-stopped:
		t.Fatalf("it stopped under a running job: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	if err := <-stopped; err != nil || cut.Load() {
		t.Errorf("stop: %v, turn cut off: %v", err, cut.Load())
	}
	v.add(late, 1)
	goOn(t, queue, late)
	// A hand that was called just before the stop may wait there beside the new one.
	if left := hands(t, dsn); left == 0 || v.of(late) != 0 {
		t.Errorf("after the stop: %d jobs, %d turns", left, v.of(late))
	}
}

func TestATurnThatWouldNotEndIsCutOffAndTheNextEngineGoesOn(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	var cut atomic.Bool
	v := &verbs{take: func(ctx context.Context, _ extension.Turn) error {
		if cut.Load() {
			return nil
		}
		<-ctx.Done()
		cut.Store(true)
		return ctx.Err()
	}}
	engine := newEngine(t, queue, v, rarely)
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	batch := newBatch()
	v.add(batch, 1)
	goOn(t, queue, batch)
	eventually(t, "the turn is taken", func() bool { return v.of(batch) == 1 })
	if err := engine.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !cut.Load() {
		t.Error("the turn was not cut off")
	}
	v.add(batch, 1) // the rows are still there
	work(t, queue, v, rarely)
	eventually(t, "the next engine goes on", func() bool { return v.of(batch) == 2 })
}

func TestAnEngineDoesNotStartWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "postgres://postgres:hunter2@127.0.0.1:1/none?sslmode=disable&connect_timeout=5")
	engine := newEngine(t, queue, &verbs{}, rarely)
	if err := engine.Start(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("start without a database: %v", err)
	}
	if err := engine.Stop(t.Context()); err != nil {
		t.Errorf("stop of what never started: %v", err)
	}
	if err := queue.Migrate(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("migrate without a database: %v", err)
	}
}

func TestAnEngineNeedsAWorker(t *testing.T) {
	t.Parallel()
	v := &verbs{}
	queue := newQueue(t, "postgres://postgres@127.0.0.1:1/none?sslmode=disable")
	if _, err := jobs.NewEngine(jobs.EngineOptions{Queue: queue, Batches: v, Aligner: v, Reconciler: v, Every: rarely, Log: quiet()}); err == nil {
		t.Error("an engine without workers was made")
	}
}

func TestMigratingTwiceIsOnce(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	before := scan[int](t, dsn, `SELECT count(*) FROM river_migration`)
	if err := queue.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := scan[int](t, dsn, `SELECT count(*) FROM river_migration`); after != before || before == 0 {
		t.Errorf("%d steps, then %d", before, after)
	}
}
