package submission

import (
	"net"
	"net/smtp"
	"strings"
	"testing"

	"paperplane/tools/mailbox"
)

// opened serves a mailbox until the test ends.
func opened(t *testing.T) (*mailbox.Mailbox, *Server, string) {
	t.Helper()
	box, err := mailbox.New(mailbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := New(Options{Mailbox: box})
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
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
	return box, server, listener.Addr().String()
}

func send(address, to string, lines ...string) error {
	return smtp.SendMail(address, nil, "p@example.org", []string{to}, []byte(strings.Join(lines, "\r\n")+"\r\n"))
}

func TestSubmittedMessagesAreReadInEveryForm(t *testing.T) {
	t.Parallel()
	box, _, address := opened(t)
	for to, lines := range map[string][]string{
		"plain@example.org": {"Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "", "Gr=C3=BC=C3=9Fe"},
		"both@example.org": {
			"Subject: =?UTF-8?B?R3LDvMOfZQ==?=", "Message-Id: <m-1@example.org>", "Content-Type: multipart/alternative; boundary=b", "",
			"--b", "Content-Type: text/plain", "Content-Transfer-Encoding: base64", "", "R3LDvMOfZQ==", "--b", "Content-Type: text/html", "", "<p>Hi</p>", "--b--",
		},
	} {
		if err := send(address, to, lines...); err != nil {
			t.Fatal(err)
		}
		message := box.Messages(to)[0]
		if message.Subject != "Grüße" || strings.TrimSpace(message.Text) != "Grüße" || message.ID == "" {
			t.Errorf("%s got %+v", to, message)
		}
	}
	if both := box.Messages("both@example.org")[0]; both.ID != "m-1@example.org" || strings.TrimSpace(both.HTML) != "<p>Hi</p>" {
		t.Errorf("both forms: %+v", both)
	}
	for _, lines := range [][]string{{"no header"}, {"Subject: a", "Subject: b", "Content-Type: text/plain", "", "x"}, {"Subject: a", "Content-Type: ;", "", "x"}} {
		if err := send(address, "bad@example.org", lines...); err == nil {
			t.Errorf("%q was taken", lines)
		}
	}
}

func TestPeopleAreRefusedAsTold(t *testing.T) {
	t.Parallel()
	box, server, address := opened(t)
	server.Answer("Bob@example.org", 550, "5.1.1 no such user")
	if err := send(address, "bob@example.org", "Content-Type: text/plain", "", "x"); err == nil || !strings.Contains(err.Error(), "no such user") {
		t.Errorf("answered with %v", err)
	}
	server.Answer("bob@example.org", 0, "")
	server.Fail(1, FaultLost)
	if err := send(address, "bob@example.org", "Content-Type: text/plain", "", "x"); err == nil {
		t.Error("the answer was not lost")
	}
	if n := len(box.Messages("bob@example.org")); n != 1 || server.Connections() != 2 {
		t.Errorf("%d messages over %d connections", n, server.Connections())
	}
}
