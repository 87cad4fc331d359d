package main

import (
	"net/http"
	"testing"

	"paperplane/tools/mailbox"
)

// TestTheMailProviderFails lets the provider fail in every way. Work goes on by itself, and nobody gets two letters.
func TestTheMailProviderFails(t *testing.T) {
	t.Parallel()
	calls := &checkpoint{}
	s := startTestStack(t, "", func(o *stackOptions) {
		o.noNews = true // it would tell that a message was accepted before the call is made again
		o.settings = append(o.settings, "PAPERPLANE_MAIL_RESEND_BASE_URL="+calls.start(t, o.ports.mailbox))
	})
	ada := s.administrator(t)

	// The one that hangs is waited for last: the call is given up after half a minute, and nobody else waits for it.
	calls.on(http.MethodPost, "/emails/batch", 1, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
	hanging := s.sendsBehindThePages(t, "hang@example.com")
	eventually(t, "the call hangs", func() bool { return len(calls.of("/emails/batch")) == 1 })

	inTurn(t,
		story{"too many calls: it waits as long as it was asked to", func(t *testing.T) { s.survives(t, ada, "many@example.com", mailbox.FaultTooMany) }},
		story{"an error of its own", func(t *testing.T) { s.survives(t, ada, "error@example.com", mailbox.FaultError) }},
		story{"an answer that breaks off", func(t *testing.T) { s.survives(t, ada, "truncated@example.com", mailbox.FaultTruncated) }},
		story{"an answer that is lost", func(t *testing.T) { s.survives(t, ada, "lost@example.com", mailbox.FaultLost) }},
		story{"no answer at all", func(t *testing.T) {
			eventually(t, "the batch is done", func() bool { return s.reports(t, hanging).Progress.Done() })
			s.oneLetterEach(t, "hang@example.com")
			s.visitor(t).joins(t, "hang@example.com")
		}},
	)
}

// survives has the provider fail until the batch's page has told so, and looks at the page afterwards.
func (s *testStack) survives(t *testing.T, ada *visitor, address string, fault mailbox.Fault) {
	t.Helper()
	s.mailbox.Fail(1<<30, fault)
	batch := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite", "addresses", address, "area", "North Pier", "role", "Carer")
	trouble := ""
	eventually(t, "the batch says what holds it up", func() bool {
		batch = ada.open(t, batch.path())
		for node := range batch.elements("div") {
			if _, ok := attribute(node, "data-batch-trouble"); ok {
				trouble = textOf(node)
			}
		}
		return trouble != "Note:" && trouble != ""
	})
	batch.says(t, 200, "Sending invitations…", "0 of 1 invitation was sent so far.", "You can leave it; what is to be sent is sent all the same.")
	t.Logf("the page says %q", trouble)
	s.mailbox.Fail(0, 0)
	ada.awaitBatch(t, batch).allSent(t, 1)
	s.oneLetterEach(t, address)
	s.visitor(t).joins(t, address)
}
