package webhooks_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
	"paperplane/webhooks"
)

const (
	hookKey = "a hook key of more than thirty-two characters"
	bearer  = "Bearer " + hookKey
	cookie  = "the value of the session cookie"
	session = extension.SessionID("00000000-0000-4000-8000-00000000000f")
	invitee = extension.IdentityID("00000000-0000-4000-8000-000000000001")
)

// verbs stand for gate and onboard behind the package's own interfaces.
type verbs struct {
	objection *gate.Objection
	err       error
	panics    any
	changes   []gate.Change
	openings  []gate.Opening
	reports   []onboard.Report
	witnessed []onboard.Witnessed
	notices   []extension.Notice
	deadlines []time.Duration
}

func (v *verbs) note(ctx context.Context) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(24 * time.Hour)
	}
	v.deadlines = append(v.deadlines, time.Until(deadline))
	if v.panics != nil {
		panic(v.panics)
	}
}

func (v *verbs) Guard(ctx context.Context, change gate.Change) (*gate.Objection, error) {
	v.changes = append(v.changes, change)
	v.note(ctx)
	return v.objection, v.err
}

func (v *verbs) Report(ctx context.Context, report onboard.Report) error {
	v.reports = append(v.reports, report)
	v.note(ctx)
	return v.err
}

func (v *verbs) Before(ctx context.Context, opening gate.Opening) (*gate.Objection, error) {
	v.openings = append(v.openings, opening)
	v.note(ctx)
	return v.objection, v.err
}

func (v *verbs) Witness(ctx context.Context, witnessed onboard.Witnessed) error {
	v.witnessed = append(v.witnessed, witnessed)
	v.note(ctx)
	return v.err
}

func (v *verbs) Deliver(ctx context.Context, notice extension.Notice) error {
	v.notices = append(v.notices, notice)
	v.note(ctx)
	return v.err
}

func (v *verbs) calls() int {
	return len(v.changes) + len(v.openings) + len(v.reports) + len(v.witnessed) + len(v.notices)
}

// hooks is the internal listener's app with its verbs and its log.
type hooks struct {
	app   *fiber.App
	verbs *verbs
	log   *bytes.Buffer
}

func setup(v *verbs) hooks {
	log := &bytes.Buffer{}
	handler := slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})
	app := webhooks.New(webhooks.Options{Key: hookKey, Guard: v, Recorder: v, Courier: v, Log: slog.New(handler)}).App()
	return hooks{app: app, verbs: v, log: log}
}

