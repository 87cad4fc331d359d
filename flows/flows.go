// Package flows is the pages of invitees and of accounts: the link, Start, registration, the second factor, the terms,
// the arrival, the organisations that somebody belongs to, and the account itself. It owns what these pages say and
// nothing else: every press goes to a verb or to Kratos, and every invitee page ends in /next, the one dispatcher, so that
// no page knows its successor.
//
//	/i/{token}        the link in the letter: a cookie for it, and on to a clean address
//	/join/{id}        who invites whom to what; its Start begins the session
//	/next             where the session stands, and on to the page that is due
//	/register /secure /confirm /agree  the steps
//	/welcome          in
//	/organisations    where else the person belongs
//	/terms/{slug}     the terms of one of them, to read again
//	/gate/{slug}      the same question as /next, for reverse proxies
//	/login /logout /recovery /verification /settings /error  the account
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

// Onboarding is what the pages ask of the inbound verb. A Reply belongs to the browser even when an error comes with it.
type Onboarding interface {
	Open(ctx context.Context, token string) (extension.InvitationID, time.Time, error)
	Landing(ctx context.Context, token string) (onboard.Landing, error)
	// Start takes the session that the browser has already; zero when it has none.
	Start(ctx context.Context, token string, session extension.Session, browser extension.Browser) (extension.Reply, error)
	Next(ctx context.Context, session extension.Session, wish onboard.Wish) (onboard.Place, error)
	// Observe learns what Kratos holds now, sooner than its report comes.
	Observe(ctx context.Context, session extension.Session) error

	Register(ctx context.Context, session extension.Session, browser extension.Browser, r onboard.Registration) (extension.Reply, error)
	// RegisterWith saves the details and links a social sign-in instead of a password; it gives the provider's address.
	RegisterWith(ctx context.Context, session extension.Session, browser extension.Browser, r onboard.Registration, provider string) (string, extension.Reply, error)

	Ways(ctx context.Context, session extension.Session, place onboard.Place) ([]onboard.Way, error)
	// SendCode makes Kratos send a code, and gives the flow that it belongs to; CooldownError when it is too soon.
	SendCode(ctx context.Context, session extension.Session, browser extension.Browser, way extension.Factor) (string, extension.Reply, error)
	Confirm(ctx context.Context, session extension.Session, browser extension.Browser, c onboard.Confirmation) (extension.Reply, error)
	TOTP(ctx context.Context, session extension.Session, browser extension.Browser, flow string) (extension.Form, extension.Reply, error)
	EnrolTOTP(ctx context.Context, session extension.Session, browser extension.Browser, flow, code string) (extension.Reply, error)
	// HoldsRecoveryCodes tells whether there are codes from before, which new ones would take the place of.
	HoldsRecoveryCodes(ctx context.Context, session extension.Session) (bool, error)
	// RecoveryCodes makes new codes that count only once KeepRecoveryCodes has been called for their flow.
	RecoveryCodes(ctx context.Context, session extension.Session, browser extension.Browser) (string, []string, extension.Reply, error)
	KeepRecoveryCodes(ctx context.Context, session extension.Session, browser extension.Browser, flow string) (extension.Reply, error)

	// TermsLanguages lists the languages (BCP 47) in which the version of a place's terms can be read, the organisation's first.
	TermsLanguages(ctx context.Context, place onboard.Place) ([]string, error)
	Agree(ctx context.Context, session extension.Session, browser extension.Browser, terms extension.TermsID) (extension.Reply, error)
	Decline(ctx context.Context, session extension.Session, terms extension.TermsID) error
}

// Gate tells where a session belongs.
type Gate interface {
	Door
	Home(ctx context.Context, session extension.Session) ([]gate.Entry, error)
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
	// Mobiles brings a mobile number into the one spelling that is stored (E.164); without + it is read as one of the region.
	// What cannot be read is an InvalidError.
	Mobiles onboard.Mobiles
	// PublicURL is the origin that browsers see, without a slash at the end: where an installation's own pages come back to.
	PublicURL string
	// Providers are the social sign-ins that Kratos is configured with; none by default.
	Providers []Provider
	// RefusalTime is how long it takes to hear that a sign-in is refused, whatever Kratos takes; zero for as long as that.
	RefusalTime time.Duration
	// OwnPages are the account pages of an installation that has its own; nil for ours.
	OwnPages *OwnPages
	// ReturnOrigins are the origins of the applications, to which a return_to may lead beside our own pages.
	ReturnOrigins []string
}

// Provider is one social sign-in.
type Provider struct {
	ID   string // as Kratos is configured with it
	Name string // as buttons call it
}

// OwnPages are the addresses of an installation's own account pages. They take the place of ours, and of our pages of the
// steps that change settings in Kratos; the link, the terms and the arrival stay here.
type OwnPages struct {
	Login, Settings, Recovery, Verification, Error string
}

// Pages are the handlers.
type Pages struct {
	shell         *web.Shell
	onboarding    Onboarding
	gate          Gate
	account       Account
	sessionCookie string
	minPassword   int
	mobiles       onboard.Mobiles
	publicURL     string
	providers     []Provider
	own           *OwnPages
	returnOrigins []string
	refusalTime   time.Duration
}

// New makes Pages.
func New(o Options) *Pages {
	return &Pages{
		shell: o.Shell, onboarding: o.Onboarding, gate: o.Gate, account: o.Account,
		sessionCookie: o.SessionCookie, minPassword: o.MinPasswordLength,
		mobiles: o.Mobiles, publicURL: o.PublicURL, providers: o.Providers, own: o.OwnPages, returnOrigins: o.ReturnOrigins, refusalTime: o.RefusalTime,
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

	app.Get(nextPath, p.next)
	app.Get("/register", p.registration)
	app.Post("/register", p.register)
	p.mountDoor(app, p.setUp())
	app.Get(totpPath, p.totpForm)
	app.Post(totpPath, p.enrolTOTP)
	app.Get(codesPath, p.recoveryCodes)
	app.Post(codesPath, p.keepCodes)
	p.mountDoor(app, p.confirmation())
	app.Get(agreePath, p.terms)
	app.Post(agreePath, p.agree)
	app.Get("/agree/decline", func(c *fiber.Ctx) error { return c.Redirect(agreePath, fiber.StatusSeeOther) })
	app.Post("/agree/decline", p.decline)
	app.Get(declinedPath, p.declined)
	app.Get(laterPath, func(c *fiber.Ctx) error { return c.Redirect(agreePath, fiber.StatusSeeOther) })
	app.Post(laterPath, p.putOff)
	app.Get("/welcome", p.welcome)

	app.Get("/organisations", p.organisations)
	app.Post("/organisations", p.chooseOrganisation)
	app.Get("/terms/:slug", p.currentTerms)

	p.mountAccount(app)
	p.mountGate(app)
}

// nextPath is the dispatcher's address.
const nextPath = "/next"

// onward sends the browser to the dispatcher.
func onward(c *fiber.Ctx) error { return c.Redirect(nextPath, fiber.StatusSeeOther) }
