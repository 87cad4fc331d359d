package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// point is where a call is when its caller dies.
type point string

// The points of a call, in their order.
const (
	callAsked    point = "asked"    // it has left the caller and reached nobody
	callPassing  point = "passing"  // the part is working on it
	callAnswered point = "answered" // the part has done it, and the caller does not know
	callSettling point = "settling" // the caller has the answer and has perhaps not written it down
)

// line stands between one replica and one part. It holds every call up until the replica is to be killed by it, so that
// the kill falls at an exact point of it, and until all kills are done.
type line struct {
	part  string
	last  *last
	names func(body []byte) []string // of the things that a call asks for

	mutex   sync.Mutex
	held    int           // calls that wait
	open    bool          // all of them may go on
	granted bool          // one of them may go on
	target  point         // where it is awaited; empty when none is
	reached chan struct{} // closed when it has come there
	changed chan struct{} // closed and replaced when waiting calls should look again
}

// draw leads calls of one kind to a port, as far as they are not held up, and gives the address to call.
func (l *line) draw(t *testing.T, method, path string, port int) (address string, seen *checkpoint) {
	t.Helper()
	l.changed = make(chan struct{})
	seen = &checkpoint{}
	seen.on(method, path, -1, l.pass)
	address = seen.start(t, port)
	return address, seen
}

// pass takes a call from point to point.
func (l *line) pass(w http.ResponseWriter, r *http.Request, part http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	if !l.admit(r.Context(), l.names(body)) {
		panic(http.ErrAbortHandler)
	}
	l.reach(callPassing)
	if !l.waits(callAnswered) {
		part.ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush() // whoever is dead by now gets nothing
		l.reach(callSettling)
		return
	}
	kept := httptest.NewRecorder()
	part.ServeHTTP(kept, r)
	l.reach(callAnswered)
	<-r.Context().Done() // until the caller is dead
	panic(http.ErrAbortHandler)
}

// admit holds a call up until it may pass, and tells whether its caller has lived to see that.
func (l *line) admit(ctx context.Context, names []string) bool {
	l.mutex.Lock()
	l.held++
	l.mutex.Unlock()
	defer func() {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.held--
	}()
	for {
		may, changed := l.may(names)
		if may {
			return true
		}
		select {
		case <-changed:
		case <-l.last.free:
		case <-ctx.Done():
			return false
		}
	}
}

func (l *line) may(names []string) (bool, <-chan struct{}) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.last.holding.Load() {
		return true, nil
	}
	if !l.open && !l.granted || !l.last.mayPass(l.part, names, l.granted) {
		return false, l.changed
	}
	l.granted = false
	return true, nil
}

// holds tells whether a call waits here.
func (l *line) holds() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.held > 0
}

// opens lets all calls pass, or holds them up again.
func (l *line) opens(open bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.open = open
	close(l.changed)
	l.changed = make(chan struct{})
}

// lets lets a waiting call go on and tells when it has come to a point. At the end of its way nobody waits any more.
func (l *line) lets(to point) <-chan struct{} {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.granted, l.target, l.reached = true, to, make(chan struct{})
	close(l.changed)
	l.changed = make(chan struct{})
	return l.reached
}

// stops holds calls up again.
func (l *line) stops() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.granted, l.target = false, ""
}

func (l *line) waits(at point) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.target == at
}

func (l *line) reach(at point) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.target == at {
		l.target = ""
		close(l.reached)
	}
}

// last keeps a batch from being done before all kills are: the last letters wait for them, and Kratos' part is never far
// ahead of the letters.
type last struct {
	people  int
	holding atomic.Bool
	free    chan struct{} // closed when everything may pass again

	mutex sync.Mutex
	known map[string]map[string]bool // names that have passed, by part
}

// lead is for how many people Kratos' part may be ahead.
const lead = 400

func newLast(people int) *last {
	return &last{people: people, free: make(chan struct{}), known: map[string]map[string]bool{kratosPart: {}, mailPart: {}}}
}

// begin begins to hold calls up; release ends it for good.
func (l *last) begin() { l.holding.Store(true) }

func (l *last) release() {
	l.holding.Store(false)
	close(l.free)
}

// passed counts the people to whom letters have passed.
func (l *last) passed() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.known[mailPart])
}

// mayPass tells whether a call for these people may pass, and remembers that it did. A call that is made again may, and
// one to Kratos by which a replica is to be killed.
func (l *last) mayPass(part string, names []string, granted bool) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	known, wanted := l.known[part], 0
	for _, name := range names {
		if !known[name] {
			wanted++
		}
	}
	most := l.people - 1
	if part == kratosPart {
		most = len(l.known[mailPart]) + lead
	}
	free := granted && part == kratosPart
	if wanted > 0 && len(known)+wanted > most && !free {
		return false
	}
	for _, name := range names {
		known[name] = true
	}
	return true
}

// The parts that a batch needs.
const (
	kratosPart = "Kratos"
	mailPart   = "the mail provider"
)

// identitiesAsked are the addresses for which a call asks Kratos for identities.
func identitiesAsked(body []byte) []string {
	var call struct {
		Identities []struct {
			Create struct {
				Traits struct {
					Email string `json:"email"`
				} `json:"traits"`
			} `json:"create"`
		} `json:"identities"`
	}
	if json.Unmarshal(body, &call) != nil {
		return nil
	}
	names := make([]string, len(call.Identities))
	for i, identity := range call.Identities {
		names[i] = identity.Create.Traits.Email
	}
	return names
}

// lettersAsked are the receivers to whom a call asks the mail provider to write.
func lettersAsked(body []byte) []string {
	var call []struct {
		To []string `json:"to"`
	}
	if json.Unmarshal(body, &call) != nil {
		return nil
	}
	names := make([]string, 0, len(call))
	for _, message := range call {
		names = append(names, strings.Join(message.To, " "))
	}
	return names
}
