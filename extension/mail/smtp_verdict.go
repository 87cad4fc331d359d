package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"

	"paperplane/extension"
)

// The sentences that administrators read while a mail server gives trouble.
const (
	smtpUnreachable = "The mail server can't be reached. Nothing is lost: sending goes on by itself."
	smtpSlow        = "The mail server did not answer in time. Nothing is lost: sending goes on by itself, and nobody gets a second message."
	smtpCertificate = "The mail server's certificate could not be verified, so nothing is sent to it. Nothing is lost: sending goes on once the operator has put it right, or the host in the configuration (mail.smtp.host)."
	smtpSignIn      = "The mail server does not accept Paperplane's name and password. Nothing is lost: sending goes on once the operator has put valid ones into the configuration (mail.smtp.username, mail.smtp.password)."
	smtpSettings    = "The mail server does not offer what the configuration asks of it. Nothing is lost: sending goes on once the operator has checked mail.smtp.tls, mail.smtp.port and mail.smtp.username."
)

func smtpPutOff(says string) string {
	return "The mail server takes no messages at the moment. It says: “" + says + "” Nothing is lost: sending goes on by itself."
}

func smtpSender(says string) string {
	return "The mail server does not send from Paperplane's address. It says: “" + says + "” Nothing is lost: sending goes on once the operator has put it right; the sender address (mail.from) is what to check first."
}

// smtpTrouble is a failure before which nothing was handed over: what was handed over has a result of its own.
func smtpTrouble(sentence string, cause error) error {
	return &extension.TroubleError{Sentence: sentence, Refused: true, Cause: errors.New(says(cause))}
}

// reply finds the code with which the server answered. Without one the connection has failed.
func reply(err error) (code int, answered bool) {
	var told *textproto.Error
	if !errors.As(err, &told) {
		return 0, false
	}
	return told.Code, true
}

// says gives the server's own words, cleaned, or those of the failure.
func says(err error) string {
	if told, ok := errors.AsType[*textproto.Error](err); ok {
		return clean(fmt.Sprintf("%d %s", told.Code, told.Msg))
	}
	return clean(err.Error())
}

// The classes of replies (RFC 5321 §4.2.1), and the one that announces the end of the connection (§3.8).
const (
	replyTransient = 400
	replyPermanent = 500
	replyClosing   = 421
)

// judgeSender judges the answer to MAIL: it is about us, not about anybody written to.
func judgeSender(err error) attempt {
	code, answered := reply(err)
	switch {
	case !answered:
		return lost(err)
	case code == replyClosing:
		return attempt{result: Result{Untried: true}, failure: smtpTrouble(smtpPutOff(says(err)), err), gone: true}
	case signsIn(code):
		return attempt{result: Result{Untried: true}, failure: smtpTrouble(smtpSignIn, err)}
	case code >= replyPermanent:
		return attempt{result: Result{Untried: true}, failure: smtpTrouble(smtpSender(says(err)), err)}
	default:
		return attempt{result: Result{Untried: true}, failure: smtpTrouble(smtpPutOff(says(err)), err)}
	}
}

// judgeRecipient judges the answer to RCPT, DATA or the content: a permanent one is the person's, a transient one puts
// them off. After either the message certainly was not taken.
func judgeRecipient(err error) attempt {
	code, answered := reply(err)
	if !answered || code == replyClosing || signsIn(code) {
		return judgeSender(err)
	}
	if code >= replyPermanent {
		return attempt{result: Result{Refused: reason(says(err))}}
	}
	putOff := Result{Untried: true, PutOff: reason(says(err))}
	return attempt{result: putOff, failure: smtpTrouble(smtpPutOff(says(err)), err), passing: true}
}

// signsIn tells replies that want us to sign in, or otherwise (RFC 4954 §6).
func signsIn(code int) bool { return code == 530 || code == 534 || code == 535 || code == 538 }

// judgeDial judges a connection that did not come about.
func judgeDial(ctx context.Context, err error) error {
	var (
		certificate *tls.CertificateVerificationError
		network     net.Error
		operation   *net.OpError
	)
	code, answered := reply(err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("connect to mail server: %w", ctx.Err()) // we are stopping: that is nobody's trouble
	case errors.As(err, &certificate):
		return smtpTrouble(smtpCertificate, err)
	case answered && signsIn(code):
		return smtpTrouble(smtpSignIn, err)
	case answered:
		return smtpTrouble(smtpPutOff(says(err)), err)
	case errors.As(err, &network) && network.Timeout():
		return smtpTrouble(smtpSlow, err)
	case errors.As(err, &operation), errors.Is(err, net.ErrClosed), endOfInput(err):
		return smtpTrouble(smtpUnreachable, err)
	default:
		return smtpTrouble(smtpSettings, err)
	}
}

// ended tells why no more messages are to be handed over: we are stopping, or the time that the caller gave is up.
func ended(ctx context.Context) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return smtpTrouble(smtpSlow, err)
	}
	return err
}

// connectionSentence says what became of a connection that failed without an answer.
func connectionSentence(err error) string {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return smtpSlow
	}
	return smtpUnreachable
}

// endOfInput tells a connection that the other side has closed.
func endOfInput(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
