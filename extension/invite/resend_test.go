package invite_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/invite"
)

func everybody() extension.Selection { return extension.Selection{All: true} }

// resend presses Resend on a page that has just been loaded.
func (s *scene) resend(t *testing.T, order invite.ResendOrder) (extension.BatchID, error) {
	t.Helper()
	if order.Batch == "" {
		order.Batch = extension.NewID[extension.BatchID]()
	}
	shown, err := s.CountResend(t.Context(), s.admin, order.Selection)
	if err != nil {
		t.Fatal(err)
	}
	order.Confirmed = invite.Confirmed{Pending: shown.Pending, Expired: shown.Expired}
	return s.ResendMany(t.Context(), s.admin, order)
}

func sentence(err error) string {
	refused, ok := errors.AsType[*extension.InvalidError](err)
	if !ok {
		return ""
	}
	return refused.Error()
}

func TestAPressOfResendForManyIsOneBatchOfNewLinks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "bob@example.com\neve@example.com\nzoe@example.com")
	s.finish(t)
	s.now = s.now.Add(2 * time.Hour)
	if err := s.db.Unsuppress(t.Context(), s.admin, s.user(t, "bob@example.com").ID, s.now); !errors.Is(err, extension.ErrNotFound) {
		t.Fatal(err)
	}
	s.exec(t, `UPDATE users SET suppressed = 'bounced', suppressed_at = now() WHERE address = 'zoe@example.com'`)
	count, err := s.CountResend(t.Context(), s.admin, everybody())
	if err != nil {
		t.Fatal(err)
	}
	want := extension.ResendCount{Pending: 2, LeftOut: map[extension.Outcome]int{extension.OutcomeUndeliverable: 1}}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	order := invite.ResendOrder{Batch: extension.NewID[extension.BatchID](), Selection: everybody()}
	for range 2 {
		if batch, err := s.resend(t, order); err != nil || batch != order.Batch {
			t.Fatalf("%s, %v", batch, err)
		}
	}
	s.finish(t)
	for range 2 { // also once it is done
		if batch, err := s.resend(t, order); err != nil || batch != order.Batch {
			t.Fatalf("%s, %v", batch, err)
		}
	}
	report := s.report(t, order.Batch)
	if report.Progress.Sent != 2 || len(report.NotSent) != 1 || report.NotSent[0].Outcome != extension.OutcomeUndeliverable {
		t.Errorf("the batch's page says %+v", report)
	}
	if len(s.post.chunks) != 2 || len(s.post.chunks[1].Recipients) != 2 || s.post.chunks[1].Letter.Inviter != "Ada Admin" {
		t.Errorf("%d chunks went out", len(s.post.chunks))
	}
	if _, err := s.resend(t, invite.ResendOrder{Selection: everybody()}); !strings.Contains(sentence(err), "nobody of them can be written to now") {
		t.Errorf("another press within the hour: %v", err)
	}
	s.now = s.now.Add(invite.ResendManyCooldown)
	if _, err := s.resend(t, invite.ResendOrder{Selection: everybody()}); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestNobodyIsWrittenToBeyondTheNumberThatWasConfirmed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "bob@example.com\neve@example.com")
	s.finish(t)
	s.now = s.now.Add(2 * time.Hour)
	press := func(expired bool, pending, alsoExpired int) error {
		_, err := s.ResendMany(t.Context(), s.admin, invite.ResendOrder{
			Batch: extension.NewID[extension.BatchID](), Selection: everybody(), Expired: expired,
			Confirmed: invite.Confirmed{Pending: pending, Expired: alsoExpired},
		})
		return err
	}
	if err := press(false, 1, 1); !strings.Contains(sentence(err), "more people would be written to than this page said") {
		t.Errorf("the Expired that were not chosen are no room for others: %v", err)
	}
	if len(s.post.chunks) != 1 {
		t.Errorf("%d letters went out", len(s.post.chunks))
	}
	if err := press(true, 1, 1); err != nil {
		t.Errorf("as many as were confirmed, who count otherwise by now: %v", err)
	}
	s.now = s.now.Add(2 * time.Hour)
	s.finish(t)
	s.now = s.now.Add(2 * time.Hour)
	if err := press(false, 50, 0); err != nil {
		t.Errorf("fewer than were confirmed: %v", err)
	}
}

// counting does something between the count and the press.
type counting struct {
	invite.Store
	then func()
}

func (c counting) CountReissue(ctx context.Context, actor extension.Actor, order extension.Reissue) (extension.ResendCount, error) {
	count, err := c.Store.CountReissue(ctx, actor, order)
	c.then()
	return count, err
}

