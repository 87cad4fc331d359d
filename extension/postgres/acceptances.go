package postgres

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// RecordAcceptance keeps the evidence of an acceptance; the first one of a user and a version stands.
//
// There is no row without evidence: what only the trait claims is not recorded. Nor is what comes in between the
// correction of a user's address and the clearing of their identity: it may be somebody else who accepts then.
// The lock lets a correction that is under way come first.
func (db *DB) RecordAcceptance(ctx context.Context, a extension.Acceptance) error {
	_, err := db.bun.NewRaw(`
		INSERT INTO acceptances (user_id, terms_id, organisation_id, accepted_at, ip, user_agent)
		SELECT u.id, ?, u.organisation_id, ?, ?, ? FROM users u WHERE u.id = ? AND NOT u.readdress FOR SHARE
		ON CONFLICT (user_id, terms_id) WHERE disowned_at IS NULL DO NOTHING`,
		a.Terms, a.At.UTC(), a.IP, a.UserAgent, a.User).Exec(ctx)
	return kind(err)
}

// ConfirmAcceptance notes that Kratos holds the acceptance, with an audit row the first time.
func (db *DB) ConfirmAcceptance(ctx context.Context, user extension.User, terms extension.TermsID, at time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewRaw(`
			UPDATE acceptances SET confirmed_at = ? WHERE user_id = ? AND terms_id = ? AND confirmed_at IS NULL AND disowned_at IS NULL`,
			at.UTC(), user.ID, terms).Exec(ctx)
		if err != nil {
			return err
		}
		if n, _ := result.RowsAffected(); n == 0 {
			return nil
		}
		entry := of(user, extension.ActionUserAccepted, at)
		entry.Detail = "terms " + string(terms)
		return audit(ctx, tx, entry)
	})
}

// Decline keeps the last time that a user said no to a version of the terms, with the audit. What comes in between the
// correction of a user's address and the clearing of their identity is not kept, as with RecordAcceptance. Terms of another
// organisation are a conflict.
func (db *DB) Decline(ctx context.Context, user extension.UserID, terms extension.TermsID, at time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewRaw(`
			INSERT INTO declines (user_id, terms_id, organisation_id, declined_at)
			SELECT u.id, ?, u.organisation_id, ? FROM users u WHERE u.id = ? AND NOT u.readdress FOR SHARE
			ON CONFLICT (user_id, terms_id) DO UPDATE SET declined_at = greatest(declines.declined_at, excluded.declined_at)`,
			terms, at.UTC(), user).Exec(ctx)
		if err != nil {
			return err
		}
		if n, _ := result.RowsAffected(); n == 0 {
			return nil
		}
		_, err = tx.NewRaw(`
			INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
			SELECT ?, u.organisation_id, u.id, coalesce(nullif(trim(u.first_name || ' ' || u.last_name), ''), u.address), ?, u.id, ?
			  FROM users u WHERE u.id = ?`,
			at.UTC(), string(extension.ActionUserDeclined), "terms "+string(terms), user).Exec(ctx)
		return err
	})
}
