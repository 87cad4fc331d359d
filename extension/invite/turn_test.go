package invite_test

import (
	"errors"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/invite"
)

// take takes so many turns and tells for whom they were.
func (s *scene) take(t *testing.T, n int) map[extension.BatchID]int {
	t.Helper()
	turns := map[extension.BatchID]int{}
	for range n {
		turn, there, err := s.NextTurn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !there {
			break
		}
		turns[turn.Batch]++
		if err := s.TakeTurn(t.Context(), turn); err != nil {
			t.Fatal(err)
		}
	}
	return turns
}

func TestFiveInvitationsDoNotWaitBehindAnotherOrganisationsThousands(t *testing.T) {
	t.Parallel()
	s := setup(t)
	big := s.send(t, people("big", 3000))
	s.take(t, 7) // it is well under way
	other := s.beside(t)
	small := other.send(t, people("small", 5))
	s.take(t, 6) // three each: identities, letters, the end
	if report := other.report(t, small); report.Batch.Finished.IsZero() || report.Progress.Sent != 5 {
		t.Errorf("after six turns: %+v, finished %s", counts(report.Progress), report.Batch.Finished)
	}
	if report := s.report(t, big); report.Progress.Waiting < 2000 {
		t.Errorf("the big batch was done meanwhile: %+v", counts(report.Progress))
	}
	turns := s.take(t, 1000)
	if turns[small] != 0 || s.report(t, big).Progress.Sent != 3000 {
		t.Errorf("%d turns more for a batch that is finished; the big one %+v", turns[small], counts(s.report(t, big).Progress))
	}
}

func TestOneResendDoesNotWaitBehindItsOwnOrganisationsThousands(t *testing.T) {
	t.Parallel()
	s := setup(t)
	big := s.send(t, people("big", 3000))
	s.take(t, 7)
	small := s.send(t, "bob@example.com")
	s.take(t, 6)
	if report := s.report(t, small); report.Batch.Finished.IsZero() || report.Progress.Sent != 1 {
		t.Errorf("after six turns: %+v, finished %s", counts(report.Progress), report.Batch.Finished)
	}
	if s.report(t, big).Progress.Waiting == 0 {
		t.Error("the big batch was done meanwhile")
	}
}

func TestTroubleOfOneOrganisationHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := setup(t)
	other := s.beside(t)
	s.post.down = map[extension.OrganisationID]error{
		s.admin.Organisation: &extension.TroubleError{Sentence: "Too many requests.", After: time.Hour, Refused: true},
	}
	held := s.send(t, people("held", 600))
	free := other.send(t, people("free", 250))
	if err := work(t, s.Service); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("trouble: %v", err)
	}
	if report := other.report(t, free); report.Batch.Finished.IsZero() || report.Progress.Sent != 250 {
		t.Errorf("the other organisation: %+v", counts(report.Progress))
	}
	report := s.report(t, held)
	if report.Progress.Trouble != "Too many requests." || report.Progress.Sent != 0 {
		t.Errorf("the one in trouble: %+v", report.Progress)
	}
	calls := 0
	for _, chunk := range s.post.chunks {
		if chunk.Batch == held {
			calls++
		}
	}
	if calls != 1 {
		t.Errorf("%d calls although the provider asked for an hour's rest", calls)
	}
	after, inSight, err := s.NextDue(t.Context())
	if err != nil || !inSight || after < 59*time.Minute || after > 67*time.Minute {
		t.Errorf("the next turn is in %s, %v, %v", after, inSight, err)
	}
}

func TestABatchThatRestsIsFoundAgainByAnyReplica(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com")
	s.kratos.down = &extension.TroubleError{Sentence: "Down.", After: 10 * time.Minute}
	if err := work(t, s.Service); err == nil {
		t.Fatal("no trouble")
	}
	s.kratos.down = nil
	s.use(t, "k1") // another process, after a restart
	after, inSight, err := s.NextDue(t.Context())
	if err != nil || !inSight || after <= 5*time.Minute || after > 11*time.Minute {
		t.Fatalf("the next turn is in %s, %v, %v", after, inSight, err)
	}
	if turns := s.take(t, 1); len(turns) != 0 {
		t.Error("it did not rest")
	}
	s.rested(t)
	s.finish(t)
	if got := s.report(t, batch).Progress; got.Sent != 1 || got.Trouble != "" {
		t.Errorf("progress %+v", got)
	}
}

func TestRestsDifferSoThatReplicasDoNotKnockTogether(t *testing.T) {
	t.Parallel()
	asked := &extension.TroubleError{Sentence: "Too many requests.", After: time.Minute}
	for _, err := range []error{asked, errors.Join(errors.New("x"), asked), errors.Join(&extension.TroubleError{Sentence: "Down."}, asked)} {
		if got := invite.RestAfter(err); got < time.Minute || got > 67*time.Second {
			t.Errorf("after %v it rests %s", err, got)
		}
	}
	seen := map[time.Duration]bool{}
	for range 100 {
		got := invite.RestAfter(errors.New("unexpected"))
		if got < 3*time.Second || got >= 6*time.Second {
			t.Fatalf("it rests %s", got)
		}
		seen[got] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d different rests", len(seen))
	}
}

