package flows

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// session asks Kratos whose session the browser has.
func (p *Pages) session(c *fiber.Ctx) (extension.Session, error) {
	return p.account.Session(c.UserContext(), p.shell.Browser(c))
}

// place asks where the browser's session stands.
func (p *Pages) place(c *fiber.Ctx) (extension.Session, onboard.Place, error) {
	session, err := p.session(c)
	if err != nil {
		return extension.Session{}, onboard.Place{}, err
	}
	place, err := p.onboarding.Next(c.UserContext(), session)
	return session, place, err
}

// token is the form token for a page that goes out together with a reply of Kratos'. Kratos writes the session's cookie
// anew at every save, so the token is bound to the value that the browser will hold and not to the one it sent.
func (p *Pages) token(c *fiber.Ctx, reply extension.Reply) string {
	binding := p.shell.SessionValue(c)
	for _, line := range reply.SetCookies {
		if cookie, err := http.ParseSetCookie(line); err == nil && cookie.Name == p.sessionCookie {
			binding = cookie.Value
		}
	}
	return p.shell.Token(binding)
}
