package roster

import (
	"context"
	"errors"
	"fmt"

	"paperplane/extension"
)

// proving is what the verb asks of the database about one person.
type proving interface {
	User(ctx context.Context, actor extension.Actor, user extension.UserID) (extension.User, error)
	// FactorsOf lists the second factors that an identity has proven and that still count.
	FactorsOf(ctx context.Context, identity extension.IdentityID) ([]extension.ProvenFactor, error)
	// EvidenceOf lists what a user has accepted, the newest first.
	EvidenceOf(ctx context.Context, actor extension.Actor, user extension.UserID) ([]extension.Evidence, error)
}

// Holders asks Kratos what somebody holds.
type Holders interface {
	Identity(ctx context.Context, id extension.IdentityID) (extension.Identity, error)
}

// Holding is what somebody has shown to hold beside a password.
type Holding struct {
	Factors  []extension.ProvenFactor
	Recovery Recovery
}

// Recovery tells whether there are recovery codes, which Kratos alone knows.
type Recovery string

// What is known of recovery codes.
const (
	RecoveryNone    Recovery = "none"
	RecoveryKept    Recovery = "kept"
	RecoveryUnknown Recovery = "unknown" // Kratos does not answer now
)

// Holding gives the second factors of one user, for all organisations alike; none of somebody who has not begun here: the
// account that they have is no business of whoever has merely invited them.
func (p *Policy) Holding(ctx context.Context, actor extension.Actor, id extension.UserID) (Holding, error) {
	user, err := p.person(ctx, actor, id)
	if err != nil {
		return Holding{}, err
	}
	holding := Holding{Recovery: RecoveryNone}
	if user.Identity == "" || !user.Facts.Begun() {
		return holding, nil
	}
	if holding.Factors, err = p.store.FactorsOf(ctx, user.Identity); err != nil {
		return Holding{}, fmt.Errorf("list second factors of user %s: %w", id, err)
	}
	identity, err := p.holders.Identity(ctx, user.Identity)
	switch {
	case errors.Is(err, extension.ErrNotFound):
	case err != nil: // whatever it is, the page about the person must not fail for it
		holding.Recovery = RecoveryUnknown
	case identity.Recovery:
		holding.Recovery = RecoveryKept
	}
	return holding, nil
}

// EvidenceOf lists the versions of the terms that one user has accepted, the newest first; also of a user who was deleted,
// whose id is a pseudonym then. ErrNotFound says that the organisation has, and had, no such user who accepted anything.
func (p *Policy) EvidenceOf(ctx context.Context, actor extension.Actor, id extension.UserID) ([]extension.Evidence, error) {
	if !actor.Administrates() {
		return nil, fmt.Errorf("list acceptances: %w", extension.ErrForbidden)
	}
	evidence, err := p.store.EvidenceOf(ctx, actor, id)
	if err != nil {
		return nil, fmt.Errorf("list acceptances of user %s: %w", id, err)
	}
	if len(evidence) == 0 {
		_, err = p.person(ctx, actor, id)
	}
	return evidence, err
}

// person finds a user of the administrator's organisation.
func (p *Policy) person(ctx context.Context, actor extension.Actor, id extension.UserID) (extension.User, error) {
	if !actor.Administrates() {
		return extension.User{}, fmt.Errorf("look at user: %w", extension.ErrForbidden)
	}
	user, err := p.store.User(ctx, actor, id)
	if err != nil {
		return extension.User{}, fmt.Errorf("find user %s: %w", id, err)
	}
	return user, nil
}