func TestACallThatTriedNobodyLetsTheBatchRest(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 3))
	s.post.once = func(chunk extension.Chunk) ([]extension.Receipt, error) {
		receipts := make([]extension.Receipt, len(chunk.Recipients))
		for i, r := range chunk.Recipients {
			receipts[i] = extension.Receipt{Invitation: r.Invitation, Untried: true}
		}
		return receipts, nil
	}
	if err := work(t, s.Service); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("nobody was tried, and it went on: %v", err)
	}
	if got := s.report(t, batch).Progress; got.Trouble == "" || got.Waiting != 3 || len(s.post.chunks) != 1 {
		t.Errorf("%+v after %d calls", got, len(s.post.chunks))
	}
	s.finish(t)
	if len(s.post.chunks) != 2 || s.post.chunks[0].ID == s.post.chunks[1].ID {
		t.Errorf("%d calls; want a second one with a key of its own", len(s.post.chunks))
	}
	if got := s.report(t, batch).Progress; got.Sent != 3 || got.Trouble != "" {
		t.Errorf("progress %+v", got)
	}
}

func TestAStepThatPanicsIsATroubleOfItsBatchAlone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	odd := s.send(t, "odd@example.com")
	s.post.once = func(extension.Chunk) ([]extension.Receipt, error) { panic("out of range") }
	s.take(t, 1)
	turn, there, err := s.NextTurn(t.Context())
	if err != nil || !there {
		t.Fatal(err)
	}
	if err := s.TakeTurn(t.Context(), turn); err == nil {
		t.Fatal("no error")
	}
	if got := s.report(t, odd).Progress; got.Trouble == "" || got.Waiting != 1 {
		t.Errorf("progress %+v", got)
	}
	other := s.beside(t)
	free := other.send(t, "free@example.com")
	if err := work(t, s.Service); err != nil {
		t.Fatal(err)
	}
	if got := other.report(t, free).Progress.Sent; got != 1 {
		t.Errorf("the other organisation: %d sent", got)
	}
}

func TestAnAnswerThatLeavesSomebodyOutIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 3))
	s.post.once = func(chunk extension.Chunk) ([]extension.Receipt, error) {
		all, err := s.post.accept(chunk)
		return all[1:], err
	}
	s.take(t, 2)
	if got := counts(s.report(t, batch).Progress); got != [4]int{3, 2, 1, 0} {
		t.Errorf("progress %v", got)
	}
	s.exec(t, `UPDATE mail_chunks SET leased_until = clock_timestamp()`)
	s.finish(t)
	if got := s.report(t, batch).Progress; got.Sent != 3 || len(s.post.boxes) != 3 || len(s.post.known) != 1 {
		t.Errorf("progress %+v", got)
	}
}

func TestABatchGoesOnWhenItsAreaIsArchived(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 250))
	s.take(t, 2)
	s.exec(t, `UPDATE areas SET archived_at = now() WHERE id = $1`, string(s.charter.Areas[0].ID))
	s.finish(t)
	if got := counts(s.report(t, batch).Progress); got != [4]int{250, 250, 0, 0} {
		t.Errorf("progress %v: the people were promised a place, and have it", got)
	}
}

func TestAnIdentityGetsItsCorrectedAddressBeforeALetterGoesThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(s *scene, identity extension.IdentityID)
		refused extension.Refusal
	}{
		"as it should be": {func(*scene, extension.IdentityID) {}, ""},
		"the identity is gone": {func(s *scene, id extension.IdentityID) {
			s.kratos.lost = map[extension.IdentityID]bool{id: true}
		}, ""},
		"an account of another kind has the address": {func(s *scene, _ extension.IdentityID) {
			s.kratos.existing["right@example.com"] = ""
			s.kratos.foreign = map[string]bool{"right@example.com": true}
		}, extension.RefusedExistingAccount},
		"Kratos does not accept it": {func(s *scene, _ extension.IdentityID) {
			s.kratos.refused = map[string]string{"right@example.com": "no"}
		}, extension.RefusedByKratos},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.send(t, "wrong@example.com")
			s.finish(t)
			user := s.user(t, "wrong@example.com")
			c.prepare(s, user.Identity)
			s.now = s.now.Add(time.Hour)
			batch, err := s.Resend(t.Context(), s.admin, user.ID)
			if err != nil {
				t.Fatal(err)
			}
			s.exec(t, `UPDATE users SET address = 'right@example.com', address_key = 'right@example.com', readdress = true`)
			s.finish(t)
			report := s.report(t, batch)
			if c.refused != "" {
				if len(report.NotSent) != 1 || report.NotSent[0].Refused != c.refused || len(s.post.chunks) != 1 {
					t.Errorf("%+v after %d letters", report.NotSent, len(s.post.chunks))
				}
				return
			}
			if got := s.post.chunks[len(s.post.chunks)-1].Recipients[0].Address; got != "right@example.com" || report.Progress.Sent != 1 {
				t.Errorf("the letter went to %s: %+v", got, report.Progress)
			}
			fresh := s.user(t, "right@example.com")
			if moved := s.kratos.moved[user.Identity]; s.kratos.lost == nil && (moved != "right@example.com" || fresh.Identity != user.Identity) {
				t.Errorf("the identity has %q", moved)
			}
			if s.kratos.lost != nil && (fresh.Identity == user.Identity || s.kratos.made["right@example.com"] != 1) {
				t.Errorf("no new identity was made")
			}
		})
	}
}
