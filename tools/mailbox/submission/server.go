package submission

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"paperplane/tools/mailbox"
)

// Options say how a server behaves.
type Options struct {
	Mailbox  *mailbox.Mailbox
	Username string      // of the one who may submit; empty lets everybody in
	Password string      //
	TLS      *tls.Config // offers STARTTLS; nil for none. A listener of crypto/tls makes it implicit instead
}

// Fault is a way in which the server fails a message.
type Fault int

// The faults.
const (
	FaultRefuse  Fault = iota + 1 // 554 after the content: not accepted
	FaultPutOff                   // 451 after the content: not accepted
	FaultCut                      // the connection breaks while the content comes in: not accepted
	FaultLost                     // accepted, and the connection breaks before the answer
	FaultClosing                  // 421 to MAIL, and the connection is closed
)

// Server takes submissions. It is safe for concurrent use.
type Server struct {
	options Options
	served  *smtp.Server

	mu          sync.Mutex
	left        int
	fault       Fault
	answers     map[string]*smtp.SMTPError // to RCPT, by address
	connections int
}

// New makes a server. It listens once Serve is called.
func New(options Options) *Server {
	s := &Server{options: options, answers: map[string]*smtp.SMTPError{}}
	s.served = smtp.NewServer(smtp.BackendFunc(s.newSession))
	s.served.Domain = "mail.example.test"
	s.served.TLSConfig = options.TLS
	s.served.ReadTimeout, s.served.WriteTimeout = time.Minute, time.Minute
	s.served.AllowInsecureAuth = true // whether that is wise is for the client to know
	s.served.EnableSMTPUTF8 = true
	s.served.ErrorLog = log.New(io.Discard, "", 0) // broken connections are what it is for
	return s
}

// Serve takes connections until Close.
func (s *Server) Serve(listener net.Listener) error {
	if err := s.served.Serve(listener); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve submissions: %w", err)
	}
	return nil
}

// Close ends the server and all connections.
func (s *Server) Close() error {
	if err := s.served.Close(); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
		return fmt.Errorf("close submission server: %w", err)
	}
	return nil
}

// Fail makes the next n messages fail in one way. It replaces what an earlier Fail left over.
func (s *Server) Fail(n int, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.fault = n, fault
}

// Answer makes the server answer a code and a text whenever an address is named as a recipient. Code 0 accepts it again.
func (s *Server) Answer(address string, code int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code == 0 {
		delete(s.answers, strings.ToLower(address))
		return
	}
	s.answers[strings.ToLower(address)] = &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// Connections tells how many there have been.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// take gives the fault of the present message, if it is one of these, or zero.
func (s *Server) take(faults ...Fault) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range faults {
		if s.left > 0 && s.fault == fault {
			s.left--
			return fault
		}
	}
	return 0
}

func (s *Server) answer(address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if told := s.answers[strings.ToLower(address)]; told != nil {
		return told
	}
	return nil
}
