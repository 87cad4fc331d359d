package kratos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

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
	return c.session(as(ctx, browser), "")
}

// SessionOfToken asks Kratos whose session a session token is (ory_st_…), as API clients hold one instead of a cookie.
// ErrNoSession is as for Session.
func (c *Client) SessionOfToken(ctx context.Context, token string) (extension.Session, error) {
	if token == "" {
		return extension.Session{}, fmt.Errorf("read session: %w", extension.ErrNoSession)
	}
	return c.session(ctx, printable(token))
}

func (c *Client) session(ctx context.Context, token string) (extension.Session, error) {
	session, err := c.whoami(ctx, token)
	if err != nil {
		return extension.Session{}, fmt.Errorf("read session: %w", c.doubt(ctx, err))
	}
	if session.Identity == nil || !session.Active {
		return extension.Session{}, fmt.Errorf("read session: %w", extension.ErrNoSession)
	}
	return extension.Session{
		ID:       session.ID,
		Identity: session.Identity.ID,
		Email:    traitsOf(session.Identity.Traits).Email,
		AAL:      session.AAL,
	}, nil
}

// whoami is what we need of Kratos' answer. The Ory client decodes all of it, every part several times, which took the gate
// longer than everything else that it does.
type whoami struct {
	ID       extension.SessionID `json:"id"`
	Active   bool                `json:"active"`
	AAL      extension.AAL       `json:"authenticator_assurance_level"`
	Identity *struct {
		ID     extension.IdentityID `json:"id"`
		Traits any                  `json:"traits"`
	} `json:"identity"`
}

// whoami asks whose the browser's session is, or the token's where there is one.
func (c *Client) whoami(ctx context.Context, token string) (whoami, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.publicURL+"/sessions/whoami", http.NoBody)
	if err != nil {
		return whoami{}, err
	}
	request.Header.Set("Accept", "application/json")
	if token != "" {
		request.Header.Set("X-Session-Token", token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return whoami{}, unreachable(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return whoami{}, unreachable(err)
	}
	if response.StatusCode != http.StatusOK {
		var f failure
		_ = json.Unmarshal(body, &f) // a proxy's page is no JSON: then the status alone tells
		if kind := f.kind(response.StatusCode); kind != nil {
			return whoami{}, kind
		}
		return whoami{}, fmt.Errorf("unexpected answer from Kratos: status %d, id %q", response.StatusCode, f.Error.ID)
	}
	var session whoami
	if err := json.Unmarshal(body, &session); err != nil { // its text may quote the body
		return whoami{}, errors.New("unexpected answer from Kratos: no session can be read")
	}
	return session, nil
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
