package flows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// The fields of a Kratos form that are ours: which flow it is, where to go on afterwards, and whether somebody who is
// signed in signs in again.
const (
	flowField     = "flow"
	returnToField = "return_to"
	refreshField  = "refresh"
)

// registered marks the way from a link that leads to sign-in and no further.
const registered = "registered"

// notice is one thing that a page has to say.
type notice struct {
	kind        web.NoticeKind
	title, body string
}

// signIn is the sign-in as one browser asks for it.
type signIn struct {
	flow     string // of Kratos; empty to begin one
	returnTo string // a page of ours; empty for the dispatcher
	refresh  string // yes: by somebody who is signed in, so that the session is fresh again
}

// refreshYes asks for a sign-in of somebody who is signed in.
const refreshYes = "yes"

// signInPage is the sign-in as it is shown.
type signInPage struct {
	reader
	signIn
	form   kratosForm // of everything but the social sign-ins; without nodes when there is nothing else
	social []socialPress
	said   *notice
}

// signInForm shows Kratos' login form. Somebody who is signed in goes on.
func (p *Pages) signInForm(c *fiber.Ctx) error {
	asked := signIn{flow: c.Query(flowField), returnTo: p.shell.LocalPath(c.Query(returnToField)), refresh: c.Query(refreshField)}
	l := p.shell.Language(c)
	var said *notice
	switch {
	case c.Query(signedOut) != "":
		said = &notice{kind: web.NoticeSuccess, title: l.Say("You are signed out.")}
	case c.Query(registered) != "":
		said = &notice{kind: web.NoticeInfo, title: l.Say("You have registered already."), body: l.Say("Sign in to go on with the last steps.")}
	}
	form, err := p.loginForm(c, asked)
	if errors.Is(err, extension.ErrConflict) {
		return p.goOnSignedIn(c, asked.returnTo)
	}
	if err != nil {
		return err
	}
	if asked.returnTo == "" {
		asked.returnTo = p.shell.LocalPath(form.ReturnTo)
	}
	return p.showSignIn(c, fiber.StatusOK, asked, form, said)
}

// loginForm reads a login flow, or begins one when there is none or it has run out.
func (p *Pages) loginForm(c *fiber.Ctx, asked signIn) (extension.Form, error) {
	browser := p.shell.Browser(c)
	if asked.flow != "" {
		form, reply, err := p.account.LoginForm(c.UserContext(), browser, asked.flow, "")
		p.shell.Relay(c, reply)
		if !errors.Is(err, extension.ErrFlowExpired) {
			return form, err
		}
		browser = browser.With(reply)
	}
	form, reply, err := p.beginLogin(c, browser, asked)
	p.shell.Relay(c, reply)
	return form, err
}

func (p *Pages) beginLogin(c *fiber.Ctx, browser extension.Browser, asked signIn) (extension.Form, extension.Reply, error) {
	returnTo := asked.returnTo
	if returnTo != "" {
		returnTo = p.publicURL + returnTo // Kratos compares it with the sites that it may lead to
	}
	if asked.refresh != "" {
		return p.account.RefreshForm(c.UserContext(), browser, returnTo)
	}
	return p.account.LoginForm(c.UserContext(), browser, "", returnTo)
}

// signIn relays the form to Kratos, which checks its own csrf_token; the shell has checked where it came from. Whoever is
// refused hears so after RefusalTime, whoever they say they are.
func (p *Pages) signIn(c *fiber.Ctx) error {
	start := time.Now()
	values := postedFields(c)
	asked := signIn{flow: values[flowField], returnTo: p.shell.LocalPath(values[returnToField]), refresh: values[refreshField]}
	values, first := firstStep(values)
	if !first {
		return c.Redirect(confirmPath, fiber.StatusSeeOther)
	}
	reply, err := p.account.SubmitLogin(c.UserContext(), p.shell.Browser(c), asked.flow, values)
	p.shell.Relay(c, reply)
	switch {
	case err == nil:
		return goOn(c, asked.returnTo)
	case errors.Is(err, extension.ErrConflict): // signed in in another tab
		return p.goOnSignedIn(c, asked.returnTo)
	}
	shown := p.signInAgain(c, err, asked, values)
	if judged(err) {
		evenly(c.UserContext(), start, p.refusalTime)
	}
	return shown
}

// firstStep is what Kratos gets of a submitted form: the fields of a password. A second step that somebody brings here would
// pass by the limits of the page that takes it.
func firstStep(posted map[string]string) (values map[string]string, first bool) {
	if method := posted["method"]; method != "" && method != "password" {
		return nil, false
	}
	values = map[string]string{}
	for _, name := range []string{"csrf_token", "identifier", "password", "method"} {
		if value, typed := posted[name]; typed {
			values[name] = value
		}
	}
	return values, true
}

