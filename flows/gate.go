package flows

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/web"
)

// Door is what reverse proxies are answered by.
type Door interface {
	// Admit tells where the session that a caller shows stands in an organisation: ErrNoSession, ErrNotFound.
	Admit(ctx context.Context, caller gate.Caller, slug string) (gate.Decision, error)
}

// The addresses of the gate: what proxies ask, and where they send whoever they turn away.
const (
	gatePath  = "/gate"
	enterPath = "/enter"
)

// The headers by which a proxy says who follows a redirect, and is told of a refusal where to send people and of which type
// it is, because some proxies see no body. The first can also stand in the query, under redirectField.
const (
	redirectHeader = "Paperplane-Redirect"
	locationHeader = "Paperplane-Location"
	problemHeader  = "Paperplane-Problem"
	redirectField  = "redirect"
	toBrowser      = "browser"
)

// tokenPrefix begins every session token of Kratos', so that it is told from a token of the application's own.
const tokenPrefix = "ory_st_"

// gatehouse is the pages at the gate.
type gatehouse struct {
	*Pages
	door Door
}

// mountGate puts the gate's question for reverse proxies, and the way in for those it turns away, on the app.
func (p *Pages) mountGate(app *fiber.App) {
	g := gatehouse{Pages: p, door: p.gate}
	p.shell.AnyMethod(gatePath+"/:organisation", g.ask)
	app.Get(enterPath+"/:organisation", g.enter)
}

// answerTime is how long the gate asks Kratos and the database. It is shorter than the proxies of the recipes wait, so that
// they hear from the gate itself that there is no answer.
const answerTime = 4 * time.Second

// ask answers a reverse proxy: 200 with who it is, or why not and where to go. It changes nothing and keeps nothing.
func (g gatehouse) ask(c *fiber.Ctx) error {
	slug := c.Params("organisation")
	ctx, cancel := context.WithTimeout(c.UserContext(), answerTime)
	defer cancel()
	decision, err := g.door.Admit(ctx, g.caller(c), slug)
	if err == nil && decision.Allowed() {
		for name, value := range decision.Headers() {
			c.Set(name, value)
		}
		c.Status(fiber.StatusOK)
		return nil
	}
	refused, known := refusalOf(decision.Step, err)
	if !known {
		return g.unanswered(c, err)
	}
	return g.turnAway(c, slug, refused)
}

// caller is what a request shows of its session. A bearer token that is none of Kratos' is the application's business.
func (p *Pages) caller(c *fiber.Ctx) gate.Caller {
	caller := gate.Caller{Browser: p.shell.Browser(c), Token: c.Get("X-Session-Token")}
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if caller.Token == "" && strings.EqualFold(scheme, "Bearer") && strings.HasPrefix(token, tokenPrefix) {
		caller.Token = token
	}
	return caller
}

// refusal is why the gate turns a request away, as problem+json says it (RFC 9457). The type is a promise to programs.
type refusal struct {
	Type     string         `json:"type"`
	Title    string         `json:"title"`
	Status   int            `json:"status"`
	Detail   string         `json:"detail"`
	Step     extension.Step `json:"step,omitempty"`
	Location string         `json:"location,omitempty"`
}

// problemType begins the types: they are tags (RFC 4151), because there is nothing to fetch there.
const problemType = "tag:paperplane,2026:gate/"

// refusalOf words a refusal. What it does not know is no refusal but trouble.
func refusalOf(step extension.Step, err error) (refusal, bool) {
	switch {
	case errors.Is(err, extension.ErrNoSession):
		return refusal{
			Type: problemType + "sign-in", Title: "Sign in first", Status: fiber.StatusUnauthorized,
			Detail: "There is no session that counts. Sign in at the location.",
		}, true
	case errors.Is(err, extension.ErrNotFound):
		return refusal{
			Type: problemType + "invitation", Title: "Ask for an invitation", Status: fiber.StatusForbidden,
			Detail: "This account does not belong to the organisation. Ask its administrator for an invitation.",
		}, true
	case err != nil:
		return refusal{}, false
	}
	title, detail := reason(step)
	return refusal{Type: problemType + string(step), Title: title, Status: fiber.StatusForbidden, Detail: detail, Step: step}, title != ""
}

// reason says what keeps somebody out who belongs to the organisation; nothing for somebody who is in.
func reason(step extension.Step) (title, detail string) {
	switch step {
	case extension.StepPaused:
		return "Your access is paused", "An administrator of the organisation has switched this access off. Ask them."
	case extension.StepExpired:
		return "The invitation has expired", "The invitation ran out before registration was finished. Ask for a new one."
	case extension.StepStart:
		return "Open your invitation first", "The invitation waits in the mailbox. Its link begins the registration."
	case extension.StepRegister:
		return "Finish your registration first", "Details or the password are missing. Give them at the location."
	case extension.StepSecure:
		return "Set up a second factor first", "The organisation asks for two-factor authentication. Set it up at the location."
	case extension.StepConfirm:
		return "Confirm your second factor first", "This session has not shown a second factor yet. Confirm it at the location."
	case extension.StepAgree:
		return "Accept the terms first", "The organisation's current terms have not been accepted. Read them at the location."
	case extension.StepIn:
	}
	return "", ""
}