func TestWhoComesBetweenTheCountAndThePressIsNotWrittenToUnconfirmed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "bob@example.com")
	s.finish(t)
	s.now = s.now.Add(2 * time.Hour)
	s.send(t, "eve@example.com") // too soon for another
	s.finish(t)
	s.store = counting{s.db, func() { s.exec(t, `UPDATE invitations SET sent_at = sent_at - interval '2 hours'`) }}
	s.use(t, "k1")
	order := invite.ResendOrder{Batch: extension.NewID[extension.BatchID](), Selection: everybody(), Confirmed: invite.Confirmed{Pending: 1}}
	if _, err := s.ResendMany(t.Context(), s.admin, order); !strings.Contains(sentence(err), "more people would be written to than this page said") {
		t.Errorf("one was confirmed, and two would be written to: %v", err)
	}
	if n := count(t, s, `SELECT count(*) FROM batches WHERE id = $1`, string(order.Batch)); n != 0 {
		t.Error("the batch was written")
	}
}

func TestAPressOfResendForPeopleOutOfSightSendsBackToTheList(t *testing.T) {
	t.Parallel()
	s := setup(t)
	gone := extension.Selection{Users: []extension.UserID{extension.NewID[extension.UserID]()}}
	if _, err := s.resend(t, invite.ResendOrder{Selection: gone}); !strings.Contains(sentence(err), "nobody is left whom you could write to. Go back to the list") {
		t.Errorf("%v", err)
	}
}

func TestPeopleWhoAreExpiredAreWrittenToOnlyWhenChosen(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "bob@example.com")
	s.finish(t)
	s.now = s.now.Add(8 * 24 * time.Hour)
	if _, err := s.resend(t, invite.ResendOrder{Selection: everybody()}); !strings.Contains(sentence(err), "Tick the box to send to those who are Expired") {
		t.Errorf("not chosen: %v", err)
	}
	if _, err := s.resend(t, invite.ResendOrder{Selection: everybody(), Expired: true}); err != nil {
		t.Errorf("chosen: %v", err)
	}
}

func TestAPressOfResendWaitsForTheUndoDelay(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "bob@example.com")
	s.finish(t)
	s.now = s.now.Add(2 * time.Hour)
	wanted := extension.Sending{UndoDelay: 5 * time.Minute, StopLoss: extension.StopLoss{Percent: 3, After: 50}}
	if err := s.ChangeSending(t.Context(), s.admin, extension.Sending{StopLoss: wanted.StopLoss}, wanted); err != nil {
		t.Fatal(err)
	}
	batch, err := s.resend(t, invite.ResendOrder{Selection: everybody()})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.report(t, batch).Batch; !got.Starts.Equal(s.now.Add(5*time.Minute)) || got.State(s.now) != extension.BatchWaiting {
		t.Errorf("it starts at %v and is %s", got.Starts, got.State(s.now))
	}
	if err := work(t, s.Service); err != nil || len(s.post.chunks) != 1 {
		t.Errorf("%v, %d letters before its time", err, len(s.post.chunks)-1)
	}
	s.now = s.now.Add(5 * time.Minute)
	s.finish(t)
	if len(s.post.chunks) != 2 {
		t.Errorf("%d letters after it, want 1", len(s.post.chunks)-1)
	}
}

func TestAPressOfResendIsRefusedToWhomItMustBe(t *testing.T) {
	t.Parallel()
	s := setup(t)
	nobody := extension.Actor{Organisation: s.admin.Organisation, Right: extension.RightNone}
	if _, err := s.ResendMany(t.Context(), nobody, invite.ResendOrder{Selection: everybody()}); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("without a right: %v", err)
	}
	if _, err := s.CountResend(t.Context(), nobody, everybody()); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("counted without a right: %v", err)
	}
	if _, err := s.resend(t, invite.ResendOrder{}); !strings.Contains(sentence(err), "Nobody is selected") {
		t.Errorf("an empty selection: %v", err)
	}
	if _, err := s.resend(t, invite.ResendOrder{Batch: "nonsense", Selection: everybody()}); !strings.Contains(sentence(err), "too old") {
		t.Errorf("a form that is none: %v", err)
	}
	s.send(t, "bob@example.com")
	s.finish(t)
	s.now = s.now.Add(2 * time.Hour)
	used := s.send(t, "eve@example.com")
	stranger := extension.System(s.admin.Organisation, "Eve")
	stranger.User = extension.NewID[extension.UserID]()
	if _, err := s.ResendMany(t.Context(), stranger, invite.ResendOrder{Batch: used, Selection: everybody(), Confirmed: invite.Confirmed{Pending: 9}}); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("somebody else's batch: %v", err)
	}
}

func TestAnAddressThatCameBackIsNotResentToByAPlainClick(t *testing.T) {
	t.Parallel()
	for suppression, words := range map[string]string{"bounced": "came back", "complained": "reported as spam"} {
		s := setup(t)
		s.send(t, "bob@example.com")
		s.finish(t)
		s.now = s.now.Add(2 * time.Hour)
		s.exec(t, `UPDATE users SET suppressed = $1, suppressed_at = now()`, suppression)
		if _, err := s.Resend(t.Context(), s.admin, s.user(t, "bob@example.com").ID); !strings.Contains(sentence(err), words) {
			t.Errorf("%s: %v", suppression, err)
		}
	}
}
