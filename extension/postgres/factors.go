package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// factorRow is a row of factors.
type factorRow struct {
	Kind     extension.Factor
	Address  string
	ProvenAt time.Time
}

func provenOf(rows []factorRow) []extension.ProvenFactor {
	proven := make([]extension.ProvenFactor, len(rows))
	for i, r := range rows {
		proven[i] = extension.ProvenFactor{Kind: r.Kind, Address: r.Address, At: r.ProvenAt.UTC()}
	}
	return proven
}

// kindsOf reads kinds of factor from an array of the database's.
func kindsOf(words []string) []extension.Factor {
	var kinds []extension.Factor
	for _, word := range words {
		kinds = append(kinds, extension.Factor(word))
	}
	return kinds
}

// FactorsOf lists the second factors that an identity has proven, the first one first.
func (db *DB) FactorsOf(ctx context.Context, identity extension.IdentityID) ([]extension.ProvenFactor, error) {
	proven, err := factorsOf(ctx, db.bun, identity)
	return proven, kind(err)
}

func factorsOf(ctx context.Context, in bun.IDB, identity extension.IdentityID) ([]extension.ProvenFactor, error) {
	var rows []factorRow
	err := in.NewRaw(`SELECT kind, address, proven_at FROM factors WHERE identity_id = ? ORDER BY proven_at, kind`, identity).Scan(ctx, &rows)
	return provenOf(rows), err
}

// HadFactor tells whether a user was ever known to have a second factor, since they have begun: the audit says so.
func (db *DB) HadFactor(ctx context.Context, user extension.UserID) (bool, error) {
	var had bool
	err := db.bun.NewRaw(`SELECT EXISTS (SELECT 1 FROM audit WHERE user_id = ? AND action = ANY (?::text[]) AND detail <> '')`,
		user, array([]extension.Action{extension.ActionFactorProven, extension.ActionFactorRemoved, extension.ActionFactorsReset})).Scan(ctx, &had)
	return had, kind(err)
}

// holdIdentity locks an identity, so that whoever changes its factors waits for whoever does, and tells whether there is
// one. It also keeps users from being linked to it meanwhile.
func holdIdentity(ctx context.Context, tx bun.Tx, identity extension.IdentityID) (held bool, err error) {
	var ids []extension.IdentityID
	if err := tx.NewRaw(`SELECT id FROM identities WHERE id = ? FOR UPDATE`, identity).Scan(ctx, &ids); err != nil {
		return false, fmt.Errorf("lock identity: %w", err)
	}
	return len(ids) == 1, nil
}

// savedWithin is how long Kratos may take from asking its guard hook, which writes the proof of a factor that is being set
// up, until it has saved the factor: three attempts of 30 seconds at each of its hooks, and their pauses.
const savedWithin = 3 * time.Minute

// SetFactors makes these the proven second factors of an identity that Kratos holds, with an audit row for every user of
// it for each that is new or gone. The proofs of one that is gone go with it: another of its kind is another secret. So do
// proofs of one that was never saved, once Kratos cannot be about to save it.
func (db *DB) SetFactors(ctx context.Context, identity extension.IdentityID, proven []extension.Factor, at time.Time) error {
	gone := slices.DeleteFunc(extension.KratosFactors(), func(f extension.Factor) bool { return slices.Contains(proven, f) })
	var known []extension.Factor
	err := db.bun.NewRaw(`SELECT kind FROM factors WHERE identity_id = ? AND kind = ANY (?::text[])`, identity, array(extension.KratosFactors())).
		Scan(ctx, &known)
	if err != nil {
		return kind(err)
	}
	if sameKinds(known, proven) { // as nearly always
		return kind(endUnsavedProofs(ctx, db.bun, identity, gone, at))
	}
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := holdIdentity(ctx, tx, identity); err != nil {
			return err
		}
		added := tx.NewRaw(`
			INSERT INTO factors (identity_id, kind, proven_at) SELECT ?, kind, ? FROM unnest(?::text[]) AS kind
			ON CONFLICT DO NOTHING RETURNING kind, address`, identity, at.UTC(), array(proven))
		if _, err := auditFactors(ctx, tx, identity, added, extension.ActionFactorProven, at); err != nil {
			return err
		}
		if err := dropFactors(ctx, tx, identity, gone, at); err != nil {
			return err
		}
		return endUnsavedProofs(ctx, tx, identity, gone, at)
	})
}

