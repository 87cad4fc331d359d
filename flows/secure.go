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

// appSetUp is an authenticator app that is being set up, on whichever page.
type appSetUp struct {
	reader
	flow    string // of Kratos, to which the secret belongs
	picture string // the QR code, a data: address
	secret  string // the same for typing
	offered bool   // Kratos takes a code for it: there is no app yet
	faults  []extension.FieldError
}

// app is the page on which a newcomer sets one up.
type app struct {
	appSetUp
	place   onboard.Place
	others  bool // there are other ways
	problem *web.Problem
}

// lead says which apps will do.
func (a appSetUp) lead() string {
	return a.l.Say("Any app for one-time codes works, also the one in your password manager.")
}

// groups are the secret as people can type it: in fours. They only look apart, so that what is copied has no spaces.
func (a appSetUp) groups() []string {
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

// showApp shows the set-up that the page is about, or a new one.
func (p *Pages) showApp(c *fiber.Ctx, w doorway, status int, page app) error {
	var err error
	page.appSetUp, err = p.readApp(c, w.session, page.appSetUp)
	switch {
	case errors.Is(err, extension.ErrConflict):
		return onward(c)
	case errors.Is(err, extension.ErrStaleSession):
		return signInAgain(c, totpPath)
	case err != nil:
		return err
	}
	page.place, page.others = w.place, len(w.others()) > 0
	return p.shell.Render(c, status, p.appPage(page))
}

// readApp reads the set-up of an app from Kratos, or begins one when there is none or it has run out.
func (p *Pages) readApp(c *fiber.Ctx, session extension.Session, app appSetUp) (appSetUp, error) {
	browser := p.shell.Browser(c)
	form, reply, err := p.onboarding.TOTP(c.UserContext(), session, browser, app.flow)
	if app.flow != "" && errors.Is(err, extension.ErrFlowExpired) {
		var anew extension.Reply
		form, anew, err = p.onboarding.TOTP(c.UserContext(), session, browser.With(reply), "")
		reply = reply.And(anew)
	}
	p.shell.Relay(c, reply)
	if err != nil {
		return app, err
	}
	app.reader, app.flow = p.readerAfter(c, reply), form.ID
	for _, node := range form.Nodes {
		switch node.Name {
		case "totp_qr":
			app.picture = node.Value
		case "totp_secret_key":
			app.secret = node.Value
		case enrolTOTPNode:
			app.offered = true
		}
	}
	return app, nil
}

// enrolApp takes the code that was typed to the verb.
func (p *Pages) enrolApp(c *fiber.Ctx, session extension.Session, flow string) error {
	code := tidyCode(web.Posted(c, codeField))
	if code == "" {
		return extension.Invalid(codeField, "Type the code.")
	}
	reply, err := p.onboarding.EnrolTOTP(c.UserContext(), session, p.shell.Browser(c), flow, code)
	p.shell.Relay(c, reply)
	return err
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
	page := app{appSetUp: appSetUp{flow: web.Posted(c, flowField)}}
	switch err = p.enrolApp(c, w.session, page.flow); {
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
