package submission

import (
	"errors"
	"fmt"
	"io"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one connection.
type session struct {
	server   *Server
	conn     *smtp.Conn
	signedIn bool
	from     string
	to       []string
}

func (s *Server) newSession(conn *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections++
	return &session{server: s, conn: conn, signedIn: s.options.Username == ""}, nil
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.server.options.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != s.server.options.Username || password != s.server.options.Password {
			return smtp.ErrAuthFailed
		}
		s.signedIn = true
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.signedIn {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	if s.server.take(FaultClosing) != 0 {
		defer s.cut()
		_, _ = io.WriteString(s.conn.Conn(), "421 4.3.2 closing\r\n") // the client may be gone
		return errCut
	}
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.server.answer(to); err != nil {
		return err
	}
	s.to = append(s.to, to)
	return nil
}

// errCut is what nobody is told, because the connection is gone.
var errCut = errors.New("connection cut")

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	fault := s.server.take(FaultRefuse, FaultPutOff, FaultCut, FaultLost)
	if fault == FaultCut {
		_, _ = io.CopyN(io.Discard, r, 64) // a part of it
		s.cut()
		return errCut
	}
	message, err := parse(r)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "Not a message: " + err.Error()}
	}
	switch fault {
	case FaultRefuse:
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Message rejected as spam"}
	case FaultPutOff:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Try again later"}
	case FaultLost:
		defer s.cut()
	case FaultCut, FaultClosing:
	}
	message.To = s.to
	if err := s.server.options.Mailbox.Catch(message); err != nil {
		return fmt.Errorf("keep message: %w", err)
	}
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// cut breaks the connection.
func (s *session) cut() { _ = s.conn.Conn().Close() } // it is broken on purpose
