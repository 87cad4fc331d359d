package mail

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

const (
	mostIdle   = 8                // connections that are kept
	idleFor    = 20 * time.Second // how long: servers close idle ones themselves after a minute or five
	checkFor   = 5 * time.Second  // how long a kept connection has to answer whether it still works
	lastChance = 3 * time.Second  // for the message under way when we are told to stop
)

// session is a connection to the mail server, signed in and ready for a message.
type session struct {
	client  *smtp.Client
	conn    net.Conn
	timeout time.Duration
	used    bool // before this message, so the server may have closed it since
	closing *time.Timer
}

// open gives a kept connection that still works, or a new one. Its error is an *extension.TroubleError or of the context.
func (s *SMTP) open(ctx context.Context) (*session, error) {
	for kept := s.idle.take(); kept != nil; kept = s.idle.take() {
		if kept.alive() {
			return kept, nil
		}
		kept.cut()
	}
	opened, err := s.dial(ctx)
	if err != nil {
		return nil, judgeDial(ctx, err)
	}
	return opened, nil
}

// dial makes a connection. go-mail's client leaves a connection open when signing in fails, so it is dialled here.
func (s *SMTP) dial(ctx context.Context) (*session, error) {
	var conn net.Conn
	dialler := func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		if s.options.TLS == TLSImplicit {
			conn, err = (&tls.Dialer{Config: s.tls()}).DialContext(ctx, network, address)
		} else {
			conn, err = new(net.Dialer).DialContext(ctx, network, address)
		}
		return conn, err
	}
	connector, err := gomail.NewClient(s.options.Host, append(s.settings(), gomail.WithDialContextFunc(dialler))...)
	if err != nil {
		return nil, err
	}
	client, err := connector.DialToSMTPClientWithContext(ctx)
	if err != nil {
		if conn != nil {
			_ = conn.Close() // it is of no use to anybody
		}
		return nil, err
	}
	return &session{client: client, conn: conn, timeout: s.options.Timeout}, nil
}

func (s *SMTP) tls() *tls.Config {
	return &tls.Config{ServerName: s.options.Host, RootCAs: s.options.Roots, MinVersion: tls.VersionTLS12}
}

// settings are those of go-mail. Signing in prefers what never shows the password to the server.
func (s *SMTP) settings() []gomail.Option {
	settings := []gomail.Option{
		gomail.WithPort(s.options.Port), gomail.WithTimeout(s.options.Timeout), gomail.WithTLSConfig(s.tls()),
	}
	if s.options.Hello != "" {
		settings = append(settings, gomail.WithHELO(s.options.Hello))
	}
	plain, login := gomail.SMTPAuthPlain, gomail.SMTPAuthLogin
	switch s.options.TLS {
	case TLSImplicit:
		settings = append(settings, gomail.WithSSL())
	case TLSNone:
		settings = append(settings, gomail.WithTLSPolicy(gomail.NoTLS))
		plain, login = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc // the operator has allowed it
	case TLSStart:
		settings = append(settings, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		settings = append(settings, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.options.Username != "" {
		settings = append(settings, gomail.WithUsername(s.options.Username), gomail.WithPassword(s.options.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, plain, login))
	}
	return settings
}

// alive asks whether the connection still works.
func (s *session) alive() bool {
	return s.conn.SetDeadline(time.Now().Add(checkFor)) == nil && s.client.Noop() == nil
}

// cut ends the connection without a word.
func (s *session) cut() { _ = s.conn.Close() } // nothing more is to be heard

// quit ends it politely (RFC 5321 §4.1.1.10), in as much time as a server takes that is not broken.
func (s *session) quit() {
	if s.conn.SetDeadline(time.Now().Add(checkFor)) == nil {
		_ = s.client.Quit() // it is over in any case
	}
	s.cut()
}

// sessions are the connections that are kept for the next call. The zero value keeps none yet.
type sessions struct {
	mu   sync.Mutex
	kept []*session
}

// take gives the one that was used last, or nil.
func (k *sessions) take() *session {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) == 0 {
		return nil
	}
	last := k.kept[len(k.kept)-1]
	k.kept = k.kept[:len(k.kept)-1]
	last.closing.Stop()
	return last
}

// put keeps a connection for a while.
func (k *sessions) put(s *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) >= mostIdle {
		go s.quit()
		return
	}
	s.used = true
	s.closing = time.AfterFunc(idleFor, func() { k.drop(s) })
	k.kept = append(k.kept, s)
}

// drop ends a connection that nobody has taken.
func (k *sessions) drop(old *session) {
	k.mu.Lock()
	for i, s := range k.kept {
		if s == old {
			k.kept = append(k.kept[:i], k.kept[i+1:]...)
			k.mu.Unlock()
			old.quit()
			return
		}
	}
	k.mu.Unlock()
}

func (k *sessions) closeAll() {
	for kept := k.take(); kept != nil; kept = k.take() {
		kept.quit()
	}
}
