package admin

import (
	"github.com/gofiber/fiber/v2"

	"paperplane/extension/web"
)

// noAdministrator answers somebody who is in without a right: no administrator, so in their own language.
func (p *Pages) noAdministrator(c *fiber.Ctx, v visit) error {
	l := p.shell.Reader(c)
	page := p.page(c, v, web.Page{
		Title: l.Say("You have no administration pages"), Language: l, Narrow: true,
		Lead: l.Say("You are signed in to %s, but your role does not include managing users.", v.Organisation.Name),
	})
	return p.shell.Render(c, fiber.StatusForbidden, p.noAdministratorPage(page))
}
