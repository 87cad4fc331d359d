package mailbox

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFolderKeepsMessagesAndKeys(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "mail")
	box := open(t, Options{Folder: folder})
	_, _, first := ask(t, box, http.MethodPost, "/emails/batch", "["+good+","+good+"]", "Idempotency-Key", "k")
	ask(t, box, http.MethodPost, "/sms", `{"channel":"sms","template":"login_code_valid","to":"+441234","text":"Code 1"}`, "Authorization", "Bearer "+smsKey)
	if err := os.WriteFile(filepath.Join(folder, "20260101T000000.000000000-x.tmp"), []byte(`{"messag`), 0o600); err != nil {
		t.Fatal(err)
	}

	again := open(t, Options{Folder: folder})
	if diff := cmp.Diff(box.Messages(""), again.Messages("")); diff != "" {
		t.Errorf("messages after a restart (-before +after):\n%s", diff)
	}
	if _, _, answer := ask(t, again, http.MethodPost, "/emails/batch", "["+good+","+good+"]", "Idempotency-Key", "k"); answer != first {
		t.Errorf("answer after a restart %s, want %s", answer, first)
	}
	if n := len(again.Messages("")); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}

	if err := os.WriteFile(filepath.Join(folder, "x.json"), []byte(`{"messag`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Folder: folder}); err == nil || !strings.Contains(err.Error(), "x.json") {
		t.Errorf("a broken file gives %v", err)
	}
}

func TestFolderThatCanNotBeWrittenAcceptsNothing(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "mail")
	box := open(t, Options{Folder: folder})
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	status, _, body := ask(t, box, http.MethodPost, "/emails", good, "Idempotency-Key", "k")
	wantProblem(t, status, body, problem{StatusCode: 500, Name: "application_error"})
	if len(box.Messages("")) != 0 {
		t.Error("a message shows that was not kept")
	}
}

func TestWaitReturnsWhenEnoughHasCome(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	done := make(chan []Message, 1)
	go func() {
		found, err := box.Wait(t.Context(), "bob@example.org", 2)
		if err != nil {
			t.Error(err)
		}
		done <- found
	}()
	ask(t, box, http.MethodPost, "/emails", strings.ReplaceAll(good, "bob@", "eve@"))
	ask(t, box, http.MethodPost, "/emails", good)
	ask(t, box, http.MethodPost, "/emails", good)
	if found := <-done; len(found) != 2 {
		t.Errorf("found %d", len(found))
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	found, err := box.Wait(ctx, "bob@example.org", 3)
	if !errors.Is(err, context.DeadlineExceeded) || len(found) != 2 {
		t.Errorf("found %d, error %v", len(found), err)
	}
}