// ask sends a request and gives the status and the body of the answer.
func (h hooks) ask(t *testing.T, method, path, authorization, body string) (int, string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	answer, err := h.app.Test(request, int(time.Minute/time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// captured reads a body that a real Kratos sent.
func captured(tb testing.TB, name string) string {
	tb.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	return string(body)
}

func paths() []string {
	var all []string
	for _, method := range extension.SettingsMethods() {
		all = append(all, "/hooks/kratos/guard/"+string(method), "/hooks/kratos/report/"+string(method))
	}
	for _, method := range webhooks.LoginMethods() {
		all = append(all, "/hooks/kratos/login/"+method)
	}
	return append(all, "/hooks/kratos/before", "/hooks/kratos/courier")
}

// good is a captured body of the right kind for a path.
func good(tb testing.TB, path string) string {
	tb.Helper()
	kind, _, _ := strings.Cut(strings.TrimPrefix(path, "/hooks/kratos/"), "/")
	switch kind {
	case "login":
		return captured(tb, "login_code.v26")
	case "before":
		return captured(tb, "before.v26")
	case "courier":
		return captured(tb, "courier_email.v26")
	}
	return captured(tb, kind+"_profile.v26")
}

func TestWithoutTheKeyNothingIsDone(t *testing.T) {
	t.Parallel()
	h := setup(&verbs{})
	for name, authorization := range map[string]string{
		"none": "", "empty": " ", "the scheme alone": "Bearer", "the scheme and a space": "Bearer ", "wrong": "Bearer " + strings.Repeat("x", len(hookKey)),
		"a beginning": bearer[:len(bearer)-1], "too much": bearer + "x", "without a scheme": hookKey, "another scheme": "Basic " + hookKey,
		"another case": "Bearer " + strings.ToUpper(hookKey), "twice": bearer + ", " + bearer,
	} {
		for _, path := range append(paths(), "/hooks/kratos/", "/hooks/kratos/guard/unknown") {
			if status, body := h.ask(t, http.MethodPost, path, authorization, good(t, paths()[0])); status != http.StatusUnauthorized {
				t.Errorf("%s at %s: %d %s", name, path, status, body)
			}
		}
	}
	if h.verbs.calls() != 0 {
		t.Errorf("%d hooks were answered without the key", h.verbs.calls())
	}
}

func TestOnlyTheHooksOfKnownMethodsExist(t *testing.T) {
	t.Parallel()
	h := setup(&verbs{})
	for _, path := range []string{
		"/", "/hooks/kratos", "/hooks/kratos/guard", "/hooks/kratos/guard/", "/hooks/kratos/guard/code", "/hooks/kratos/guard/profile/",
		"/hooks/kratos/guard/Profile", "/hooks/kratos/report/unknown", "/hooks/kratos/courier/email", "/hooks/kratos/before/profile",
		"/hooks/kratos/login", "/hooks/kratos/login/password", "/hooks/kratos/login/oidc", "/healthz",
	} {
		if status, _ := h.ask(t, http.MethodPost, path, bearer, good(t, paths()[0])); status != http.StatusNotFound {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	for _, path := range paths() {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if status, _ := h.ask(t, method, path, bearer, good(t, path)); status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, status)
			}
		}
	}
	if h.verbs.calls() != 0 {
		t.Errorf("%d hooks were answered", h.verbs.calls())
	}
}

func TestBodiesThatAreNotOursAreRefused(t *testing.T) {
	t.Parallel()
	const id = `"id":"00000000-0000-4000-8000-000000000001"`
	for name, body := range map[string]string{
		"empty": "", "blank": " \n", "no JSON": "flow_id=x", "a list": "[]", "a string": `"x"`, "a number": "1", "null": "null", "an empty object": "{}",
		"cut off":          `{"identity":{` + id,
		"an unknown name":  `{"identity":{` + id + `},"previous_traits":{},"extra":1}`,
		"one inside":       `{"identity":{` + id + `,"credentials":{}},"previous_traits":{}}`,
		"a second object":  `{"identity":{` + id + `},"previous_traits":{}} {}`,
		"a bracket behind": `{"identity":{` + id + `},"previous_traits":{}}]`,
		"a brace behind":   `{"identity":{` + id + `},"previous_traits":{}}}`,
		"words behind":     `{"identity":{` + id + `},"previous_traits":{}} x`,
		"no identity":      `{"previous_traits":{}}`,
		"no id":            `{"identity":{"traits":{}},"previous_traits":{}}`,
		"an empty id":      `{"identity":{"id":""},"previous_traits":{}}`,
		"a null id":        `{"identity":{"id":null},"previous_traits":{}}`,
		"an id in capital": `{"identity":{"id":"0F8FAD5B-D9CB-469F-A165-70867728950E"},"previous_traits":{}}`,
		"a number as id":   `{"identity":{"id":1},"previous_traits":{}}`,
		"SQL as id":        `{"identity":{"id":"' OR 1=1; --xxxxxxxxxxxxxxxxxxxxxxxxxx"},"previous_traits":{}}`,
		"a list identity":  `{"identity":[],"previous_traits":{}}`,
	} {
		h := setup(&verbs{})
		for _, path := range paths() {
			status, answer := h.ask(t, http.MethodPost, path, bearer, body)
			if status != http.StatusBadRequest || strings.Contains(answer, "messages") {
				t.Errorf("%s at %s: %d %s", name, path, status, answer)
			}
		}
		if h.verbs.calls() != 0 {
			t.Errorf("%s: it was answered", name)
		}
	}
}

func TestABodyThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	h := setup(&verbs{})
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- h.app.Listener(listener) }()
	for _, path := range paths()[:2] {
		var dialer net.Dialer
		connection, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		// The announcement is enough; a body on its way would meet a closed connection.
		if _, err := io.WriteString(connection, "POST "+path+" HTTP/1.1\r\nHost: hooks\r\nAuthorization: "+bearer+"\r\nContent-Length: 2097152\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
		_, _ = answer.Body.Close(), connection.Close()
	}
	if err := errors.Join(h.app.Shutdown(), <-served); err != nil {
		t.Error(err)
	}
	if h.verbs.calls() != 0 {
		t.Error("it was answered")
	}
}

func TestTroubleIsToldSoThatKratosAsksAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
	}{
		"the database is down":    {&extension.TroubleError{Sentence: "The database does not answer."}, http.StatusServiceUnavailable},
		"it is wrapped":           {errors.Join(errors.New("find users"), extension.ErrUnavailable), http.StatusServiceUnavailable},
		"the time is up":          {context.DeadlineExceeded, http.StatusInternalServerError},
		"nobody knows":            {errors.New("unexpected"), http.StatusInternalServerError},
		"not found":               {extension.ErrNotFound, http.StatusInternalServerError},
		"somebody else was first": {extension.ErrConflict, http.StatusInternalServerError},
	} {
		h := setup(&verbs{err: c.err})
		for _, path := range paths() {
			status, body := h.ask(t, http.MethodPost, path, bearer, good(t, path))
			if status != c.status || strings.Contains(body, c.err.Error()) || strings.Contains(body, "messages") {
				t.Errorf("%s at %s: %d %s, want %d", name, path, status, body, c.status)
			}
		}
		if h.verbs.calls() != len(paths()) || !strings.Contains(h.log.String(), `"level":"ERROR"`) {
			t.Errorf("%s: %d answers, log %s", name, h.verbs.calls(), h.log)
		}
	}
}

