package invite_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
)

// state is what a batch is doing, and how many of its messages were sent, wait and were refused.
func (s *scene) state(t *testing.T, batch extension.BatchID) (extension.BatchState, [3]int) {
	t.Helper()
	report := s.report(t, batch)
	return report.Batch.State(s.now), [3]int{report.Progress.Sent, report.Progress.Waiting, report.Progress.Refused}
}

// listed tells whether the users list shows an address.
func (s *scene) listed(t *testing.T, address string) bool {
	t.Helper()
	page, err := s.db.Users(t.Context(), s.admin, extension.Filter{Search: address, Limit: 10}, s.now)
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Users) > 0
}

func (s *scene) audited(t *testing.T, action extension.Action) int {
	t.Helper()
	return count(t, s, `SELECT count(*) FROM audit WHERE action = $1 AND actor_name = 'Ada Admin'`, string(action))
}

func TestAPausedBatchSendsNothingUntilItIsResumed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 250))
	s.take(t, 2)
	for range 2 { // two tabs
		if err := s.PauseBatch(t.Context(), s.admin, batch); err != nil {
			t.Fatal(err)
		}
	}
	if turns := s.take(t, 10); len(turns) != 0 {
		t.Errorf("%d turns of a paused batch", turns[batch])
	}
	if _, inSight, err := s.NextDue(t.Context()); err != nil || inSight {
		t.Errorf("a turn is in sight: %v", err)
	}
	if state, n := s.state(t, batch); state != extension.BatchPaused || n != [3]int{100, 150, 0} {
		t.Errorf("%s %v", state, n)
	}
	if report := s.report(t, batch); report.Batch.PausedBy != "Ada Admin" {
		t.Errorf("paused by %q", report.Batch.PausedBy)
	}
	for range 2 {
		if err := s.ResumeBatch(t.Context(), s.admin, batch); err != nil {
			t.Fatal(err)
		}
	}
	s.finish(t)
	if state, n := s.state(t, batch); state != extension.BatchFinished || n != [3]int{250, 0, 0} {
		t.Errorf("%s %v", state, n)
	}
	if s.audited(t, extension.ActionBatchPaused) != 1 || s.audited(t, extension.ActionBatchResumed) != 1 {
		t.Error("pause and resume are not audited once each")
	}
	refused := func(err error) bool { _, ok := errors.AsType[*extension.InvalidError](err); return ok }
	if err := s.PauseBatch(t.Context(), s.admin, batch); !refused(err) {
		t.Errorf("pause of a finished batch: %v", err)
	}
	if _, err := s.CancelBatch(t.Context(), s.admin, batch); !refused(err) {
		t.Errorf("cancellation of a finished batch: %v", err)
	}
}

func TestACallInDoubtIsBroughtToAnEndInAPausedBatchToo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 150))
	s.post.once = func(chunk extension.Chunk) ([]extension.Receipt, error) {
		_, err := s.post.accept(chunk) // the answer is lost
		return nil, errors.Join(err, trouble())
	}
	if err := work(t, s.Service); err == nil {
		t.Fatal("no trouble")
	}
	if err := s.PauseBatch(t.Context(), s.admin, batch); err != nil {
		t.Fatal(err)
	}
	s.finish(t)
	if state, n := s.state(t, batch); state != extension.BatchPaused || n != [3]int{100, 50, 0} || len(s.post.boxes) != 100 {
		t.Errorf("%s %v, %d people were written to", state, n, len(s.post.boxes))
	}
}

func TestResumingAfterAStopLossCountsFromThere(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 250))
	s.take(t, 2)
	s.exec(t, `UPDATE batches SET paused_at = now(), paused_by = ''`)
	if err := s.ResumeBatch(t.Context(), s.admin, batch); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT count(*) FROM batches WHERE watched_from = $1`, s.now); n != 1 {
		t.Error("the bounces before are counted again")
	}
	s.exec(t, `UPDATE batches SET watched_from = NULL`)
	if err := s.PauseBatch(t.Context(), s.admin, batch); err != nil {
		t.Fatal(err)
	}
	if err := s.ResumeBatch(t.Context(), s.admin, batch); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT count(*) FROM batches WHERE watched_from IS NOT NULL`); n != 0 {
		t.Error("a pause by hand forgave bounces")
	}
}

