package flows

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// The fields of a Kratos form that are ours: which flow it is, and where to go on afterwards.
const (
	flowField     = "flow"
	returnToField = "return_to"
)

// registered marks the way from a link that leads to sign-in and no further.
const registered = "registered"

// notice is one thing that the sign-in page has to say.
type notice struct {
	kind        web.NoticeKind
	title, body string
}

// signInForm shows Kratos' login form. Somebody who is signed in goes on.
func (p *Pages) signInForm(c *fiber.Ctx) error {
	returnTo := p.shell.LocalPath(c.Query(returnToField))
	var said *notice
	switch {
	case c.Query(signedOut) != "":
		said = &notice{kind: web.NoticeSuccess, title: "You are signed out."}
	case c.Query(registered) != "":
		said = &notice{kind: web.NoticeInfo, title: "You have registered already.", body: "Sign in to go on with the last steps."}
	}
	form, err := p.loginForm(c, c.Query(flowField))
	if errors.Is(err, extension.ErrConflict) {
		return p.goOnSignedIn(c, returnTo)
	}
	if err != nil {
		return err
	}
	if returnTo == "" {
		returnTo = p.shell.LocalPath(form.ReturnTo)
	}
	return p.showSignIn(c, fiber.StatusOK, form, returnTo, said)
}

// loginForm reads a login flow, or begins one when there is none or it has run out.
func (p *Pages) loginForm(c *fiber.Ctx, flow string) (extension.Form, error) {
	browser := p.shell.Browser(c)
	form, reply, err := p.account.LoginForm(c.UserContext(), browser, flow, "")
	p.shell.Relay(c, reply)
	if flow != "" && errors.Is(err, extension.ErrFlowExpired) {
		form, reply, err = p.account.LoginForm(c.UserContext(), browser.With(reply), "", "")
		p.shell.Relay(c, reply)
	}
	return form, err
}

// signIn relays the form to Kratos, which checks its own csrf_token; the shell has checked where it came from.
func (p *Pages) signIn(c *fiber.Ctx) error {
	values := postedFields(c)
	flow, returnTo := values[flowField], p.shell.LocalPath(values[returnToField])
	delete(values, flowField)
	delete(values, returnToField)

	reply, err := p.account.SubmitLogin(c.UserContext(), p.shell.Browser(c), flow, values)
	p.shell.Relay(c, reply)
	var refused *extension.RefusedError
	switch {
	case err == nil:
		return goOn(c, returnTo)
	case errors.Is(err, extension.ErrConflict): // signed in in another tab
		return p.goOnSignedIn(c, returnTo)
	case errors.As(err, &refused):
		return p.showSignIn(c, fiber.StatusUnprocessableEntity, refused.Form, returnTo, nil)
	case errors.Is(err, extension.ErrDisabled):
		return p.signInAfresh(c, fiber.StatusForbidden, returnTo, notice{
			kind: web.NoticeError, title: "Your access is paused or was switched off.", body: "Ask your administrator.",
		})
	case errors.Is(err, extension.ErrFlowExpired), errors.Is(err, extension.ErrNoSession):
		return p.signInAfresh(c, fiber.StatusConflict, returnTo, notice{
			kind: web.NoticeWarning, title: "This page was open for too long.", body: "Nothing is wrong: type your password again.",
		})
	case errors.Is(err, extension.ErrUnavailable):
		problem := p.shell.Explain(c, err)
		retryAfter(c, problem)
		said := notice{kind: web.NoticeError, title: problem.Title, body: strings.Join(problem.Sentences, " ")}
		return p.showSignIn(c, problem.Status, keptForm(flow, values), returnTo, &said)
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
func (p *Pages) signInAfresh(c *fiber.Ctx, status int, returnTo string, said notice) error {
	form, err := p.loginForm(c, "")
	if errors.Is(err, extension.ErrConflict) {
		return p.goOnSignedIn(c, returnTo)
	}
	if err != nil {
		return err
	}
	for i, node := range form.Nodes {
		if node.Name == "identifier" {
			form.Nodes[i].Value = web.Posted(c, "identifier")
		}
	}
	return p.showSignIn(c, status, form, returnTo, &said)
}

func (p *Pages) showSignIn(c *fiber.Ctx, status int, form extension.Form, returnTo string, said *notice) error {
	view := newKratosForm(form, "/login")
	view.hidden = append(view.hidden, web.Press{Name: flowField, Value: form.ID})
	if returnTo != "" {
		view.hidden = append(view.hidden, web.Press{Name: returnToField, Value: returnTo})
	}
	return p.shell.Render(c, status, p.signInPage(view, said))
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
	problem.Title = "Your session is not recognised"
	problem.Sentences = []string{
		"The sign-in service says that you are signed in, but Paperplane finds no session of yours.",
		"What was saved before is safe. Ask your administrator: only whoever runs Paperplane can mend this.",
	}
	return p.shell.Render(c, problem.Status, p.unseenSessionPage(problem))
}

// postedFields are all fields of a form's body.
func postedFields(c *fiber.Ctx) map[string]string {
	values := map[string]string{}
	c.Request().PostArgs().VisitAll(func(name, value []byte) { values[string(name)] = string(value) })
	return values
}
