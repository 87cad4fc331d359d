// Package gate answers one question: may this session enter this organisation now? It also answers Kratos' guard hooks,
// which ask whether an identity may change its own settings now. It depends on nothing but our own rows, so that it
// answers while Kratos is busy.
package gate

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// Entry is a session's standing in one organisation.
type Entry struct {
	Organisation extension.Organisation
	User         extension.User
	Actor        extension.Actor
	Step         extension.Step // StepIn and nothing else lets the session enter
}

// Store is what the gate asks of the database.
type Store interface {
	// Members lists the users of an identity with their organisations, by the organisations' names.
	Members(ctx context.Context, identity extension.IdentityID) ([]extension.Member, error)
	// Proofs lists the kinds of factor that a session was confirmed with.
	Proofs(ctx context.Context, session extension.SessionID) ([]extension.Factor, error)
	// CurrentTerms tells which organisations of an identity have these terms as their current version.
	CurrentTerms(ctx context.Context, identity extension.IdentityID, terms extension.TermsID) (bool, error)
	// ProvenFactor tells whether the identity has proven a second factor.
	ProvenFactor(ctx context.Context, identity extension.IdentityID) (bool, error)
}

// Sessions asks Kratos who a session cookie belongs to. Only Kratos v1.3.1's guard hooks, which carry no session, need it.
type Sessions interface {
	Session(ctx context.Context, browser extension.Browser) (extension.Session, error)
}

// Gate is the verb.
type Gate struct {
	store         Store
	sessions      Sessions
	sessionCookie string
	now           func() time.Time
}

// New makes a Gate. sessionCookie is the name of Kratos' session cookie.
func New(store Store, sessions Sessions, sessionCookie string, now func() time.Time) *Gate {
	return &Gate{store: store, sessions: sessions, sessionCookie: sessionCookie, now: now}
}

// Enter tells a session's standing in the organisation with this slug. ErrNotFound says that the session has no user
// there; whether the organisation exists is not told.
func (g *Gate) Enter(ctx context.Context, session extension.Session, slug string) (Entry, error) {
	entries, err := g.Home(ctx, session)
	if err != nil {
		return Entry{}, err
	}
	for _, entry := range entries {
		if entry.Organisation.Slug == slug {
			return entry, nil
		}
	}
	return Entry{}, fmt.Errorf("enter organisation: %w", extension.ErrNotFound)
}

// Home tells a session's standing in every organisation that its identity has a user in, by name.
func (g *Gate) Home(ctx context.Context, session extension.Session) ([]Entry, error) {
	members, err := g.store.Members(ctx, session.Identity)
	if err != nil {
		return nil, fmt.Errorf("find organisations of identity %s: %w", session.Identity, err)
	}
	proofs, err := g.store.Proofs(ctx, session.ID)
	if err != nil {
		return nil, fmt.Errorf("find proofs of a session of identity %s: %w", session.Identity, err)
	}
	entries := make([]Entry, 0, len(members))
	for _, m := range members {
		entries = append(entries, Entry{
			Organisation: m.Organisation, User: m.User, Actor: extension.ActorOf(m.User),
			Step: m.Next(proofs, g.now()),
		})
	}
	return entries, nil
}