// refusesAll presses every button of a batch that has come to its end.
func (s *scene) refusesAll(t *testing.T, batch extension.BatchID) {
	t.Helper()
	_, cancelled := s.CancelBatch(t.Context(), s.admin, batch)
	for name, err := range map[string]error{
		"pause": s.PauseBatch(t.Context(), s.admin, batch), "resume": s.ResumeBatch(t.Context(), s.admin, batch),
		"send now": s.SendNow(t.Context(), s.admin, batch), "cancel": cancelled,
	} {
		if _, ok := errors.AsType[*extension.InvalidError](err); !ok {
			t.Errorf("%s of a batch that has ended: %v", name, err)
		}
	}
}

func TestABatchThatWaitsCanBeSentNowOrTakenBackAsAWhole(t *testing.T) {
	t.Parallel()
	s := setup(t)
	later := func(text string) extension.BatchID {
		order := s.order(text)
		order.Starts = s.now.Add(time.Hour)
		batch, err := s.Send(t.Context(), s.admin, order)
		if err != nil {
			t.Fatal(err)
		}
		return batch
	}
	now, never := later("now@example.com"), later("never@example.com")
	if err := work(t, s.Service); err != nil || len(s.kratos.made)+len(s.post.chunks) != 0 {
		t.Fatalf("something was made before its time: %v", err)
	}
	if after, inSight, err := s.NextDue(t.Context()); err != nil || !inSight || after != time.Hour {
		t.Errorf("the next turn is in %s, %v, %v", after, inSight, err)
	}
	for range 2 {
		if err := s.SendNow(t.Context(), s.admin, now); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.CancelBatch(t.Context(), s.admin, never); err != nil || n != 1 {
		t.Fatalf("%d cancelled, %v", n, err)
	}
	s.finish(t)
	if state, n := s.state(t, now); state != extension.BatchFinished || n != [3]int{1, 0, 0} {
		t.Errorf("sent now: %s %v", state, n)
	}
	if state, n := s.state(t, never); state != extension.BatchCancelled || n != [3]int{0, 0, 1} {
		t.Errorf("taken back: %s %v", state, n)
	}
	if s.listed(t, "never@example.com") || s.kratos.made["never@example.com"] != 0 {
		t.Error("who was never invited is listed, or has an identity")
	}
	if s.audited(t, extension.ActionBatchRescheduled) != 1 || s.audited(t, extension.ActionBatchCancelled) != 1 {
		t.Error("send now and cancel are not audited once each")
	}
	s.refusesAll(t, never)
	s.refusesAll(t, now)
	again := s.send(t, "never@example.com")
	s.finish(t)
	if state, n := s.state(t, again); state != extension.BatchFinished || n != [3]int{1, 0, 0} || !s.listed(t, "never@example.com") {
		t.Errorf("invited after all: %s %v", state, n)
	}
}

func TestCancellingARunningBatchKeepsWhatWasSentAndNothingElseGoesOut(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 900))
	s.post.gate = make(chan struct{}, 2) // two chunks go out; others are under way while it is cancelled
	s.post.gate <- struct{}{}
	s.post.gate <- struct{}{}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for s.report(t, batch).Batch.Finished.IsZero() {
				if err := work(t, s.Service); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for s.report(t, batch).Progress.Sent == 0 {
		<-time.After(time.Millisecond)
	}
	cancelled, err := s.CancelBatch(t.Context(), s.admin, batch)
	if err != nil {
		t.Fatal(err)
	}
	close(s.post.gate)
	group.Wait()
	state, n := s.state(t, batch)
	if state != extension.BatchCancelled || n[0]+n[2] != 900 || n[2] != cancelled || n[1] != 0 || n[0] != len(s.post.boxes) || cancelled == 0 {
		t.Errorf("%s %v, %d cancelled, %d people were written to", state, n, cancelled, len(s.post.boxes))
	}
	if listed := count(t, s, `SELECT count(*) FROM users WHERE withdrawn_at IS NULL`); listed != n[0] {
		t.Errorf("%d are listed, %d were written to", listed, n[0])
	}
}

