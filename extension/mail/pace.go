package mail

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"paperplane/extension"
)

// How long a call may wait for its turn: for one window of the provider, and in all when others of this process are
// faster window after window. A longer wait is for the caller, who can do something else meanwhile.
const (
	maxPause    = 2 * time.Second
	maxPatience = 5 * time.Second
)

// pace keeps the calls of one process within the provider's rate limit. It knows nothing of the limit but what the
// provider's answers tell (ratelimit-limit, -remaining and -reset, draft-ietf-httpapi-ratelimit-headers-06, and
// retry-after): while nothing is known one call goes ahead and the others wait for its answer, and a provider that tells
// nothing is never waited for. Other processes use up the same limit, so a call can still meet a 429; that one stops
// all calls of this process until the time that it names.
type pace struct {
	mu      sync.Mutex
	free    bool      // the provider answers without telling a limit
	limit   int       // calls in a window; zero while unknown
	left    int       // calls that may still begin in the present window
	end     time.Time // of the present window; zero until an answer tells
	flying  int       // calls under way
	heard   time.Time // when the last answer came
	why     string    // what administrators read while all calls are stopped
	changed chan struct{}
}

func newPace() *pace { return &pace{left: 1, why: sentenceRate, changed: make(chan struct{})} }

// enter waits until a call may begin; leave must follow when it is over. The error is an *extension.TroubleError that
// says how long the provider wants to be left alone, or that of the context.
func (p *pace) enter(ctx context.Context) error {
	deadline := time.Now().Add(maxPatience)
	for {
		now := time.Now()
		ready, until, changed := p.take(now)
		if ready {
			return nil
		}
		pause := maxPause // for an answer that tells when the window ends
		if !until.IsZero() {
			pause = until.Sub(now)
		}
		if pause > maxPause || until.After(deadline) {
			return &extension.TroubleError{Sentence: p.sentence(), After: min(pause, maxAfter), Refused: true}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
			p.unheard()
		}
		timer.Stop()
		switch err := ctx.Err(); {
		case errors.Is(err, context.DeadlineExceeded):
			return &extension.TroubleError{Sentence: p.sentence(), Refused: true, Cause: err}
		case err != nil:
			return err
		}
	}
}

// take lets a call begin, or tells until when it has to wait, zero when no answer has told yet, and what is closed when
// that may have changed.
func (p *pace) take(now time.Time) (ready bool, until time.Time, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.end.IsZero() && !now.Before(p.end) { // a new window, of which only the size is known
		p.end, p.left, p.why = time.Time{}, max(p.limit, 1)-p.flying, sentenceRate
	}
	if p.left > 0 || p.free && p.end.IsZero() {
		p.left--
		p.flying++
		return true, now, nil
	}
	return false, p.end, p.changed
}

// unheard lets another call ask while those under way have no answer: one that hangs must not hold up everybody.
func (p *pace) unheard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.end.IsZero() {
		p.left = max(p.left, 1)
	}
}

// leave says that a call is over, whether an answer came or not.
func (p *pace) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flying--
	if p.end.IsZero() && p.flying == 0 {
		p.left = max(p.left, 1) // nobody is under way who could tell more
	}
	p.tell()
}

// hear learns from the answer to a call that began at a time. The calls that are still under way may be counted in it or
// not; they are taken for not counted. Of answers that cross each other, the one with less to give is believed.
func (p *pace) hear(status int, header http.Header, began, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.tell()
	limit, hasLimit := count(header.Get("Ratelimit-Limit"))
	remaining, hasRemaining := count(header.Get("Ratelimit-Remaining"))
	reset := max(seconds(header.Get("Ratelimit-Reset")), time.Second) // in whole seconds: zero is less than one
	switch {
	case hasRemaining || status == http.StatusTooManyRequests:
		p.free = false
	case status < http.StatusMultipleChoices: // an error may come from something in between
		p.free = true
	}
	if hasLimit {
		p.limit = limit
	}
	if hasRemaining {
		left, end := remaining-(p.flying-1), now.Add(min(reset, maxAfter))
		if began.Before(p.heard) && !p.end.IsZero() { // this answer may be older than one that was heard already
			left, end = min(left, p.left), later(end, p.end)
		}
		p.left, p.end = left, end
	}
	p.heard = now
}

// stop ends all calls for as long as the provider asked to wait.
func (p *pace) stop(asked time.Duration, why string, now time.Time) {
	if asked <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.end, p.why = 0, later(p.end, now.Add(asked)), why
	p.tell()
}

func (p *pace) sentence() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why
}

// tell wakes whoever waits.
func (p *pace) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// count reads a number of calls. The provider may write a policy behind it (100;w=1).
func count(text string) (int, bool) {
	digits, _, _ := strings.Cut(strings.TrimSpace(text), ";")
	n, err := strconv.ParseUint(digits, 10, 31)
	return int(n), err == nil
}

func later(one, other time.Time) time.Time {
	if one.After(other) {
		return one
	}
	return other
}
