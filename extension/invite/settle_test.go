package invite_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// brittle is a database in which as many settlements as a test says end in a deadlock.
type brittle struct {
	*postgres.DB
	mutex  sync.Mutex
	chunks int
	work   int
}

func (b *brittle) fails(left *int) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if *left == 0 {
		return nil
	}
	*left--
	return &extension.TroubleError{Sentence: "The database was busy with another change."}
}

func (b *brittle) SettleChunk(ctx context.Context, chunk extension.Chunk, receipts []extension.Receipt, now time.Time) error {
	if err := b.fails(&b.chunks); err != nil {
		return err
	}
	return b.DB.SettleChunk(ctx, chunk, receipts, now)
}

func (b *brittle) SettleWork(ctx context.Context, settled []extension.Settled, now time.Time) error {
	if err := b.fails(&b.work); err != nil {
		return err
	}
	return b.DB.SettleWork(ctx, settled, now)
}

// breakable makes the scene's service stand on a database that a test can break, and its provider one without memory.
func (s *scene) breakable(t *testing.T) *brittle {
	t.Helper()
	store := &brittle{DB: s.db}
	s.store = store
	s.use(t, "k1")
	s.post.begin = func(ctx context.Context, invitation extension.InvitationID, mark extension.Mark) {
		if first, err := mark(ctx, invitation); err != nil || !first {
			t.Errorf("mark %s: %v, %v", invitation, first, err)
		}
	}
	return store
}

func TestLettersThatAreOutAreNotForgottenByADeadlock(t *testing.T) {
	t.Parallel()
	s := setup(t)
	store := s.breakable(t)
	store.chunks, store.work = 2, 2
	batch := s.send(t, people("p", 100))
	if err := work(t, s.Service); err != nil {
		t.Fatal(err)
	}
	if got := counts(s.report(t, batch).Progress); got != [4]int{100, 100, 0, 0} || len(s.post.chunks) != 1 {
		t.Errorf("progress %v after %d calls", got, len(s.post.chunks))
	}
	if len(s.kratos.looked) != 0 {
		t.Errorf("%d identities were looked up again", len(s.kratos.looked))
	}
}

func TestLettersThatAreOutAreWrittenDownBeforeAProcessStops(t *testing.T) {
	t.Parallel()
	s := setup(t)
	store := s.breakable(t)
	store.chunks = 1
	batch := s.send(t, people("p", 3))
	s.take(t, 1)
	turn, there, err := s.NextTurn(t.Context())
	if err != nil || !there {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	s.post.once = func(chunk extension.Chunk) ([]extension.Receipt, error) {
		stop()
		return s.post.accept(chunk)
	}
	if err := s.TakeTurn(ctx, turn); err != nil {
		t.Fatal(err)
	}
	if got := s.report(t, batch).Progress.Sent; got != 3 {
		t.Errorf("%d sent", got)
	}
}

func TestADatabaseThatStaysAwayEndsTheStep(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.lease = time.Second
	store := s.breakable(t)
	store.chunks = 1000
	batch := s.send(t, people("p", 3))
	if err := work(t, s.Service); !errors.Is(err, extension.ErrUnavailable) {
		t.Fatalf("trouble: %v", err)
	}
	if tried := 1000 - store.chunks; tried < 2 || tried > 10 {
		t.Errorf("%d attempts within the lease", tried)
	}
	if got := s.report(t, batch).Progress; got.Waiting != 3 || got.Trouble == "" {
		t.Errorf("progress %+v", got)
	}
}
