package webhooks_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/mail"
	"paperplane/webhooks"
)

const (
	providerSecret = "whsec_bWFpbC13ZWJob29rLXNlY3JldC0wMTIzNDU2Nzg5"
	invitation     = extension.InvitationID("00000000-0000-4000-8000-00000000000e")
)

// providerHook is the provider's hook on an app, with what reached the verb and the log.
type providerHook struct {
	app    *fiber.App
	err    error
	events []extension.MailEvent
	log    bytes.Buffer
}

func (h *providerHook) Record(_ context.Context, event extension.MailEvent) error {
	h.events = append(h.events, event)
	return h.err
}

func newProviderHook(events webhooks.MailEvents) *providerHook {
	h := &providerHook{app: fiber.New(fiber.Config{Immutable: true, BodyLimit: 1 << 20})}
	h.app.Post(webhooks.ProviderPath, webhooks.Provider(webhooks.ProviderOptions{
		Events: events, Recorder: h, Log: slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}))
	return h
}

// webhook is a webhook as the provider posts it.
type webhook struct {
	id, body, signature string
	at                  time.Time
}

func bounced() webhook {
	return webhook{id: "msg_1", at: time.Now(), body: fmt.Sprintf(
		`{"type":"email.bounced","created_at":"2026-11-22T23:41:12.126Z","data":{"email_id":"m-1","to":["bob@example.org"],`+
			`"tags":{"invitation":%q},"bounce":{"type":"Permanent","message":"550 no such user"}}}`, invitation)}
}

// sign signs a webhook as Svix does.
func (w webhook) sign(secret string) webhook {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", w.id, w.at.Unix(), w.body)
	w.signature = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return w
}

func (h *providerHook) post(t *testing.T, w webhook) (status int, body string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, webhooks.ProviderPath, strings.NewReader(w.body))
	request.Header.Set("Content-Type", "application/json")
	for name, value := range map[string]string{"svix-id": w.id, "svix-timestamp": strconv.FormatInt(w.at.Unix(), 10), "svix-signature": w.signature} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	answer, err := h.app.Test(request, int(time.Minute/time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var said bytes.Buffer
	if _, err := said.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, said.String()
}

func TestASignedEventIsRecordedAndComesAgainWithoutHarm(t *testing.T) {
	t.Parallel()
	h := newProviderHook(mail.NewHooks(providerSecret))
	for range 2 {
		if status, body := h.post(t, bounced().sign(providerSecret)); status != http.StatusNoContent || body != "" {
			t.Fatalf("%d %q", status, body)
		}
	}
	want := extension.MailEvent{
		ID: "msg_1", Kind: extension.MailBounced, Message: "m-1", Invitation: invitation,
		At: time.Date(2026, 11, 22, 23, 41, 12, 126e6, time.UTC), Detail: "550 no such user",
	}
	if diff := cmp.Diff([]extension.MailEvent{want, want}, h.events); diff != "" {
		t.Error(diff)
	}
	opened := webhook{id: "msg_2", at: time.Now(), body: `{"type":"email.opened","created_at":"2026-11-22T23:41:12Z","data":{"email_id":"m-1"}}`}
	if status, _ := h.post(t, opened.sign(providerSecret)); status != http.StatusNoContent || len(h.events) != 2 {
		t.Errorf("an event that says nothing about delivery: %d, %d recorded", status, len(h.events))
	}
}

func TestWhatIsNotSignedByTheProviderIsRefusedWithoutAReason(t *testing.T) {
	t.Parallel()
	good := bounced().sign(providerSecret)
	change := func(f func(*webhook)) webhook {
		w := good
		f(&w)
		return w
	}
	for name, w := range map[string]webhook{
		"another secret":   bounced().sign("whsec_" + base64.StdEncoding.EncodeToString([]byte("another secret 0123456789"))),
		"no signature":     change(func(w *webhook) { w.signature = "" }),
		"a cut signature":  change(func(w *webhook) { w.signature = w.signature[:20] }),
		"the body changed": change(func(w *webhook) { w.body = strings.Replace(w.body, "m-1", "m-2", 1) }),
		"a space more":     change(func(w *webhook) { w.body += " " }),
		"the id changed":   change(func(w *webhook) { w.id = "msg_2" }),
		"no id":            change(func(w *webhook) { w.id = "" }),
		"the time changed": change(func(w *webhook) { w.at = w.at.Add(time.Second) }),
		"six minutes old": func() webhook {
			w := bounced()
			w.at = w.at.Add(-6 * time.Minute)
			return w.sign(providerSecret)
		}(),
		"six minutes to go":  func() webhook { w := bounced(); w.at = w.at.Add(6 * time.Minute); return w.sign(providerSecret) }(),
		"nothing whatsoever": {at: time.Now()},
	} {
		h := newProviderHook(mail.NewHooks(providerSecret))
		if status, body := h.post(t, w); status != http.StatusUnauthorized || body != "Unauthorized" || len(h.events) != 0 {
			t.Errorf("%s: %d %q, %d recorded", name, status, body, len(h.events))
		}
		if log := h.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=DEBUG") { // or anybody could flood it
			t.Errorf("%s: the log says %s", name, log)
		}
	}
}

func TestEveryOtherAnswerToTheProvider(t *testing.T) {
	t.Parallel()
	trouble := &extension.TroubleError{Sentence: "The database (PostgreSQL) does not answer."}
	for name, c := range map[string]struct {
		events webhooks.MailEvents
		body   string
		err    error
		want   int
	}{
		"no secret":            {nil, bounced().body, nil, http.StatusNotFound},
		"no JSON":              {mail.NewHooks(providerSecret), "bob@example.org", nil, http.StatusBadRequest},
		"no message":           {mail.NewHooks(providerSecret), `{"type":"email.sent","data":{}}`, nil, http.StatusBadRequest},
		"too long":             {mail.NewHooks(providerSecret), strings.Repeat("x", 256<<10+1), nil, http.StatusRequestEntityTooLarge},
		"the database is down": {mail.NewHooks(providerSecret), bounced().body, fmt.Errorf("record: %w", trouble), http.StatusServiceUnavailable},
		"our own fault":        {mail.NewHooks(providerSecret), bounced().body, errors.New("no"), http.StatusInternalServerError},
	} {
		h := newProviderHook(c.events)
		h.err = c.err
		w := webhook{id: "msg_1", at: time.Now(), body: c.body}
		if status, body := h.post(t, w.sign(providerSecret)); status != c.want || body != http.StatusText(c.want) {
			t.Errorf("%s: %d %q, want %d", name, status, body, c.want)
		}
		if strings.Contains(h.log.String(), "bob@") {
			t.Errorf("%s: the log tells an address: %s", name, h.log.String())
		}
	}
}
