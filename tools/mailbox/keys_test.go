package mailbox

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSameKeySendsOnce(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	box := open(t, Options{Now: func() time.Time { return now }})
	post := func(path, body string) (int, string) {
		status, _, answer := ask(t, box, http.MethodPost, path, body, "Idempotency-Key", "k")
		return status, answer
	}
	_, first := post("/emails/batch", "["+good+"]")
	if status, again := post("/emails/batch", "["+good+"]"); status != http.StatusOK || again != first {
		t.Errorf("status %d, answer %s, want %s", status, again, first)
	}
	status, answer := post("/emails/batch", "["+good+" ]")
	wantProblem(t, status, answer, problem{StatusCode: 409, Name: "invalid_idempotent_request"})
	status, answer = post("/emails", good)
	wantProblem(t, status, answer, problem{StatusCode: 409, Name: "invalid_idempotent_request"})
	if n := len(box.Messages("")); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}

	now = now.Add(24*time.Hour - time.Second)
	if _, again := post("/emails/batch", "["+good+"]"); again != first {
		t.Error("the key was forgotten too early")
	}
	now = now.Add(time.Second)
	if status, again := post("/emails/batch", "["+good+" ]"); status != http.StatusOK || again == first || len(box.Messages("")) != 2 {
		t.Errorf("after 24 hours: status %d, %d messages", status, len(box.Messages("")))
	}
}

func TestRefusedCallLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	ask(t, box, http.MethodPost, "/emails/batch", "[]", "Idempotency-Key", "k")
	if status, _, body := ask(t, box, http.MethodPost, "/emails/batch", "["+good+"]", "Idempotency-Key", "k"); status != http.StatusOK {
		t.Errorf("status %d: %s", status, body)
	}
	status, _, body := ask(t, box, http.MethodPost, "/emails", good, "Idempotency-Key", strings.Repeat("k", 257))
	wantProblem(t, status, body, problem{StatusCode: 400, Name: "invalid_idempotency_key"})
}

func TestSameKeyAtTheSameTimeIsRefused(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	box.Fail(1, FaultHang)
	ctx, cancel := context.WithCancel(t.Context())
	hung := make(chan struct{})
	go func() {
		defer close(hung)
		request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/emails", strings.NewReader(good))
		request.Header.Set("Authorization", "Bearer "+apiKey)
		request.Header.Set("Idempotency-Key", "k")
		box.ServeHTTP(httptest.NewRecorder(), request)
	}()
	busy := func() bool { box.keys.mu.Lock(); defer box.keys.mu.Unlock(); return box.keys.busy["k"] }
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !busy() {
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the first call never began")
		}
	}
	status, _, body := ask(t, box, http.MethodPost, "/emails", good, "Idempotency-Key", "k")
	wantProblem(t, status, body, problem{StatusCode: 409, Name: "concurrent_idempotent_requests"})
	cancel()
	<-hung
	if status, _, _ := ask(t, box, http.MethodPost, "/emails", good, "Idempotency-Key", "k"); status != http.StatusOK {
		t.Errorf("after the first call gave up: %d", status)
	}
}
