package flows

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// agreement is the page of the terms as it is shown.
type agreement struct {
	place   onboard.Place
	refusal string       // why it is shown again: the terms have changed
	problem *web.Problem // why the acceptance could not be recorded
	flash   *web.Flash
	token   string
}

// paragraphs are the terms' text, in lines.
func (a agreement) paragraphs() [][]string {
	text := strings.ReplaceAll(a.place.Terms.Text, "\r\n", "\n")
	var paragraphs [][]string
	var paragraph []string
	for line := range strings.SplitSeq(text+"\n\n", "\n") {
		if line = strings.TrimSpace(line); line != "" {
			paragraph = append(paragraph, line)
		} else if len(paragraph) > 0 {
			paragraphs = append(paragraphs, paragraph)
			paragraph = nil
		}
	}
	return paragraphs
}

// terms shows the current terms.
func (p *Pages) terms(c *fiber.Ctx) error {
	_, place, err := p.place(c)
	if err != nil {
		return err
	}
	if place.Step != extension.StepAgree {
		return onward(c)
	}
	return p.shell.Render(c, fiber.StatusOK, p.agreePage(agreement{
		place: place, token: p.token(c, extension.Reply{}), flash: p.shell.TakeFlash(c),
	}))
}

// agree accepts the version that the person has read, and no other.
func (p *Pages) agree(c *fiber.Ctx) error {
	session, err := p.session(c)
	if err != nil {
		return err
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		return p.agreeAfresh(c)
	}
	terms := extension.TermsID(web.Posted(c, "terms"))
	reply, err := p.onboarding.Agree(c.UserContext(), session, p.shell.Browser(c), terms)
	p.shell.Relay(c, reply)
	switch {
	case err == nil:
		return c.Redirect(nextPath+"?"+arrived+"=1", fiber.StatusSeeOther)
	case errors.Is(err, extension.ErrConflict): // accepted in another tab
		return onward(c)
	}
	return p.agreeAgain(c, err, session, reply)
}

// agreeAfresh loads the page anew for somebody whose form is older than the session's cookie.
func (p *Pages) agreeAfresh(c *fiber.Ctx) error {
	err := p.shell.SetFlash(c, web.Flash{
		Kind: web.NoticeWarning, Text: "The page was open for too long, so nothing was accepted yet. Press the button again.",
	})
	if err != nil {
		return err
	}
	return c.Redirect("/agree", fiber.StatusSeeOther)
}

// agreeAgain shows the terms again: new ones when they have changed meanwhile, the same ones when a part is down.
func (p *Pages) agreeAgain(c *fiber.Ctx, err error, session extension.Session, reply extension.Reply) error {
	refusal := refusalOf(err)
	if refusal == "" && !errors.Is(err, extension.ErrUnavailable) {
		return err
	}
	place, lost := p.onboarding.Next(c.UserContext(), session)
	if lost != nil {
		return err
	}
	if place.Step != extension.StepAgree {
		return onward(c)
	}
	page := agreement{place: place, token: p.token(c, reply)}
	if refusal != "" {
		page.refusal = refusal
		return p.shell.Render(c, fiber.StatusUnprocessableEntity, p.agreePage(page))
	}
	problem := p.shell.Explain(c, err)
	problem.Sentences = []string{
		problem.Sentences[0], "You are registered, and nothing that you entered is lost.", "Wait a moment, then press the button again.",
	}
	page.problem = &problem
	retryAfter(c, problem)
	return p.shell.Render(c, problem.Status, p.agreePage(page))
}

// refusalOf gives the sentences of a refusal by the verb or, through Kratos, by its guard; empty when err is none.
func refusalOf(err error) string {
	var words []string
	var invalid *extension.InvalidError
	var refused *extension.RefusedError
	switch {
	case errors.As(err, &invalid):
		for _, fault := range invalid.Fields {
			words = append(words, fault.Message)
		}
	case errors.As(err, &refused):
		for _, message := range refused.Form.Errors() {
			words = append(words, message.Text)
		}
	}
	return strings.Join(words, " ")
}
