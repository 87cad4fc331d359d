package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestTheBatchPageDoesNotReloadInALoop has news from a replica whose clock differs from that of the one that makes the
// page, so that they never agree whether the batch has begun.
func TestTheBatchPageDoesNotReloadInALoop(t *testing.T) {
	t.Parallel()
	var loads atomic.Int64
	pages := batchScript(t)
	pages.HandleFunc("GET /batch", func(w http.ResponseWriter, _ *http.Request) {
		loads.Add(1)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><title>Batch</title>
			<main data-batch data-follow data-state="waiting" data-draft="draft" data-events="/events"><p data-batch-sentence></p></main>
			<script>
				// How long each page was there, by its own clock: that of the server counts how late it gets to its requests.
				addEventListener("pagehide", () => {
					sessionStorage.left = JSON.stringify([...JSON.parse(sessionStorage.left ?? "[]"), performance.now()]);
				});
			</script>
			<script type="module" src="/batch.js"></script>`)
	})
	pages.HandleFunc("GET /events", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, strings.Repeat("event: progress\ndata: {\"state\":\"running\",\"sentence\":\"On its way.\"}\n\n", 3))
	})
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)

	watcher := startChromium(t).person(t, "watcher")
	watcher.open(server.URL + "/batch")
	watcher.until("load the page three times", func() bool { return loads.Load() >= 3 })
	var left []float64
	watcher.until("know when two pages were left", func() bool {
		var err error
		left, err = chromedp.Run(watcher.ctx, chromedp.Evaluate[[]float64](`JSON.parse(sessionStorage.left ?? "[]")`))
		return err == nil && len(left) >= 2
	})
	if left[1] < 2990 { // timers may be a little early
		t.Errorf("the page was loaded once more after %.0f ms", left[1])
	}
}

// TestTheBatchPageLetsWhoeverLeavesItGo has the news that would reload the page come while another page is on its way.
func TestTheBatchPageLetsWhoeverLeavesItGo(t *testing.T) {
	t.Parallel()
	var loads atomic.Int64
	asked, heard := make(chan struct{}), make(chan struct{})
	pages := batchScript(t)
	pages.HandleFunc("GET /batch", func(w http.ResponseWriter, _ *http.Request) {
		loads.Add(1)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><title>Batch</title><a href="/elsewhere">Elsewhere</a>
			<main data-batch data-follow data-state="running" data-draft="draft" data-events="/events"><p data-batch-sentence></p></main>
			<script type="module" src="/batch.js"></script>`)
	})
	var streams atomic.Int64
	pages.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		switch streams.Add(1) {
		case 1: // the browser opens the next one when it has heard everything of this one
			select {
			case <-asked:
			case <-r.Context().Done():
			}
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "retry: 1\nevent: progress\ndata: {\"state\":\"finished\",\"sentence\":\"Done.\"}\n\n")
		case 2:
			close(heard)
		}
	})
	pages.HandleFunc("GET /elsewhere", func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		select {
		case <-heard:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<!doctype html><title>Elsewhere</title><p>You have arrived.")
		case <-r.Context().Done():
		}
	})
	server := httptest.NewServer(pages)
	t.Cleanup(server.Close)

	watcher := startChromium(t).person(t, "watcher")
	watcher.open(server.URL + "/batch")
	watcher.press("Elsewhere")
	watcher.sees("You have arrived.")
	if n := loads.Load(); n != 1 {
		t.Errorf("the page of the batch was loaded %d times", n)
	}
}

// batchScript serves the script of the batch page, beside whatever pages a test adds.
func batchScript(t *testing.T) *http.ServeMux {
	t.Helper()
	script := read(t, "../../extension/web/static/batch.js")
	pages := http.NewServeMux()
	pages.HandleFunc("GET /batch.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprint(w, script)
	})
	return pages
}
