package flows

import (
	"cmp"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// organisationCookie holds the slug of the organisation that the person chose to look at. It is a preference without any
// authority: a slug of somebody else's organisation leads nowhere.
const organisationCookie = "organisation"

// session asks Kratos whose session the browser has.
func (p *Pages) session(c *fiber.Ctx) (extension.Session, error) {
	return p.account.Session(c.UserContext(), p.shell.Browser(c))
}

// wish is which organisation the person chose. Only the pages of the terms ask for their text.
func (p *Pages) wish(c *fiber.Ctx) onboard.Wish {
	return onboard.Wish{Slug: p.shell.ReadCookie(c, organisationCookie, "/")}
}

// place asks where the browser's session stands.
func (p *Pages) place(c *fiber.Ctx) (extension.Session, onboard.Place, error) {
	return p.placeAt(c, p.wish(c))
}

func (p *Pages) placeAt(c *fiber.Ctx, wish onboard.Wish) (extension.Session, onboard.Place, error) {
	session, err := p.session(c)
	if err != nil {
		return extension.Session{}, onboard.Place{}, err
	}
	place, err := p.onboarding.Next(c.UserContext(), session, wish)
	return session, place, err
}

// accountPlace is where somebody stands when they look at their account: somewhere that they are in, when the organisation
// that the browser looks at leads to no account yet. An invitation that waits there must not shut them out of what is theirs.
func (p *Pages) accountPlace(c *fiber.Ctx, session extension.Session, place onboard.Place) (onboard.Place, error) {
	switch place.Step {
	case extension.StepSecure, extension.StepConfirm, extension.StepAgree, extension.StepIn:
		return place, nil
	case extension.StepPaused, extension.StepExpired, extension.StepStart, extension.StepRegister:
	}
	for _, standing := range place.Standings {
		if standing.Step == extension.StepIn || standing.Step == extension.StepConfirm {
			return p.onboarding.Next(c.UserContext(), session, onboard.Wish{Slug: standing.Organisation.Slug})
		}
	}
	return place, nil
}

// setFlash keeps a notice in the reader's language for the next page.
func (p *Pages) setFlash(c *fiber.Ctx, flash web.Flash) error {
	flash.Language = p.shell.Language(c)
	return p.shell.SetFlash(c, flash)
}

// takeFlash gives the notice for this page, unless it is in another language than the reader's, as those of administrators' pages
// may be.
func (p *Pages) takeFlash(c *fiber.Ctx) *web.Flash {
	flash := p.shell.TakeFlash(c)
	if flash != nil && cmp.Or(flash.Language, locale.English) != cmp.Or(p.shell.Language(c), locale.English) {
		return nil
	}
	return flash
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

// signInAgain leads somebody to the sign-in whose session is too old for a change, and back to the page that it is made on.
func signInAgain(c *fiber.Ctx, path string) error {
	return c.Redirect(signInTo(path)+"&"+refreshField+"="+refreshYes, fiber.StatusSeeOther)
}

// reader is to whom a page speaks: in which language, and what their buttons need.
type reader struct {
	l     locale.Language
	token string // the session's form token
}

func (p *Pages) reader(c *fiber.Ctx) reader { return p.readerAfter(c, extension.Reply{}) }

// readerAfter is the reader of a page that goes out together with a reply of Kratos'.
func (p *Pages) readerAfter(c *fiber.Ctx, reply extension.Reply) reader {
	return reader{l: p.shell.Language(c), token: p.token(c, reply)}
}
