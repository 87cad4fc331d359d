// Package admin is the administrators' pages of one organisation: the users list with pause, resume and resend, the page
// of one person, the form that invites users, the list and the pages of batches, the sending and security settings, and
// the terms with the evidence of who accepted them. It asks the verbs and decides nothing itself; whether an actor may do something is the verbs' answer, and the pages only leave out
// what would be refused.
package admin

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/web"
)

// Sessions asks whom a browser belongs to.
type Sessions interface {
	// Session gives the browser's session; ErrNoSession when there is none.
	Session(ctx context.Context, browser extension.Browser) (extension.Session, error)
}

// Gate asks whether a session may enter an organisation.
type Gate interface {
	// Enter tells a session's standing in an organisation; ErrNotFound when it has no user there.
	Enter(ctx context.Context, session extension.Session, slug string) (gate.Entry, error)
}

// Inviter is the verb that invites, page by page.
type Inviter interface {
	ordering
	correcting
	resending
	resendingMany
	settling
	following
	controlling
}

// Roster is the verb about users who are here, page by page.
type Roster interface {
	listing
	pausing
	assigning
}

// Policy is the verb about what an organisation asks of everybody who enters, page by page.
type Policy interface {
	securing
	agreeing
	holding
}

// Options are what the pages are made of.
type Options struct {
	Shell    *web.Shell
	Sessions Sessions
	Gate     Gate
	Inviter  Inviter
	Roster   Roster
	Policy   Policy
	Rescue   Rescue
}

// Pages are the administrators' pages.
type Pages struct {
	shell    *web.Shell
	sessions Sessions
	gate     Gate
	inviter  Inviter
	roster   Roster
	policy   Policy
	rescue   Rescue
	board    *board
}

// Mount puts the pages under /o/{slug} of the shell's app.
func Mount(o Options) {
	p := &Pages{
		shell: o.Shell, sessions: o.Sessions, gate: o.Gate, inviter: o.Inviter, roster: o.Roster, policy: o.Policy, rescue: o.Rescue,
	}
	p.board = &board{ask: p.askNews, watches: map[extension.BatchID]*watch{}}
	organisation := o.Shell.App().Group("/o/:slug")
	organisation.Get("/", p.home)
	p.mountUsers(organisation)
	p.mountInvite(organisation)
	p.mountResend(organisation)
	p.mountSending(organisation)
	p.mountSecurity(organisation)
	p.mountTerms(organisation)
	p.mountBatches(organisation)
	p.mountControl(organisation)
	p.mountPlaces(organisation)
}

// visit is who stands at a page: an elevated user who is in.
type visit struct {
	gate.Entry
	csrf string
}

// path is the address of a page of the visited organisation.
func (v visit) path(rest string) string { return "/o/" + url.PathEscape(v.Organisation.Slug) + rest }

// handler is a page behind the gate.
type handler func(c *fiber.Ctx, v visit) error

// read lets an elevated user who is in come to a page that changes nothing.
func (p *Pages) read(page handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		v, err := p.enter(c)
		if err != nil {
			return err
		}
		return p.admit(c, v, page)
	}
}

// change is read for pages that change something: the form must be of this session.
func (p *Pages) change(page handler) fiber.Handler {
	return p.read(func(c *fiber.Ctx, v visit) error {
		if err := p.shell.CheckToken(c, p.shell.SessionValue(c)); err != nil {
			return err
		}
		return page(c, v)
	})
}

// enter finds out who is there and how they stand in the organisation.
func (p *Pages) enter(c *fiber.Ctx) (visit, error) {
	session, err := p.sessions.Session(c.UserContext(), p.shell.Browser(c))
	if err != nil {
		return visit{}, err
	}
	entry, err := p.gate.Enter(c.UserContext(), session, c.Params("slug"))
	if err != nil {
		return visit{}, err
	}
	return visit{Entry: entry, csrf: p.shell.Token(p.shell.SessionValue(c))}, nil
}

// errNotIn says that something is due before the organisation can be entered, or that the user is paused.
var errNotIn = errors.New("not in the organisation")

// admission is nil for an elevated user who is in, errNotIn for whoever is not in, and ErrForbidden for whoever is in
// without a right.
func (v visit) admission() error {
	switch {
	case v.Step != extension.StepIn:
		return errNotIn
	case !v.Actor.Elevated():
		return extension.ErrForbidden
	}
	return nil
}

// admit sends on whoever is not in yet, and tells those without administration pages so.
func (p *Pages) admit(c *fiber.Ctx, v visit, page handler) error {
	err := v.admission()
	switch {
	case err == nil:
		return page(c, v)
	case web.WantsJSON(c):
		return extension.ErrForbidden
	case errors.Is(err, errNotIn):
		return c.Redirect("/next", fiber.StatusSeeOther)
	default:
		return p.noAdministrator(c, v)
	}
}

// page fills in what every page behind the gate shows.
func (p *Pages) page(c *fiber.Ctx, v visit, page web.Page) web.Page {
	page.Organisation, page.User, page.Menu, page.CSRF = &v.Organisation, &v.User, true, v.csrf
	page.Switch, page.Administers = v.User.Elsewhere, v.admission() == nil
	if page.Flash == nil {
		page.Flash = p.shell.TakeFlash(c)
	}
	return page
}

// home leads to the first page: elevated users to the users list, others to where they belong.
func (p *Pages) home(c *fiber.Ctx) error {
	v, err := p.enter(c)
	if err != nil {
		return err
	}
	if v.admission() == nil {
		return c.Redirect(v.path("/users"), fiber.StatusSeeOther)
	}
	return c.Redirect("/next", fiber.StatusSeeOther)
}

// crumbs is the way to a page below the users list.
func crumbs(v visit) []web.Crumb {
	return []web.Crumb{{Text: "Access management"}, {Text: "Users", Href: v.path("/users")}}
}

// oneLine makes text from a query or a field fit for a search: valid UTF-8, no control characters, of sane length.
func oneLine(text string) string {
	const longest = 254 // of an address (RFC 5321 §4.5.3.1.3)
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest])
	}
	return strings.TrimSpace(text)
}
