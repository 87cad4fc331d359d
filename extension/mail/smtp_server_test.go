package mail

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/tools/mailbox"
	"paperplane/tools/mailbox/submission"
)

// mailServer is a real SMTP server in front of a mailbox, and a sender that speaks to it.
type mailServer struct {
	*submission.Server
	box    *mailbox.Mailbox
	sender *SMTP
}

func startMailServer(t *testing.T, options submission.Options, changes ...func(*SMTPOptions)) *mailServer {
	t.Helper()
	box, err := mailbox.New(mailbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	options.Mailbox = box
	s := &mailServer{Server: submission.New(options), box: box}
	listener := listenLocal(t)
	s.sender = senderTo(t, listener.Addr(), changes...)
	s.serve(t, listener)
	return s
}

func (s *mailServer) serve(t *testing.T, listener net.Listener) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func listenLocal(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func senderTo(t *testing.T, address net.Addr, changes ...func(*SMTPOptions)) *SMTP {
	t.Helper()
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", address)
	}
	options := SMTPOptions{Host: "127.0.0.1", Port: tcp.Port, TLS: TLSNone, Hello: "people.example.org", Timeout: 5 * time.Second}
	for _, change := range changes {
		change(&options)
	}
	sender := NewSMTP(options)
	t.Cleanup(sender.Close)
	return sender
}

// certificate makes a server's certificate and the pool of those who trust it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, pool
}

// marks is a durable extension.Mark as the database keeps it.
type marks struct {
	mu     sync.Mutex
	marked map[extension.InvitationID]int
}

func (m *marks) mark(_ context.Context, invitation extension.InvitationID) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.marked == nil {
		m.marked = map[extension.InvitationID]int{}
	}
	m.marked[invitation]++
	return m.marked[invitation] == 1, nil
}

// hand delivers a chunk by SMTP, as the engine does.
func (s *mailServer) hand(t *testing.T, chunk extension.Chunk) ([]extension.Receipt, error) {
	t.Helper()
	return NewPost(s.sender).Deliver(t.Context(), chunk, new(marks).mark)
}

// caught counts the messages to an address.
func (s *mailServer) caught(address string) int { return len(s.box.Messages(address)) }

// fates gives a letter for each receipt: s sent, r refused, u unknown, - untried.
func fates(receipts []extension.Receipt) string {
	var all strings.Builder
	for _, r := range receipts {
		switch {
		case r.Unknown:
			all.WriteByte('u')
		case r.Untried:
			all.WriteByte('-')
		case r.Refused != "":
			all.WriteByte('r')
		case r.MessageID != "":
			all.WriteByte('s')
		default:
			all.WriteByte('?')
		}
	}
	return all.String()
}

// scripted is a server that answers each command as it is told; an empty answer closes the connection. Commands that are
// not in the script are answered with 250.
func scripted(t *testing.T, script map[string]string) net.Addr {
	t.Helper()
	listener := listenLocal(t)
	var serving sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() }) // closed once
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { play(conn, script) })
		}
	})
	return listener.Addr()
}

func play(conn net.Conn, script map[string]string) {
	defer func() { _ = conn.Close() }() // the client may have closed it
	if greeting, told := script["greeting"]; told {
		if _, err := fmt.Fprintf(conn, "%s\r\n", greeting); err != nil || greeting == "" {
			return
		}
	} else if _, err := fmt.Fprintf(conn, "220 mail.example.test\r\n"); err != nil {
		return
	}
	lines, inside := bufio.NewScanner(conn), false
	for lines.Scan() {
		command, _, _ := strings.Cut(lines.Text(), " ")
		if inside && command != "." {
			continue
		}
		answer, told := script[command]
		switch {
		case told && answer == "":
			return
		case !told && command == "DATA":
			answer = "354 go on"
		case !told:
			answer = "250 fine"
		}
		inside = strings.HasPrefix(answer, "354")
		if _, err := fmt.Fprintf(conn, "%s\r\n", answer); err != nil {
			return
		}
	}
}

func (s *mailServer) serveTLS(t *testing.T, listener net.Listener, offered *tls.Config) {
	t.Helper()
	s.serve(t, tls.NewListener(listener, offered))
}
