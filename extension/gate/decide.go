package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"paperplane/extension"
)

// Decision is what the gate says of one request.
type Decision struct {
	Entry
	// AAL is aal2 only when the session was confirmed, by our own record, with a factor that the organisation accepts
	// (a recovery code stands in for one). Kratos' own level is not asked.
	AAL extension.AAL
}

// Allowed tells whether the request may pass.
func (d Decision) Allowed() bool { return d.Step == extension.StepIn }

// Caller is what a request shows of its session. A token goes before cookies, which a browser sends whether they are
// meant or not.
type Caller struct {
	Browser extension.Browser // with Kratos' cookies
	Token   string            // a session token of Kratos' (ory_st_…); empty for a browser
}

// Decide tells where a session stands in the organisation with this slug, on one query. ErrNotFound says that the session
// has no user there; whether the organisation exists is not told.
func (g *Gate) Decide(ctx context.Context, session extension.Session, slug string) (Decision, error) {
	member, proofs, err := g.store.Entry(ctx, session.Identity, session.ID, slug)
	if err != nil {
		return Decision{}, fmt.Errorf("find entry of identity %s: %w", session.Identity, err)
	}
	decision := Decision{Entry: g.entry(member, proofs), AAL: extension.AAL1}
	if member.Confirmed(proofs, true) {
		decision.AAL = extension.AAL2
	}
	return decision, nil
}

// Admit asks Kratos whose session a caller shows, and decides. Both are asked at every call. For a credential that was
// seen before they are asked side by side, for the session that it was then; unless Kratos says that it still is that
// very session, what the database said is thrown away. ErrNoSession says that Kratos knows no session; ErrNotFound is as
// for Decide.
func (g *Gate) Admit(ctx context.Context, caller Caller, slug string) (Decision, error) {
	credential := caller.Token
	if credential == "" {
		credential = cookieValue(caller.Browser.Cookies, g.sessionCookie)
	}
	guess, guessed := g.seen.of(credential)
	if !guessed {
		session, err := g.recognise(ctx, caller, credential)
		if err != nil {
			return Decision{}, err
		}
		return g.Decide(ctx, session, slug)
	}
	ahead := g.decideAhead(ctx, guess, slug)
	session, err := g.recognise(ctx, caller, credential)
	if err != nil {
		ahead.drop()
		return Decision{}, err
	}
	if session.ID != guess.ID || session.Identity != guess.Identity {
		ahead.drop()
		return g.Decide(ctx, session, slug)
	}
	return ahead.take()
}

// recognise asks Kratos whose session it is, and remembers the answer as the next guess.
func (g *Gate) recognise(ctx context.Context, caller Caller, credential string) (extension.Session, error) {
	var session extension.Session
	var err error
	if caller.Token != "" {
		session, err = g.kratos.SessionOfToken(ctx, caller.Token)
	} else {
		session, err = g.kratos.Session(ctx, caller.Browser)
	}
	if errors.Is(err, extension.ErrNoSession) {
		g.seen.forget(credential)
	}
	if err != nil {
		return extension.Session{}, fmt.Errorf("recognise session at the gate: %w", err)
	}
	g.seen.remember(credential, session)
	return session, nil
}

// ahead is a decision that is being made before Kratos has said whether it is wanted.
type ahead struct {
	cancel   context.CancelFunc
	done     chan struct{}
	decision Decision
	err      error
}

func (g *Gate) decideAhead(ctx context.Context, session extension.Session, slug string) *ahead {
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.decision, a.err = g.Decide(ctx, session, slug)
	}()
	return a
}

// take waits for the decision.
func (a *ahead) take() (Decision, error) {
	<-a.done
	a.cancel()
	return a.decision, a.err
}

// drop ends the query, and waits for that, so that nothing of a request outlives it.
func (a *ahead) drop() {
	a.cancel()
	<-a.done
}

// cookieValue is the value of a cookie in a Cookie header, the first of that name.
func cookieValue(header, name string) string {
	for pair := range strings.SplitSeq(header, ";") {
		if key, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && key == name {
			return value
		}
	}
	return ""
}
