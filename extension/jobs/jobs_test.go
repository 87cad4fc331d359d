package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/jobs"
)

func TestAWorkerIsAskedToGoOnWithTheBatch(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	v := &verbs{}
	work(t, queue, v, rarely)
	first, second := newBatch(), newBatch()
	goOn(t, queue, first)
	goOn(t, queue, second)
	for _, batch := range []extension.BatchID{first, second} {
		eventually(t, "the worker is asked", func() bool { return len(v.of(batch)) == 1 })
		eventually(t, "the job ends", func() bool { return waiting(t, dsn, batch) == 0 })
	}
	if got := v.of(first)[0].budget; got != jobs.Budget {
		t.Errorf("the budget is %s", got)
	}
}

func TestJobsThatWereAskedForBeforeAnyEngineRanAreWorked(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	batch := newBatch()
	goOn(t, queue, batch)
	v := &verbs{}
	work(t, queue, v, rarely)
	eventually(t, "the worker is asked", func() bool { return len(v.of(batch)) == 1 })
}

func TestABatchWithWorkLeftComesBack(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	v := &verbs{goOn: func(_ context.Context, _ extension.BatchID, n int) (bool, error) { return n < 3, nil }}
	work(t, queue, v, rarely)
	batch := newBatch()
	goOn(t, queue, batch)
	eventually(t, "the batch is done", func() bool { return len(v.of(batch)) == 3 && waiting(t, dsn, batch) == 0 })
	calls := v.of(batch)
	for i := range calls[1:] {
		if gap := calls[i+1].at.Sub(calls[i].at); gap < jobs.Breath {
			t.Errorf("it came back after %s, without a breath", gap)
		}
	}
}

func TestTroubleBringsABatchBackWhenThePartAsked(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	const after = 1500 * time.Millisecond
	v := &verbs{goOn: func(_ context.Context, _ extension.BatchID, n int) (bool, error) {
		if n == 1 {
			return true, fmt.Errorf("deliver: %w", &extension.TroubleError{Sentence: "Too many requests.", After: after})
		}
		return false, nil
	}}
	work(t, queue, v, rarely)
	batch := newBatch()
	goOn(t, queue, batch)
	eventually(t, "the batch is done", func() bool { return len(v.of(batch)) == 2 && waiting(t, dsn, batch) == 0 })
	if calls := v.of(batch); calls[1].at.Sub(calls[0].at) < after {
		t.Errorf("it came back after %s, though the part asked for %s", calls[1].at.Sub(calls[0].at), after)
	}
}

func TestAfterAnErrorAJobWaitsAsAskedOrForAMoment(t *testing.T) {
	t.Parallel()
	asked := &extension.TroubleError{Sentence: "Too many requests.", After: time.Minute}
	for _, err := range []error{asked, fmt.Errorf("deliver: %w", asked), errors.Join(errors.New("x"), asked)} {
		if got := jobs.Pause(err); got != time.Minute {
			t.Errorf("after %v it waits %s", err, got)
		}
	}
	other := &extension.TroubleError{Sentence: "Kratos does not answer."}
	if got := jobs.Pause(errors.Join(other, asked)); got != time.Minute {
		t.Errorf("of two parts in trouble the one that asked for a pause got %s", got)
	}
	seen := map[time.Duration]bool{}
	for range 100 {
		for _, err := range []error{errors.New("unexpected"), other, context.DeadlineExceeded} {
			got := jobs.Pause(err)
			if got < jobs.Patience || got >= 2*jobs.Patience {
				t.Fatalf("after %v it waits %s", err, got)
			}
			seen[got] = true
		}
	}
	if len(seen) < 10 {
		t.Errorf("replicas knock together: %d different pauses", len(seen))
	}
}

// River gives a job up after so many attempts; a batch's rows would then wait for nobody.
func TestABatchIsNeverGivenUp(t *testing.T) {
	t.Parallel()
	dsn, queue := migrated(t)
	v := &verbs{goOn: func(_ context.Context, _ extension.BatchID, n int) (bool, error) {
		if n <= 2 {
			return true, &extension.TroubleError{Sentence: "Kratos does not answer.", After: time.Millisecond}
		}
		return false, nil
	}}
	batch := newBatch()
	goOn(t, queue, batch)
	// One attempt is all that is left: any that counted would be the last.
	scan[int](t, dsn, `WITH u AS (UPDATE river_job SET max_attempts = 1 RETURNING 1) SELECT count(*) FROM u`)
	work(t, queue, v, rarely)
	eventually(t, "the batch is done", func() bool { return len(v.of(batch)) == 3 && waiting(t, dsn, batch) == 0 })
	if state := scan[string](t, dsn, `SELECT state::text FROM river_job WHERE args->>'batch' = $1`, string(batch)); state != "completed" {
		t.Errorf("the job is %s", state)
	}
}

func TestAPanicBringsABatchBackToo(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	v := &verbs{goOn: func(_ context.Context, _ extension.BatchID, n int) (bool, error) {
		if n == 1 {
			panic("out of range")
		}
		return false, nil
	}}
	work(t, queue, v, rarely)
	batch := newBatch()
	goOn(t, queue, batch)
	eventually(t, "the batch is tried again", func() bool { return len(v.of(batch)) == 2 })
}

func TestARunningJobDoesNotSwallowTheNext(t *testing.T) {
	t.Parallel()
	_, queue := migrated(t)
	release := make(chan struct{})
	v := &verbs{goOn: func(ctx context.Context, _ extension.BatchID, n int) (bool, error) {
		if n == 1 {
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return false, nil
	}}
	work(t, queue, v, rarely)
	batch := newBatch()
	goOn(t, queue, batch)
	eventually(t, "the first job runs", func() bool { return len(v.of(batch)) == 1 })
	goOn(t, queue, batch)
	eventually(t, "the second job runs beside it", func() bool { return len(v.of(batch)) == 2 })
	close(release)
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
