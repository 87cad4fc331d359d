package flows

import (
	"cmp"
	"context"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
)

// Account is what the pages ask of Kratos in the name of the person's browser. A Reply belongs to the browser even when
// an error comes with it.
type Account interface {
	Session(ctx context.Context, browser extension.Browser) (extension.Session, error)
	LoginForm(ctx context.Context, browser extension.Browser, flow, returnTo string) (extension.Form, extension.Reply, error)
	// RefreshForm begins a sign-in of somebody who is signed in, after which the session counts as fresh (Kratos' refresh).
	RefreshForm(ctx context.Context, browser extension.Browser, returnTo string) (extension.Form, extension.Reply, error)
	SubmitLogin(ctx context.Context, browser extension.Browser, flow string, values map[string]string) (extension.Reply, error)
	Logout(ctx context.Context, browser extension.Browser) (extension.Reply, error)
	FlowError(ctx context.Context, id string) (extension.Message, error)

	// SignInWith and LinkProvider give the provider's address to which the browser must go; Callback takes its way back.
	SignInWith(ctx context.Context, browser extension.Browser, flow, provider string) (string, extension.Reply, error)
	LinkProvider(ctx context.Context, browser extension.Browser, form extension.Form, provider string) (string, extension.Reply, error)
	UnlinkProvider(ctx context.Context, browser extension.Browser, form extension.Form, provider string) (extension.Form, extension.Reply, error)
	Callback(ctx context.Context, browser extension.Browser, provider, query string) (extension.Reply, error)

	// The form that a submit gives has no id once the person has a session, or the address is proven.
	RecoveryForm(ctx context.Context, browser extension.Browser, flow string) (extension.Form, extension.Reply, error)
	SubmitRecovery(ctx context.Context, browser extension.Browser, flow string, values map[string]string) (extension.Form, extension.Reply, error)
	VerificationForm(ctx context.Context, browser extension.Browser, flow string) (extension.Form, extension.Reply, error)
	SubmitVerification(ctx context.Context, browser extension.Browser, flow string, values map[string]string) (extension.Form, extension.Reply, error)

	SettingsForm(ctx context.Context, browser extension.Browser, flow string) (extension.Form, extension.Reply, error)
	SubmitProfile(ctx context.Context, browser extension.Browser, form extension.Form, traits extension.Traits) (extension.Form, extension.Reply, error)
	SubmitPassword(ctx context.Context, browser extension.Browser, form extension.Form, password string) (extension.Form, extension.Reply, error)
	UnlinkTOTP(ctx context.Context, browser extension.Browser, form extension.Form) (extension.Form, extension.Reply, error)

	Devices(ctx context.Context, browser extension.Browser) ([]extension.Device, error)
	EndDevice(ctx context.Context, browser extension.Browser, session extension.SessionID) error
	EndOtherDevices(ctx context.Context, browser extension.Browser) error
}

// The addresses of the account pages.
const (
	loginPath        = "/login"
	registerPath     = "/register"
	recoveryPath     = "/recovery"
	verificationPath = "/verification"
	settingsPath     = "/settings"
	errorPath        = "/error"
	confirmPath      = "/confirm"
)

// mountAccount puts the routes of the account pages on the app. Signing out and the way back from a social sign-in are
// ours in any case: pages of other hosts have neither our form tokens nor Kratos' cookies.
func (p *Pages) mountAccount(app *fiber.App) {
	app.Get("/logout", p.signOutForm)
	app.Post("/logout", p.signOut)
	app.Get("/self-service/methods/oidc/callback/:provider", p.socialCallback)
	if p.own != nil {
		p.mountOwnPages(app)
		return
	}
	app.Get(loginPath, p.signInForm)
	app.Post(loginPath, p.signIn)
	app.Post("/login/with/:provider", p.signInWith)
	app.Get("/login/with/:provider", redirectTo(loginPath))
	app.Get(recoveryPath, p.recoveryForm)
	app.Post(recoveryPath, p.recover)
	app.Get(verificationPath, p.verificationForm)
	app.Post(verificationPath, p.verify)
	app.Get(errorPath, p.flowError)
	p.mountSettings(app)
}

func (p *Pages) mountSettings(app *fiber.App) {
	app.Get(settingsPath, p.settings)
	app.Get(ownTOTPPath, p.ownTOTP)
	app.Post(ownTOTPPath, p.setTOTP)
	for path, change := range map[string]fiber.Handler{
		settingsPath + "/profile":  p.setProfile,
		settingsPath + "/password": p.setPassword,
		codeWayPath:                p.setCodeWay,
		ownCodesPath:               p.setRecoveryCodes,
		settingsPath + "/social":   p.setSocial,
		settingsPath + "/sessions": p.endSessions,
	} {
		app.Post(path, change)
		app.Get(path, redirectTo(settingsPath)) // a page that answered a press, loaded again
	}
}

// mountOwnPages sends whoever comes to one of our account pages to the organisation's own. What the address says goes
// along: the Kratos flow to go on with, and where to return to.
func (p *Pages) mountOwnPages(app *fiber.App) {
	for path, own := range map[string]string{
		loginPath: p.own.Login, recoveryPath: p.own.Recovery, verificationPath: p.own.Verification, settingsPath: p.own.Settings,
		errorPath: p.own.Error,
	} {
		app.Get(path, func(c *fiber.Ctx) error {
			return c.Redirect(withQuery(cmp.Or(own, nextPath), string(c.Request().URI().QueryString())), fiber.StatusSeeOther)
		})
	}
}

// withQuery joins a query to an address that may have one already.
func withQuery(address, query string) string {
	parsed, err := url.Parse(address)
	if err != nil || query == "" {
		return address
	}
	if parsed.RawQuery != "" {
		query = parsed.RawQuery + "&" + query
	}
	parsed.RawQuery = query
	return parsed.String()
}

// redirectTo leads to another page of ours.
func redirectTo(path string) fiber.Handler {
	return func(c *fiber.Ctx) error { return c.Redirect(path, fiber.StatusSeeOther) }
}
