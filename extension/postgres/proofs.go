package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// proofsKept is for how long proofs are kept: twice as long as a session of Kratos lives.
const proofsKept = 48 * time.Hour

// Proofs lists the kinds of factor that a Kratos session was confirmed with.
func (db *DB) Proofs(ctx context.Context, session extension.SessionID) ([]extension.Factor, error) {
	var kinds []extension.Factor
	err := db.bun.NewRaw(`SELECT kind FROM proofs WHERE session_id = ? ORDER BY kind`, nullID(session)).Scan(ctx, &kinds)
	return kinds, kind(err)
}

// ProvenSessions lists the Kratos sessions of an identity that were confirmed with a factor of one of these kinds.
func (db *DB) ProvenSessions(ctx context.Context, identity extension.IdentityID, kinds []extension.Factor) ([]extension.SessionID, error) {
	var sessions []extension.SessionID
	err := db.bun.NewRaw(`
		SELECT DISTINCT session_id FROM proofs WHERE identity_id = ? AND kind = ANY (?::text[]) ORDER BY session_id`,
		identity, array(kinds)).Scan(ctx, &sessions)
	return sessions, kind(err)
}

// EndRecoveryProofs says that what the identity's sessions have shown by a recovery code counts no more.
func (db *DB) EndRecoveryProofs(ctx context.Context, identity extension.IdentityID) error {
	_, err := db.bun.NewRaw(`DELETE FROM proofs WHERE identity_id = ? AND kind = ?`, identity, string(extension.FactorRecovery)).Exec(ctx)
	return kind(err)
}

// Prove notes that a session has set a factor up, which confirms it. Proofs of the same kind in other sessions end: they
// were of another secret. A proof of an identity without a user here is none of ours.
func (db *DB) Prove(ctx context.Context, proof extension.Proof) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewRaw(`DELETE FROM proofs WHERE identity_id = ? AND kind = ? AND session_id <> ?`,
			proof.Identity, string(proof.Kind), proof.Session).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end other proofs: %w", err)
		}
		return prove(ctx, tx, proof)
	})
}

func prove(ctx context.Context, in bun.IDB, proof extension.Proof) error {
	_, err := in.NewRaw(`
		INSERT INTO proofs (session_id, identity_id, kind, proven_at) SELECT ?, d.id, ?, ? FROM identities d WHERE d.id = ?
		ON CONFLICT (session_id, kind) DO UPDATE SET proven_at = greatest(proofs.proven_at, excluded.proven_at)
		      WHERE proofs.identity_id = excluded.identity_id`,
		proof.Session, string(proof.Kind), proof.At.UTC(), proof.Identity).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note proof: %w", err)
	}
	return nil
}

// Witness keeps what a session was just confirmed with. The first factor that an identity ever shows becomes one of its
// own; after that another kind or another address is added only by a proof that says so, because Kratos sends a code to any
// address of theirs, and whoever knows the password alone could choose one. What is neither is not kept, and no error. An
// added factor is audited for every user of the identity. Its owner is told of it, and of a recovery code that was used.
func (db *DB) Witness(ctx context.Context, proof extension.Proof) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		held, err := holdIdentity(ctx, tx, proof.Identity)
		if err != nil || !held {
			return err
		}
		own, err := factorsOf(ctx, tx, proof.Identity)
		if err != nil {
			return err
		}
		if shown(own, proof) {
			if err := prove(ctx, tx, proof); err != nil || proof.Kind != extension.FactorRecovery {
				return err
			}
			return noteRecovered(ctx, tx, proof.Identity, proof.At)
		}
		if proof.Kind == extension.FactorRecovery || len(own) > 0 && !proof.Adds { // a recovery code is none by itself
			return nil
		}
		return addFactor(ctx, tx, proof)
	})
}

// shown tells whether a proof shows one of the identity's own factors. A recovery code stands in for any of them.
func shown(own []extension.ProvenFactor, proof extension.Proof) bool {
	return slices.ContainsFunc(own, func(f extension.ProvenFactor) bool {
		return proof.Kind == extension.FactorRecovery || f.Kind == proof.Kind && f.Reaches(proof.Address)
	})
}

// addFactor makes what a session has shown a factor of the identity. When it takes the place of one with another address,
// what was proven by that one counts no more.
func addFactor(ctx context.Context, tx bun.Tx, proof extension.Proof) error {
	_, err := tx.NewRaw(`DELETE FROM proofs WHERE identity_id = ? AND kind = ? AND kind IN ('sms', 'email')`,
		proof.Identity, string(proof.Kind)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("drop proofs: %w", err)
	}
	_, err = auditFactors(ctx, tx, proof.Identity, tx.NewRaw(`
		INSERT INTO factors (identity_id, kind, address, proven_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (identity_id, kind) DO UPDATE SET address = excluded.address, proven_at = excluded.proven_at RETURNING kind, address`,
		proof.Identity, string(proof.Kind), proof.Address, proof.At.UTC()), extension.ActionFactorProven, proof.At)
	if err != nil {
		return fmt.Errorf("add factor: %w", err)
	}
	return prove(ctx, tx, proof)
}

// PurgeProofs deletes what is no longer asked for: proofs of sessions that have long ended, codes that were sent so long
// ago that they hold up none, or taken so long ago that they cannot be right any more, and forms that have long expired.
func (db *DB) PurgeProofs(ctx context.Context, now time.Time) error {
	statements := []*bun.RawQuery{
		db.bun.NewRaw(`DELETE FROM proofs WHERE proven_at < ?`, now.Add(-proofsKept).UTC()),
		db.bun.NewRaw(`DELETE FROM code_sends WHERE sent_at < clock_timestamp() - make_interval(secs => ?)`, codesKept.Seconds()),
		db.bun.NewRaw(`DELETE FROM app_codes WHERE at < clock_timestamp() - make_interval(secs => ?)`, extension.AppCodeTime.Seconds()),
		db.bun.NewRaw(`DELETE FROM settings_openings WHERE opened_at < clock_timestamp() - make_interval(secs => ?)`, codesKept.Seconds()),
	}
	return kind(execAll(ctx, statements))
}
