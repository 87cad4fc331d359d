package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/web/webtest"
)

// reading is a stream of events as a browser reads it.
type reading struct {
	response webtest.Streamed
	lines    chan string // closed at the end of the stream
}

// listen serves the pages on a real port until the test ends.
func (s *stage) listen(t *testing.T) string {
	t.Helper()
	return s.Listen(t, s.shell.EndStreams)
}

// read opens the stream of the batch's page.
func (s *stage) read(t *testing.T, server string) *reading {
	t.Helper()
	response, err := s.Open(t, http.MethodGet, server+batchPath+"/events")
	if err != nil {
		t.Fatal(err)
	}
	r := &reading{response: response, lines: make(chan string, 100)}
	go func() {
		defer close(r.lines)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			r.lines <- scanner.Text()
		}
	}()
	return r
}

// next waits for an event of this name and gives its data.
func (r *reading) next(t *testing.T, name string) string {
	t.Helper()
	data, told := r.until(name)
	if !told {
		t.Fatalf("the stream ended without %s", name)
	}
	return data
}

func (r *reading) until(name string) (data string, told bool) {
	for line := range r.lines {
		if line == "event: "+name {
			return strings.TrimPrefix(<-r.lines, "data: "), true
		}
	}
	return "", false
}

// ends waits for the end of the stream.
func (r *reading) ends(t *testing.T) {
	t.Helper()
	for line := range r.lines {
		if strings.HasPrefix(line, "event:") {
			t.Errorf("at the end comes %q", line)
		}
	}
}

func sentOf(t *testing.T, data string) int {
	t.Helper()
	var news struct{ Sent int }
	if err := json.Unmarshal([]byte(data), &news); err != nil {
		t.Fatal(err)
	}
	return news.Sent
}

// sends is the engine: so many more are sent.
func (s *stage) sends(n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.report.Progress.Sent += n
	s.report.Progress.Waiting -= n
}

// asks counts how often the batch was asked for on behalf of all who follow.
func (s *stage) asks() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.followed
}

func TestProgressComesAsItHappensToAllWhoFollow(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 10, Waiting: 10})
	server := s.listen(t)
	start := time.Now()
	first, second := s.read(t, server), s.read(t, server)
	if kind := first.response.Header.Get("Content-Type"); kind != "text/event-stream; charset=utf-8" || first.response.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", first.response.StatusCode, kind)
	}
	for _, sent := range []int{0, 3, 6} {
		for _, stream := range []*reading{first, second} {
			if got := sentOf(t, stream.next(t, "progress")); got != sent {
				t.Errorf("%d are sent, the stream says %d", sent, got)
			}
		}
		s.sends(3)
	}
	if most := int(time.Since(start)/time.Second) + 3; s.asks() > most {
		t.Errorf("two streams asked %d times, want at most %d: once each, then once a second", s.asks(), most)
	}
	s.sends(1)
	for range 2 { // 9, and 10 unless both came at once
		if sentOf(t, first.next(t, "progress")) == 10 {
			break
		}
	}
	s.mutex.Lock()
	s.report.Progress.Delivered = 10
	s.mutex.Unlock()
	first.next(t, "end")
	first.ends(t)
}

func TestWhoComesAfterAChangeIsToldNothingFromBefore(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 10, Waiting: 10})
	server := s.listen(t)
	s.read(t, server).next(t, "progress")
	for sent := 1; sent <= 3; sent++ {
		s.sends(1)
		if got := sentOf(t, s.read(t, server).next(t, "progress")); got != sent {
			t.Errorf("%d are sent, and whoever comes now is told of %d", sent, got)
		}
	}
}

func TestAStreamSaysThatItIsAliveAndFreesWhatItHeldWhenItsReaderHasGone(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 10, Waiting: 10})
	server := s.listen(t)
	streams := make([]*reading, 4)
	for i := range streams {
		streams[i] = s.read(t, server)
		streams[i].next(t, "progress")
	}
	beats := 0
	for line := range streams[0].lines {
		if line == ":" {
			if beats++; beats == 3 {
				break
			}
		}
	}
	if refused := s.read(t, server); refused.response.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("a fifth stream is answered %d", refused.response.StatusCode)
	}
	hold := newHold()
	s.mutex.Lock()
	s.hold = hold
	s.mutex.Unlock()
	<-hold.begun
	for _, stream := range streams {
		if err := stream.response.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if why := <-hold.given; !errors.Is(why, context.Canceled) {
		t.Errorf("the database is still asked for readers who have gone: the question ended with %v", why)
	}
	deadline := time.Now().Add(time.Minute)
	for again := s.read(t, server); again.response.StatusCode != http.StatusOK; again = s.read(t, server) {
		if time.Now().After(deadline) {
			t.Fatalf("streams whose readers have gone are still counted: %d", again.response.StatusCode)
		}
	}
}

func TestAStreamEndsWhenItsReaderMayNotReadAnyMore(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *stage){
		"signed out":  func(s *stage) { s.session = extension.ErrNoSession },
		"deactivated": func(s *stage) { s.entry.Step = extension.StepPaused },
		"demoted":     func(s *stage) { s.entry.Actor.Right = extension.RightNone },
		"elsewhere":   func(s *stage) { s.entry.Organisation.Slug = "moved" },
		"out of sight": func(s *stage) {
			s.report.Batch.ID = annaID
		},
	} {
		s := reported(t, extension.BatchInvite, extension.Progress{Queued: 10, Waiting: 10})
		stream := s.read(t, s.listen(t))
		stream.next(t, "progress")
		s.mutex.Lock()
		change(s)
		s.mutex.Unlock()
		if _, told := stream.until("gone"); !told {
			t.Errorf("%s: the stream ended without a word", name)
		}
		stream.ends(t)
	}
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 10, Waiting: 10})
	stream := s.read(t, s.listen(t))
	stream.next(t, "progress")
	s.mutex.Lock()
	s.session = &extension.TroubleError{Sentence: "Kratos does not answer."}
	s.mutex.Unlock()
	stream.ends(t) // without a word: the page asks again, and then is told
}

func TestStreamsEndWhenTheProcessStops(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 10, Waiting: 10})
	server := s.listen(t)
	stream := s.read(t, server)
	stream.next(t, "progress")
	s.shell.EndStreams()
	if err := s.shell.App().ShutdownWithTimeout(time.Minute); err != nil {
		t.Errorf("streams hold up the end: %v", err)
	}
	stream.ends(t)
}

func TestNobodyFollowsABatchThatTheyMayNotSee(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 10, Waiting: 10})
	for _, path := range []string{"/o/elsewhere/batches/" + annaID, "/o/elsewhere/batches/1", "/o/other/batches/" + batchID} {
		for _, rest := range []string{"/events", "/not-sent.csv", "/move"} {
			if got := s.Get(t, path+rest); got.Status != http.StatusNotFound {
				t.Errorf("%s is %d", path+rest, got.Status)
			}
		}
	}
	s.session = extension.ErrNoSession
	if got := s.Get(t, batchPath+"/events"); !strings.HasPrefix(got.Location(), "/login") {
		t.Errorf("without a session: %d %q", got.Status, got.Location())
	}
}
