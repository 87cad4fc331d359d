package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"paperplane/extension"
)

// Opening is a settings flow that Kratos is about to open.
type Opening struct {
	Identity extension.IdentityID
	Session  extension.SessionID // empty when Kratos did not tell (v1.3.1)
	Cookie   string              // Kratos' session cookie value, only when Session is empty; never logged
}

// Before judges whether settings may be opened at all: not by a session that has yet to show a factor which the account
// relies on (extension.Unshown). It closes what no other hook sees, above all the showing and renewing of recovery codes. It
// notes who opens settings: that form will still be there when there is another factor. nil lets it through; so it does,
// without a further question, for identities that have no user here. An error means that no judgement was possible, and
// Kratos opens nothing.
func (g *Gate) Before(ctx context.Context, opening Opening) (*Objection, error) {
	return twice(func() (*Objection, error) { return g.before(ctx, opening) })
}

func (g *Gate) before(ctx context.Context, opening Opening) (*Objection, error) {
	members, err := g.bound(ctx, opening.Identity)
	if err != nil || len(members) == 0 {
		return nil, err
	}
	if !secured(members) {
		held, err := g.held(ctx, opening.Identity)
		if err != nil {
			return nil, err
		}
		if members, err = g.learn(ctx, opening.Identity, members, held); err != nil {
			return nil, err
		}
	}
	session, proofs, err := g.proofsOf(ctx, opening.Identity, opening.Session, opening.Cookie)
	if err != nil {
		return nil, err
	}
	if unshown(members, proofs) {
		return &Objection{ID: ObjectionFactor, Sentence: "Confirm your second factor first, then open your settings."}, nil
	}
	if err := g.store.NoteOpening(ctx, opening.Identity, session); err != nil {
		return nil, fmt.Errorf("note settings of identity %s: %w", opening.Identity, err)
	}
	return nil, nil
}

// guardFactor protects the account, above all a proven factor and whatever would take its place, from a session that has
// shown too little. NIST SP 800-63B-4 §4.1.2.1 wants a new authenticator bound at the highest level that the account has,
// and that goes for a password too.
func (g *Gate) guardFactor(ctx context.Context, change Change, members []extension.Member) (*Objection, error) {
	learnt := members
	enrolled, enrols := enrolment(change.Method)
	if enrols || !secured(members) && touchesFactor(change) {
		held, err := g.held(ctx, change.Identity)
		if err != nil {
			return nil, err
		}
		if learnt, err = g.learn(ctx, change.Identity, members, held); err != nil {
			return nil, err
		}
		enrols = enrols && !slices.Contains(held, enrolled)
	}
	if !secured(learnt) && !enrols && change.Method != extension.MethodLookupSecret {
		return nil, nil
	}
	session, proofs, err := g.proofsOf(ctx, change.Identity, change.Session, change.Cookie)
	if err != nil {
		return nil, err
	}
	switch {
	case unshown(learnt, proofs):
		return unconfirmed(change), nil
	case change.Method == extension.MethodLookupSecret && !secured(members):
		// They will stand in for a factor, so whoever only knows the password could lay some by for later; and those from before
		// it are taken away when it is recorded.
		return &Objection{ID: ObjectionFactor, Sentence: "Set up a second factor first, then recovery codes for it."}, nil
	case change.Method == extension.MethodLookupSecret:
		return g.guardCodes(ctx, change.Identity, session, members)
	case enrols && session != "":
		return nil, g.prove(ctx, change.Identity, session, enrolled)
	case moves(change) && has(learnt, extension.FactorSMS) && session != "":
		// It can be shown no more: other sessions that have shown it may belong to who has the telephone of before.
		return nil, g.prove(ctx, change.Identity, session, extension.FactorSMS)
	default:
		return nil, nil
	}
}

// held lists the factors that Kratos holds of an identity, before the change that a guard is asked about.
func (g *Gate) held(ctx context.Context, id extension.IdentityID) ([]extension.Factor, error) {
	identity, err := g.kratos.Identity(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find factors of identity %s: %w", id, err)
	}
	return identity.Factors, nil
}

// learn gives the members of an identity of which no factor is on record with those that Kratos holds all the same, and
// has them kept: an imported one, or one whose report is on its way, is no worse than one that we have witnessed. It takes
// no lock, because Kratos may open settings for a call of ours that holds it. A factor that goes at this very moment is
// noticed when it is asked for.
func (g *Gate) learn(ctx context.Context, id extension.IdentityID, members []extension.Member, held []extension.Factor) ([]extension.Member, error) {
	if len(held) == 0 || secured(members) {
		return members, nil
	}
	if err := g.store.LearnFactors(ctx, id, held, g.now()); err != nil {
		return nil, fmt.Errorf("record factors of identity %s: %w", id, err)
	}
	learnt := slices.Clone(members)
	for i := range learnt {
		learnt[i].User.Factors = held
	}
	return learnt, nil
}

