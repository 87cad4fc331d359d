package admin

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// errNoChoice says that no service area or no role is left to invite to.
var errNoChoice = errors.New("no service area or role to choose")

// keptView is what the page shows that holds a text for somebody who could not send it.
type keptView struct {
	typed   typed
	problem web.Problem
	action  string
	first   web.Crumb // what comes first, in a new tab; zero when there is nothing to open
}

// keep answers a press that could not be taken at all, because nobody is signed in, something has changed since the form
// was loaded, or a part is missing, with a page that holds what was typed.
func (p *Pages) keep(c *fiber.Ctx, input typed, err error) error {
	if web.WantsJSON(c) {
		return err
	}
	view := keptView{typed: input, action: c.Path()}
	switch {
	case errors.Is(err, errNotIn):
		view.problem = web.Problem{Status: http.StatusForbidden, Title: "Your access has changed", Sentences: []string{
			"Since this form was loaded, something has become due, such as new terms, or an administrator has deactivated you.",
		}}
		view.first = web.Crumb{Text: "See what it is", Href: "/next"}
	case errors.Is(err, errNoChoice):
		view.problem = web.Problem{Status: http.StatusConflict, Title: "There is nothing to invite to", Sentences: []string{
			"Since this form was loaded, no service area or no role is left that you could invite to.",
			"Ask an administrator, then continue here.",
		}}
	case errors.Is(err, extension.ErrForbidden):
		view.problem = web.Problem{Status: http.StatusForbidden, Title: "You may not invite users any more", Sentences: []string{
			"Your role has changed since this form was loaded.",
			"Ask an administrator, then continue here, or hand the list on.",
		}}
	case errors.Is(err, extension.ErrNotFound):
		view.problem = web.Problem{Status: http.StatusNotFound, Title: "You have no access here any more", Sentences: []string{
			"You are not part of this organisation, or it has moved to another address.",
			"Keep a copy of the list if you need it elsewhere.",
		}}
	case errors.Is(err, extension.ErrNoSession):
		view.problem = p.shell.Explain(c, err)
		view.problem.Sentences = nil // the notice says it
		view.first = web.Crumb{Text: "Sign in", Href: "/login?return_to=" + url.QueryEscape(c.Path())}
	default:
		view.problem = p.shell.Explain(c, err)
	}
	retryAfter(c, view.problem)
	return p.shell.Render(c, view.problem.Status, p.keptPage(view))
}

// retryAfter tells programs how long to wait, as the shell's own error pages do.
func retryAfter(c *fiber.Ctx, problem web.Problem) {
	if problem.Retry > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(problem.Retry.Seconds()))))
	}
}
