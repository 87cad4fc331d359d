package invite_test

import (
	"testing"
	"time"

	"paperplane/extension"
)

func (s *scene) remindOn(t *testing.T, days ...int) {
	t.Helper()
	stop := extension.StopLoss{Percent: 3, After: 50}
	if err := s.ChangeSending(t.Context(), s.admin, extension.Sending{StopLoss: stop}, extension.Sending{Reminders: days, StopLoss: stop}); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) remind(t *testing.T) {
	t.Helper()
	if err := s.Remind(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.finish(t)
}

func TestAReminderCarriesTheSameLinkUntilTheSameEnd(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "bob@example.com")
	s.finish(t)
	s.remindOn(t, 3, 6)
	sent := s.now
	for _, moment := range []struct {
		after time.Duration
		want  int // letters until then
	}{{0, 1}, {71 * time.Hour, 1}, {72 * time.Hour, 2}, {73 * time.Hour, 2}, {144 * time.Hour, 3}, {165 * time.Hour, 3}} {
		s.now = sent.Add(moment.after)
		s.remind(t)
		if got := len(s.post.chunks); got != moment.want {
			t.Errorf("%v after the invitation %d letters went out, want %d", moment.after, got, moment.want)
		}
	}
	first := s.post.chunks[0]
	for _, chunk := range s.post.chunks[1:] {
		letter, was := chunk.Recipients[0], first.Recipients[0]
		if letter.Link != was.Link || !letter.Expires.Equal(was.Expires) || letter.Invitation == was.Invitation {
			t.Errorf("the reminder's link is %s until %v, want %s until %v", letter.Link, letter.Expires, was.Link, was.Expires)
		}
		if !chunk.Letter.Reminder || chunk.Letter.Inviter != "Ada Admin" || first.Letter.Reminder {
			t.Errorf("the letter is %+v", chunk.Letter)
		}
		if report := s.report(t, chunk.Batch); report.Batch.Kind != extension.BatchReminder || report.Batch.Inviter != "Automatic reminder" ||
			report.Progress.Sent != 1 || len(report.Sent) != 1 {
			t.Errorf("its batch is %+v", report)
		}
	}
}

func TestReplicasThatRemindTogetherSendOneLetterEach(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "bob@example.com\neve@example.com")
	s.finish(t)
	s.remindOn(t, 3)
	s.now = s.now.Add(72 * time.Hour)
	failed := make(chan error, 3)
	for range cap(failed) {
		go func() { failed <- s.Remind(t.Context()) }()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	s.finish(t)
	if len(s.post.chunks) != 2 || len(s.post.chunks[1].Recipients) != 2 {
		t.Errorf("%d chunks went out", len(s.post.chunks))
	}
}
