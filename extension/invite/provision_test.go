package invite_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
)

// crashed is a batch whose identities Kratos made just before the process died: all are in the way and ours.
func (s *scene) crashed(t *testing.T, name string, n int) extension.BatchID {
	t.Helper()
	batch := s.send(t, people(name, n))
	s.kratos.existing = map[string]extension.UserID{}
	page, err := s.db.Users(t.Context(), s.admin, extension.Filter{Search: name, Limit: n}, s.now)
	if err != nil || len(page.Users) != n {
		t.Fatalf("%d users, %v", len(page.Users), err)
	}
	for _, user := range page.Users {
		s.kratos.existing[user.Address] = user.ID
	}
	return batch
}

func TestIdentitiesThatAreInTheWayAreLookedUpAFewAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.kratos.slow = 5 * time.Millisecond // time for one too many to come
	const few = 4
	all := make(chan struct{})
	met := sync.OnceFunc(func() { close(all) })
	s.kratos.meet = func(looking int) {
		if looking == few {
			met()
		}
		select {
		case <-all:
		case <-time.After(10 * time.Second):
			met() // they never do
		}
	}
	batch := s.crashed(t, "p", 90)
	s.finish(t)
	if s.kratos.most != few {
		t.Errorf("%d were looked up at once", s.kratos.most)
	}
	if got := s.report(t, batch).Progress.Sent; got != 90 {
		t.Errorf("%d sent", got)
	}
}

func TestWhatWasFoundIsKeptWhenALaterLookupFails(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.crashed(t, "p", 90)
	s.kratos.unfound = map[string]error{"p00070@example.com": trouble()}
	turn, there, err := s.NextTurn(t.Context())
	if err != nil || !there {
		t.Fatal(err)
	}
	if err := s.TakeTurn(t.Context(), turn); !errors.Is(err, extension.ErrUnavailable) {
		t.Fatalf("trouble: %v", err)
	}
	known := count(t, s, `SELECT count(*) FROM users WHERE identity_id IS NOT NULL`)
	if known < 69 || known > 79 || known != len(s.kratos.looked)-1 { // it was among the second forty
		t.Errorf("%d of %d are known", known, len(s.kratos.looked))
	}
	if held := count(t, s, `SELECT count(*) FROM invitations i JOIN users u ON u.id = i.user_id
		 WHERE u.identity_id IS NULL AND i.leased_until > clock_timestamp()`); held != 0 {
		t.Errorf("%d are still leased", held)
	}
	s.kratos.unfound = nil
	s.finish(t)
	for address, n := range s.kratos.looked {
		if n > 1 && address != "p00070@example.com" {
			t.Errorf("%s was looked up %d times", address, n)
		}
	}
	if got := s.report(t, batch).Progress; got.Sent != 90 || got.Trouble != "" {
		t.Errorf("progress %+v", got)
	}
}

func TestALookupThatPanicsIsATroubleOfItsBatchAlone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.crashed(t, "p", 3)
	s.kratos.panics = true
	if err := work(t, s.Service); err == nil {
		t.Fatal("no error")
	}
	if got := s.report(t, batch).Progress; got.Trouble == "" || got.Waiting != 3 {
		t.Errorf("progress %+v", got)
	}
}
