package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTheBatchPageDoesNotReloadInALoop has news from a replica whose clock differs from that of the one that makes the
// page, so that they never agree whether the batch has begun.
func TestTheBatchPageDoesNotReloadInALoop(t *testing.T) {
	t.Parallel()
	var mutex sync.Mutex
	var loads []time.Time
	pages := http.NewServeMux()
	pages.HandleFunc("GET /batch", func(w http.ResponseWriter, _ *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		loads = append(loads, time.Now())
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><title>Batch</title>
			<main data-batch data-follow data-state="waiting" data-draft="draft" data-events="/events"><p data-batch-sentence></p></main>
			<script type="module" src="/batch.js"></script>`)
	})
	script := read(t, "../../extension/web/static/batch.js")
	pages.HandleFunc("GET /batch.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, script)
	})
	pages.HandleFunc("GET /events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, strings.Repeat("event: progress\ndata: {\"state\":\"running\",\"sentence\":\"On its way.\"}\n\n", 3))
	})
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)

	watcher := startChromium(t).person(t, "watcher")
	watcher.open(server.URL + "/batch")
	loaded := func() []time.Time {
		mutex.Lock()
		defer mutex.Unlock()
		return append([]time.Time(nil), loads...)
	}
	watcher.until("load the page three times", func() bool { return len(loaded()) >= 3 })
	times := loaded()
	if again := times[2].Sub(times[1]); again < 2900*time.Millisecond {
		t.Errorf("the page was loaded once more after %s", again)
	}
}