// endUnsavedProofs deletes proofs of kinds that Kratos does not hold, once it cannot be about to save them.
func endUnsavedProofs(ctx context.Context, in bun.IDB, identity extension.IdentityID, kinds []extension.Factor, now time.Time) error {
	_, err := in.NewRaw(`DELETE FROM proofs WHERE identity_id = ? AND kind = ANY (?::text[]) AND proven_at < ?`,
		identity, array(kinds), now.Add(-savedWithin).UTC()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end proofs of what was never saved: %w", err)
	}
	return nil
}

// LearnFactors keeps factors that Kratos turns out to hold although none of the identity's is known: they were imported, or
// set up before anybody here looked. While a session has a proof of one, which is being set up then, nothing is kept: the
// report of it does that, and ends the other sessions.
func (db *DB) LearnFactors(ctx context.Context, identity extension.IdentityID, held []extension.Factor, at time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		ours, err := holdIdentity(ctx, tx, identity)
		if err != nil || !ours {
			return err
		}
		_, err = auditFactors(ctx, tx, identity, tx.NewRaw(`
			INSERT INTO factors (identity_id, kind, proven_at) SELECT ?0, kind, ?1 FROM unnest(?2::text[]) AS kind
			 WHERE NOT EXISTS (SELECT 1 FROM factors WHERE identity_id = ?0)
			   AND NOT EXISTS (SELECT 1 FROM proofs p WHERE p.identity_id = ?0 AND p.kind = ANY (?2::text[]))
			RETURNING kind, address`, identity, at.UTC(), array(held)), extension.ActionFactorProven, at)
		return err
	})
}

func sameKinds(a, b []extension.Factor) bool {
	within := func(a, b []extension.Factor) bool {
		return !slices.ContainsFunc(a, func(f extension.Factor) bool { return !slices.Contains(b, f) })
	}
	return within(a, b) && within(b, a)
}

// dropFactors deletes those of these factors that the identity has, with their proofs and the audit. The caller holds the
// identity.
func dropFactors(ctx context.Context, tx bun.Tx, identity extension.IdentityID, kinds []extension.Factor, at time.Time) error {
	gone, err := auditFactors(ctx, tx, identity,
		tx.NewRaw(`DELETE FROM factors WHERE identity_id = ? AND kind = ANY (?::text[]) RETURNING kind, address`, identity, array(kinds)),
		extension.ActionFactorRemoved, at)
	if err != nil || len(gone) == 0 {
		return err
	}
	_, err = tx.NewRaw(`DELETE FROM proofs WHERE identity_id = ? AND kind = ANY (?::text[])`, identity, array(gone)).Exec(ctx)
	return err
}

// auditFactors runs a change that returns factors, and writes the audit of each for every user of the identity who has begun,
// and what its owner is told; without a time, by the database's clock. It gives their kinds.
func auditFactors(
	ctx context.Context, tx bun.Tx, identity extension.IdentityID, change *bun.RawQuery, action extension.Action, at time.Time,
) ([]extension.Factor, error) {
	var rows []factorRow
	if err := change.Scan(ctx, &rows); err != nil || len(rows) == 0 {
		return nil, err
	}
	kinds := make([]extension.Factor, len(rows))
	for i, row := range rows {
		kinds[i] = row.Kind
	}
	_, err := tx.NewRaw(`
		INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
		SELECT coalesce(?::timestamptz, clock_timestamp()), u.organisation_id, u.id, u.address, ?, u.id, k
		  FROM users u, unnest(?::text[]) AS k WHERE u.identity_id = ? AND ?`,
		nullTime(at), string(action), array(kinds), identity, hasBegun()).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("write audit: %w", err)
	}
	return kinds, noteFactors(ctx, tx, identity, rows, action, at)
}

