package mail

import (
	"strings"
	"testing"
	"time"

	"paperplane/extension"
)

func TestAReminderIsAboutTheSameLinkAndItsOwnTime(t *testing.T) {
	t.Parallel()
	letter, recipient := sampleLetter(), sampleRecipient()
	letter.Reminder = true
	recipient.LinkOf, recipient.Expires = extension.NewID[extension.InvitationID](), recipient.Expires.Add(-48*time.Hour)
	message := write(t, letter, recipient)
	if message.Subject != "Reminder: your invitation to join Northwind Health" {
		t.Errorf("subject %q", message.Subject)
	}
	for _, want := range []string{
		"Alice Meyer", "Northwind Health", "still open", "There is still time", link, "Saturday, 28 November 2026, 14:05 UTC",
		"the same link", "registered since", "North Ward", "ignore it: nothing happens",
	} {
		if !strings.Contains(message.Text, want) {
			t.Errorf("the text does not say %q", want)
		}
		if !strings.Contains(message.HTML, want) {
			t.Errorf("the HTML does not say %q", want)
		}
	}
	wantLinks(t, message)
	if message.Invitation != recipient.Invitation || message.Tags[0].Value != string(recipient.Invitation) {
		t.Error("the message is not that of the reminder's own row")
	}
}

func TestNobodyIsWrittenToWhoseMessageWasBegunBefore(t *testing.T) {
	t.Parallel()
	handed, other := sampleRecipient(), sampleRecipient()
	handed.Handed, other.Address = true, "other@northwind.example"
	out := &recorder{}
	receipts, err := NewPost(out).Deliver(t.Context(), extension.Chunk{ID: "c", Letter: sampleLetter(), Recipients: []extension.Recipient{handed, other}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.messages) != 1 || out.messages[0].To != other.Address {
		t.Errorf("%d messages were sent", len(out.messages))
	}
	if !receipts[0].Unknown || receipts[0].MessageID != "" || receipts[1].Unknown || receipts[1].MessageID == "" {
		t.Errorf("receipts %+v", receipts)
	}
}
