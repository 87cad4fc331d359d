package main

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"paperplane/tools/mailbox/submission"
)

// TestLettersGoByAMailServer sends by SMTP instead of Resend: what is certain is shown as certain, and nobody gets two
// letters because an answer was lost.
func TestLettersGoByAMailServer(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, _ := openTestStack(t, "", func(o *stackOptions) {
		o.settings = append(o.settings, "PAPERPLANE_MAIL_PROVIDER=smtp", "PAPERPLANE_MAIL_SMTP_HOST=127.0.0.1",
			"PAPERPLANE_MAIL_SMTP_PORT="+port, "PAPERPLANE_MAIL_SMTP_TLS=none")
	})
	server := s.submits(t, listener)
	s.serve(t)
	ada := s.administrator(t)

	server.Answer("nobody@example.com", 550, "5.1.1 No such user here")
	batch := ada.invites(t, "one@example.com", "nobody@example.com", "two@example.com")
	batch.says(t, 200, "2 of 3 invitations were sent.")
	if got := batch.row("nobody@example.com"); !strings.Contains(got, "No such user here") {
		t.Errorf("the refused address: %q", got)
	}
	s.visitor(t).joins(t, "one@example.com")

	server.Fail(1, submission.FaultLost)
	batch = ada.invites(t, "lost@example.com")
	batch.says(t, 200, "0 of 1 invitation was sent.")
	if got := batch.row("lost@example.com"); !strings.Contains(got, "may or may not have been sent") {
		t.Errorf("the one whose answer was lost: %q", got)
	}

	addresses := make([]string, 130)
	for i := range addresses {
		addresses[i] = "many" + strconv.Itoa(i) + "@example.com"
	}
	server.Answer("many7@example.com", 451, "4.2.1 Come back later")
	invited := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite",
		"addresses", strings.Join(addresses, "\n"), "area", "North Pier", "role", "Carer")
	eventually(t, "everybody but the one who was put off has a letter", func() bool {
		waiting := slices.DeleteFunc(slices.Clone(addresses), func(address string) bool { return len(s.invitationsTo(address)) > 0 })
		return slices.Equal(waiting, []string{"many7@example.com"})
	})
	eventually(t, "the one who was put off waits", func() bool {
		return row[int](t, s, `SELECT count(*) FROM invitations WHERE not_before > clock_timestamp()`) == 1
	})
	server.Answer("many7@example.com", 0, "")
	if _, err := s.database(t).Exec(t.Context(), `UPDATE invitations SET not_before = clock_timestamp()`); err != nil {
		t.Fatal(err)
	}
	ada.invites(t, "three@example.com") // whose hand finds that the time has come
	ada.awaitBatch(t, invited).allSent(t, len(addresses))
	s.oneLetterEach(t, addresses...)
	s.oneLetterEach(t, "one@example.com", "two@example.com", "lost@example.com")
}

// submits opens the stack's mailbox for a mail server.
func (s *testStack) submits(t *testing.T, listener net.Listener) *submission.Server {
	t.Helper()
	server := submission.New(submission.Options{Mailbox: s.mailbox})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return server
}
