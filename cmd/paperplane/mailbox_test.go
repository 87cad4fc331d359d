package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"paperplane/tools/mailbox"
)

func TestTheMailboxTellsItsNewsOnlyWithASecret(t *testing.T) {
	t.Parallel()
	flags := mailboxFlags{webhook: mailbox.Webhook{URL: "http://127.0.0.1:4455/hooks/mail/resend"}}
	if _, err := newMailbox(loaded(t), flags); err == nil || !strings.Contains(err.Error(), "mail.resend.webhook_secret") {
		t.Errorf("without a secret: %v", err)
	}
	if _, err := newMailbox(loaded(t, "PAPERPLANE_MAIL_RESEND_WEBHOOK_SECRET="+newWebhookSecret()), flags); err != nil {
		t.Errorf("with a secret: %v", err)
	}
}

func TestAServedMailboxTellsItsNews(t *testing.T) {
	t.Parallel()
	told := make(chan string, 2)
	listening := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.Header.Get("svix-id") }))
	t.Cleanup(listening.Close)
	c := loaded(t, "PAPERPLANE_MAIL_RESEND_WEBHOOK_SECRET="+newWebhookSecret())
	box, err := newMailbox(c, mailboxFlags{webhook: mailbox.Webhook{URL: listening.URL}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := listen(t.Context(), "127.0.0.1:0", "--listen")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- serveMailbox(ctx, listener, box) }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listener.Addr().String()+"/emails",
		strings.NewReader(`{"from":"a@example.com","to":"b@example.com","subject":"Hello","text":"Hi"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.Mail.Resend.APIKey.Reveal())
	answer, err := listening.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("answered with %d, %v", answer.StatusCode, err)
	}
	if one, other := <-told, <-told; one == "" || other == "" || one == other {
		t.Errorf("told %q and %q", one, other)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestSecretsOfAnEarlierVersionAreKeptAndCompleted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), secretsFile)
	if err := os.WriteFile(path, []byte(`{"hook_key":"kept","api_key":"kept too"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := keptSecrets(path)
	if err != nil {
		t.Fatal(err)
	}
	if first.HookKey != "kept" || first.APIKey != "kept too" || !strings.HasPrefix(first.WebhookSecret, "whsec_") {
		t.Errorf("secrets %+v", first)
	}
	if again, err := keptSecrets(path); err != nil || again != first {
		t.Errorf("read again: %+v, %v", again, err)
	}
}
