package mail

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"paperplane/tools/mailbox/submission"
)

func TestAClosedConnectionIsReplacedWithoutANoise(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	if _, err := s.hand(t, chunkTo(people(2)...)); err != nil {
		t.Fatal(err)
	}
	s.Fail(1, submission.FaultClosing) // a server that has had enough of this connection
	receipts, err := s.hand(t, chunkTo(people(2)...))
	if err != nil || fates(receipts) != "ss" || s.Connections() != 2 {
		t.Errorf("fates %s over %d connections, error %v", fates(receipts), s.Connections(), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = s.hand(t, chunkTo(people(2)...))
	if trouble := wantTrouble(t, err); !trouble.Refused || trouble.Sentence != smtpUnreachable {
		t.Errorf("without a server: %+v", trouble)
	}
}

func TestANewConnectionThatIsClosedAtOnceIsTrouble(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	s.Fail(1, submission.FaultClosing)
	_, err := s.hand(t, chunkTo(people(2)...))
	if trouble := wantTrouble(t, err); !trouble.Refused || len(s.box.Messages("")) > 0 {
		t.Errorf("trouble %+v", trouble)
	}
}

func TestManyCallsAtOnceEachHaveAConnection(t *testing.T) {
	t.Parallel()
	s := startMailServer(t, submission.Options{})
	var sending sync.WaitGroup
	for worker := range 4 {
		sending.Go(func() {
			for n := range 5 {
				receipts, err := s.hand(t, chunkTo(fmt.Sprintf("a%d-%d@example.org", worker, n), fmt.Sprintf("b%d-%d@example.org", worker, n)))
				if err != nil || fates(receipts) != "ss" {
					t.Errorf("fates %s, error %v", fates(receipts), err)
				}
			}
		})
	}
	sending.Wait()
	count := s.box.Count()
	if count.Messages != 40 || count.Addresses != 40 || s.Connections() > 4 {
		t.Errorf("%+v over %d connections", count, s.Connections())
	}
}

func TestTheConnectionIsEncryptedAndTheServerVerified(t *testing.T) {
	t.Parallel()
	offered, trusted := certificate(t)
	account := submission.Options{Username: "paperplane", Password: "pass word", TLS: offered}
	signIn := func(password string) func(*SMTPOptions) {
		return func(o *SMTPOptions) { o.Username, o.Password = "paperplane", password }
	}
	trusting := func(o *SMTPOptions) { o.TLS, o.Roots = TLSStart, trusted }

	s := startMailServer(t, account, trusting, signIn("pass word"))
	if receipts, err := s.hand(t, chunkTo(people(2)...)); err != nil || fates(receipts) != "ss" {
		t.Errorf("fates %s, error %v", fates(receipts), err)
	}
	for name, c := range map[string]struct {
		server   submission.Options
		changes  []func(*SMTPOptions)
		sentence string
	}{
		"a wrong password":          {account, []func(*SMTPOptions){trusting, signIn("secret-guess")}, smtpSignIn},
		"nobody signs in":           {account, []func(*SMTPOptions){trusting}, smtpSignIn},
		"nobody trusts the server":  {account, []func(*SMTPOptions){func(o *SMTPOptions) { o.TLS = TLSStart }, signIn("pass word")}, smtpCertificate},
		"no encryption is offered":  {submission.Options{}, []func(*SMTPOptions){trusting}, smtpSettings},
		"encryption comes too soon": {account, []func(*SMTPOptions){func(o *SMTPOptions) { o.TLS, o.Roots = TLSImplicit, trusted }}, smtpSettings},
		"nobody can sign in":        {submission.Options{TLS: offered}, []func(*SMTPOptions){trusting, signIn("pass word")}, smtpSettings},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startMailServer(t, c.server, c.changes...)
			_, err := s.hand(t, chunkTo(people(2)...))
			trouble := wantTrouble(t, err)
			if trouble.Sentence != c.sentence || !trouble.Refused {
				t.Errorf("trouble %+v", trouble)
			}
			if strings.Contains(err.Error(), "secret-guess") || len(s.box.Messages("")) > 0 {
				t.Errorf("error %v, %d messages", err, len(s.box.Messages("")))
			}
		})
	}
}

func TestTheFirstByteCanBeEncrypted(t *testing.T) {
	t.Parallel()
	offered, trusted := certificate(t)
	s := startMailServer(t, submission.Options{Username: "u", Password: "p"})
	listener := listenLocal(t)
	s.sender = senderTo(t, listener.Addr(), func(o *SMTPOptions) {
		o.TLS, o.Roots, o.Username, o.Password = TLSImplicit, trusted, "u", "p"
	})
	s.serveTLS(t, listener, offered)
	if receipts, err := s.hand(t, chunkTo(people(2)...)); err != nil || fates(receipts) != "ss" {
		t.Errorf("fates %s, error %v", fates(receipts), err)
	}
}
