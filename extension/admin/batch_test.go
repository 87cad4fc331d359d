package admin_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/web/webtest"
)

const batchPath = "/o/elsewhere/batches/" + batchID

// reported is a batch of Ada's with this progress.
func reported(t *testing.T, kind extension.BatchKind, progress extension.Progress) *stage {
	t.Helper()
	s := setup(t)
	s.report = extension.Report{
		Batch:    extension.Batch{ID: batchID, Kind: kind, Area: hamburg(), Role: nurse(), Inviter: "Ada Lind", Pressed: now()},
		Progress: progress, Recognised: 5, Duplicates: 1,
	}
	return s
}

func TestTheConfirmationScreenSaysHowManyWereSentAndWhichNot(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 3, Sent: 2, Refused: 1})
	s.report.Sent = []extension.Delivery{{Address: "a@example.com"}, {Address: "b@xn--mller-kva.de"}}
	s.report.NotSent = []extension.Delivery{
		{Text: "foo@@bar.com", Outcome: extension.OutcomeInvalid, Reason: "more_than_one_at"},
		{Text: "?@?", Outcome: extension.OutcomeInvalid, Reason: "of a later version"},
		{Address: "member@example.com", Outcome: extension.OutcomeAlreadyMember},
		{Address: "pending@example.com", Outcome: extension.OutcomeAlreadyPending},
		{Address: "expired@example.com", Outcome: extension.OutcomeAlreadyExpired},
		{Address: "inactive@example.com", Outcome: extension.OutcomeInactive},
		{Address: "foreign@example.com", Outcome: extension.OutcomeQueued, Refused: extension.RefusedExistingAccount},
		{Address: "kratos@example.com", Outcome: extension.OutcomeQueued, Refused: extension.RefusedByKratos, Detail: "<b>not valid</b>"},
		{Address: "provider@example.com", Outcome: extension.OutcomeQueued, Refused: extension.RefusedByProvider},
		{Address: "unknown@example.com", Outcome: extension.OutcomeQueued, Refused: extension.RefusedUnknown},
		{Address: "paused@example.com", Outcome: extension.OutcomeQueued, Refused: extension.RefusedPaused},
		{Address: "newer@example.com", Outcome: extension.OutcomeQueued, Refused: extension.RefusedSuperseded},
		{Address: "cancelled@example.com", Outcome: extension.OutcomeQueued, Refused: extension.RefusedCancelled},
		{Address: "bounced@example.com", Outcome: extension.OutcomeUndeliverable},
		{Address: "soon@example.com", Outcome: extension.OutcomeTooSoon},
		{Address: "onitsway@example.com", Outcome: extension.OutcomeOnItsWay},
		{Address: "hidden@example.com", Outcome: extension.OutcomeAlreadyExpired, Hidden: true},
	}
	s.report.NotSentAll = len(s.report.NotSent) + 1000
	got := s.Get(t, batchPath)
	if title := got.One(t, "#not-sent-title").Text(); title != "Not sent (1,017)" || !strings.Contains(got.Text(), "and 1,000 more") {
		t.Errorf("of a list that is cut: %q", title)
	}
	if got.One(t, "h1").Text() != "Invitations sent" || got.One(t, "[data-batch-sentence]").Text() != "2 of 3 invitations were sent." {
		t.Errorf("the page says %s", got.Text())
	}
	var rows []string
	for _, row := range got.All("#not-sent tbody tr") {
		rows = append(rows, row.Text())
	}
	want := []string{
		"foo@@bar.com Not a valid email address. There is more than one @. Put a comma or a new line between two addresses.",
		"?@? Not a valid email address.",
		"member@example.com Already part of this organisation, and Active.",
		"pending@example.com Already invited: the invitation is Pending and its link still works. Resend it if it cannot be found",
		"expired@example.com Already invited, but the invitation has Expired. Resend it",
		"inactive@example.com Already part of this organisation, but Inactive. Resume the user",
		"foreign@example.com This address already has an account, so no link was sent to it.",
		"kratos@example.com The account system does not accept this address. It said: “<b>not valid</b>” Correct the address",
		"provider@example.com The mail provider refused the message. Correct the address",
		"unknown@example.com The mail provider never answered, so the message may or may not have been sent. Ask the person before you resend it. See the user",
		"paused@example.com The user was deactivated before the message went out. Resume the user",
		"newer@example.com A newer invitation took its place before the message went out.",
		"cancelled@example.com It was cancelled before it was sent.",
		"bounced@example.com An earlier message to this address bounced or was reported as spam, so nothing more is sent to it by itself. " +
			"Correct the address, or send to it all the same",
		"soon@example.com A message went to this address only a short while ago. Wait a little before you send another one.",
		"onitsway@example.com An invitation to this address is on its way already. Nothing needs to be done.",
		"hidden@example.com Already invited, but the invitation has Expired. They are in none of your service areas, so ask an administrator about them.",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("not sent (-want +got):\n%s", diff)
	}
	if !got.Has("#not-sent a[href=/o/elsewhere/users?q=expired%40example.com]") {
		t.Error("an expired invitation does not lead to where it is resent")
	}
	if more := got.One(t, ".button-primary"); more.Text() != "Send more invites" || more.Attr("href") != "/o/elsewhere/invite" {
		t.Errorf("the primary button is %q", more.Text())
	}
	for _, text := range []string{"a@example.com", "b@müller.de", "Hamburg", "Nurse", "5 addresses, 1 repetition left out", "Ada Lind, 23 Nov 2026, 09:30 UTC"} {
		if !strings.Contains(got.Text(), text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	if got.Has("noscript") || got.Has("progress") {
		t.Error("a finished batch is still followed")
	}
}

func TestTheTitleFollowsWhatBecameOfTheBatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind     extension.BatchKind
		progress extension.Progress
		title    string
		sentence string
	}{
		"one":         {extension.BatchInvite, extension.Progress{Queued: 1, Sent: 1}, "Invitations sent", "1 invitation was sent."},
		"all":         {extension.BatchInvite, extension.Progress{Queued: 1234, Sent: 1234}, "Invitations sent", "1,234 invitations were sent."},
		"many":        {extension.BatchInvite, extension.Progress{Queued: 12345, Sent: 12340, Refused: 5}, "Invitations sent", "12,340 of 12,345 invitations were sent."},
		"under way":   {extension.BatchInvite, extension.Progress{Queued: 10, Sent: 3, Waiting: 7}, "Sending invitations…", "3 of 10 invitations were sent so far."},
		"nobody new":  {extension.BatchInvite, extension.Progress{}, "No invitations were sent", "There was nobody new to invite."},
		"all refused": {extension.BatchInvite, extension.Progress{Queued: 2, Refused: 2}, "No invitations were sent", "0 of 2 invitations were sent."},
		"all but one": {extension.BatchInvite, extension.Progress{Queued: 3, Sent: 2, Refused: 1}, "Invitations sent", "2 of 3 invitations were sent."},
		"again":       {extension.BatchResend, extension.Progress{Queued: 1, Sent: 1}, "Invitation sent again", "1 invitation was sent."},
		"again, soon": {extension.BatchResend, extension.Progress{Queued: 1, Waiting: 1}, "Sending the invitation again…", "0 of 1 invitation was sent so far."},
	} {
		got := reported(t, test.kind, test.progress).Get(t, batchPath)
		if title, sentence := got.One(t, "h1").Text(), got.One(t, "[data-batch-sentence]").Text(); title != test.title || sentence != test.sentence {
			t.Errorf("%s: %q, %q", name, title, sentence)
		}
	}
}

