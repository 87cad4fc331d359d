package web

import (
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
)

var (
	// errHost says that a request which would change something came to another host than the public one.
	errHost = errors.New("request to another host")
	// errCrossSite says that a request which would change something was not made by a page of ours.
	errCrossSite = errors.New("cross-site request")
	// errAddress says that a request came to an address that no page can have.
	errAddress = errors.New("address with the character NUL")
	// errEncoding says that a request's body is compressed, which no browser does and which hides its size.
	errEncoding = errors.New("encoded request body")
)

// contentPolicy lets a page use nothing but our own files, be framed by nobody and post only to us. form-action also
// bites on the redirects after a post, so those end on pages of ours (Content Security Policy Level 3 §6.4.1).
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// setHeaders sets what every answer carries. Referrer-Policy is same-origin: under no-referrer a browser's own POST
// says Origin: null.
func (s *Shell) setHeaders(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, contentPolicy)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set("X-Robots-Tag", "noindex, nofollow")
	c.Set(fiber.HeaderCacheControl, "no-store")
	if s.secure() {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
}

// canonicalHost keeps browsers on the public URL's host, because cookies and the cross-site check hang on it. Reading
// is redirected; a change is refused, as a redirect would lose its body's origin. What Receive mounted may be posted to
// under any name, because a program beside us, such as a relay, knows us by another one than browsers.
func (s *Shell) canonicalHost(c *fiber.Ctx) error {
	if s.receives(c) {
		return c.Next()
	}
	host := string(c.Request().Header.Host())
	if forwarded := c.Get(fiber.HeaderXForwardedHost); forwarded != "" && s.trusted(remote(c)) {
		host, _, _ = strings.Cut(forwarded, ",")
	}
	switch {
	case bareHost(s.scheme, strings.TrimSpace(host)) == s.host:
		return c.Next()
	case safe(c):
		return c.Redirect(s.origin()+localPath(c.OriginalURL()), fiber.StatusPermanentRedirect)
	default:
		return errHost
	}
}

// sameOrigin refuses every change that a page of another origin asks for (OWASP CSRF Prevention: Fetch Metadata, with
// the Origin header where a browser does not send it, such as over plain HTTP). A request with neither is refused too.
//
// What Receive mounted is taken from programs, which are no browsers and carry no session.
func (s *Shell) sameOrigin(c *fiber.Ctx) error {
	if safe(c) || s.receives(c) {
		return c.Next()
	}
	switch site := c.Get("Sec-Fetch-Site"); {
	case site == "same-origin":
		return c.Next()
	case site == "" && strings.EqualFold(c.Get(fiber.HeaderOrigin), s.origin()):
		return c.Next()
	default:
		return errCrossSite
	}
}

// receives tells whether a request is for what Receive mounted.
func (s *Shell) receives(c *fiber.Ctx) bool {
	return c.Method() == fiber.MethodPost && s.received[c.Path()]
}

// refuseEncoding refuses compressed bodies: the body limit counts bytes before they are unpacked.
func refuseEncoding(c *fiber.Ctx) error {
	if c.Get(fiber.HeaderContentEncoding) != "" {
		return errEncoding
	}
	return c.Next()
}

// safe tells whether a method only reads (RFC 9110 §9.2.1).
func safe(c *fiber.Ctx) bool {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return true
	}
	return false
}

// origin is the public URL as browsers write it in the Origin header.
func (s *Shell) origin() string { return s.scheme + "://" + s.host }

// bareHost is a host in lower case without the scheme's own port.
func bareHost(scheme, host string) string {
	own := map[string]string{"http": "80", "https": "443"}[scheme]
	if name, port, err := net.SplitHostPort(host); err == nil && port == own {
		host = name
		if strings.Contains(name, ":") {
			host = "[" + name + "]"
		}
	}
	return strings.ToLower(host)
}

// clientIP is the address of the person's side of the connection: the right-most hop that is no trusted proxy. What a
// client writes into X-Forwarded-For stands further left and is never reached.
func (s *Shell) clientIP(c *fiber.Ctx) string {
	client := remote(c)
	hops := strings.Split(strings.Join(forwardedFor(c), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.trusted(client); i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = hop
	}
	return client.String()
}

// forwardedFor is every X-Forwarded-For line; proxies may add a line of their own instead of going on with one.
func forwardedFor(c *fiber.Ctx) []string {
	var lines []string
	for _, line := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
		lines = append(lines, string(line))
	}
	return lines
}

// parseHop reads one hop; some proxies write the port too.
func parseHop(text string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), nil
	}
	hop, err := netip.ParseAddr(text)
	return hop.Unmap().WithZone(""), err
}

// remote is the address at the other end of the connection.
func remote(c *fiber.Ctx) netip.Addr {
	address, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	return address.Unmap()
}

func (s *Shell) trusted(address netip.Addr) bool {
	for _, prefix := range s.proxies {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}
