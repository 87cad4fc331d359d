package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/web"
)

func TestAFormTokenIsOfItsSession(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Post("/change", func(c *fiber.Ctx) error {
		if err := b.shell.CheckToken(c, b.shell.SessionValue(c)); err != nil {
			return err
		}
		return c.SendStatus(http.StatusNoContent)
	})
	b.Cookies[sessionCookie] = "mine"
	for name, test := range map[string]struct {
		path  string
		token string
		want  int
	}{
		"mine":              {"/change", b.shell.Token("mine"), http.StatusNoContent},
		"of another":        {"/change", b.shell.Token("theirs"), http.StatusForbidden},
		"of nobody":         {"/change", b.shell.Token(""), http.StatusForbidden},
		"missing":           {"/change", "", http.StatusForbidden},
		"cut":               {"/change", b.shell.Token("mine")[:20], http.StatusForbidden},
		"only in the query": {"/change?csrf=" + b.shell.Token("mine"), "", http.StatusForbidden},
	} {
		got := b.Post(t, test.path, url.Values{web.TokenField: {test.token}})
		if got.Status != test.want {
			t.Errorf("%s: %d, want %d", name, got.Status, test.want)
		}
	}
	delete(b.Cookies, sessionCookie)
	if got := b.Post(t, "/change", url.Values{web.TokenField: {b.shell.Token("")}}); got.Status != http.StatusForbidden {
		t.Errorf("without a session: %d", got.Status)
	}
}

func TestANoticeIsShownOnceToItsOwnSession(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	said := web.Flash{Kind: web.NoticeSuccess, Text: "anna@müller.de is “deactivated”."}
	b.shell.App().Get("/say", func(c *fiber.Ctx) error { return b.shell.SetFlash(c, said) })
	b.shell.App().Get("/hear", func(c *fiber.Ctx) error {
		if flash := b.shell.TakeFlash(c); flash != nil {
			return c.JSON(*flash)
		}
		return c.SendString("nothing")
	})
	hear := func() string { t.Helper(); return b.Get(t, "/hear").Body }
	b.Cookies[sessionCookie] = "mine"

	b.Get(t, "/say")
	if got := hear(); !strings.Contains(got, said.Text) {
		t.Errorf("the notice is %s", got)
	}
	if got := hear(); got != "nothing" {
		t.Errorf("the notice comes twice: %s", got)
	}

	b.Get(t, "/say")
	b.Cookies[sessionCookie] = "theirs"
	if got := hear(); got != "nothing" {
		t.Errorf("another session sees %s", got)
	}

	b.Get(t, "/say")
	b.now = b.now.Add(2 * time.Minute)
	if got := hear(); got != "nothing" {
		t.Errorf("after two minutes there is still %s", got)
	}

	b.Cookies["__Host-pp_notice"] = "forged"
	if got := hear(); got != "nothing" {
		t.Errorf("a forged notice is shown: %s", got)
	}
}

func TestANoticeFollowsTheSessionWhoseCookieIsWrittenAnew(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Get("/save", func(c *fiber.Ctx) error {
		b.shell.Relay(c, extension.Reply{SetCookies: []string{"csrf_token_ab=1; Path=/", sessionCookie + "=anew==; Path=/; HttpOnly"}})
		return b.shell.SetFlash(c, web.Flash{Kind: web.NoticeSuccess, Text: "Saved."})
	})
	b.shell.App().Get("/hear", func(c *fiber.Ctx) error {
		if flash := b.shell.TakeFlash(c); flash != nil {
			return c.SendString(flash.Text)
		}
		return c.SendString("nothing")
	})
	b.Cookies[sessionCookie] = "before"
	b.Get(t, "/save")
	b.Cookies[sessionCookie] = "anew=="
	if got := b.Get(t, "/hear").Body; got != "Saved." {
		t.Errorf("the notice is %s", got)
	}
}

func TestKratosGetsItsOwnCookiesOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	var seen extension.Browser
	b.shell.App().Get("/see", func(c *fiber.Ctx) error {
		seen = b.shell.Browser(c)
		return nil
	})
	b.Header = http.Header{
		"Cookie":     {"csrf_token_ab=1; pp_join=2; __Host-pp_notice=3; ory_kratos_session=4==; __Secure-pp_join_x=5; broken"},
		"User-Agent": {"Firefox"},
	}
	b.Get(t, "/see")
	want := extension.Browser{Cookies: "csrf_token_ab=1; ory_kratos_session=4==", UserAgent: "Firefox", IP: "0.0.0.0"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("Kratos would see (-want +got):\n%s", diff)
	}
}

func TestEveryCookieOfKratosIsRelayedAsItStands(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	lines := []string{
		"csrf_token_ab=1; Path=/; HttpOnly; SameSite=Lax",
		"ory_kratos_session=abc=; Path=/; Domain=paperplane.test; Max-Age=86399; HttpOnly; Secure; SameSite=Lax",
	}
	b.shell.App().Get("/relay", func(c *fiber.Ctx) error {
		b.shell.Relay(c, extension.Reply{SetCookies: lines})
		b.shell.SetCookie(c, web.Cookie{Name: "join_x", Value: "v.1", Path: "/join/x", Until: b.now.Add(time.Hour)})
		return nil
	})
	got := b.Get(t, "/relay").Header.Values("Set-Cookie")
	want := append(slices.Clone(lines), "__Secure-pp_join_x=v.1; Path=/join/x; Max-Age=3600; HttpOnly; Secure; SameSite=Lax")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Set-Cookie lines (-want +got):\n%s", diff)
	}
}

func TestOurCookiesAreNamedByHowTheyAreProtected(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{"https://paperplane.test": "__Host-pp_x", "http://127.0.0.1:4000": "pp_x"} {
		b := setup(t, origin)
		b.shell.App().Get("/set", func(c *fiber.Ctx) error {
			b.shell.SetCookie(c, web.Cookie{Name: "x", Value: "1", Path: "/", Until: b.now.Add(time.Hour)})
			return nil
		})
		b.shell.App().Get("/read", func(c *fiber.Ctx) error { return c.SendString(b.shell.ReadCookie(c, "x", "/")) })
		b.shell.App().Get("/drop", func(c *fiber.Ctx) error { b.shell.DropCookie(c, "x", "/"); return nil })
		b.Get(t, "/set")
		if b.Cookies[want] != "1" || b.Get(t, "/read").Body != "1" {
			t.Errorf("%s: cookies are %v", origin, b.Cookies)
		}
		b.Get(t, "/drop")
		if len(b.Cookies) != 0 {
			t.Errorf("%s: cookies after the drop are %v", origin, b.Cookies)
		}
	}
}
