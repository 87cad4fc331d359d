package mailbox

import (
	"bytes"
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Webhook says where the mailbox tells what became of messages. Without a URL it tells nobody.
type Webhook struct {
	URL    string
	Secret string        // whsec_ and the key in base64, as the provider shows it
	Delay  time.Duration // between the acceptance of a message and the news of its fate
}

// Disturbance is how the news of messages goes astray, for tests. The zero value is a provider in good order.
type Disturbance struct {
	Reversed bool          // the news of a message comes in the opposite order
	Repeats  int           // every webhook comes this many more times, under the same id
	Late     time.Duration // on top of the Webhook's delay
}

// The rules of sending webhooks. The provider tries for days; here somebody is watching.
const (
	hookTimeout  = 10 * time.Second
	hookAttempts = 12
	hookWorkers  = 8
	firstRetry   = 200 * time.Millisecond
	longestRetry = 10 * time.Second
)

// news is one webhook that is still to be sent.
type news struct {
	id      string // svix-id: the same for every attempt
	due     time.Time
	attempt int
	body    []byte
}

// hooks tell the news of messages.
type hooks struct {
	webhook Webhook
	key     []byte
	client  *http.Client

	mu      sync.Mutex
	disturb Disturbance
	waiting newsHeap
	changed chan struct{} // closed and replaced whenever something was added
}

func newHooks(webhook Webhook) (*hooks, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(webhook.Secret, "whsec_"))
	if webhook.URL != "" && (err != nil || len(key) == 0) {
		return nil, errors.New("open mailbox: the webhook's secret is not whsec_ and base64")
	}
	return &hooks{
		webhook: webhook, key: key, changed: make(chan struct{}),
		client: &http.Client{Timeout: hookTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: hookWorkers}},
	}, nil
}

// add queues the news of messages that were accepted now.
func (h *hooks) add(messages []Message) error {
	if h.webhook.URL == "" {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now() // webhooks are compared with real clocks
	for _, message := range messages {
		if err := h.addOne(message, now); err != nil {
			return err
		}
	}
	h.tell()
	return nil
}

// tell wakes the workers that wait for something to be due.
func (h *hooks) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}

func (h *hooks) addOne(message Message, now time.Time) error {
	word, events := fate(firstRecipient(message))
	for i, kind := range events {
		step := h.webhook.Delay + time.Millisecond
		body, err := eventBody(message, kind, word, now.Add(time.Duration(i)*step))
		if err != nil {
			return err
		}
		place := i
		if h.disturb.Reversed {
			place = len(events) - 1 - i
		}
		due := now.Add(h.disturb.Late + time.Duration(place)*step)
		id := "msg_" + newID()
		for range 1 + h.disturb.Repeats {
			heap.Push(&h.waiting, &news{id: id, due: due, body: body})
		}
	}
	return nil
}

// next gives the webhook that is due, or tells how long until one is and what is closed when one was added.
func (h *hooks) next(now time.Time) (*news, time.Duration, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting.Len() == 0 {
		return nil, time.Hour, h.changed
	}
	if first := h.waiting.queue[0]; first.due.After(now) {
		return nil, first.due.Sub(now), h.changed
	}
	due, _ := heap.Pop(&h.waiting).(*news)
	return due, 0, nil
}

// work sends webhooks until the context ends.
func (h *hooks) work(ctx context.Context) {
	for ctx.Err() == nil {
		due, pause, changed := h.next(time.Now())
		if due != nil {
			if err := h.send(ctx, due); err != nil {
				h.later(due)
			}
			continue
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// later puts a webhook that was not taken back, until its attempts are used up.
func (h *hooks) later(n *news) {
	n.attempt++
	if n.attempt >= hookAttempts {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n.due = time.Now().Add(min(firstRetry<<(n.attempt-1), longestRetry))
	heap.Push(&h.waiting, n)
	h.tell()
}

// send makes one attempt. Every attempt has a timestamp of its own, so that late ones are not refused as old.
func (h *hooks) send(ctx context.Context, n *news) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.webhook.URL, bytes.NewReader(n.body))
	if err != nil {
		return err
	}
	timestamp := strconv.FormatInt(time.Now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Svix-Id", n.id)
	request.Header.Set("Svix-Timestamp", timestamp)
	request.Header.Set("Svix-Signature", "v1,"+h.sign(n.id, timestamp, n.body))
	answer, err := h.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()                     // nothing of it is used
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // so that the connection can be used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("webhook was answered with %d", answer.StatusCode)
	}
	return nil
}

// sign makes a signature as Svix documents it: HMAC-SHA256 over id, timestamp and body.
func (h *hooks) sign(id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Report sends webhooks until the context ends. What is still to be told then is not told later.
func (m *Mailbox) Report(ctx context.Context) {
	var workers sync.WaitGroup
	for range hookWorkers {
		workers.Go(func() { m.hooks.work(ctx) })
	}
	workers.Wait()
	m.hooks.client.CloseIdleConnections()
}

// Disturb makes the news of messages that are accepted from now on go astray.
func (m *Mailbox) Disturb(d Disturbance) {
	m.hooks.mu.Lock()
	defer m.hooks.mu.Unlock()
	m.hooks.disturb = d
}

// newsHeap orders webhooks by the time at which they are due.
type newsHeap struct{ queue []*news }

// Len implements heap.Interface.
func (h *newsHeap) Len() int { return len(h.queue) }

// Less implements heap.Interface.
func (h *newsHeap) Less(i, j int) bool { return h.queue[i].due.Before(h.queue[j].due) }

// Swap implements heap.Interface.
func (h *newsHeap) Swap(i, j int) { h.queue[i], h.queue[j] = h.queue[j], h.queue[i] }

// Push implements heap.Interface.
func (h *newsHeap) Push(x any) {
	if n, ok := x.(*news); ok {
		h.queue = append(h.queue, n)
	}
}

// Pop implements heap.Interface.
func (h *newsHeap) Pop() any {
	last := len(h.queue) - 1
	n := h.queue[last]
	h.queue[last] = nil
	h.queue = h.queue[:last]
	return n
}
