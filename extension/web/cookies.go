package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
)

// Cookie is a cookie of ours. It is HttpOnly, SameSite=Lax and, under https, Secure.
type Cookie struct {
	Name  string // without any prefix
	Value string // characters of base64url
	Path  string // "/" or the page that it belongs to
	Until time.Time
}

// SetCookie gives the browser a cookie of ours. Its name gets the prefix pp_, and under https also __Host- or, with a
// path of its own, __Secure- (RFC 6265bis §4.1.3), so that no sibling host can plant it.
func (s *Shell) SetCookie(c *fiber.Ctx, cookie Cookie) {
	left := int(cookie.Until.Sub(s.now()).Seconds())
	s.writeCookie(c, cookie, max(left, -1))
}

// DropCookie takes a cookie of ours away from the browser.
func (s *Shell) DropCookie(c *fiber.Ctx, name, path string) {
	s.writeCookie(c, Cookie{Name: name, Path: path}, -1)
}

func (s *Shell) writeCookie(c *fiber.Ctx, cookie Cookie, maxAge int) {
	if maxAge == 0 {
		maxAge = -1 // net/http leaves a zero out
	}
	line := (&http.Cookie{ //nolint:gosec // Secure follows the public URL: plain http is for trying out
		Name: s.cookieName(cookie.Name, cookie.Path), Value: cookie.Value, Path: cookie.Path, MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.secure(),
	}).String()
	c.Response().Header.Add(fiber.HeaderSetCookie, line)
}

// ReadCookie gives the value of a cookie of ours, empty when the browser did not send it.
func (s *Shell) ReadCookie(c *fiber.Ctx, name, path string) string {
	return c.Cookies(s.cookieName(name, path))
}

func (s *Shell) cookieName(name, path string) string {
	switch {
	case !s.secure():
		return "pp_" + name
	case path == "/":
		return "__Host-pp_" + name
	default:
		return "__Secure-pp_" + name
	}
}

// ours tells whether a cookie's name is one that cookieName makes.
func ours(name string) bool {
	return strings.HasPrefix(name, "pp_") || strings.HasPrefix(name, "__Host-pp_") || strings.HasPrefix(name, "__Secure-pp_")
}

// Browser is what a relay hands on to Kratos: every cookie but ours, the user agent and the client's address.
func (s *Shell) Browser(c *fiber.Ctx) extension.Browser {
	var kept []string
	for pair := range strings.SplitSeq(c.Get(fiber.HeaderCookie), ";") {
		pair = strings.TrimSpace(pair)
		if name, _, ok := strings.Cut(pair, "="); ok && !ours(name) {
			kept = append(kept, pair)
		}
	}
	return extension.Browser{Cookies: strings.Join(kept, "; "), UserAgent: c.Get(fiber.HeaderUserAgent), IP: s.clientIP(c)}
}

// Relay hands Kratos' cookies to the browser, line by line as Kratos wrote them.
func (s *Shell) Relay(c *fiber.Ctx, reply extension.Reply) {
	for _, line := range reply.SetCookies {
		c.Response().Header.Add(fiber.HeaderSetCookie, line)
	}
}
