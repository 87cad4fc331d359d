package postgres

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// unseen is in the place of the hash of a code that nobody here has seen.
const unseen = ""

// ReserveAppCode notes that a code of an authenticator app is about to be shown to Kratos, under a ticket that Kratos hands
// back once it has found it right. Of many callers at once with one code only the first goes on; for the others it is
// extension.ErrCodeUnderWay until Kratos has answered, and then, for extension.AppCodeTime after it was taken,
// extension.ErrCodeUsed. hash is keyed: the code is not kept. The time runs by the database's clock.
func (db *DB) ReserveAppCode(ctx context.Context, identity extension.IdentityID, hash, ticket string) error {
	var reserved []bool
	err := db.bun.NewRaw(`
		INSERT INTO app_codes AS a (identity_id, hash, ticket, taken, at) SELECT d.id, ?, ?, false, clock_timestamp() FROM identities d WHERE d.id = ?
		ON CONFLICT (identity_id, hash) DO UPDATE SET ticket = excluded.ticket, taken = false, at = excluded.at
		      WHERE a.at <= clock_timestamp() - make_interval(secs => ?)
		RETURNING true`, hash, ticket, identity, extension.AppCodeTime.Seconds()).Scan(ctx, &reserved)
	if err != nil || len(reserved) > 0 {
		return kind(err)
	}
	var taken bool
	err = db.bun.NewRaw(`SELECT coalesce(bool_or(taken), false) FROM app_codes WHERE identity_id = ? AND hash = ?`, identity, hash).Scan(ctx, &taken)
	if err != nil {
		return kind(err)
	}
	if !taken {
		return extension.ErrCodeUnderWay // or let go this very moment
	}
	return extension.ErrCodeUsed
}

// ReleaseAppCode lets a code go that Kratos has not taken. One that was taken stays.
func (db *DB) ReleaseAppCode(ctx context.Context, identity extension.IdentityID, ticket string) error {
	_, err := db.bun.NewRaw(`DELETE FROM app_codes WHERE identity_id = ? AND ticket = ? AND NOT taken`, identity, ticket).Exec(ctx)
	return kind(err)
}

// TakeAppCode says that Kratos has taken a reserved code as the first of a new app.
func (db *DB) TakeAppCode(ctx context.Context, identity extension.IdentityID, ticket string) error {
	_, err := db.bun.NewRaw(`UPDATE app_codes SET taken = true, at = clock_timestamp() WHERE identity_id = ? AND ticket = ?`, identity, ticket).Exec(ctx)
	return kind(err)
}

// WitnessAppCode says that Kratos takes a code that was submitted with a ticket, or past us, as the attempt says. What
// nobody here has seen may be any code that can be right now, so it is extension.ErrCodeUsed within extension.AppCodeTime of
// another one, and so is another one within that time of it. Saying the same again changes nothing. Of an identity that no
// user here has, nothing is kept.
func (db *DB) WitnessAppCode(ctx context.Context, identity extension.IdentityID, ticket, attempt string) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if held, err := holdIdentity(ctx, tx, identity); err != nil || !held {
			return err
		}
		submitted, err := tx.NewRaw(`
			UPDATE app_codes a SET taken = true, at = clock_timestamp()
			 WHERE identity_id = ?0 AND ticket = ?1 AND hash <> ?2
			   AND NOT EXISTS (SELECT 1 FROM app_codes o WHERE o.identity_id = ?0 AND o.hash = ?2 AND o.at > clock_timestamp() - make_interval(secs => ?3))`,
			identity, ticket, unseen, extension.AppCodeTime.Seconds()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("take a code: %w", err)
		}
		if n, err := submitted.RowsAffected(); err != nil || n > 0 {
			return err
		}
		var taken []bool
		err = tx.NewRaw(`
			INSERT INTO app_codes AS a (identity_id, hash, ticket, taken, at) SELECT d.id, ?2, ?1, true, clock_timestamp() FROM identities d
			 WHERE d.id = ?0 AND NOT EXISTS (SELECT 1 FROM app_codes o WHERE o.identity_id = ?0 AND o.hash <> ?2 AND o.taken
			                                    AND o.at > clock_timestamp() - make_interval(secs => ?3))
			ON CONFLICT (identity_id, hash) DO UPDATE SET ticket = excluded.ticket, at = excluded.at
			      WHERE a.ticket = excluded.ticket OR a.at <= clock_timestamp() - make_interval(secs => ?3)
			RETURNING true`, identity, attempt, unseen, extension.AppCodeTime.Seconds()).Scan(ctx, &taken)
		if err != nil {
			return fmt.Errorf("take a code that was not seen: %w", err)
		}
		if len(taken) == 0 {
			return extension.ErrCodeUsed
		}
		return nil
	})
}
