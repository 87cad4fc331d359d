package flows

import (
	"github.com/gofiber/fiber/v2"

	"paperplane/extension/web"
)

// noMember tells somebody who is signed in that the organisation does not know them.
func (p *Pages) noMember(c *fiber.Ctx) error {
	l := p.shell.Language(c)
	elsewhere := web.Press{Kind: web.ButtonSecondary, Label: l.Say("Go on to your own organisations"), Href: nextPath}
	return p.shell.Render(c, fiber.StatusForbidden, p.shell.Layout(web.Page{
		Title: l.Say("Ask for an invitation"), Language: l, Narrow: true, Actions: web.Button(elsewhere),
		Lead: l.Say("You are signed in, but your account does not belong to this organisation. Ask its administrator for an invitation."),
	}))
}