// ForgetFactors drops all factors and proofs of a user's identity, with the actor's audit for every user of it. An actor
// without an organisation is the operator. ErrNotFound says that the actor does not see the user, or that they have no
// identity; ErrConflict that the identity has users in other organisations too who have begun there, whose factors they are
// as well, so that only the operator may. The caller keeps users from beginning meanwhile.
func (db *DB) ForgetFactors(ctx context.Context, actor extension.Actor, user extension.UserID, at time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		identity, err := identityOf(ctx, tx, actor, user)
		if err != nil {
			return err
		}
		if _, err := holdIdentity(ctx, tx, identity); err != nil {
			return err
		}
		if actor.Organisation != "" {
			shared, err := sharedWithOthers(ctx, tx, identity, actor.Organisation)
			if err != nil {
				return err
			}
			if shared {
				return extension.ErrConflict
			}
		}
		if _, err := tx.NewRaw(`DELETE FROM proofs WHERE identity_id = ?`, identity).Exec(ctx); err != nil {
			return err
		}
		return resetFactors(ctx, tx, identity, user, actor, at)
	})
}

// resetFactors drops all factors of an identity, with the actor's audit for the user whose they were said to be and all who have
// begun, and notes that its owner is told.
func resetFactors(
	ctx context.Context, tx bun.Tx, identity extension.IdentityID, user extension.UserID, actor extension.Actor, at time.Time,
) error {
	var gone []extension.Factor
	if err := tx.NewRaw(`DELETE FROM factors WHERE identity_id = ? RETURNING kind`, identity).Scan(ctx, &gone); err != nil {
		return err
	}
	slices.Sort(gone)
	_, err := tx.NewRaw(`
		INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
		SELECT ?, u.organisation_id, ?::uuid, ?, ?, u.id, ? FROM users u WHERE u.identity_id = ? AND (u.id = ? OR ?)`,
		at.UTC(), nullID(actor.User), actor.Name, string(extension.ActionFactorsReset), strings.Join(texts(gone), ", "),
		identity, user, hasBegun()).Exec(ctx)
	if err != nil || len(gone) == 0 {
		return err
	}
	reset := extension.AccountChange{Kind: extension.ChangeReset, At: at}
	return note(ctx, tx, happening{AccountChange: reset, identity: identity, whose: hasBegun()})
}

// identityOf finds the identity of a user whom the actor may see; the operator sees everybody.
func identityOf(ctx context.Context, tx bun.Tx, actor extension.Actor, user extension.UserID) (identity extension.IdentityID, err error) {
	q := tx.NewSelect().TableExpr("users u").ColumnExpr("u.identity_id").Where("u.id = ? AND u.identity_id IS NOT NULL", user)
	if actor.Organisation != "" {
		q = visible(q, actor)
	}
	err = q.Scan(ctx, &identity)
	return identity, err
}

// SharedWithOthers tells whether an identity has users in other organisations than this one who have begun there. One that
// has merely invited somebody does not count: it would keep everybody else from helping them, and has nothing to protect.
func (db *DB) SharedWithOthers(ctx context.Context, identity extension.IdentityID, organisation extension.OrganisationID) (bool, error) {
	shared, err := sharedWithOthers(ctx, db.bun, identity, organisation)
	return shared, kind(err)
}

func sharedWithOthers(ctx context.Context, in bun.IDB, identity extension.IdentityID, organisation extension.OrganisationID) (shared bool, err error) {
	err = in.NewRaw(`SELECT EXISTS (SELECT 1 FROM users u WHERE u.identity_id = ? AND u.organisation_id <> ? AND u.withdrawn_at IS NULL AND ?)`,
		identity, organisation, hasBegun()).Scan(ctx, &shared)
	return shared, err
}
