package flows

import (
	"errors"
	"net/url"
	"slices"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/web"
)

// socialGroup is Kratos' name for everything about social sign-ins.
const socialGroup = "oidc"

// socialPress is one social sign-in that a form of Kratos' offers.
type socialPress struct {
	provider string
	label    string // what the button says
	linked   bool   // in settings: it can be taken away
}

// socialPresses are the providers of a form's buttons of the given names.
func (p *Pages) socialPresses(l locale.Language, form extension.Form, names ...string) []socialPress {
	var presses []socialPress
	for _, node := range form.Nodes {
		if node.Group != socialGroup || node.Kind != "input" || node.Type != "submit" {
			continue
		}
		for _, name := range names {
			if node.Name == name {
				presses = append(presses, socialPress{
					provider: node.Value, label: p.socialLabel(l, node), linked: name == unlinkNode,
				})
			}
		}
	}
	return presses
}

// The names of the buttons by which a settings form links a provider and takes it away.
const (
	linkNode   = "link"
	unlinkNode = "unlink"
)

// socialLabel calls a provider by the name that we were configured with. One that only Kratos knows keeps its label.
func (p *Pages) socialLabel(l locale.Language, node extension.Node) string {
	for _, provider := range p.providers {
		if provider.ID != node.Value {
			continue
		}
		switch node.Name {
		case linkNode:
			return l.Say("Link %s", provider.Name)
		case unlinkNode:
			return l.Say("Unlink %s", provider.Name)
		}
		return l.Say("Sign in with %s", provider.Name)
	}
	return node.Label
}

// cameToNothing tells whether a flow holds what came of a social sign-in that failed. Kratos has no id of its own for it:
// its message is the general one, with a sentence for developers or the provider's own.
func cameToNothing(form extension.Form) bool {
	return slices.ContainsFunc(form.Messages, func(message extension.Message) bool {
		return message.Error && (message.ID == kratosInvalid || message.ID == kratosTaken)
	})
}

// notLinked says why somebody comes back from a provider without being signed in. Nobody can make an account by themselves.
func notLinked(l locale.Language) *notice {
	return &notice{
		kind:  web.NoticeWarning,
		title: l.Say("You are not signed in"),
		body:  l.Say("No account here is linked to the one at the other site, or the sign-in there was not finished. Sign in with your email address and password, and link the two in your settings. Not registered yet? Open the link in your invitation email."),
	}
}

// notAdded says why a social sign-in was not linked to the account.
func notAdded(l locale.Language) *notice {
	return &notice{
		kind:  web.NoticeWarning,
		title: l.Say("The account at the other site was not linked"),
		body:  l.Say("It is linked to somebody else here already, or the sign-in there was not finished. Nothing was changed."),
	}
}

// backToRegistration leads somebody who cannot sign in yet to the registration, with the flow in which a social sign-in was
// to be linked: Kratos leads from the provider to the settings.
func backToRegistration(c *fiber.Ctx) error {
	if flow := c.Query(flowField); flow != "" {
		return c.Redirect(withQuery(registerPath, flowField+"="+url.QueryEscape(flow)), fiber.StatusSeeOther)
	}
	return onward(c)
}

// stillUnlinked says why somebody is at the registration again who went to a provider; nil when they did not. A flow that
// cannot be read has nothing to say.
func (p *Pages) stillUnlinked(c *fiber.Ctx, l locale.Language) (*web.Problem, extension.Reply) {
	flow := c.Query(flowField)
	if flow == "" {
		return nil, extension.Reply{}
	}
	form, reply, err := p.account.SettingsForm(c.UserContext(), p.shell.Browser(c), flow)
	p.shell.Relay(c, reply)
	if err != nil || !cameToNothing(form) {
		return nil, reply
	}
	said := notAdded(l)
	return &web.Problem{
		Status: fiber.StatusOK, Title: said.title,
		Sentences: []string{said.body, l.Say("Your details are kept. Choose a password, or press the button of the other site once more.")},
	}, reply
}

// signInWith goes to a provider to sign in there. The flow carries where to return to, because only Kratos meets the
// browser again when it comes back.
func (p *Pages) signInWith(c *fiber.Ctx) error {
	asked := signIn{
		flow: web.Posted(c, flowField), returnTo: p.shell.LocalPath(web.Posted(c, returnToField)), refresh: web.Posted(c, refreshField),
	}
	browser := p.shell.Browser(c)
	location, reply, err := p.account.SignInWith(c.UserContext(), browser, asked.flow, c.Params("provider"))
	p.shell.Relay(c, reply)
	if errors.Is(err, extension.ErrFlowExpired) {
		location, err = p.signInWithAfresh(c, browser.With(reply), asked)
	}
	switch {
	case err == nil:
		return p.leave(c, location)
	case errors.Is(err, extension.ErrConflict):
		return p.goOnSignedIn(c, asked.returnTo)
	}
	return p.signInAgain(c, err, asked, postedFields(c))
}

// signInWithAfresh is signInWith for a page that was open for too long: with a social sign-in nothing was typed that
// would have to be typed again.
func (p *Pages) signInWithAfresh(c *fiber.Ctx, browser extension.Browser, asked signIn) (string, error) {
	form, reply, err := p.beginLogin(c, browser, asked)
	p.shell.Relay(c, reply)
	if err != nil {
		return "", err
	}
	location, reply, err := p.account.SignInWith(c.UserContext(), browser.With(reply), form.ID, c.Params("provider"))
	p.shell.Relay(c, reply)
	return location, err
}

// socialCallback is where a provider sends the browser back to. Its query is for Kratos alone; Kratos' cookies go to the
// browser, and the browser only to a page of ours or of the installation.
func (p *Pages) socialCallback(c *fiber.Ctx) error {
	query := string(c.Request().URI().QueryString())
	reply, err := p.account.Callback(c.UserContext(), p.shell.Browser(c), c.Params("provider"), query)
	p.shell.Relay(c, reply)
	if err != nil {
		return err
	}
	if path := p.shell.LocalPath(reply.ReturnTo); path != "" {
		return c.Redirect(path, fiber.StatusSeeOther)
	}
	if p.isOwnPage(reply.ReturnTo) {
		return c.Redirect(reply.ReturnTo, fiber.StatusSeeOther)
	}
	return onward(c)
}

// isOwnPage tells whether an address is on one of the sites that the installation's own pages are on.
func (p *Pages) isOwnPage(address string) bool {
	to, err := url.Parse(address)
	if p.own == nil || err != nil || to.Host == "" {
		return false
	}
	for _, own := range []string{p.own.Login, p.own.Settings, p.own.Recovery, p.own.Verification, p.own.Error} {
		if site, err := url.Parse(own); err == nil && site.Scheme == to.Scheme && site.Host == to.Host {
			return true
		}
	}
	return false
}
