package invite_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/jobs"
)

// nothing is upkeep that has nothing to do.
type nothing struct{}

func (nothing) AlignDue(context.Context, int) error  { return nil }
func (nothing) Reconcile(context.Context, int) error { return nil }
func (nothing) Remind(context.Context) error         { return nil }

const handsPerReplica = 3

// engine starts a replica with River on the scene's database, until the test ends. Nothing but a start and an alarm tells
// it of work: the upkeep comes by rarely.
func (s *scene) engine(t *testing.T) *jobs.Queue {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	queue, err := jobs.OpenQueue(t.Context(), s.dsn, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(queue.Close)
	if err := queue.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	engine, err := jobs.NewEngine(jobs.EngineOptions{
		Queue: queue, Batches: s.Service, Aligner: nothing{}, Reconciler: nothing{}, Reminder: nothing{},
		Workers: handsPerReplica, Every: time.Hour, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return queue
}

// await waits until a batch is finished.
func (s *scene) await(t *testing.T, batch extension.BatchID) {
	t.Helper()
	ticks := time.NewTicker(5 * time.Millisecond)
	defer ticks.Stop()
	deadline := time.After(time.Minute)
	for s.report(t, batch).Batch.Finished.IsZero() {
		select {
		case <-ticks.C:
		case <-deadline:
			t.Fatalf("not in time: %+v", s.report(t, batch).Progress)
		}
	}
}

func TestReplicasShareABigBatchAndASmallOneDoesNotWait(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.kratos.slow, s.post.slow = 5*time.Millisecond, 5*time.Millisecond
	s.post.gate = make(chan struct{}, 4) // chunks that go out before the five are pressed
	for range cap(s.post.gate) {
		s.post.gate <- struct{}{}
	}
	big := s.send(t, people("big", 4000))
	queue := s.engine(t)
	s.engine(t)
	for s.report(t, big).Progress.Sent < 300 { // it is well under way
		<-time.After(time.Millisecond)
	}
	other := s.beside(t)
	s.post.mutex.Lock()
	before := len(s.post.chunks)
	s.post.mutex.Unlock()
	small := other.send(t, people("small", 5))
	if err := queue.GoOn(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	close(s.post.gate)
	other.await(t, small)
	s.await(t, big)
	once(t, s)
	between := 0
	for _, chunk := range s.post.chunks[before:] {
		if chunk.Batch == small {
			break
		}
		between++
	}
	// Each hand may be in a step when the five are pressed, and take one more before the letters of the five.
	if between > 4*handsPerReplica {
		t.Errorf("%d calls for the big batch came before the one for the five", between)
	}
	if sent := s.report(t, big).Progress.Sent + other.report(t, small).Progress.Sent; sent != 4005 {
		t.Errorf("%d sent", sent)
	}
}

func TestAnEngineGoesOnByItselfAfterARest(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.post.once = func(extension.Chunk) ([]extension.Receipt, error) {
		return nil, &extension.TroubleError{Sentence: "Down.", After: time.Second}
	}
	batch := s.send(t, "bob@example.com")
	s.engine(t)
	s.await(t, batch)
	if s.post.boxes["bob@example.com"] != 1 || len(s.post.chunks) != 2 {
		t.Errorf("%d calls, %d messages", len(s.post.chunks), s.post.boxes["bob@example.com"])
	}
}

func TestAnEngineBeginsABatchAtItsTime(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Service = s.replica(t, time.Now, "k1")
	order := s.order("bob@example.com")
	order.Starts = time.Now().Add(2 * time.Second)
	batch, err := s.Send(t.Context(), s.admin, order)
	if err != nil {
		t.Fatal(err)
	}
	s.engine(t)
	s.await(t, batch)
	if early := time.Until(order.Starts); early > 0 {
		t.Errorf("it began %s too early", early)
	}
}
