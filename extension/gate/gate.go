// Package gate answers one question: may this session enter this organisation now? It also answers Kratos' guard hooks,
// which ask whether an identity may change its own settings now. It keeps no answer: whatever it says was asked of our
// rows, and where a session must be named of Kratos, at that moment.
//
// It does not own the pages that a session is sent to, nor how a factor or the terms are proven (onboard).
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
	// Entry reads, in one query, the user of an identity in the organisation with this slug and the kinds of factor that
	// the session was confirmed with. ErrNotFound says that there is no such user.
	Entry(ctx context.Context, identity extension.IdentityID, session extension.SessionID, slug string) (extension.Member, []extension.Factor, error)
	// Proofs lists the kinds of factor that a session was confirmed with.
	Proofs(ctx context.Context, session extension.SessionID) ([]extension.Factor, error)
	// Prove notes that a session has shown a factor of a kind that Kratos keeps.
	Prove(ctx context.Context, proof extension.Proof) error
	// LearnFactors keeps factors that Kratos turns out to hold of an identity that has none here, unless a session is just
	// setting one up.
	LearnFactors(ctx context.Context, identity extension.IdentityID, held []extension.Factor, at time.Time) error
	// NoteOpening notes that Kratos opens settings for a session, which may not have been named.
	NoteOpening(ctx context.Context, identity extension.IdentityID, session extension.SessionID) error
	// OpenElsewhere lists the settings that other sessions of an identity have opened and that still last.
	OpenElsewhere(ctx context.Context, identity extension.IdentityID, session extension.SessionID) ([]extension.OpenSettings, error)
	// CurrentTerms tells which organisations of an identity have these terms as their current version.
	CurrentTerms(ctx context.Context, identity extension.IdentityID, terms extension.TermsID) (bool, error)
}

// Kratos is what the gate asks Kratos.
type Kratos interface {
	// Session tells who a session belongs to. ErrNoSession says that there is none that counts.
	Session(ctx context.Context, browser extension.Browser) (extension.Session, error)
	SessionOfToken(ctx context.Context, token string) (extension.Session, error)
	// Identity tells what an identity holds. While a guard is asked, it is what the identity held before the change.
	Identity(ctx context.Context, id extension.IdentityID) (extension.Identity, error)
}

// Gate is the verb.
type Gate struct {
	store         Store
	kratos        Kratos
	sessionCookie string
	now           func() time.Time
	seen          *seen
}

// New makes a Gate. sessionCookie is the name of Kratos' session cookie.
func New(store Store, kratos Kratos, sessionCookie string, now func() time.Time) *Gate {
	return &Gate{store: store, kratos: kratos, sessionCookie: sessionCookie, now: now, seen: newSeen()}
}

// Enter tells a session's standing in the organisation with this slug. ErrNotFound says that the session has no user
// there; whether the organisation exists is not told.
func (g *Gate) Enter(ctx context.Context, session extension.Session, slug string) (Entry, error) {
	decision, err := g.Decide(ctx, session, slug)
	return decision.Entry, err
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
		entries = append(entries, g.entry(m, proofs))
	}
	return entries, nil
}

func (g *Gate) entry(m extension.Member, proofs []extension.Factor) Entry {
	return Entry{
		Organisation: m.Organisation, User: m.User, Actor: extension.ActorOf(m.User),
		Step: m.Next(proofs, g.now()),
	}
}
