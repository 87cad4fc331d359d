package web

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// AnyMethod mounts a question that a program, such as a reverse proxy, asks in the name of a request to somewhere else:
// at the path and at everything below it, by whatever method that request has and under any host name. So the answer must
// change nothing, and must not look at a body. path begins with a slash and ends without one; it can hold one parameter,
// as its last segment.
func (s *Shell) AnyMethod(path string, answer fiber.Handler) {
	prefix, _, _ := strings.Cut(path, ":")
	s.received[strings.TrimSuffix(prefix, "/")+"/"] = true
	s.app.All(path, answer)
	s.app.All(path+"/*", answer)
}

// asks tells whether a path is below one that AnyMethod mounted: among what is received, those that end with a slash.
func (s *Shell) asks(path string) bool {
	for prefix := range s.received {
		if strings.HasSuffix(prefix, "/") && strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// unlessAsked leaves a check of what browsers send out where AnyMethod mounted something.
func (s *Shell) unlessAsked(check fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if s.asks(c.Path()) {
			return c.Next()
		}
		return check(c)
	}
}

// AskedFor is the address of the request in whose name a trusted proxy asks: of X-Original-URL, as nginx' configuration
// writes it, or of X-Forwarded-Proto, -Host and -Uri; without the latter it is rest, which proxies that keep the method
// append to the path. It is nil when no trusted proxy tells. Whoever redirects to it must still know its origin.
func (s *Shell) AskedFor(c *fiber.Ctx, rest string) *url.URL {
	if !s.trusted(remote(c)) {
		return nil
	}
	address := c.Get("X-Original-Url")
	if address == "" {
		host := c.Get(fiber.HeaderXForwardedHost)
		if host == "" {
			host = string(c.Request().Header.Host())
		}
		uri := c.Get("X-Forwarded-Uri")
		if uri == "" {
			uri = rest
		}
		address = c.Get(fiber.HeaderXForwardedProto) + "://" + host + uri
	}
	asked, err := url.Parse(address)
	if err != nil || asked.Host == "" || asked.User != nil || asked.Scheme != "https" && asked.Scheme != "http" {
		return nil
	}
	asked.Fragment = ""
	return asked
}
