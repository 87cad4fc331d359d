package jobs_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"paperplane/extension"
	"paperplane/extension/jobs"
)

func TestAHandTakesTurnsUntilThereAreNone(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	v := &verbs{}
	work(t, queue, v, rarely)
	first, second := newBatch(), newBatch()
	v.add(first, 5)
	v.add(second, 2)
	goOn(t, queue, first)
	eventually(t, "all turns are taken", func() bool { return v.of(first) == 5 && v.of(second) == 2 })
	eventually(t, "the jobs end", func() bool { return hands(t, dsn) == 0 })
}

func TestJobsThatWereAskedForBeforeAnyEngineRanAreWorked(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	batch := newBatch()
	v := &verbs{}
	v.add(batch, 1)
	goOn(t, queue, batch)
	work(t, queue, v, rarely)
	eventually(t, "the turn is taken", func() bool { return v.of(batch) == 1 })
}

func TestAHandThatFindsWorkCallsAnother(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
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
	v.add(batch, 20)
	work(t, queue, v, rarely)
	goOn(t, queue, batch) // once
	eventually(t, "every worker has come to help", func() bool { return running.Load() == workers })
	close(release)
	eventually(t, "all is done", func() bool { return v.of(batch) == 20 })
}

func TestOneWaitingHandIsEnough(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	for range 50 {
		goOn(t, queue, newBatch())
	}
	if n := hands(t, dsn); n != 1 {
		t.Errorf("%d hands wait", n)
	}
}

// A hand that runs may have looked at the rows just before they were written.
func TestARunningHandDoesNotSwallowTheNext(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	release := make(chan struct{})
	defer close(release)
	v := &verbs{take: func(ctx context.Context, _ extension.Turn) error {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil
	}}
	work(t, queue, v, rarely)
	for range workers {
		batch := newBatch()
		v.add(batch, 1)
		goOn(t, queue, batch)
		eventually(t, "the turn is taken beside those that run", func() bool { return v.of(batch) == 1 })
	}
}

func TestTroubleOfOneBatchEndsNoHand(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	bad, good := newBatch(), newBatch()
	v := &verbs{take: func(_ context.Context, turn extension.Turn) error {
		if turn.Batch == bad {
			return &extension.TroubleError{Sentence: "Too many requests."}
		}
		return nil
	}}
	v.add(bad, 1)
	v.add(good, 3)
	work(t, queue, v, rarely)
	goOn(t, queue, bad)
	eventually(t, "the other batch is done", func() bool { return v.of(good) == 3 })
}

func TestAPanicLosesNothing(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	var panicked atomic.Bool
	v := &verbs{take: func(context.Context, extension.Turn) error {
		if panicked.CompareAndSwap(false, true) {
			panic("out of range")
		}
		return nil
	}}
	batch := newBatch()
	v.add(batch, 3)
	work(t, queue, v, often)
	goOn(t, queue, batch)
	eventually(t, "the other turns are taken", func() bool { return v.of(batch) == 3 })
}

func TestAJobThatCannotBeInsertedIsAnError(t *testing.T) {
	t.Parallel()
	unmigrated := newQueue(t, cluster.DSN(t))
	if err := unmigrated.GoOn(t.Context(), newBatch()); err == nil {
		t.Error("a job was inserted without a table")
	}
	down := newQueue(t, "postgres://postgres:hunter2@127.0.0.1:1/none?sslmode=disable&connect_timeout=5")
	if err := down.GoOn(t.Context(), newBatch()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("without a database: %v", err)
	}
}

func TestADSNIsCheckedWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://u:hunter2@127.0.0.1:port/x", "postgres://u:hunter2@127.0.0.1:5432/x?sslmode=hunter2", "hunter2",
		"postgres://u:hunter2@127.0.0.1:5432/x?pool_max_conns=hunter2",
	} {
		queue, err := jobs.OpenQueue(t.Context(), dsn, quiet())
		if err == nil {
			queue.Close()
			t.Errorf("%s was taken", dsn)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error quotes the password: %v", err)
		}
	}
}

func TestOneRoundTellsAllThatIsDueWhateverFails(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	v := &verbs{letters: 3, down: errors.New("a letter waits")}
	work(t, queue, v, rarely)
	eventually(t, "all letters were tried, and there are no more", func() bool { return v.times("tell") == 4 })
}
