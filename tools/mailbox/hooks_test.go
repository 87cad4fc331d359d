package mailbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const hookSecret = "whsec_bWFpbC13ZWJob29rLXNlY3JldC0wMTIzNDU2Nzg5"

// listener takes webhooks.
type listener struct {
	mu      sync.Mutex
	refuse  int // how many it refuses first
	came    []hookBody
	ids     []string
	headers []http.Header
	raw     []string
	changed chan struct{}
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse > 0 {
		l.refuse--
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	var hook hookBody
	if err := json.Unmarshal(body, &hook); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.came, l.ids = append(l.came, hook), append(l.ids, r.Header.Get("svix-id"))
	l.headers, l.raw = append(l.headers, r.Header.Clone()), append(l.raw, string(body))
	close(l.changed)
	l.changed = make(chan struct{})
}

// types waits for n webhooks and gives their types in the order of their events: they are sent side by side, so which of
// them comes first is chance.
func (l *listener) types(t *testing.T, n int) []eventType {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		l.mu.Lock()
		came, changed := len(l.came), l.changed
		l.mu.Unlock()
		if came >= n {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%d webhooks came, want %d", came, n)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return typesOf(slices.SortedStableFunc(slices.Values(l.came), func(a, b hookBody) int { return strings.Compare(a.CreatedAt, b.CreatedAt) }))
}

func typesOf(hooks []hookBody) []eventType {
	types := make([]eventType, len(hooks))
	for i, hook := range hooks {
		types[i] = hook.Type
	}
	return types
}

// takeAll takes the news that a mailbox has still to tell, in the order in which it is due.
func takeAll(t *testing.T, box *Mailbox) (hooks []hookBody, all []*news) {
	t.Helper()
	for {
		next, _, _ := box.hooks.next(time.Now().Add(time.Hour))
		if next == nil {
			return hooks, all
		}
		var hook hookBody
		if err := json.Unmarshal(next.body, &hook); err != nil {
			t.Fatal(err)
		}
		hooks, all = append(hooks, hook), append(all, next)
	}
}

// reporting opens a mailbox that tells a listener of its news until the test ends.
func reporting(t *testing.T, l *listener, webhook Webhook) *Mailbox {
	t.Helper()
	l.changed = make(chan struct{})
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	webhook.URL, webhook.Secret = server.URL+"/hooks/mail/resend", hookSecret
	box := open(t, Options{Webhook: webhook})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		box.Report(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return box
}

func sendTo(t *testing.T, box *Mailbox, address, key string) {
	t.Helper()
	body := fmt.Sprintf(`[{"from":"p@example.org","to":[%q],"subject":"Hello","text":"Hi","tags":[{"name":"invitation","value":"i-1"}]}]`, address)
	if status, _, answer := ask(t, box, http.MethodPost, "/emails/batch", body, "Idempotency-Key", key); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, answer)
	}
}

func TestTheNewsOfAMessageIsTold(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][]eventType{
		"bob@example.org":          {eventSent, eventDelivered},
		"bounced+1@example.org":    {eventSent, eventBounced},
		"Bounced@example.org":      {eventSent, eventBounced},
		"full+1@example.org":       {eventSent, eventBounced},
		"complained+1@example.org": {eventSent, eventDelivered, eventComplained},
		"delayed+1@example.org":    {eventSent, eventDelayed},
		"suppressed@example.org":   {eventSuppressed},
		"failed@example.org":       {eventFailed},
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			l := &listener{}
			box := reporting(t, l, Webhook{Delay: 2 * time.Millisecond})
			sendTo(t, box, address, "k")
			sendTo(t, box, address, "k") // the same call again is no other message
			if diff := cmp.Diff(want, l.types(t, len(want))); diff != "" {
				t.Errorf("news (-want +got):\n%s", diff)
			}
			message := box.Messages("")[0]
			for i, hook := range l.came {
				if hook.Data.EmailID != message.ID || hook.Data.Tags["invitation"] != "i-1" {
					t.Errorf("news %d is about %+v", i, hook.Data)
				}
				if reason := hook.Data.Bounce; (reason != nil) != (hook.Type == eventBounced) ||
					reason != nil && (reason.Type == "Transient") != strings.HasPrefix(address, "full") {
					t.Errorf("the bounce of %s is %+v", hook.Type, reason)
				}
				if l.headers[i].Get("svix-signature") != "v1,"+box.hooks.sign(l.ids[i], l.headers[i].Get("svix-timestamp"), []byte(l.raw[i])) {
					t.Errorf("news %d is not signed", i)
				}
			}
		})
	}
}

func TestNewsThatIsNotTakenIsToldAgain(t *testing.T) {
	t.Parallel()
	l := &listener{refuse: 3}
	box := reporting(t, l, Webhook{})
	sendTo(t, box, "suppressed@example.org", "k")
	if got := l.types(t, 1); len(got) != 1 {
		t.Errorf("news %v", got)
	}
}

func TestNewsCanGoAstray(t *testing.T) {
	t.Parallel()
	box := open(t, Options{Webhook: Webhook{URL: "http://127.0.0.1:1/", Secret: hookSecret, Delay: 50 * time.Millisecond}}) // it tells nobody
	const late = time.Minute
	box.Disturb(Disturbance{Reversed: true, Repeats: 1, Late: late})
	before := time.Now()
	sendTo(t, box, "complained@example.org", "k")
	hooks, all := takeAll(t, box)
	want := []eventType{eventComplained, eventComplained, eventDelivered, eventDelivered, eventSent, eventSent}
	if diff := cmp.Diff(want, typesOf(hooks)); diff != "" {
		t.Fatalf("news (-want +got):\n%s", diff)
	}
	if all[0].id != all[1].id || all[0].id == all[2].id {
		t.Errorf("ids %s, %s, %s", all[0].id, all[1].id, all[2].id)
	}
	if all[0].due.Before(before.Add(late)) {
		t.Errorf("the first is due %s after the call, want %s at least", all[0].due.Sub(before), late)
	}
	if hooks[0].CreatedAt <= hooks[2].CreatedAt {
		t.Error("the last event does not carry the latest time")
	}
	box.Disturb(Disturbance{})
	sendTo(t, box, "suppressed@example.org", "other")
	if hooks, all := takeAll(t, box); len(all) != 1 || hooks[0].Type != eventSuppressed || all[0].due.After(time.Now()) {
		t.Errorf("in good order again: %+v", hooks)
	}
}

func TestAForgottenMessageIsAcceptedAndNeverHeardOfAgain(t *testing.T) {
	t.Parallel()
	l := &listener{}
	box := reporting(t, l, Webhook{})
	box.Fail(1, FaultForget)
	sendTo(t, box, "bob@example.org", "k")
	if n := len(box.Messages("")); n != 0 {
		t.Errorf("%d messages are kept", n)
	}
	sendTo(t, box, "suppressed@example.org", "k") // the key is forgotten too: other bytes are taken
	if got := l.types(t, 1); len(got) != 1 || got[0] != eventSuppressed {
		t.Errorf("news %v", got)
	}
}

func TestAWebhookNeedsASecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "whsec_", "whsec_*"} {
		if _, err := New(Options{Webhook: Webhook{URL: "http://127.0.0.1:1/", Secret: secret}}); err == nil {
			t.Errorf("%q was taken", secret)
		}
	}
}