// signInAgain shows the form again with what was typed, never the password, and what stood in the way.
func (p *Pages) signInAgain(c *fiber.Ctx, err error, asked signIn, values map[string]string) error {
	l := p.shell.Language(c)
	if refused, ok := errors.AsType[*extension.RefusedError](err); ok {
		return p.showSignIn(c, fiber.StatusUnprocessableEntity, asked, refused.Form, nil)
	}
	switch {
	case errors.Is(err, extension.ErrDisabled):
		return p.signInAfresh(c, fiber.StatusForbidden, asked, notice{
			kind: web.NoticeError, title: l.Say("Your access is paused or was switched off."), body: l.Say("Ask your administrator."),
		})
	case errors.Is(err, extension.ErrFlowExpired) && keepsNoCookies(c):
		return p.signInAfresh(c, fiber.StatusForbidden, asked, noCookies(l))
	case errors.Is(err, extension.ErrFlowExpired), errors.Is(err, extension.ErrNoSession):
		return p.signInAfresh(c, fiber.StatusConflict, asked, notice{
			kind: web.NoticeWarning, title: l.Say("This page was open for too long."), body: l.Say("Nothing is wrong: type your password again."),
		})
	case errors.Is(err, extension.ErrUnavailable):
		problem := p.shell.Explain(c, err)
		retryAfter(c, problem)
		said := notice{kind: web.NoticeError, title: problem.Title, body: strings.Join(problem.Sentences, " ")}
		return p.showSignIn(c, problem.Status, asked, keptForm(asked.flow, values), &said)
	}
	return err
}

// keptForm is the sign-in form as it was sent, without the password, for while Kratos cannot be asked for a new one.
func keptForm(flow string, values map[string]string) extension.Form {
	return extension.Form{ID: flow, Nodes: []extension.Node{
		{Group: "default", Kind: "input", Type: "hidden", Name: "csrf_token", Value: values["csrf_token"]},
		{Group: "default", Kind: "input", Type: "text", Name: "identifier", Value: values["identifier"], Required: true},
		{Group: "password", Kind: "input", Type: "password", Name: "password", Required: true, Complete: "current-password"},
		{Group: "password", Kind: "input", Type: "submit", Name: "method", Value: "password", Label: "Sign in"},
	}}
}

// signInAfresh shows a new form with what was typed, never the password, and one notice.
func (p *Pages) signInAfresh(c *fiber.Ctx, status int, asked signIn, said notice) error {
	asked.flow = ""
	form, err := p.loginForm(c, asked)
	if errors.Is(err, extension.ErrConflict) {
		return p.goOnSignedIn(c, asked.returnTo)
	}
	if err != nil {
		return err
	}
	for i, node := range form.Nodes {
		if node.Name == "identifier" && node.Type != "hidden" {
			form.Nodes[i].Value = web.Posted(c, "identifier")
		}
	}
	return p.showSignIn(c, status, asked, form, &said)
}

// showSignIn shows the form. Kratos sends people here for the second step too, which has a page of its own.
func (p *Pages) showSignIn(c *fiber.Ctx, status int, asked signIn, form extension.Form, said *notice) error {
	if form.AAL == extension.AAL2 {
		return c.Redirect(confirmPath, fiber.StatusSeeOther)
	}
	page := signInPage{reader: p.reader(c), signIn: asked, said: said}
	if cameToNothing(form) {
		page.said, form.Messages = notLinked(page.l), nil
	}
	page.form = newKratosForm(page.l, form, part{
		action: loginPath, shows: func(node extension.Node) bool { return node.Group != socialGroup },
	}).carrying(flowField, form.ID).carrying(returnToField, asked.returnTo).carrying(refreshField, asked.refresh)
	page.social = p.socialPresses(page.l, form, "provider")
	return p.shell.Render(c, status, p.signInPage(page))
}

// goOn leaves the sign-in for the page that was asked for, or for the dispatcher.
func goOn(c *fiber.Ctx, returnTo string) error {
	if returnTo == "" {
		return onward(c)
	}
	return c.Redirect(returnTo, fiber.StatusSeeOther)
}

// goOnSignedIn is goOn for a browser of which Kratos says that it is signed in. If we see no session all the same, going
// on would lead back here, and so on for ever: then Kratos calls its cookie another name than we were told, or demands a
// second factor before it names the session, and only the operator can mend it.
func (p *Pages) goOnSignedIn(c *fiber.Ctx, returnTo string) error {
	_, err := p.session(c)
	switch {
	case err == nil:
		return goOn(c, returnTo)
	case !errors.Is(err, extension.ErrNoSession):
		return err
	}
	problem := p.shell.Explain(c, fmt.Errorf("go on after sign-in: Kratos sees a session and Paperplane none: check that kratos.session_cookie (%s) "+
		"is session.cookie.name of Kratos, and that its session.whoami.required_aal is aal1", p.sessionCookie))
	l := p.shell.Language(c)
	problem.Title = l.Say("Your session is not recognised")
	problem.Sentences = []string{
		l.Say("The sign-in service says that you are signed in, but Paperplane finds no session of yours."),
		l.Say("What was saved before is safe. Ask your administrator: only whoever runs Paperplane can mend this."),
	}
	return p.shell.Render(c, problem.Status, p.unseenSessionPage(l, problem))
}

// postedFields are all fields of a form's body.
func postedFields(c *fiber.Ctx) map[string]string {
	values := map[string]string{}
	for name, posted := range web.PostedForm(c) {
		values[name] = posted[len(posted)-1] // a pressed button stands after the hidden fields
	}
	return values
}
