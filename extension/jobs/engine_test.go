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

func TestTheSweepPutsALostJobBack(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	lost, other := newBatch(), newBatch()
	v := &verbs{unfinished: []extension.BatchID{lost, other}}
	v.goOn = func(_ context.Context, batch extension.BatchID, _ int) (bool, error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		if batch == lost {
			v.unfinished = []extension.BatchID{other}
		}
		return false, nil
	}
	work(t, queue, v, often)
	eventually(t, "both are worked", func() bool { return len(v.of(lost)) >= 1 && len(v.of(other)) >= 1 })
	eventually(t, "the finished one is left alone", func() bool { return waiting(t, dsn, lost) == 0 })
	eventually(t, "one that stays unfinished is tried again", func() bool { return len(v.of(other)) >= 3 })
}

func TestTheSweepLeavesABatchThatHasAJobToItsPause(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	v := &verbs{goOn: func(context.Context, extension.BatchID, int) (bool, error) {
		return true, &extension.TroubleError{Sentence: "Too many requests.", After: time.Hour}
	}}
	work(t, queue, v, often)
	batch, lost := newBatch(), newBatch()
	goOn(t, queue, batch)
	eventually(t, "the job pauses", func() bool {
		return len(v.of(batch)) == 1 && scan[string](t, dsn, `SELECT state::text FROM river_job WHERE args->>'batch' = $1`, string(batch)) == "scheduled"
	})
	v.mu.Lock()
	v.unfinished = []extension.BatchID{batch, lost}
	before := v.rounds["unfinished"]
	v.mu.Unlock()
	eventually(t, "the sweep has come by several times", func() bool { return v.times("unfinished") >= before+4 && len(v.of(lost)) > 0 })
	if calls, left := len(v.of(batch)), waiting(t, dsn, batch); calls != 1 || left != 1 {
		t.Errorf("%d calls and %d jobs, want one of each", calls, left)
	}
}

func TestPeriodicWorkGoesOnAfterTrouble(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	v := &verbs{down: errors.New("Kratos does not answer")}
	work(t, queue, v, often)
	for _, name := range []string{"unfinished", "align", "reconcile"} {
		eventually(t, name+" is asked again after trouble", func() bool { return v.times(name) >= 3 })
	}
}

func TestTwoEnginesShareTheWork(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	var running atomic.Int64
	release := make(chan struct{})
	hold := func(ctx context.Context, _ extension.BatchID, _ int) (bool, error) {
		running.Add(1)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return false, nil
	}
	first, second := &verbs{goOn: hold}, &verbs{goOn: hold}
	work(t, queue, first, often)
	work(t, newQueue(t, dsn), second, often)
	batches := make([]extension.BatchID, 8) // as many as both engines can work on at a time
	for i := range batches {
		batches[i] = newBatch()
		goOn(t, queue, batches[i])
	}
	eventually(t, "both engines are full", func() bool { return running.Load() == int64(len(batches)) })
	close(release)
	for _, batch := range batches {
		eventually(t, "the job ends", func() bool { return waiting(t, dsn, batch) == 0 })
		if n := len(first.of(batch)) + len(second.of(batch)); n != 1 {
			t.Errorf("a batch was worked on %d times", n)
		}
	}
	eventually(t, "periodic work is done", func() bool { return first.times("align")+second.times("align") >= 3 })
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
	before := first.times("align")
	batch := newBatch()
	goOn(t, queue, batch)
	eventually(t, "the second engine works", func() bool { return len(second.of(batch)) == 1 })
	eventually(t, "the second engine leads", func() bool { return second.times("align") >= 2 })
	if after := first.times("align"); after != before {
		t.Errorf("the stopped engine worked %d times more", after-before)
	}
}

func TestStopLetsARunningJobEnd(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	release := make(chan struct{})
	var cut atomic.Bool
	v := &verbs{goOn: func(ctx context.Context, _ extension.BatchID, _ int) (bool, error) {
		select {
		case <-release:
		case <-ctx.Done():
			cut.Store(true)
		}
		return false, ctx.Err()
	}}
	engine := newEngine(t, queue, v, rarely)
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	batch, late := newBatch(), newBatch()
	goOn(t, queue, batch)
	eventually(t, "the job runs", func() bool { return len(v.of(batch)) == 1 })
	stopped := make(chan error, 1)
	go func() { stopped <- engine.Stop(t.Context()) }()
	select {
	case err := <-stopped:
		t.Fatalf("it stopped under a running job: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	if err := <-stopped; err != nil || cut.Load() {
		t.Errorf("stop: %v, job cut off: %v", err, cut.Load())
	}
	if left := waiting(t, dsn, batch); left != 0 {
		t.Errorf("%d jobs are left of one that ended", left)
	}
	goOn(t, queue, late)
	if left := waiting(t, dsn, late); left != 1 || len(v.of(late)) != 0 {
		t.Errorf("after the stop: %d jobs, %d calls", left, len(v.of(late)))
	}
}

func TestAJobThatWouldNotEndIsCutOffAndComesBack(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	v := &verbs{goOn: func(ctx context.Context, _ extension.BatchID, n int) (bool, error) {
		if n == 1 {
			<-ctx.Done()
			return true, &extension.TroubleError{Sentence: "Cut off.", After: time.Millisecond, Cause: ctx.Err()}
		}
		return false, nil
	}}
	engine := newEngine(t, queue, v, rarely)
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	batch := newBatch()
	goOn(t, queue, batch)
	eventually(t, "the job runs", func() bool { return len(v.of(batch)) == 1 })
	if err := engine.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := waiting(t, dsn, batch); left != 1 {
		t.Fatalf("%d jobs are left", left)
	}
	work(t, queue, v, rarely)
	eventually(t, "the next engine goes on", func() bool { return len(v.of(batch)) == 2 })
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