func TestABatchUnderWayIsFollowed(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 10, Sent: 3, Refused: 1, Waiting: 6, Trouble: "The mail provider is slow."})
	got := s.Get(t, batchPath)
	bar := got.One(t, "progress")
	if bar.Attr("max") != "10" || bar.Attr("value") != "4" || !strings.Contains(got.One(t, "[data-batch-trouble]").Text(), "The mail provider is slow.") {
		t.Errorf("the page says %s", got.Text())
	}
	if !strings.Contains(got.Body, `<noscript><meta http-equiv="refresh" content="3">`) {
		t.Error("without JavaScript nobody looks again")
	}

	s.asked = nil
	var state map[string]any
	if err := json.Unmarshal([]byte(s.follow(t, batchPath).Body), &state); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"state": "running", "done": false, "over": false, "finished": 4.0, "queued": 10.0,
		"sentence": "3 of 10 invitations were sent so far.", "trouble": "The mail provider is slow.",
		"waiting": 6.0, "refused": 1.0, "sent": 3.0, "delivered": 0.0, "delayed": 0.0, "bounced": 0.0, "complained": 0.0,
	}
	if diff := cmp.Diff(want, state); diff != "" {
		t.Errorf("the script is told (-want +got):\n%s", diff)
	}
	if len(s.asked) != 0 {
		t.Errorf("to follow a batch, the verb was asked for more than its progress: %q", s.asked)
	}
}

// follow asks as the script of the page does.
func (s *stage) follow(t *testing.T, path string) webtest.Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/json")
	return s.Do(t, request)
}

func TestOnlyABatchOfTheOrganisationIsShown(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{})
	for _, path := range []string{"/o/elsewhere/batches/" + annaID, "/o/elsewhere/batches/1", "/o/other/batches/" + batchID} {
		if got := s.Get(t, path); got.Status != http.StatusNotFound {
			t.Errorf("%s is %d", path, got.Status)
		}
		if got := s.follow(t, path); got.Status != http.StatusNotFound {
			t.Errorf("%s is followed: %d", path, got.Status)
		}
	}
}

func TestALongListOfSentOnesSaysHowManyMore(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 1200, Sent: 1200})
	s.report.Sent = []extension.Delivery{{Address: "a@example.com"}}
	if got := s.Get(t, batchPath).Text(); !strings.Contains(got, "Sent (1,200)") || !strings.Contains(got, "and 1,199 more") {
		t.Errorf("the page says %s", got)
	}
}
