package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestEveryButtonOfABatchSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 10, Sent: 3, Waiting: 7})
	s.cancelled = 7
	for _, button := range []struct{ path, says string }{
		{"/pause", "Sending is paused. What was handed to the mail provider already may still arrive."},
		{"/resume", "Sending goes on."},
		{"/send-now", "Sending has begun."},
		{"/cancel", "7 messages were cancelled and will not be sent."},
	} {
		if got := s.press(t, batchPath+button.path, nil); got.Status != http.StatusSeeOther || got.Location() != batchPath {
			t.Errorf("%s: %d %q", button.path, got.Status, got.Location())
		}
		if text := s.Get(t, batchPath).Text(); !strings.Contains(text, button.says) {
			t.Errorf("%s: the page says %s", button.path, text)
		}
		if got := s.Post(t, batchPath+button.path, nil); got.Status != http.StatusForbidden {
			t.Errorf("%s without a form token: %d", button.path, got.Status)
		}
	}
	want := []string{"pause " + batchID, "resume " + batchID, "send now " + batchID, "cancel " + batchID}
	if diff := cmp.Diff(want, changes(s.asked)); diff != "" {
		t.Error(diff)
	}
}

func TestAButtonOfAnOldPageIsAnsweredByTheVerbsSentence(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 3, Sent: 3})
	s.cancelled = 3
	const sentence = "This batch is finished, so there is nothing left to do."
	s.refuse = extension.Invalid("", sentence)
	for _, button := range []string{"/pause", "/resume", "/send-now", "/cancel"} {
		s.press(t, batchPath+button, nil)
		text := s.Get(t, batchPath).Text()
		if !strings.Contains(text, sentence) {
			t.Errorf("%s: the page says %s", button, text)
		}
		for _, claim := range []string{"Sending is paused", "Sending goes on", "Sending has begun", "cancelled and will not be sent"} {
			if strings.Contains(text, claim) {
				t.Errorf("%s: the page claims “%s”", button, claim)
			}
		}
	}
	s.refuse = extension.ErrNotFound
	if got := s.press(t, batchPath+"/pause", nil); got.Status != http.StatusNotFound {
		t.Errorf("a batch out of sight: %d", got.Status)
	}
}

func TestCancellingIsAskedForWithTheNumber(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 1000, Sent: 1, Waiting: 999})
	got := s.Get(t, batchPath+"/cancel")
	for _, words := range []string{"999 messages have not been sent yet.", "1 message has been sent already", "Cancel 999 messages"} {
		if !strings.Contains(got.Text(), words) {
			t.Errorf("the page does not say %q:\n%s", words, got.Text())
		}
	}
	if action := got.One(t, "main form").Attr("action"); action != batchPath+"/cancel" {
		t.Errorf("the form goes to %q", action)
	}
	s.report.Progress = extension.Progress{Queued: 1000, Sent: 1000}
	if got := s.Get(t, batchPath+"/cancel"); got.Location() != batchPath {
		t.Errorf("with nothing left: %d %q", got.Status, got.Location())
	}
}
