package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

func TestEveryKindOfErrorHasItsStatusAndWords(t *testing.T) {
	t.Parallel()
	const cause = "pq: password of user paperplane is hunter2"
	b := setup(t, "https://paperplane.test")
	var failure error
	b.shell.App().Get("/fail", func(*fiber.Ctx) error { return failure })
	for _, test := range []struct {
		err    error
		status int
		says   string
	}{
		{extension.ErrNotFound, http.StatusNotFound, "no such page"},
		{extension.ErrForbidden, http.StatusForbidden, "Your role does not allow it"},
		{extension.ErrConflict, http.StatusConflict, "changed meanwhile"},
		{extension.ErrUnavailable, http.StatusServiceUnavailable, "does not work right now"},
		{context.DeadlineExceeded, http.StatusServiceUnavailable, "does not work right now"},
		{&extension.TroubleError{Sentence: "The mail provider is down.", Cause: errors.New(cause)}, http.StatusServiceUnavailable, "The mail provider is down."},
		{&extension.CooldownError{}, http.StatusTooManyRequests, "sent already"},
		{extension.ErrFlowExpired, http.StatusGone, "has run out"},
		{extension.ErrStaleSession, http.StatusForbidden, "sign in again"},
		{extension.ErrDisabled, http.StatusForbidden, "switched off"},
		{extension.Invalid("email", "That is no address."), http.StatusUnprocessableEntity, "That is no address."},
		{web.ErrStaleForm, http.StatusForbidden, "out of date"},
		{fiber.ErrMethodNotAllowed, http.StatusMethodNotAllowed, "no such page"},
		{fiber.ErrRequestHeaderFieldsTooLarge, http.StatusRequestHeaderFieldsTooLarge, "cookies"},
		{fiber.ErrBadRequest, http.StatusBadRequest, "cannot be read"},
		{errors.New("anything else"), http.StatusInternalServerError, "went wrong on our side"},
	} {
		failure = fmt.Errorf("do something (%s): %w", cause, test.err)
		got := b.Get(t, "/fail")
		if got.Status != test.status || !strings.Contains(got.Text(), test.says) {
			t.Errorf("%v: %d %s", test.err, got.Status, got.Text())
		}
		if strings.Contains(got.Body, "hunter2") {
			t.Errorf("%v: the page tells the cause", test.err)
		}
		if len(got.All("h1")) != 1 || len(got.All("main")) != 1 {
			t.Errorf("%v: the page has no one heading", test.err)
		}
		if inLog := strings.Contains(b.log.String(), test.err.Error()); inLog != (test.status >= http.StatusInternalServerError) {
			t.Errorf("%v: stands in the log: %v", test.err, inLog)
		}
	}
}

func TestAnOutageSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Get("/fail", func(*fiber.Ctx) error {
		return &extension.TroubleError{Sentence: "Slow down.", After: 42 * time.Second}
	})
	if got := b.Get(t, "/fail").Header.Get("Retry-After"); got != "42" {
		t.Errorf("Retry-After is %q", got)
	}
}

func TestSomebodyWithoutASessionSignsInAndComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	nobody := func(*fiber.Ctx) error { return extension.ErrNoSession }
	b.shell.App().Get("/o/x/users", nobody)
	b.shell.App().Post("/o/x/change", nobody)
	for name, test := range map[string]struct {
		ask  func() string
		want string
	}{
		"reading": {
			func() string { return b.Get(t, "/o/x/users?q=a&status=pending").Location() },
			"/login?return_to=%2Fo%2Fx%2Fusers%3Fq%3Da%26status%3Dpending",
		},
		"changing": {func() string {
			b.Header = http.Header{"Referer": {"https://paperplane.test/o/x/users"}}
			return b.Post(t, "/o/x/change", nil).Location()
		}, "/login?return_to=%2Fo%2Fx%2Fusers"},
		"changing from elsewhere": {func() string {
			b.Header = http.Header{"Referer": {"https://evil.test/o/x/users"}}
			return b.Post(t, "/o/x/change", nil).Location()
		}, "/login"},
	} {
		if got := test.ask(); got != test.want {
			t.Errorf("%s leads to %q, want %q", name, got, test.want)
		}
	}
}

func TestProgramsGetProblemDetails(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Get("/fail", func(*fiber.Ctx) error { return extension.ErrNoSession })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Origin+"/fail", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "application/json")
	got := b.Do(t, request)
	var problem struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal([]byte(got.Body), &problem); err != nil {
		t.Fatal(err)
	}
	if got.Header.Get("Content-Type") != "application/problem+json" || problem.Status != http.StatusUnauthorized ||
		problem.Type != "about:blank" || problem.Title == "" || problem.Detail == "" {
		t.Errorf("the problem is %v %s", got.Header, got.Body)
	}
}
