package flows

import (
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// codeFlow is a page on which somebody says an address, and then types the code that was sent to it: recovery, and
// verification. The answer to an address is the same whether or not anybody has it.
type codeFlow struct {
	reader
	path  string
	form  kratosForm
	again kratosForm // sends another code; without nodes while no code was sent
	sent  bool       // the form asks for the code
	said  *notice
}

// resend is the button by which Kratos' form asks for another code. It is a form of its own, so that Enter in the field of
// the code never presses it, and no half-typed code goes along.
func resend(node extension.Node) bool { return node.Name == "email" && node.Type == "submit" }

// newCodeFlow words one of the two forms that Kratos gives.
func (p *Pages) newCodeFlow(c *fiber.Ctx, path string, form extension.Form) codeFlow {
	page := codeFlow{reader: p.reader(c), path: path}
	for _, node := range form.Nodes {
		page.sent = page.sent || node.Name == codeField
	}
	submit := page.l.Say("Send me a code")
	if page.sent {
		submit = page.l.Say("Confirm the code")
	}
	page.form = newKratosForm(page.l, form, part{
		action: path, submit: submit, shows: func(node extension.Node) bool { return !resend(node) },
	}).carrying(flowField, form.ID)
	page.again = newKratosForm(page.l, extension.Form{Nodes: form.Nodes}, part{action: path, shows: resend}).secondary().carrying(flowField, form.ID)
	return page
}

// codeValues are the fields of a code's page as Kratos takes them: an address to send a code to, or a code.
func codeValues(c *fiber.Ctx) (flow string, values map[string]string) {
	values = postedFields(c)
	flow = values[flowField]
	delete(values, flowField)
	if address, ok := values["email"]; ok {
		values["email"] = strings.TrimSpace(address)
		delete(values, codeField)
	} else {
		values[codeField] = tidyCode(values[codeField])
	}
	return flow, values
}

// recoveryForm asks for the address of somebody who has forgotten their password, or for the code that went there.
func (p *Pages) recoveryForm(c *fiber.Ctx) error {
	flow := c.Query(flowField)
	form, err := p.readRecovery(c, flow)
	switch {
	case flow != "" && errors.Is(err, extension.ErrFlowExpired):
		return p.recoverAfresh(c)
	case errors.Is(err, extension.ErrConflict): // signed in: a new password is a setting
		return c.Redirect(settingsPath, fiber.StatusSeeOther)
	case err != nil:
		return err
	}
	return p.shell.Render(c, fiber.StatusOK, p.recoveryPage(p.newCodeFlow(c, recoveryPath, form)))
}

func (p *Pages) readRecovery(c *fiber.Ctx, flow string) (extension.Form, error) {
	form, reply, err := p.account.RecoveryForm(c.UserContext(), p.shell.Browser(c), flow)
	p.shell.Relay(c, reply)
	return form, err
}

// recover takes the address, or the code. Kratos answers an address that nobody has as any other. Whoever has not registered
// yet gets the invitation again in place of a code that would lead them nowhere; that is done where the code is delivered,
// so that neither the page nor its time tells of it.
func (p *Pages) recover(c *fiber.Ctx) error {
	flow, values := codeValues(c)
	form, reply, err := p.account.SubmitRecovery(c.UserContext(), p.shell.Browser(c), flow, values)
	p.shell.Relay(c, reply)
	if err != nil {
		return p.recoverAgain(c, err, flow, values)
	}
	if form.ID == "" {
		return c.Redirect(recoveredPath, fiber.StatusSeeOther)
	}
	return c.Redirect(recoveryPath+"?"+url.Values{flowField: {form.ID}}.Encode(), fiber.StatusSeeOther)
}

// recovered marks the way to the settings of somebody who has just shown that the mailbox is theirs.
const (
	recovered     = "recovered"
	recoveredPath = settingsPath + "?" + recovered + "=1"
)

// recoverAgain shows the form again and why.
func (p *Pages) recoverAgain(c *fiber.Ctx, err error, flow string, values map[string]string) error {
	if refused, ok := errors.AsType[*extension.RefusedError](err); ok {
		return p.shell.Render(c, fiber.StatusUnprocessableEntity, p.recoveryPage(p.newCodeFlow(c, recoveryPath, refused.Form)))
	}
	l := p.shell.Language(c)
	switch {
	case errors.Is(err, extension.ErrFlowExpired):
		return p.recoverAfresh(c)
	case errors.Is(err, extension.ErrConflict):
		return c.Redirect(settingsPath, fiber.StatusSeeOther)
	case errors.Is(err, extension.ErrDisabled): // told to whoever has read the mail alone
		page := p.newCodeFlow(c, recoveryPath, extension.Form{})
		page.said = &notice{
			kind: web.NoticeError, title: l.Say("Your access is paused, or you have not registered yet."),
			body: l.Say("If you were invited, open the link in your newest invitation email. Otherwise ask your administrator."),
		}
		return p.shell.Render(c, fiber.StatusForbidden, p.recoveryPage(page))
	case errors.Is(err, extension.ErrUnavailable):
		problem := p.shell.Explain(c, err)
		retryAfter(c, problem)
		page := p.newCodeFlow(c, recoveryPath, typedCodeForm(flow, values))
		page.said = &notice{kind: web.NoticeError, title: problem.Title, body: strings.Join(problem.Sentences, " ")}
		return p.shell.Render(c, problem.Status, p.recoveryPage(page))
	}
	return err
}

// recoverAfresh begins again for somebody whose flow has run out or has taken too many wrong codes.
func (p *Pages) recoverAfresh(c *fiber.Ctx) error {
	form, err := p.readRecovery(c, "")
	if err != nil {
		return err
	}
	page := p.newCodeFlow(c, recoveryPath, form)
	page.said = codeRanOut(c, page.reader)
	return p.shell.Render(c, fiber.StatusGone, p.recoveryPage(page))
}

// codeRanOut says why a code takes a new beginning.
func codeRanOut(c *fiber.Ctx, reader reader) *notice {
	if keepsNoCookies(c) {
		said := noCookies(reader.l)
		return &said
	}
	return &notice{
		kind:  web.NoticeWarning,
		title: reader.l.Say("This code does not work any more"),
		body:  reader.l.Say("The page was open for too long, or too many wrong codes were typed. Nothing was changed. Enter your email address to get a new code."),
	}
}

// typedCodeForm is a code's form as it was sent, for while Kratos cannot be asked for it. The code is typed anew.
func typedCodeForm(flow string, values map[string]string) extension.Form {
	form := extension.Form{ID: flow, Nodes: []extension.Node{
		{Group: "default", Kind: "input", Type: "hidden", Name: "csrf_token", Value: values["csrf_token"]},
	}}
	field := extension.Node{Group: "code", Kind: "input", Type: "text", Name: codeField, Required: true}
	if address, ok := values["email"]; ok {
		field = extension.Node{Group: "code", Kind: "input", Type: "email", Name: "email", Value: address, Required: true}
	}
	return extension.Form{ID: flow, Nodes: append(form.Nodes, field,
		extension.Node{Group: "code", Kind: "input", Type: "submit", Name: "method", Value: "code"})}
}
