package flows

import (
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// verified marks the way to the page that says that an address is confirmed.
const verified = "done"

// verificationForm asks for an address to confirm, or for the code that went there.
func (p *Pages) verificationForm(c *fiber.Ctx) error {
	if c.Query(verified) != "" {
		return p.shell.Render(c, fiber.StatusOK, p.verifiedPage(p.shell.Language(c)))
	}
	flow := c.Query(flowField)
	form, err := p.readVerification(c, flow)
	if flow != "" && errors.Is(err, extension.ErrFlowExpired) {
		return p.verifyAfresh(c)
	}
	if err != nil {
		return err
	}
	return p.shell.Render(c, fiber.StatusOK, p.verificationPage(p.newCodeFlow(c, verificationPath, form)))
}

func (p *Pages) readVerification(c *fiber.Ctx, flow string) (extension.Form, error) {
	form, reply, err := p.account.VerificationForm(c.UserContext(), p.shell.Browser(c), flow)
	p.shell.Relay(c, reply)
	return form, err
}

// verify takes the address, or the code.
func (p *Pages) verify(c *fiber.Ctx) error {
	flow, values := codeValues(c)
	form, reply, err := p.account.SubmitVerification(c.UserContext(), p.shell.Browser(c), flow, values)
	p.shell.Relay(c, reply)
	if refused, ok := errors.AsType[*extension.RefusedError](err); ok {
		return p.shell.Render(c, fiber.StatusUnprocessableEntity, p.verificationPage(p.newCodeFlow(c, verificationPath, refused.Form)))
	}
	switch {
	case errors.Is(err, extension.ErrFlowExpired):
		return p.verifyAfresh(c)
	case errors.Is(err, extension.ErrUnavailable):
		problem := p.shell.Explain(c, err)
		retryAfter(c, problem)
		page := p.newCodeFlow(c, verificationPath, typedCodeForm(flow, values))
		page.said = &notice{kind: web.NoticeError, title: problem.Title, body: strings.Join(problem.Sentences, " ")}
		return p.shell.Render(c, problem.Status, p.verificationPage(page))
	case err != nil:
		return err
	case form.ID == "":
		return c.Redirect(verificationPath+"?"+verified+"=1", fiber.StatusSeeOther)
	}
	return c.Redirect(verificationPath+"?"+url.Values{flowField: {form.ID}}.Encode(), fiber.StatusSeeOther)
}

// verifyAfresh begins again for somebody whose flow has run out or has taken too many wrong codes.
func (p *Pages) verifyAfresh(c *fiber.Ctx) error {
	form, err := p.readVerification(c, "")
	if err != nil {
		return err
	}
	page := p.newCodeFlow(c, verificationPath, form)
	page.said = codeRanOut(c, page.reader)
	return p.shell.Render(c, fiber.StatusGone, p.verificationPage(page))
}
