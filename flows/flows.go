// Package flows is the pages of invitees and of accounts: the link, Start, registration, the terms, the arrival, sign
// in, sign out and Kratos' error page. It owns what these pages say and nothing else: every press goes to a verb or to
// Kratos, and every invitee page ends in /next, the one dispatcher, so that no page knows its successor.
//
//	/i/{token}        the link in the letter: a cookie for it, and on to a clean address
//	/join/{id}        who invites whom to what; its Start begins the session
//	/next             where the session stands, and on to the page that is due
//	/register /agree  the steps
//	/welcome          in
//	/login /logout /error
//
// It does not own the frame around the pages (web) or what a link, a session or a step may do (onboard, gate).
package flows

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// Onboarding is what the pages ask of the inbound verb.
type Onboarding interface {
	Open(ctx context.Context, token string) (extension.InvitationID, time.Time, error)
	Landing(ctx context.Context, token string) (onboard.Landing, error)
	Start(ctx context.Context, token string, browser extension.Browser) (extension.Reply, error)
	Next(ctx context.Context, session extension.Session) (onboard.Place, error)
	Register(ctx context.Context, session extension.Session, browser extension.Browser, r onboard.Registration) (extension.Reply, error)
	Agree(ctx context.Context, session extension.Session, browser extension.Browser, terms extension.TermsID) (extension.Reply, error)
}

// Gate tells where a session that has arrived belongs.
type Gate interface {
	Home(ctx context.Context, session extension.Session) ([]gate.Entry, error)
}

// Account is what the pages ask of Kratos in the name of the person's browser. A Reply belongs to the browser even when
// an error comes with it.
type Account interface {
	Session(ctx context.Context, browser extension.Browser) (extension.Session, error)
	LoginForm(ctx context.Context, browser extension.Browser, flow, returnTo string) (extension.Form, extension.Reply, error)
	SubmitLogin(ctx context.Context, browser extension.Browser, flow string, values map[string]string) (extension.Reply, error)
	Logout(ctx context.Context, browser extension.Browser) (extension.Reply, error)
	FlowError(ctx context.Context, id string) (extension.Message, error)
}

// Options are what Pages are made of.
type Options struct {
	Shell      *web.Shell
	Onboarding Onboarding
	Gate       Gate
	Account    Account
	// SessionCookie is the name of Kratos' session cookie, to which form tokens are bound.
	SessionCookie string
	// MinPasswordLength is how many characters Kratos demands of a password; the registration form says so.
	MinPasswordLength int
}

// Pages are the handlers.
type Pages struct {
	shell         *web.Shell
	onboarding    Onboarding
	gate          Gate
	account       Account
	sessionCookie string
	minPassword   int
}

// New makes Pages.
func New(o Options) *Pages {
	return &Pages{
		shell: o.Shell, onboarding: o.Onboarding, gate: o.Gate, account: o.Account,
		sessionCookie: o.SessionCookie, minPassword: o.MinPasswordLength,
	}
}

// Mount puts the pages' routes on the shell's app.
func (p *Pages) Mount() {
	app := p.shell.App()
	app.Get("/", onward)

	app.Head("/i/:token", peek) // before Get, which would answer HEAD too
	app.Get("/i/:token", p.open)
	app.Get("/join/:id", p.landing)
	app.Get("/join/:id/start", backToLanding)
	app.Post("/join/:id/start", p.start)

	app.Get("/next", p.next)
	app.Get("/register", p.registration)
	app.Post("/register", p.register)
	app.Get("/agree", p.terms)
	app.Post("/agree", p.agree)
	app.Get("/welcome", p.welcome)

	app.Get("/login", p.signInForm)
	app.Post("/login", p.signIn)
	app.Get("/logout", p.signOutForm)
	app.Post("/logout", p.signOut)
	app.Get("/error", p.flowError)
}

// nextPath is the dispatcher's address.
const nextPath = "/next"

// onward sends the browser to the dispatcher.
func onward(c *fiber.Ctx) error { return c.Redirect(nextPath, fiber.StatusSeeOther) }
