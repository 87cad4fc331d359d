package flows

import (
	"errors"
	"maps"
	"net/url"

	"github.com/gofiber/fiber/v2"
)

// errNowhere says that what should be the address of another site is none.
var errNowhere = errors.New("go on to another site: it has no address")

// leave leads to an address that may be of another origin, such as a social sign-in or an installation's own pages. A
// redirect there would be stopped in a browser that has just sent a form, because form-action 'self' also bites on what
// follows (Content Security Policy Level 3 §6.4.1). So a page of ours stands in between, and goes on by itself.
func (p *Pages) leave(c *fiber.Ctx, location string) error {
	if path := p.shell.LocalPath(location); path != "" {
		return c.Redirect(path, fiber.StatusSeeOther)
	}
	to, err := url.Parse(location)
	if err != nil || to.Host == "" || to.Scheme != "https" && to.Scheme != "http" {
		return errNowhere // the parser's own error would quote the address, which may hold a secret of the flow
	}
	c.Set("Refresh", "0; url="+to.String())
	return p.shell.Render(c, fiber.StatusOK, p.leavePage(p.shell.Language(c), to))
}

// leads is an address of an installation's own page, which comes back to the dispatcher.
func (p *Pages) leads(address string, query url.Values) string {
	to, err := url.Parse(address)
	if err != nil {
		return address // config has checked it
	}
	all := to.Query()
	maps.Copy(all, query)
	all.Set("return_to", p.publicURL+nextPath)
	to.RawQuery = all.Encode()
	return to.String()
}
