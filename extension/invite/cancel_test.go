package invite_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
)

// TestWhoseCallEndsWithNothingSentAfterTheCancellationIsCancelledToo cancels while a call is under way.
func TestWhoseCallEndsWithNothingSentAfterTheCancellationIsCancelledToo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(chunk extension.Chunk) ([]extension.Receipt, error)
		sent   int
	}{
		"the provider refuses it": {func(extension.Chunk) ([]extension.Receipt, error) {
			return nil, &extension.TroubleError{Sentence: "Too many requests.", After: time.Millisecond, Refused: true}
		}, 0},
		"two are not tried": {func(chunk extension.Chunk) ([]extension.Receipt, error) {
			receipts := accepted(chunk)
			for i := range receipts[1:] {
				receipts[1+i] = extension.Receipt{Invitation: receipts[1+i].Invitation, Untried: true}
			}
			return receipts, nil
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			batch := s.send(t, people("p", 3))
			s.post.once = func(chunk extension.Chunk) ([]extension.Receipt, error) {
				if n, err := s.CancelBatch(t.Context(), s.admin, batch); err != nil || n != 0 {
					t.Errorf("%d cancelled, %v", n, err)
				}
				return test.answer(chunk)
			}
			if err := work(t, s.Service); err != nil {
				t.Log(err) // the refusal
			}
			s.finish(t)
			state, n := s.state(t, batch)
			if want := [3]int{test.sent, 0, 3 - test.sent}; state != extension.BatchCancelled || n != want || s.report(t, batch).Batch.Finished.IsZero() {
				t.Errorf("%s %v, want %v", state, n, want)
			}
			if listed := count(t, s, `SELECT count(*) FROM users WHERE withdrawn_at IS NULL`); listed != test.sent {
				t.Errorf("%d are listed", listed)
			}
		})
	}
}

// TestNobodyIsLostWhenBatchesAreCancelledWhileManyWork has hands work on batches that are cancelled while others with the
// same people are placed.
func TestNobodyIsLostWhenBatchesAreCancelledWhileManyWork(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.kratos.slow, s.post.slow = time.Millisecond, time.Millisecond
	for round := range 3 {
		// Two thirds of the chunks may go out while it is cancelled, so that there is always something left to cancel.
		s.post.gate = make(chan struct{}, 20)
		for range cap(s.post.gate) {
			s.post.gate <- struct{}{}
		}
		batch := s.send(t, people(fmt.Sprintf("p%d", round), 3000))
		stop := make(chan struct{})
		var hands sync.WaitGroup
		for range 6 {
			hands.Go(func() { s.hand(t, stop) })
		}
		for s.report(t, batch).Progress.Sent < 300 {
			<-time.After(10 * time.Millisecond)
		}
		var presses sync.WaitGroup
		presses.Go(func() {
			if _, err := s.CancelBatch(t.Context(), s.admin, batch); err != nil {
				t.Errorf("cancel: %v", err)
			}
		})
		presses.Go(func() {
			order := s.order(people(fmt.Sprintf("p%d", round), 3000))
			order.Starts = s.now.Add(time.Hour)
			if _, err := s.Send(t.Context(), s.admin, order); err != nil {
				t.Errorf("place: %v", err)
			}
		})
		presses.Wait()
		close(s.post.gate)
		for s.report(t, batch).Batch.Finished.IsZero() {
			<-time.After(10 * time.Millisecond)
		}
		close(stop)
		hands.Wait()
		if state, n := s.state(t, batch); state != extension.BatchCancelled || n[0]+n[2] != 3000 || n[1] != 0 {
			t.Errorf("%s %v", state, n)
		}
	}
}

// hand takes turns until it is stopped, and expects no trouble.
func (s *scene) hand(t *testing.T, stop <-chan struct{}) {
	t.Helper()
	for {
		select {
		case <-stop:
			return
		default:
		}
		turn, there, err := s.NextTurn(t.Context())
		if err != nil {
			t.Errorf("next turn: %v", err)
			return
		}
		if !there {
			<-time.After(5 * time.Millisecond)
			continue
		}
		if err := s.TakeTurn(t.Context(), turn); err != nil {
			t.Errorf("%s: %v", turn.Step, err)
		}
	}
}
