package invite_test

import (
	"strings"
	"testing"
	"time"

	"paperplane/extension"
)

const mailboxFull = "452 4.2.2 Mailbox full"

// putsOff makes the next call put off everybody whose mailbox is full.
func (s *scene) putsOff() {
	s.post.once = func(chunk extension.Chunk) ([]extension.Receipt, error) {
		receipts, err := s.post.accept(chunk)
		for i, r := range chunk.Recipients {
			if strings.HasPrefix(r.Address, "full") {
				receipts[i] = extension.Receipt{Invitation: r.Invitation, Untried: true, PutOff: mailboxFull}
			}
		}
		return receipts, err
	}
}

// wait lets the time pass that people who were put off have to wait.
func (s *scene) wait(t *testing.T) {
	t.Helper()
	s.exec(t, `UPDATE invitations SET not_before = clock_timestamp() WHERE not_before IS NOT NULL`)
}

func TestSomebodyWhoIsPutOffIsTriedLaterAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "full@example.com\n"+people("p", 150))
	s.putsOff()
	if err := work(t, s.Service); err != nil {
		t.Fatalf("it is no trouble: %v", err)
	}
	if got := counts(s.report(t, batch).Progress); got != [4]int{151, 150, 1, 0} || len(s.post.chunks) != 2 {
		t.Errorf("progress %v after %d calls", got, len(s.post.chunks))
	}
	for range 2 { // alone now
		after, inSight, err := s.NextDue(t.Context())
		if err != nil || !inSight || after < 4*time.Minute || after > 33*time.Minute {
			t.Fatalf("the next turn is in %s, %v, %v", after, inSight, err)
		}
		s.wait(t)
		s.putsOff()
		if err := work(t, s.Service); err != nil {
			t.Fatalf("it is no trouble: %v", err)
		}
		want := "The mail server puts one message off. It says: “" + mailboxFull + "” The message is tried again by itself, for two days, and holds up no other."
		if got := s.report(t, batch).Progress.Trouble; got != want {
			t.Errorf("the page says %q", got)
		}
	}
	s.wait(t)
	s.finish(t)
	if got := s.report(t, batch).Progress; counts(got) != [4]int{151, 151, 0, 0} || got.Trouble != "" || len(s.post.chunks) != 5 {
		t.Errorf("progress %+v after %d calls", got, len(s.post.chunks))
	}
}

func TestABatchGoesOnWhileAWholeCallIsPutOff(t *testing.T) {
	t.Parallel()
	s := setup(t)
	full := s.send(t, people("full", 3))
	s.putsOff()
	if err := work(t, s.Service); err != nil {
		t.Fatal(err)
	}
	if got := s.report(t, full).Progress; got.Waiting != 3 || !strings.Contains(got.Trouble, "puts 3 messages off") {
		t.Errorf("progress %+v", got)
	}
	free := s.send(t, people("free", 3))
	if err := work(t, s.Service); err != nil {
		t.Fatal(err)
	}
	if got := s.report(t, free).Progress.Sent; got != 3 {
		t.Errorf("%d of another batch sent", got)
	}
	s.exec(t, `UPDATE invitations SET put_off_at = clock_timestamp() - interval '2 days' WHERE put_off_at IS NOT NULL`)
	s.wait(t)
	s.putsOff()
	s.finish(t)
	report := s.report(t, full)
	if len(report.NotSent) != 3 || report.Batch.Finished.IsZero() || report.Progress.Trouble != "" {
		t.Fatalf("%+v", report)
	}
	for _, d := range report.NotSent {
		if d.Refused != extension.RefusedByProvider || d.Detail != mailboxFull {
			t.Errorf("%s: %s, %q", d.Address, d.Refused, d.Detail)
		}
	}
}