func TestAChunkThatTheProviderCertainlyRefusedIsCancelledToo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 3))
	s.post.once = func(extension.Chunk) ([]extension.Receipt, error) {
		return nil, &extension.TroubleError{Sentence: "Too many requests.", After: time.Hour, Refused: true}
	}
	if err := work(t, s.Service); err == nil {
		t.Fatal("no trouble")
	}
	if n, err := s.CancelBatch(t.Context(), s.admin, batch); err != nil || n != 3 {
		t.Errorf("%d cancelled, %v", n, err)
	}
	report := s.report(t, batch)
	if report.Batch.Finished.IsZero() || report.Progress.Trouble != "" || len(s.post.boxes) != 0 {
		t.Errorf("finished %s, trouble %q", report.Batch.Finished, report.Progress.Trouble)
	}
}

func TestWhoseResendIsCancelledKeepsTheLinkTheyHad(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "bob@example.com\neve@example.com")
	s.finish(t)
	s.now = s.now.Add(2 * time.Hour)
	before := map[string]extension.User{}
	var again []extension.BatchID
	for _, address := range []string{"bob@example.com", "eve@example.com"} {
		before[address] = s.user(t, address)
		batch, err := s.Resend(t.Context(), s.admin, before[address].ID)
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, batch)
	}
	// Eve's address is corrected between: the old link lies in a mailbox that is not hers.
	s.exec(t, `UPDATE invitations SET address = 'eve@example.com' WHERE user_id = $1 AND sent_at IS NOT NULL`, string(before["eve@example.com"].ID))
	s.exec(t, `UPDATE users SET address = 'eva@example.com', address_key = 'eva@example.com' WHERE id = $1`, string(before["eve@example.com"].ID))
	for _, batch := range again {
		if n, err := s.CancelBatch(t.Context(), s.admin, batch); err != nil || n != 1 {
			t.Fatalf("%d cancelled, %v", n, err)
		}
	}
	bob, old := s.user(t, "bob@example.com"), before["bob@example.com"]
	if bob.Invitation != old.Invitation || bob.Letter != old.Letter || bob.Refused != "" {
		t.Errorf("bob is %+v, was %+v", bob, old)
	}
	if link, err := s.db.Invited(t.Context(), old.Invitation); err != nil || link.Revoked {
		t.Errorf("bob's link: revoked %v, %v", link.Revoked, err)
	}
	if link, err := s.db.Invited(t.Context(), before["eve@example.com"].Invitation); err != nil || !link.Revoked {
		t.Errorf("the link to the wrong address: revoked %v, %v", link.Revoked, err)
	}
	if eve := s.user(t, "eva@example.com"); eve.Refused != extension.RefusedCancelled {
		t.Errorf("eve is %+v", eve)
	}
}

func TestOnlyWhoMaySeeABatchControlsIt(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com")
	inviter := extension.Actor{
		User: extension.NewID[extension.UserID](), Organisation: s.admin.Organisation, Name: "Ina",
		Right: extension.RightInviter, Areas: []extension.AreaID{s.charter.Areas[1].ID},
	}
	member := inviter
	member.Right = extension.RightNone
	for name, c := range map[string]struct {
		actor extension.Actor
		want  error
	}{
		"another organisation's administrator": {s.beside(t).admin, extension.ErrNotFound},
		"an inviter of another area":           {inviter, extension.ErrNotFound},
		"somebody without a right":             {member, extension.ErrForbidden},
	} {
		_, cancelErr := s.CancelBatch(t.Context(), c.actor, batch)
		for verb, err := range map[string]error{
			"pause": s.PauseBatch(t.Context(), c.actor, batch), "resume": s.ResumeBatch(t.Context(), c.actor, batch),
			"send": s.SendNow(t.Context(), c.actor, batch), "cancel": cancelErr,
		} {
			if !errors.Is(err, c.want) {
				t.Errorf("%s by %s: %v, want %v", verb, name, err, c.want)
			}
		}
	}
	inviter.Areas = []extension.AreaID{s.charter.Areas[0].ID}
	if err := s.PauseBatch(t.Context(), inviter, batch); err != nil {
		t.Errorf("an inviter of its area: %v", err)
	}
	order := s.order("head@example.com")
	order.Role = s.charter.Roles[0].ID
	batch, err := s.Send(t.Context(), s.admin, order)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CancelBatch(t.Context(), inviter, batch); err == nil || !strings.Contains(err.Error(), "a role that you may not give") {
		t.Errorf("an inviter cancels an administrator's invitation: %v", err)
	}
	if err := s.PauseBatch(t.Context(), s.admin, batch); err != nil {
		t.Errorf("an administrator: %v", err)
	}
}
