package flows

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// The pages of the set-up of an authenticator app, and of the recovery codes that follow every set-up.
const (
	totpPath  = "/secure/totp"
	codesPath = "/secure/codes"
)

// app is the page of an authenticator app that is being set up.
type app struct {
	reader
	place   onboard.Place
	flow    string
	picture string // the QR code, a data: address
	secret  string // the same for typing
	others  bool   // there are other ways
	faults  []extension.FieldError
	problem *web.Problem
}

// groups are the secret as people can type it: in fours. They only look apart, so that what is copied has no spaces.
func (a app) groups() []string {
	var groups []string
	for rest := a.secret; rest != ""; {
		n := min(4, len(rest))
		groups, rest = append(groups, rest[:n]), rest[n:]
	}
	return groups
}

// totpForm shows the QR code and the secret. Kratos makes them anew for every set-up that is begun, and keeps none before
// its code was typed.
func (p *Pages) totpForm(c *fiber.Ctx) error {
	w, allowed, err := p.comeForApp(c)
	if err != nil || !allowed {
		return err
	}
	return p.showApp(c, w, fiber.StatusOK, app{})
}

// comeForApp brings somebody to the set-up of an app. False says that it is not due, or not one of the ways: then they
// have been sent on.
func (p *Pages) comeForApp(c *fiber.Ctx) (doorway, bool, error) {
	w, due, err := p.come(c, p.setUp())
	if err != nil || !due {
		return w, false, err
	}
	w, open := w.through(string(extension.FactorTOTP))
	if !open {
		return w, false, c.Redirect(w.path, fiber.StatusSeeOther)
	}
	return w, true, nil
}

// showApp reads the set-up that the page is about, or begins one when there is none or it has run out.
func (p *Pages) showApp(c *fiber.Ctx, w doorway, status int, page app) error {
	browser := p.shell.Browser(c)
	form, reply, err := p.onboarding.TOTP(c.UserContext(), w.session, browser, page.flow)
	if page.flow != "" && errors.Is(err, extension.ErrFlowExpired) {
		var anew extension.Reply
		form, anew, err = p.onboarding.TOTP(c.UserContext(), w.session, browser.With(reply), "")
		reply = reply.And(anew)
	}
	p.shell.Relay(c, reply)
	switch {
	case errors.Is(err, extension.ErrConflict):
		return onward(c)
	case errors.Is(err, extension.ErrStaleSession):
		return signInAgain(c, totpPath)
	case err != nil:
		return err
	}
	page.reader, page.place, page.flow, page.others = p.readerAfter(c, reply), w.place, form.ID, len(w.others()) > 0
	for _, node := range form.Nodes {
		switch node.Name {
		case "totp_qr":
			page.picture = node.Value
		case "totp_secret_key":
			page.secret = node.Value
		}
	}
	return p.shell.Render(c, status, p.appPage(page))
}

// enrolTOTP proves that the app shows the right codes. With it the app is set up, and this session has been confirmed.
func (p *Pages) enrolTOTP(c *fiber.Ctx) error {
	w, allowed, err := p.comeForApp(c)
	if err != nil || !allowed {
		return err
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		return p.afresh(c, w.door)
	}
	page := app{flow: web.Posted(c, flowField)}
	code := tidyCode(web.Posted(c, codeField))
	if code == "" {
		err = extension.Invalid(codeField, "Type the code.")
	} else {
		var reply extension.Reply
		reply, err = p.onboarding.EnrolTOTP(c.UserContext(), w.session, p.shell.Browser(c), page.flow, code)
		p.shell.Relay(c, reply)
	}
	switch {
	case err == nil:
		return c.Redirect(w.after, fiber.StatusSeeOther)
	case errors.Is(err, extension.ErrConflict): // done in another tab
		return onward(c)
	case errors.Is(err, extension.ErrStaleSession):
		return signInAgain(c, totpPath)
	}
	return p.appAgain(c, w, page, err)
}

// appAgain shows the same QR code again with what was wrong, or a new one when the set-up has run out.
func (p *Pages) appAgain(c *fiber.Ctx, w doorway, page app, err error) error {
	if page.faults = p.codeFaults(c, err); len(page.faults) > 0 {
		return p.showApp(c, w, fiber.StatusUnprocessableEntity, page)
	}
	if !errors.Is(err, extension.ErrFlowExpired) {
		return err
	}
	page.flow = "" // Kratos may still show the old key, which does not count any more
	page.problem = &web.Problem{
		Status: fiber.StatusGone, Title: w.l.Say("This page was open for too long"),
		Sentences: []string{
			w.l.Say("Nothing was set up. The QR code below is a new one."),
			w.l.Say("Delete the entry that you have just made in your app, then scan this one."),
		},
	}
	return p.showApp(c, w, page.problem.Status, page)
}