// turnAway refuses: by a redirect where the proxy hands it on to a browser that reads pages, and else in words with the
// address beside them. nginx' auth_request takes 401 and 403 and nothing else, so a redirect has to be asked for.
func (p *Pages) turnAway(c *fiber.Ctx, slug string, refused refusal) error {
	refused.Location = p.publicURL + p.entrance(slug, p.comeBack(p.shell.AskedFor(c, restOf(c))))
	c.Set(locationHeader, refused.Location)
	c.Set(problemHeader, refused.Type)
	if redirects(c) {
		return c.Redirect(refused.Location, fiber.StatusSeeOther)
	}
	if refused.Status == fiber.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="Paperplane"`)
	}
	return c.Status(refused.Status).JSON(refused, problemJSON)
}

// problemJSON is the media type of RFC 9457.
const problemJSON = "application/problem+json"

// unanswered says that no decision was possible, which never lets anybody pass.
func (p *Pages) unanswered(c *fiber.Ctx, err error) error {
	problem := p.shell.Explain(c, err)
	if problem.Retry > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(problem.Retry.Seconds()))))
	}
	said := refusal{Type: problemType + "unavailable", Title: problem.Title, Status: problem.Status, Detail: strings.Join(problem.Sentences, " ")}
	return c.Status(problem.Status).JSON(said, problemJSON)
}

// redirects tells whether a redirect reaches a browser that goes to a page. The proxy's header goes before the query,
// which some proxies take from the request that they ask about.
func redirects(c *fiber.Ctx) bool {
	wanted := c.Get(redirectHeader)
	if wanted == "" {
		wanted = c.Query(redirectField)
	}
	mode := c.Get("Sec-Fetch-Mode") // of a browser's own request; a script's is no navigation (Fetch Metadata)
	return wanted == toBrowser && strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML) && (mode == "" || mode == "navigate")
}

// restOf is what a proxy has appended to the gate's path, with the query.
func restOf(c *fiber.Ctx) string {
	rest := "/" + c.Params("*")
	if query := string(c.Request().URI().QueryString()); query != "" {
		rest += "?" + query
	}
	return rest
}

// entrance is the address of the way in to an organisation, from which people come back to where they wanted.
func (p *Pages) entrance(slug, back string) string {
	path := enterPath + "/" + url.PathEscape(slug)
	if back == "" {
		return path
	}
	return path + "?" + returnToField + "=" + url.QueryEscape(back)
}

// maxReturn is how many bytes an address to come back to can have: it travels in addresses and in a cookie.
const maxReturn = 2048

// comeBack lets an address through that people may be sent to: one of an application whose origin the operator has named.
func (p *Pages) comeBack(to *url.URL) string {
	if to == nil || to.User != nil || !slices.Contains(p.returnOrigins, to.Scheme+"://"+strings.ToLower(to.Host)) {
		return ""
	}
	address := to.String()
	if len(address) > maxReturn || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }) {
		return ""
	}
	return address
}

// returnCookie remembers, through all the steps, the way in that somebody was on.
const returnCookie = "return"

// returnTime is for how long: a step that takes longer has lost its reader.
const returnTime = time.Hour

// backField is, in addresses that Kratos gets to see and writes into its log, what return_to is elsewhere: sealed, because
// an application's address can hold a secret.
const backField = "back"

// enter is where people go whom the gate has turned away. Somebody who may pass goes back to where they wanted; everybody
// else goes to sign in or to the step that is due, and comes here again from there.
func (g gatehouse) enter(c *fiber.Ctx) error {
	slug, back := c.Params("organisation"), g.wanted(c)
	decision, err := g.door.Admit(c.UserContext(), g.caller(c), slug)
	switch {
	case errors.Is(err, extension.ErrNotFound):
		return g.noMember(c)
	case errors.Is(err, extension.ErrNoSession) && back != "" && !web.WantsJSON(c):
		sealed := url.Values{backField: {g.shell.Seal(back)}}
		return c.Redirect(signInTo(g.entrance(slug, "")+"?"+sealed.Encode()), fiber.StatusSeeOther)
	case err != nil:
		return err
	}
	g.choose(c, decision.Organisation.Slug)
	switch {
	case decision.Allowed() && back != "":
		g.shell.DropCookie(c, returnCookie, "/")
		return g.leave(c, back)
	case back != "":
		value := base64.RawURLEncoding.EncodeToString([]byte(g.entrance(slug, back)))
		g.shell.SetCookie(c, web.Cookie{Name: returnCookie, Value: value, Path: "/", Until: g.shell.Now().Add(returnTime)})
	}
	return onward(c)
}

// wanted is where somebody at the way in wants to go on to; empty when they may not be sent there.
func (g gatehouse) wanted(c *fiber.Ctx) string {
	address := c.Query(returnToField)
	if opened, ok := g.shell.Open(c.Query(backField)); ok {
		address = opened
	}
	to, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return g.comeBack(to)
}

// wayBack is the way in that somebody was on before the steps; empty when there is none.
func (p *Pages) wayBack(c *fiber.Ctx) string {
	path, err := base64.RawURLEncoding.DecodeString(p.shell.ReadCookie(c, returnCookie, "/"))
	if err != nil || !strings.HasPrefix(string(path), enterPath+"/") {
		return ""
	}
	return p.shell.LocalPath(string(path))
}
