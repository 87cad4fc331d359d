package main

import (
	"testing"

	"paperplane/tools/mailbox"
)

// TestTheMailProviderFails lets the provider fail in every way. Work goes on by itself, and nobody gets two letters.
func TestTheMailProviderFails(t *testing.T) {
	t.Parallel()
	// Without the provider's news, which would tell that a message was accepted before the call is made again.
	s := startTestStack(t, "", func(o *stackOptions) { o.noNews = true })
	ada := s.administrator(t)

	// The one that hangs is waited for last: the call is given up after half a minute, and nobody else waits for it.
	s.mailbox.Fail(1, mailbox.FaultHang)
	hanging := s.sendsBehindThePages(t, "hang@example.com")
	eventually(t, "the call hangs", func() bool {
		return row[int](t, s, `SELECT count(*)::int FROM mail_chunks WHERE batch_id = $1 AND leased_until > clock_timestamp()`, hanging) == 1
	})

	inTurn(t,
		story{"too many calls: it waits as long as it was asked to", func(t *testing.T) { s.survives(t, ada, "many@example.com", mailbox.FaultTooMany, 2) }},
		story{"an error of its own", func(t *testing.T) { s.survives(t, ada, "error@example.com", mailbox.FaultError, 1) }},
		story{"an answer that breaks off", func(t *testing.T) { s.survives(t, ada, "truncated@example.com", mailbox.FaultTruncated, 1) }},
		story{"an answer that is lost", func(t *testing.T) { s.survives(t, ada, "lost@example.com", mailbox.FaultLost, 1) }},
		story{"no answer at all", func(t *testing.T) {
			eventually(t, "the batch is done", func() bool { return s.reports(t, hanging).Progress.Done() })
			s.oneLetterEach(t, "hang@example.com")
			s.visitor(t).joins(t, "hang@example.com")
		}},
	)
}

// survives has the provider fail n times and looks at the batch's page meanwhile and afterwards.
func (s *testStack) survives(t *testing.T, ada *visitor, address string, fault mailbox.Fault, n int) {
	t.Helper()
	s.mailbox.Fail(n, fault)
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
	ada.awaitBatch(t, batch).allSent(t, 1)
	s.oneLetterEach(t, address)
	s.visitor(t).joins(t, address)
}
