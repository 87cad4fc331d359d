package flows

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// signedOut marks the way to the sign-in page of somebody who has just signed out.
const signedOut = "signed_out"

// signOutForm asks, because a GET must not end a session.
func (p *Pages) signOutForm(c *fiber.Ctx) error {
	if p.shell.SessionValue(c) == "" {
		return c.Redirect(loginPath, fiber.StatusSeeOther)
	}
	return p.shell.Render(c, fiber.StatusOK, p.signOutPage(p.reader(c), nil))
}

// signOut ends the session in Kratos. A form that is older than the session's cookie is asked again instead of refused.
func (p *Pages) signOut(c *fiber.Ctx) error {
	if errors.Is(p.shell.CheckToken(c, p.shell.SessionValue(c)), web.ErrStaleForm) {
		return c.Redirect("/logout", fiber.StatusSeeOther)
	}
	reply, err := p.account.Logout(c.UserContext(), p.shell.Browser(c))
	p.shell.Relay(c, reply)
	switch {
	case err == nil, errors.Is(err, extension.ErrNoSession):
		return c.Redirect(loginPath+"?"+signedOut+"=1", fiber.StatusSeeOther)
	case errors.Is(err, extension.ErrUnavailable):
		reader := p.readerAfter(c, reply)
		problem := p.shell.Explain(c, err)
		problem.Title = reader.l.Say("You are still signed in")
		problem.Sentences = []string{problem.Sentences[0], reader.l.Say("Wait a moment, then press the button again.")}
		retryAfter(c, problem)
		return p.shell.Render(c, problem.Status, p.signOutPage(reader, &problem))
	}
	return err
}