func TestAPanicEndsOneAnswerAndNotTheProcess(t *testing.T) {
	t.Parallel()
	h := setup(&verbs{panics: "out of range"})
	for _, path := range paths()[:2] {
		if status, _ := h.ask(t, http.MethodPost, path, bearer, good(t, path)); status != http.StatusInternalServerError {
			t.Errorf("%s: %d", path, status)
		}
	}
	if !strings.Contains(h.log.String(), "webhooks_test.go") {
		t.Errorf("the log does not say where: %s", h.log)
	}
}

func TestAnAnswerTakesLessTimeThanKratosWaits(t *testing.T) {
	t.Parallel()
	h := setup(&verbs{})
	for _, path := range paths() {
		h.ask(t, http.MethodPost, path, bearer, good(t, path))
	}
	for i, left := range h.verbs.deadlines {
		if left <= 0 || left >= 30*time.Second {
			t.Errorf("%s may take %s", paths()[i], left)
		}
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	body := captured(t, "guard_profile.v1")
	if !strings.Contains(body, cookie) {
		t.Fatal("the captured body holds no cookie")
	}
	for name, c := range map[string]struct {
		verbs         verbs
		authorization string
		body          string
	}{
		"an answer":      {verbs{}, bearer, body},
		"a refusal":      {verbs{objection: &gate.Objection{ID: gate.ObjectionFactor, Sentence: "No."}}, bearer, body},
		"trouble":        {verbs{err: &extension.TroubleError{Sentence: "down"}}, bearer, body},
		"a panic":        {verbs{panics: "out of range"}, bearer, body},
		"a wrong key":    {verbs{}, "Bearer x" + hookKey, body},
		"cut off":        {verbs{}, bearer, body[:len(body)-3]},
		"more behind":    {verbs{}, bearer, body + body},
		"another id":     {verbs{}, bearer, strings.Replace(body, string(invitee), cookie, 1)},
		"an odd session": {verbs{}, bearer, strings.Replace(body, `"session": null`, `"session": "`+cookie+`"`, 1)},
		"an odd traits":  {verbs{}, bearer, strings.Replace(body, `"2026-11-23T09:30:00Z"`, `"`+cookie+`"`, 1)},
		"cookies":        {verbs{}, bearer, strings.Replace(body, `"`+cookie+`"`, `{"ory_kratos_session":"`+cookie+`"}`, 1)},
	} {
		h := setup(&c.verbs)
		for _, path := range paths() {
			_, answer := h.ask(t, http.MethodPost, path, c.authorization, c.body)
			if strings.Contains(answer, cookie) || strings.Contains(answer, hookKey) {
				t.Errorf("%s at %s answers %s", name, path, answer)
			}
		}
		for _, secret := range []string{cookie, hookKey, "Lovelace", "invitee@example.com", "+4915112345678"} {
			if strings.Contains(h.log.String(), secret) {
				t.Errorf("%s: %q stands in the log: %s", name, secret, h.log)
			}
		}
	}
}
