package flows

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension/locale"
	"paperplane/extension/web"
)

// trouble is Kratos' error page in a person's words.
type trouble struct {
	happened string
	todo     string
}

// keepsNoCookies tells whether a form came back without a single cookie, although each of Kratos' forms is given with one:
// whoever reads on only that the page was open for too long would begin again for ever.
func keepsNoCookies(c *fiber.Ctx) bool {
	return c.Method() == fiber.MethodPost && len(c.Request().Header.Peek(fiber.HeaderCookie)) == 0
}

// noCookies says so, and what to do.
func noCookies(l locale.Language) notice {
	return notice{
		kind: web.NoticeError, title: l.Say("Your browser keeps no cookies"),
		body: l.Say("Allow cookies for this site, go to the start page and try again."),
	}
}

// flowError shows what Kratos wanted to tell a browser that it sent here. An error that is unknown, forgotten or cannot
// be asked for now is told in general words: this page is the last one to fail.
func (p *Pages) flowError(c *fiber.Ctx) error {
	l := p.shell.Language(c)
	told := troubleOf(l, 0)
	if id := c.Query("id"); id != "" {
		if message, err := p.account.FlowError(c.UserContext(), id); err == nil {
			told = troubleOf(l, message.ID)
		}
	}
	return p.shell.Render(c, fiber.StatusOK, p.errorPage(l, told))
}

// troubleOf words an error by the HTTP status that Kratos would have given. Kratos' own text is written for developers.
func troubleOf(l locale.Language, status int64) trouble {
	switch status {
	case http.StatusUnauthorized:
		return trouble{
			happened: l.Say("The sign-in service did not let you in: your session has ended, or your access is paused or was switched off."),
			todo:     l.Say("Sign in again. If that does not work, ask your administrator."),
		}
	case http.StatusForbidden:
		return trouble{
			happened: l.Say("The sign-in service could not tell that this came from your own browser, perhaps because its cookies were deleted or are blocked."),
			todo:     l.Say("Allow cookies for this site, go to the start page and try again."),
		}
	case http.StatusNotFound, http.StatusGone:
		return trouble{
			happened: l.Say("The page was open for too long, or it was used already."),
			todo:     l.Say("Go to the start page and begin again."),
		}
	}
	return trouble{
		happened: l.Say("The sign-in service could not finish what you asked for."),
		todo:     l.Say("Go to the start page and try again. If it happens again, tell your administrator what you did."),
	}
}