// unconfirmed refuses a session that has not shown what it needs.
func unconfirmed(change Change) *Objection {
	objection := &Objection{ID: ObjectionFactor, Sentence: "Confirm your second factor first, then change this."}
	if moves(change) {
		objection.Trait = "phone"
	}
	return objection
}

// guardCodes keeps new recovery codes waiting while somebody has a form of the settings open who has not shown enough
// (extension.CodesWait).
func (g *Gate) guardCodes(ctx context.Context, identity extension.IdentityID, session extension.SessionID, members []extension.Member) (*Objection, error) {
	elsewhere, err := g.store.OpenElsewhere(ctx, identity, session)
	if err != nil {
		return nil, fmt.Errorf("find open settings of identity %s: %w", identity, err)
	}
	if extension.CodesWait(members, elsewhere).IsZero() {
		return nil, nil
	}
	return &Objection{ID: ObjectionCodes, Sentence: extension.CodesMustWait}, nil
}

// moves tells whether a change is of the mobile, where codes go.
func moves(change Change) bool {
	return change.Method == extension.MethodProfile && change.Before.Mobile != change.After.Mobile
}

// has tells whether a kind is among an identity's own factors.
func has(members []extension.Member, kind extension.Factor) bool {
	return slices.ContainsFunc(members, func(m extension.Member) bool { return slices.Contains(m.User.Factors, kind) })
}

// touchesFactor tells whether a change is one that could take the place of a factor, so that Kratos is asked whether there
// is one that nobody here knows of: everything but names and terms.
func touchesFactor(change Change) bool {
	return change.Method != extension.MethodProfile || moves(change)
}

// enrolment is the factor that a change by this method sets up, unless Kratos holds it already: then the change takes it
// away, or does nothing, and Kratos has checked no code. Otherwise it has by the time that it asks.
func enrolment(method extension.SettingsMethod) (extension.Factor, bool) {
	switch method {
	case extension.MethodTOTP:
		return extension.FactorTOTP, true
	case extension.MethodWebAuthn:
		return extension.FactorWebAuthn, true
	case extension.MethodProfile, extension.MethodPassword, extension.MethodLookupSecret, extension.MethodPasskey, extension.MethodOIDC:
	}
	return "", false
}

// prove notes what the session has just shown, so that nobody confirms what they have this moment set up.
func (g *Gate) prove(ctx context.Context, identity extension.IdentityID, session extension.SessionID, kind extension.Factor) error {
	proof := extension.Proof{Session: session, Identity: identity, Kind: kind, At: g.now()}
	if err := g.store.Prove(ctx, proof); err != nil {
		return fmt.Errorf("note proof of identity %s: %w", identity, err)
	}
	return nil
}

// proofsOf lists what the session of a hook was confirmed with. Kratos v1.3.1 names no session, so it is asked whose cookie
// that is; a cookie of another identity is worth nothing. A request without either, as v1.3.1 makes for an app's session
// token, has shown nothing.
func (g *Gate) proofsOf(ctx context.Context, identity extension.IdentityID, session extension.SessionID, cookie string) (extension.SessionID, []extension.Factor, error) {
	if session == "" && cookie != "" {
		asked, err := g.kratos.Session(ctx, extension.Browser{Cookies: g.sessionCookie + "=" + cookie})
		switch {
		case errors.Is(err, extension.ErrNoSession):
		case err != nil:
			return "", nil, fmt.Errorf("find the session of identity %s: %w", identity, err)
		case asked.Identity == identity:
			session = asked.ID
		}
	}
	if session == "" {
		return "", nil, nil
	}
	proofs, err := g.store.Proofs(ctx, session)
	if err != nil {
		return "", nil, fmt.Errorf("find proofs of a session of identity %s: %w", identity, err)
	}
	return session, proofs, nil
}

// secured tells whether the identity has a proven factor: factors are the identity's, in all organisations alike.
func secured(members []extension.Member) bool {
	return slices.ContainsFunc(members, func(m extension.Member) bool { return len(m.User.Factors) > 0 })
}

// unshown tells whether a session with these proofs has yet to show a factor before it may change what the account holds.
func unshown(members []extension.Member, proofs []extension.Factor) bool {
	_, unshown := extension.Unshown(members, proofs)
	return unshown
}
