package mailbox

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Fault is a way in which the provider fails.
type Fault int

// The faults. The first three accept nothing; the next two accept the messages and lose the answer, so that only a
// second call under the same key tells the sender what happened; after the last the sender believes in messages that
// nobody will ever hear of again.
const (
	FaultTooMany   Fault = iota + 1 // 429 rate_limit_exceeded, with Retry-After: 1
	FaultError                      // 500 internal_server_error
	FaultHang                       // no answer until the client gives up
	FaultTruncated                  // accepted; 200, but the body breaks off in the middle
	FaultLost                       // accepted; 500 all the same
	FaultForget                     // accepted with 200, then forgotten: no message, no key, no news
)

// faults are what tests have asked to go wrong.
type faults struct {
	mu      sync.Mutex
	left    int
	fault   Fault
	refused map[string]string // reasons by addressKey
}

func newFaults() *faults { return &faults{refused: map[string]string{}} }

func (f *faults) set(n int, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.fault = n, fault
}

// take gives the fault of the present call, or zero.
func (f *faults) take() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left <= 0 {
		return 0
	}
	f.left--
	return f.fault
}

func (f *faults) refuse(address, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused[addressKey(address)] = reason
}

func (f *faults) refusal(address string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refused[addressKey(address)]
}

// before answers a call that fails before anything is accepted, and tells whether it did.
func (f Fault) before(w http.ResponseWriter, r *http.Request) bool {
	switch f {
	case FaultTooMany:
		w.Header().Set("Retry-After", "1")
		tooMany().write(w)
	case FaultError:
		broken().write(w)
	case FaultHang:
		<-r.Context().Done()
	case FaultTruncated, FaultLost, FaultForget:
		return false
	default:
		return false
	}
	return true
}

// answer sends the answer of an accepted call, as far as the fault lets it through. A body that is shorter than
// Content-Length makes the server close the connection, which is what a cut line looks like to the client.
func (f Fault) answer(w http.ResponseWriter, body []byte) {
	if f == FaultLost {
		broken().write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if f == FaultTruncated {
		body = body[:len(body)/2]
	}
	_, _ = w.Write(body) // the client is gone: the call stays accepted
}

func tooMany() *problem {
	return &problem{
		http.StatusTooManyRequests, "rate_limit_exceeded",
		"Too many requests. Please limit the number of requests per second.",
	}
}

func broken() *problem {
	return &problem{http.StatusInternalServerError, "internal_server_error", "An unexpected error occurred."}
}

// rate counts calls in windows of one second, which is how the provider words its limit.
type rate struct {
	mu     sync.Mutex
	limit  int // calls a second; zero for any number
	window time.Time
	used   int
}

// take counts a call, writes the provider's rate headers (draft-ietf-httpapi-ratelimit-headers-06) and tells whether
// the call is within the limit. A window lasts a second, so the wait is never longer than one.
func (l *rate) take(w http.ResponseWriter, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limit <= 0 {
		return true
	}
	if window := now.Truncate(time.Second); !window.Equal(l.window) {
		l.window, l.used = window, 0
	}
	l.used++
	w.Header().Set("Ratelimit-Limit", strconv.Itoa(l.limit))
	w.Header().Set("Ratelimit-Remaining", strconv.Itoa(max(0, l.limit-l.used)))
	w.Header().Set("Ratelimit-Reset", "1")
	if l.used <= l.limit {
		return true
	}
	w.Header().Set("Retry-After", "1")
	return false
}
