package web

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
)

// Render answers with a page. It is written to memory first, so that an error never leaves half a page.
func (s *Shell) Render(c *fiber.Ctx, status int, component templ.Component) error {
	var page bytes.Buffer
	var allowed allowance
	if err := component.Render(context.WithValue(c.UserContext(), allowanceKey{}, &allowed), &page); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	if allowed.inlineImages {
		c.Set(fiber.HeaderContentSecurityPolicy, strings.Replace(contentPolicy, "img-src 'self'", "img-src 'self' data:", 1))
	}
	c.Status(status).Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Send(page.Bytes())
}

// allowance is what a page may do beyond contentPolicy. The layout writes it down for Render, which sends the headers.
type allowance struct {
	inlineImages bool
}

// allowanceKey is where Render waits for it.
type allowanceKey struct{}

func allow(ctx context.Context, page Page) {
	if allowed, ok := ctx.Value(allowanceKey{}).(*allowance); ok {
		allowed.inlineImages = page.InlineImages
	}
}

// WantsJSON tells whether the caller is a program and not somebody who reads pages.
func WantsJSON(c *fiber.Ctx) bool {
	accept := c.Get(fiber.HeaderAccept)
	return !strings.Contains(accept, fiber.MIMETextHTML) &&
		(strings.Contains(accept, fiber.MIMEApplicationJSON) || strings.Contains(accept, problemJSON))
}

// Posted is the value of a form field of the body, urlencoded or multipart. Unlike Fiber's FormValue it never looks
// at the query, which other pages can write.
//
// The character NUL is left out: no field of a page can hold one (HTML Living Standard §13.2.3.5), and no text in
// PostgreSQL either, so that one sent by a program would only make a query fail.
func Posted(c *fiber.Ctx, field string) string { return withoutNUL(posted(c, field)) }

// PostedForm is every field of an urlencoded body, each as Posted reads it, for a form whose fields others name.
func PostedForm(c *fiber.Ctx) url.Values {
	form := url.Values{}
	c.Request().PostArgs().VisitAll(func(name, value []byte) { form.Add(withoutNUL(string(name)), withoutNUL(string(value))) })
	return form
}

func withoutNUL(text string) string { return strings.ReplaceAll(text, "\x00", "") }

func posted(c *fiber.Ctx, field string) string {
	if form, err := c.MultipartForm(); err == nil {
		if values := form.Value[field]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
	return string(c.Request().PostArgs().Peek(field))
}

// LocalPath turns an address into a path of ours with its query, fit for a redirect: a path as it stands, or the path
// of an address under the public URL. Everything else, above all another site, is "".
func (s *Shell) LocalPath(address string) string {
	if rest, ok := strings.CutPrefix(address, s.origin()); ok && (rest == "" || rest[0] == '/') {
		address = "/" + strings.TrimPrefix(rest, "/")
	}
	return localPath(address)
}

// localPath lets only paths through that no browser can read as another host: browsers take "//" and "/\" for one, and
// drop tabs and line ends before they look.
func localPath(address string) string {
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return ""
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.IsAbs() || parsed.Host != "" || parsed.User != nil ||
		!strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") {
		return ""
	}
	parsed.Fragment = ""
	return parsed.String()
}
