package kratos

import (
	"context"
	"errors"
	"fmt"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// Session asks Kratos whose session a browser has. ErrNoSession says that it has none that counts: no cookie, an ended
// session, an identity that is switched off, or a Kratos that is configured against our advice to demand a second factor
// before it names the session (session.whoami.required_aal; the generated configuration says aal1, and Paperplane
// demands the factor itself).
func (c *Client) Session(ctx context.Context, browser extension.Browser) (extension.Session, error) {
	if !c.carriesSession(browser) {
		return extension.Session{}, fmt.Errorf("read session: %w", extension.ErrNoSession)
	}
	return c.session(ctx, c.public.FrontendAPI.ToSession(as(ctx, browser)))
}

// SessionOfToken asks Kratos whose session a session token is (ory_st_…), as API clients hold one instead of a cookie.
// ErrNoSession is as for Session.
func (c *Client) SessionOfToken(ctx context.Context, token string) (extension.Session, error) {
	if token == "" {
		return extension.Session{}, fmt.Errorf("read session: %w", extension.ErrNoSession)
	}
	return c.session(ctx, c.public.FrontendAPI.ToSession(ctx).XSessionToken(printable(token)))
}

func (c *Client) session(ctx context.Context, request ory.FrontendAPIToSessionRequest) (extension.Session, error) {
	session, err := answered(request.Execute())
	if err != nil {
		return extension.Session{}, fmt.Errorf("read session: %w", c.doubt(ctx, err))
	}
	if session.Identity == nil || !session.GetActive() {
		return extension.Session{}, fmt.Errorf("read session: %w", extension.ErrNoSession)
	}
	return extension.Session{
		ID:       extension.SessionID(session.Id),
		Identity: extension.IdentityID(session.Identity.Id),
		Email:    traitsOf(session.Identity.Traits).Email,
		AAL:      extension.AAL(session.GetAuthenticatorAssuranceLevel()),
	}, nil
}

// doubt looks behind Kratos' word that there is no session: with its database down, both versions say so of every
// session. Whoever believed it would throw away what a person has just typed.
func (c *Client) doubt(ctx context.Context, err error) error {
	if !errors.Is(err, extension.ErrNoSession) {
		return err
	}
	if unread := c.checkDatabase(ctx); unread != nil {
		return unread
	}
	return err
}

// Logout ends the browser's session in Kratos. The reply clears its cookies. ErrNoSession says that there was none.
func (c *Client) Logout(ctx context.Context, browser extension.Browser) (extension.Reply, error) {
	flow, answer, err := relayed(c.public.FrontendAPI.CreateBrowserLogoutFlow(as(ctx, browser)).Execute())
	if err != nil {
		return answer, fmt.Errorf("sign out: %w", c.doubt(ctx, err))
	}
	response, err := c.public.FrontendAPI.UpdateLogoutFlow(as(ctx, browser)).Token(flow.LogoutToken).Execute()
	answer.SetCookies = append(answer.SetCookies, reply(response).SetCookies...)
	if err != nil {
		return answer, fmt.Errorf("sign out: %w", c.doubt(ctx, translateFlow(err, response)))
	}
	return answer, nil
}

// FlowError reads what Kratos wanted to tell a browser that it sent to the error page. The message's id is the HTTP
// status that Kratos would have given. ErrNotFound says that the error is unknown or forgotten.
func (c *Client) FlowError(ctx context.Context, id string) (extension.Message, error) {
	found, err := answered(c.public.FrontendAPI.GetFlowError(ctx).Id(id).Execute())
	if err != nil {
		return extension.Message{}, fmt.Errorf("read flow error: %w", err)
	}
	code, _ := found.Error["code"].(float64)
	words := text(found.Error, "reason")
	if words == "" {
		words = text(found.Error, "message")
	}
	return extension.Message{ID: int64(code), Text: words, Error: true}, nil
}
