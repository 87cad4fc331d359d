package mail

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"paperplane/extension"
)

// attempt is what came of handing one message over.
type attempt struct {
	result  Result
	failure error // why no more messages can follow; nil when they can
	passing bool  // the failure is about this person, and passing: others may fare better
	gone    bool  // the connection is of no more use
	marked  bool  // the message was marked, or may have been
}

// hand carries one message through the protocol (RFC 5321 §3.3).
func (s *session) hand(ctx context.Context, e envelope, mark extension.Mark) attempt {
	if err := s.conn.SetDeadline(time.Now().Add(s.timeout)); err != nil {
		return lost(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Now().Add(lastChance)) }) // a closed one fails by itself
	defer stop()
	s.client.SkipSMTPUTF8(!strings.ContainsFunc(e.To, func(r rune) bool { return r > unicode.MaxASCII }))
	if err := s.client.Mail("<" + e.from + ">"); err != nil {
		return s.reset(judgeSender(err))
	}
	if err := s.client.Rcpt("<" + e.To + ">"); err != nil {
		return s.reset(judgeRecipient(err))
	}
	first, err := mark(ctx, e.Invitation)
	switch {
	case err != nil:
		failure := fmt.Errorf("mark message of invitation %s: %w", e.Invitation, err)
		return s.reset(attempt{result: Result{Untried: true}, failure: failure, marked: true})
	case !first:
		return s.reset(attempt{result: Result{Unknown: true}})
	}
	tried := s.data(e)
	tried.marked = true
	return tried
}

// data hands the content over. Once the server has permitted it, only an answer tells what became of the message.
func (s *session) data(e envelope) attempt {
	s.used = true
	content, err := s.client.Data()
	if err != nil {
		return s.reset(judgeRecipient(err))
	}
	if _, err := content.Write(e.content); err != nil {
		return unanswered(err)
	}
	if err := content.Close(); err != nil {
		if code, answered := reply(err); !answered || code < replyTransient {
			return unanswered(err)
		}
		return judgeRecipient(err) // the server says that it did not take the message
	}
	return attempt{result: Result{MessageID: e.id}}
}

// reset takes back what was begun, so that the next message can follow.
func (s *session) reset(tried attempt) attempt {
	if !tried.gone && s.client.Reset() != nil {
		tried.gone = true
	}
	return tried
}

// lost is an attempt that ended with the connection before anything was handed over.
func lost(err error) attempt {
	return attempt{result: Result{Untried: true}, failure: smtpTrouble(connectionSentence(err), err), gone: true}
}

// unanswered is one that ended without an answer while, or after, the content was handed over.
func unanswered(err error) attempt {
	return attempt{result: Result{Unknown: true}, failure: smtpTrouble(connectionSentence(err), err), gone: true}
}
