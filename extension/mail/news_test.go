package mail

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// TestWhatTheStandInTellsIsBelieved checks the two halves of the webhooks' contract against each other: the stand-in
// signs and writes them as Resend documents it, Hooks verifies them with Resend's own library.
func TestWhatTheStandInTellsIsBelieved(t *testing.T) {
	t.Parallel()
	hooks := NewHooks(hookSecret)
	events := make(chan extension.MailEvent, 10)
	address := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		event, err := hooks.Event(r.Header.Get, body)
		if err != nil || event == nil {
			t.Errorf("%s: %v, %v", body, event, err)
			return
		}
		events <- *event
	}))
	p := startProvider(t, mailbox.Options{Webhook: mailbox.Webhook{URL: address.String(), Secret: hookSecret}})
	ctx, cancel := context.WithCancel(t.Context())
	reported := make(chan struct{})
	go func() { defer close(reported); p.box.Report(ctx) }()
	defer func() { cancel(); <-reported }()

	chunk := chunkTo("fine@example.org", "bounced+1@example.org", "full@example.org", "complained@example.org", "delayed@example.org", "suppressed@example.org", "failed@example.org")
	receipts := deliver(t, p.sender, chunk)
	got := map[extension.InvitationID]map[extension.MailEventKind]string{}
	for range 13 {
		select {
		case event := <-events:
			if time.Since(event.At).Abs() > time.Minute || event.ID == "" {
				t.Errorf("event %+v", event)
			}
			for i, recipient := range chunk.Recipients {
				if recipient.Invitation == event.Invitation && receipts[i].MessageID != event.Message {
					t.Errorf("event %+v is about another message than receipt %+v", event, receipts[i])
				}
			}
			if got[event.Invitation] == nil {
				got[event.Invitation] = map[extension.MailEventKind]string{}
			}
			got[event.Invitation][event.Kind] = event.Detail
		case <-time.After(10 * time.Second):
			t.Fatalf("events are missing: %v", got)
		}
	}
	want := map[extension.InvitationID]map[extension.MailEventKind]string{}
	for i, kinds := range []map[extension.MailEventKind]string{
		{extension.MailSent: "", extension.MailDelivered: ""},
		{extension.MailSent: "", extension.MailBounced: "550 5.1.1 The email account does not exist"},
		{extension.MailSent: "", extension.MailDelayed: "Given up for now: 452 4.2.2 The email account is over quota"},
		{extension.MailSent: "", extension.MailDelivered: "", extension.MailComplained: ""},
		{extension.MailSent: "", extension.MailDelayed: ""},
		{extension.MailBounced: "The address is on the account's suppression list."},
		{extension.MailFailed: "The mail provider could not send the message: domain_not_verified"},
	} {
		want[chunk.Recipients[i].Invitation] = kinds
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
