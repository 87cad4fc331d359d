package flows

import (
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// joinCookie holds a link's token, under the path of its own invitation.
const joinCookie = "join"

// fresh marks the way from a link to its invitation, so that a browser that keeps no cookies is told apart from one that
// never opened the link. Whether the invitation exists decides nothing.
const fresh = "fresh"

const joins = "/join/"

func joinPath(invitation extension.InvitationID) string { return joins + string(invitation) }

// isJoin tells whether a path is the page of an invitation, and no more than that.
func isJoin(path string) bool {
	id, below := strings.CutPrefix(path, joins)
	_, err := extension.ParseID[extension.InvitationID](id)
	return below && err == nil
}

// peek answers HEAD of a link, which mail scanners send: nothing is looked up, so nothing can be learnt or noted.
func peek(c *fiber.Ctx) error {
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	return c.SendStatus(fiber.StatusOK)
}

// open takes the token out of the address: it moves into a cookie of its invitation, and the browser on to a clean page.
// It can be repeated by anybody, mail scanners included, without using anything up.
func (p *Pages) open(c *fiber.Ctx) error {
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	token := c.Params("token")
	invitation, until, err := p.onboarding.Open(c.UserContext(), token)
	if err != nil {
		return p.deadEnd(c, err)
	}
	path := joinPath(invitation)
	p.shell.SetCookie(c, web.Cookie{Name: joinCookie, Value: token, Path: path, Until: until})
	return c.Redirect(path+"?"+fresh+"=1", fiber.StatusSeeOther)
}

// join is one browser in front of one invitation.
type join struct {
	l       locale.Language
	landing onboard.Landing
	token   string
	session extension.Session  // the invitee's; zero when they are not signed in
	other   *extension.Session // somebody else who is signed in here; nil when nobody or the invitee is
	problem *web.Problem       // why the last press of Start did not work
}

// joining finds the invitation by its cookie and who is signed in. A browser without the cookie learns nothing about
// the invitation, not even whether it exists.
func (p *Pages) joining(c *fiber.Ctx) (join, error) {
	dead := &onboard.LinkError{Reason: onboard.LinkDead}
	id, err := extension.ParseID[extension.InvitationID](c.Params("id"))
	if err != nil {
		return join{}, dead
	}
	j := join{token: p.shell.ReadCookie(c, joinCookie, joinPath(id))}
	if j.token == "" {
		return join{}, dead
	}
	if j.landing, err = p.onboarding.Landing(c.UserContext(), j.token); err != nil {
		return join{}, err
	}
	if j.landing.Invitation != id {
		return join{}, dead
	}
	p.shell.Speak(c, j.landing.Organisation.Language)
	j.l = p.shell.Language(c)
	session, err := p.session(c)
	switch {
	case errors.Is(err, extension.ErrNoSession):
	case err != nil:
		return join{}, err
	case session.Identity == j.landing.Identity:
		j.session = session
	default:
		j.other = &session
	}
	if j.other == nil { // else the browser is somebody's whose language this is not
		p.shell.Remember(c, j.landing.Organisation.Language)
	}
	return j, nil
}

// landing shows who invites whom to what, and changes nothing.
func (p *Pages) landing(c *fiber.Ctx) error {
	if c.Query(fresh) != "" {
		return p.landed(c)
	}
	j, err := p.joining(c)
	if err != nil {
		return p.deadEnd(c, err)
	}
	return p.showJoin(c, fiber.StatusOK, j)
}

// landed is the first moment after a link: its cookie must be there now, and the address becomes one that can be kept.
func (p *Pages) landed(c *fiber.Ctx) error {
	id, err := extension.ParseID[extension.InvitationID](c.Params("id"))
	if err != nil {
		return p.deadEnd(c, &onboard.LinkError{Reason: onboard.LinkDead})
	}
	if p.shell.ReadCookie(c, joinCookie, joinPath(id)) == "" {
		return p.shell.Render(c, fiber.StatusForbidden, p.cookiesPage(p.shell.Language(c)))
	}
	return c.Redirect(joinPath(id), fiber.StatusSeeOther)
}

// backToLanding answers somebody who loads the address of a Start that did not work.
func backToLanding(c *fiber.Ctx) error {
	id, err := extension.ParseID[extension.InvitationID](c.Params("id"))
	if err != nil {
		return err
	}
	return c.Redirect(joinPath(id), fiber.StatusSeeOther)
}

// start begins the invitee's session. Somebody else who is signed in is asked first, and signed out only after a yes.
func (p *Pages) start(c *fiber.Ctx) error {
	if err := p.shell.CheckToken(c, c.Params("id")); err != nil {
		return err
	}
	j, err := p.joining(c)
	if err != nil {
		return p.deadEnd(c, err)
	}
	browser := p.shell.Browser(c)
	if j.other != nil {
		if web.Posted(c, "switch") != "yes" {
			return p.showJoin(c, fiber.StatusConflict, j)
		}
		if browser, err = p.endOther(c, browser); err != nil {
			return p.notStarted(c, j, err)
		}
		j.other = nil
		p.shell.Remember(c, j.landing.Organisation.Language)
	}
	reply, err := p.onboarding.Start(c.UserContext(), j.token, j.session, browser)
	p.shell.Relay(c, reply)
	if err != nil {
		return p.notStarted(c, j, err)
	}
	p.choose(c, j.landing.Organisation.Slug)
	return onward(c)
}

// endOther signs somebody else out and gives the browser as it is afterwards, so that Start never sees their session.
func (p *Pages) endOther(c *fiber.Ctx, browser extension.Browser) (extension.Browser, error) {
	reply, err := p.account.Logout(c.UserContext(), browser)
	p.shell.Relay(c, reply)
	if err != nil && !errors.Is(err, extension.ErrNoSession) {
		return browser, err
	}
	return browser.With(reply), nil
}

// notStarted keeps the invitee on the page when a part is down: the link stays good and the button stands below. An
// account that exists already is signed in to first, its second factor is shown, and then that leads back here.
func (p *Pages) notStarted(c *fiber.Ctx, j join, err error) error {
	if link, ok := errors.AsType[*onboard.LinkError](err); ok {
		switch link.Reason {
		case onboard.LinkAccount:
			return p.shell.Render(c, linkStatus(link.Reason), p.accountPage(j))
		case onboard.LinkConfirm:
			return p.confirmFor(c, joinPath(j.landing.Invitation))
		case onboard.LinkDead, onboard.LinkExpired, onboard.LinkPaused, onboard.LinkDisabled, onboard.LinkForeign, onboard.LinkOccupied, onboard.LinkSignIn:
		}
	}
	if !errors.Is(err, extension.ErrUnavailable) && !errors.Is(err, extension.ErrConflict) {
		return p.deadEnd(c, err)
	}
	problem := p.shell.Explain(c, err)
	safe := j.l.Say("Your invitation is safe and this link still works.")
	problem.Sentences = []string{problem.Sentences[0], safe, j.l.Say("Wait a moment, then press the button again.")}
	if errors.Is(err, extension.ErrConflict) { // nobody was let in
		problem.Sentences = []string{j.l.Say("Your account was changed while you pressed the button."), safe, j.l.Say("Press it again.")}
	}
	j.problem = &problem
	retryAfter(c, problem)
	return p.showJoin(c, problem.Status, j)
}

func (p *Pages) showJoin(c *fiber.Ctx, status int, j join) error {
	if j.other != nil {
		return p.shell.Render(c, status, p.switchPage(j))
	}
	return p.shell.Render(c, status, p.landingPage(j))
}

// deadEnd answers a link that leads nowhere with its own page; other errors pass to the shell.
func (p *Pages) deadEnd(c *fiber.Ctx, err error) error {
	var link *onboard.LinkError
	if !errors.As(err, &link) {
		return err
	}
	if link.Reason == onboard.LinkSignIn {
		return c.Redirect("/login?"+registered+"=1", fiber.StatusSeeOther)
	}
	return p.shell.Render(c, linkStatus(link.Reason), p.linkPage(p.shell.Language(c), link))
}

// linkStatus is the one status of each reason; LinkDead covers all links that must not be told apart.
func linkStatus(reason onboard.LinkReason) int {
	switch reason {
	case onboard.LinkExpired:
		return fiber.StatusGone
	case onboard.LinkPaused, onboard.LinkDisabled:
		return fiber.StatusForbidden
	case onboard.LinkForeign, onboard.LinkOccupied, onboard.LinkAccount, onboard.LinkConfirm:
		return fiber.StatusConflict
	case onboard.LinkDead, onboard.LinkSignIn:
	}
	return fiber.StatusNotFound
}

// signInTo is the sign-in page, which leads back to a page of ours afterwards.
func signInTo(path string) string {
	return loginPath + "?" + returnToField + "=" + url.QueryEscape(path)
}
