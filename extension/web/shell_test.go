package web_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension/web"
	"paperplane/extension/web/webtest"
)

func TestNewTellsEverythingThatIsWrongAtOnce(t *testing.T) {
	t.Parallel()
	_, err := web.New(web.Options{PublicURL: &url.URL{Scheme: "https", Host: "a.test", Path: "/below"}, Secret: []byte("short")})
	if err == nil {
		t.Fatal("wrong options were taken")
	}
	for _, want := range []string{"origin", "secret", "clock", "session cookie"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not tell about the %s: %v", want, err)
		}
	}
	if _, err := web.New(web.Options{PublicURL: &url.URL{Scheme: "ftp", Host: "a.test"}}); err == nil {
		t.Error("a public URL that is not http was taken")
	}
}

func TestReadinessNamesWhatIsMissingAndHidesWhy(t *testing.T) {
	t.Parallel()
	down := errors.New("dial tcp 10.0.0.7: refused")
	public := &url.URL{Scheme: "http", Host: "a.test"}
	shell, err := web.New(web.Options{
		PublicURL: public, Secret: make([]byte, web.MinSecret), SessionCookie: sessionCookie, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Checks: []web.Check{
			{Name: "database", Ask: func(context.Context) error { return nil }},
			{Name: "kratos", Ask: func(context.Context) error { return down }},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	// A probe asks by address and not by the public name.
	probe := &webtest.Client{App: shell.App(), Origin: "http://10.1.2.3:4000"}
	if got := probe.Get(t, "/healthz"); got.Status != http.StatusOK {
		t.Errorf("liveness is %d", got.Status)
	}
	got := probe.Get(t, "/readyz")
	if got.Status != http.StatusServiceUnavailable || got.Body != `{"missing":["kratos"],"status":"unavailable"}` {
		t.Errorf("readiness is %d %s", got.Status, got.Body)
	}
}

func TestEveryPageCarriesTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	for _, path := range []string{"/nothing", "/healthz"} {
		got := b.Get(t, path)
		for name, want := range map[string]string{
			"Content-Security-Policy":    "default-src 'none'",
			"X-Content-Type-Options":     "nosniff",
			"X-Frame-Options":            "DENY",
			"Referrer-Policy":            "same-origin",
			"Strict-Transport-Security":  "max-age=31536000",
			"Cache-Control":              "no-store",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if value := got.Header.Get(name); !strings.HasPrefix(value, want) {
				t.Errorf("%s of %s is %q, want %q", name, path, value, want)
			}
		}
		if policy := got.Header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") {
			t.Errorf("the policy allows something unsafe: %s", policy)
		}
	}
	if plain := setup(t, "http://127.0.0.1:4000").Get(t, "/nothing"); plain.Header.Get("Strict-Transport-Security") != "" {
		t.Error("plain HTTP promises TLS")
	}
}

func TestPagesHaveNothingInline(t *testing.T) {
	t.Parallel()
	got := setup(t, "https://paperplane.test").Get(t, "/nothing")
	for _, script := range got.All("script") {
		if script.Attr("src") == "" || script.Text() != "" {
			t.Error("a script stands in the page")
		}
	}
	if got.Has("style") || got.Has("[style]") || got.Has("[onclick]") {
		t.Error("a style or a handler stands in the page")
	}
}

func TestStaticFilesAreKeptForGoodUnderTheirHash(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	style := b.Get(t, "/nothing").All("link[rel=stylesheet]")[0].Attr("href")
	got := b.Get(t, style)
	if got.Status != http.StatusOK || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") ||
		got.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%s is %d %v", style, got.Status, got.Header)
	}
	other := b.Get(t, "/static/0000000000000000/base.css")
	if other.Status != http.StatusOK || other.Header.Get("Cache-Control") != "no-cache" || other.Body != got.Body {
		t.Errorf("under another hash the file is %d %q", other.Status, other.Header.Get("Cache-Control"))
	}
	if missing := b.Get(t, "/static/0000000000000000/..%2Fshell.go"); missing.Status != http.StatusNotFound {
		t.Errorf("a file beside the static ones is %d", missing.Status)
	}
}

func TestTheLogHoldsNeitherQueriesNorLinkTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	for _, path := range []string{"/i/k1.secrettoken", "/I/k1.secrettoken", "/i%2Fk1.secrettoken", "//i/k1.secrettoken", "/x?code=secrettoken"} {
		b.Get(t, path)
	}
	if log := b.log.String(); strings.Contains(log, "secrettoken") || !strings.Contains(log, "/i/***") {
		t.Errorf("the log says:\n%s", log)
	}
}

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Get("/panic", func(*fiber.Ctx) error { panic("nil map of secrets") })
	got := b.Get(t, "/panic")
	if got.Status != http.StatusInternalServerError || strings.Contains(got.Body, "nil map") {
		t.Errorf("the page is %d: %s", got.Status, got.Text())
	}
	id := got.Header.Get("X-Request-Id")
	if id == "" || !strings.Contains(got.Text(), id) || !strings.Contains(b.log.String(), "level=ERROR msg=panic") {
		t.Errorf("request %q is not joined to the log:\n%s", id, b.log)
	}
}

func TestHandlersHaveADeadline(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Get("/deadline", func(c *fiber.Ctx) error {
		if _, ok := c.UserContext().Deadline(); !ok {
			return errors.New("no deadline")
		}
		return nil
	})
	if got := b.Get(t, "/deadline"); got.Status != http.StatusOK {
		t.Errorf("the handler had no deadline: %d", got.Status)
	}
}

func TestNobodyHoldsMemoryForEver(t *testing.T) {
	t.Parallel()
	limits := setup(t, "https://paperplane.test").shell.App().Config()
	if limits.BodyLimit != 8<<20 || limits.Concurrency <= 0 || limits.Concurrency > 4096 {
		t.Errorf("%d bodies of %d bytes are held at once", limits.Concurrency, limits.BodyLimit)
	}
	if limits.ReadTimeout <= 0 || limits.IdleTimeout <= 0 {
		t.Errorf("a body may take %v, and a connection may be idle for %v", limits.ReadTimeout, limits.IdleTimeout)
	}
	if limits.WriteTimeout != 0 {
		t.Errorf("a stream is cut after %v", limits.WriteTimeout)
	}
}

func TestANoticeHoldsTheWayToTakeItBack(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	page := web.Page{Title: "Users", Flash: &web.Flash{Kind: web.NoticeSuccess, Text: "Done."}, Undo: web.Button(web.Press{Label: "Take it back"})}
	b.shell.App().Get("/users", func(c *fiber.Ctx) error { return b.shell.Render(c, http.StatusOK, b.shell.Layout(page)) })
	if got := b.Get(t, "/users"); got.One(t, ".notice button").Text() != "Take it back" {
		t.Errorf("the page says %s", got.Text())
	}
	page.Flash = nil
	if b.Get(t, "/users").Has("button") {
		t.Error("without a notice there is something to take back")
	}
}
