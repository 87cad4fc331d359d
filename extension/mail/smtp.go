package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"paperplane/extension"
)

// TLS is how the connection to a mail server is encrypted. Its certificate is verified in either way.
type TLS string

// The ways.
const (
	TLSStart    TLS = "starttls" // begun in the clear and then demanded (RFC 3207)
	TLSImplicit TLS = "implicit" // from the first byte on (RFC 8314 §3)
	TLSNone     TLS = "none"     // not at all
)

// SMTPOptions say how a mail server is reached.
type SMTPOptions struct {
	Host     string // name or address
	Port     int
	Username string // empty where the server wants nobody to sign in
	Password string // never reaches an error or a log
	TLS      TLS
	Hello    string         // the host that we say we are (EHLO, RFC 5321 §4.1.1.1)
	Roots    *x509.CertPool // who may vouch for the server; nil for the system's
	Timeout  time.Duration  // of one message, and of a new connection; zero for 30 seconds
}

const (
	// smtpMemory says that no chunk is ever too old to be called again: what was begun is marked, not remembered there.
	smtpMemory = 10 * 365 * 24 * time.Hour
	// smtpRest is how long no call is made after one that had to stop in the middle, doubled up to smtpLongestRest each
	// time that nothing was accepted since the last. It keeps callers that come back at once from asking a server that has
	// just said no.
	smtpRest        = 5 * time.Second
	smtpLongestRest = 5 * time.Minute
	// mostPutOff is after how many people in a row that the server puts off it is taken to mean us and not them.
	mostPutOff = 20
)

// SMTP is the Sender that speaks to a mail server, one message for each person. It is safe for concurrent use: every
// call has a connection of its own, which is kept for the next one for a while.
//
// SMTP knows no idempotency keys. A message is therefore marked before it is handed over: if the answer is lost then, it
// may or may not have been sent, so its result is Unknown and it is never handed over again. Its Message-ID follows from
// its invitation, so that whoever sees two copies can tell.
type SMTP struct {
	options SMTPOptions
	idle    *sessions

	mu      sync.Mutex
	trouble *extension.TroubleError // that a call ran into which had sent something before
	until   time.Time
	pause   time.Duration // of the last rest; zero once something was accepted
}

// NewSMTP makes the sender. It makes no connection, so a wrong password shows at the first Send.
func NewSMTP(options SMTPOptions) *SMTP {
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	return &SMTP{options: options, idle: &sessions{}}
}

// Memory implements Sender.
func (s *SMTP) Memory() time.Duration { return smtpMemory }

// Close ends the connections that are kept for later. Calls under way keep theirs.
func (s *SMTP) Close() { s.idle.closeAll() }

// Send implements Sender. A call that cannot go on returns what it has come to, the rest Untried; only one that could not
// even begin is a *extension.TroubleError that certainly sent nothing. When the context ends, the message under
// way gets a few seconds to be answered.
func (s *SMTP) Send(ctx context.Context, key extension.ChunkID, messages []Message, mark extension.Mark) ([]Result, error) {
	if len(messages) > BatchLimit || mark == nil {
		return nil, fmt.Errorf("send chunk %s: %d messages, %d at most, and each has to be marked", key, len(messages), BatchLimit)
	}
	if trouble := s.resting(time.Now()); trouble != nil {
		return nil, fmt.Errorf("send chunk %s: %w", key, trouble)
	}
	envelopes := make([]envelope, len(messages))
	for i, m := range messages {
		var err error
		if envelopes[i], err = compose(m); err != nil {
			return nil, fmt.Errorf("send chunk %s: write message of invitation %s: %w", key, m.Invitation, err)
		}
	}
	run := &smtpRun{sender: s, mark: mark, results: make([]Result, len(messages))}
	err := run.send(ctx, envelopes)
	run.end()
	if err != nil && !run.touched {
		return nil, fmt.Errorf("send chunk %s: %w", key, err)
	}
	s.note(run.results)
	if trouble, ok := errors.AsType[*extension.TroubleError](err); ok {
		s.rest(trouble, time.Now())
	}
	return run.results, nil
}

// note forgets how often calls had to stop, once the server takes messages again.
func (s *SMTP) note(results []Result) {
	if !slices.ContainsFunc(results, func(r Result) bool { return r.MessageID != "" }) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pause = 0
}

// rest lets the next calls tell the trouble that this one could not, because it has results to tell.
func (s *SMTP) rest(trouble *extension.TroubleError, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pause == 0 || !now.Before(s.until) { // not another call that ran into the same
		s.pause = min(max(smtpRest, 2*s.pause), smtpLongestRest)
	}
	s.trouble, s.until = trouble, now.Add(s.pause)
}

func (s *SMTP) resting(now time.Time) *extension.TroubleError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble == nil || !now.Before(s.until) {
		return nil
	}
	trouble := *s.trouble
	trouble.After = s.until.Sub(now)
	return &trouble
}

// smtpRun is one call on its way through its messages.
type smtpRun struct {
	sender  *SMTP
	mark    extension.Mark
	session *session
	results []Result
	touched bool // the server has judged somebody, or something was marked: the caller must hear of it
}

// send hands the messages over one by one. Its error says why it did not come to the end. People whom the server puts off
// are Untried, with the server's reason, and no error, even when there is nobody else: they must not hold up those who
// come after them.
func (r *smtpRun) send(ctx context.Context, envelopes []envelope) error {
	for i := range r.results {
		r.results[i].Untried = true
	}
	inRow := 0
	for i, e := range envelopes {
		if err := ended(ctx); err != nil {
			return err
		}
		tried, err := r.try(ctx, e)
		if err != nil {
			return err
		}
		r.results[i] = tried.result
		r.touched = r.touched || tried.marked || tried.passing || !tried.result.Untried
		switch {
		case tried.failure == nil:
			inRow = 0
		case tried.passing && inRow+1 < mostPutOff:
			inRow++
		default:
			if tried.passing {
				r.excuse(i-inRow, i)
			}
			return tried.failure
		}
	}
	return nil
}

// excuse takes from people that they were put off: the server means us, so they wait no longer than everybody else.
func (r *smtpRun) excuse(first, last int) {
	for i := first; i <= last; i++ {
		r.results[i].PutOff = ""
	}
}

// try hands one message over. A connection that was used before may have been closed by the server in the meantime
// (RFC 5321 §3.8): if that shows before anything was marked, it is tried once more over a new one.
func (r *smtpRun) try(ctx context.Context, e envelope) (attempt, error) {
	for {
		if r.session == nil {
			opened, err := r.sender.open(ctx)
			if err != nil {
				return attempt{}, err
			}
			r.session = opened
		}
		used := r.session.used
		tried := r.session.hand(ctx, e, r.mark)
		if !tried.gone {
			return tried, nil
		}
		r.session.cut()
		r.session = nil
		if again := used && !tried.marked && tried.result.Untried && ctx.Err() == nil; !again {
			return tried, nil
		}
	}
}

// end keeps the connection for the next call.
func (r *smtpRun) end() {
	if r.session != nil {
		r.sender.idle.put(r.session)
	}
}
