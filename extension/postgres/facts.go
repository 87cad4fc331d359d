package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// factColumn is the column of users that holds a fact, with the audit's word for it; empty for a fact that Record does not set.
func factColumn(fact extension.Fact) (column string, action extension.Action) {
	switch fact {
	case extension.FactStarted:
		return "started_at", extension.ActionUserStarted
	case extension.FactRegistered:
		return "registered_at", extension.ActionUserRegistered
	case extension.FactActivated:
		return "activated_at", extension.ActionUserActivated
	}
	return "", ""
}

// Record sets a fact of a user unless it is set, and tells whether it was new. Only then is there an audit row. A start
// is also kept with the user's newest invitation, and an activation asks in the same transaction for its publication.
func (db *DB) Record(ctx context.Context, user extension.User, fact extension.Fact, at time.Time) (bool, error) {
	column, action := factColumn(fact)
	if column == "" {
		return false, fmt.Errorf("record fact %q: %w", fact, extension.ErrNotFound)
	}
	fresh := false
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		fresh = false
		// The user goes before the message, see locks.go.
		result, err := tx.NewRaw(`UPDATE users SET ? = ? WHERE id = ? AND ? IS NULL`,
			bun.Ident(column), at.UTC(), user.ID, bun.Ident(column)).Exec(ctx)
		if err != nil {
			return err
		}
		if err := startInvitation(ctx, tx, user, fact, at); err != nil {
			return err
		}
		if n, _ := result.RowsAffected(); n == 0 {
			return nil
		}
		fresh = true
		if fact == extension.FactActivated && user.Identity != "" {
			if err := realign(ctx, tx, user.Identity); err != nil {
				return err
			}
		}
		return audit(ctx, tx, of(user, action, at))
	})
	return fresh && err == nil, err
}

// startInvitation keeps a start with the invitation whose link was used: a newer one ends what was begun by it.
func startInvitation(ctx context.Context, tx bun.Tx, user extension.User, fact extension.Fact, at time.Time) error {
	if fact != extension.FactStarted {
		return nil
	}
	_, err := tx.NewRaw(`UPDATE invitations SET started_at = ? WHERE id = ? AND started_at IS NULL`, at.UTC(), nullID(user.Invitation)).Exec(ctx)
	return err
}

// RecordOpened notes the first opening of a link.
func (db *DB) RecordOpened(ctx context.Context, invitation extension.InvitationID, at time.Time) error {
	_, err := db.bun.NewRaw(`UPDATE invitations SET opened_at = ? WHERE id = ? AND opened_at IS NULL`, at.UTC(), invitation).Exec(ctx)
	return kind(err)
}

// RecordProfile keeps the names and the mobile that Kratos holds.
func (db *DB) RecordProfile(ctx context.Context, identity extension.IdentityID, traits extension.Traits) error {
	_, err := db.bun.NewRaw(`
		UPDATE users SET first_name = ?, last_name = ?, mobile = ?
		 WHERE identity_id = ? AND (first_name, last_name, mobile) IS DISTINCT FROM (?, ?, ?)`,
		traits.FirstName, traits.LastName, traits.Mobile, identity, traits.FirstName, traits.LastName, traits.Mobile).Exec(ctx)
	return kind(err)
}

// RecordStumble keeps the last mistake that an invitee was told of; an older one never takes a newer one's place.
func (db *DB) RecordStumble(ctx context.Context, user extension.UserID, stumble extension.Stumble) error {
	_, err := db.bun.NewRaw(`
		UPDATE users SET stumbled_at = ?, stumbled_step = ?, stumbled_on = ? WHERE id = ? AND (stumbled_at IS NULL OR stumbled_at <= ?)`,
		stumble.At.UTC(), string(stumble.Step), stumble.Sentence, user, stumble.At.UTC()).Exec(ctx)
	return kind(err)
}

// RecordAcceptance keeps the evidence of an acceptance; the first one of a user and a version stands.
//
// There is no row without evidence: what only the trait claims is not recorded.
func (db *DB) RecordAcceptance(ctx context.Context, a extension.Acceptance) error {
	_, err := db.bun.NewRaw(`
		INSERT INTO acceptances (user_id, terms_id, organisation_id, accepted_at, ip, user_agent)
		SELECT u.id, ?, u.organisation_id, ?, ?, ? FROM users u WHERE u.id = ? ON CONFLICT (user_id, terms_id) DO NOTHING`,
		a.Terms, a.At.UTC(), a.IP, a.UserAgent, a.User).Exec(ctx)
	return kind(err)
}

// ConfirmAcceptance notes that Kratos holds the acceptance, with an audit row the first time.
func (db *DB) ConfirmAcceptance(ctx context.Context, user extension.User, terms extension.TermsID, at time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		result, err := tx.NewRaw(`UPDATE acceptances SET confirmed_at = ? WHERE user_id = ? AND terms_id = ? AND confirmed_at IS NULL`,
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

// SetFactors makes these the proven second factors of an identity that Kratos holds, with an audit row for every user of
// it for each that is new or gone.
func (db *DB) SetFactors(ctx context.Context, identity extension.IdentityID, proven []extension.Factor, at time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		added := tx.NewRaw(`
			INSERT INTO factors (identity_id, kind, proven_at) SELECT ?, kind, ? FROM unnest(?::text[]) AS kind
			ON CONFLICT DO NOTHING RETURNING kind`, identity, at.UTC(), array(proven))
		if err := auditFactors(ctx, tx, identity, added, extension.ActionFactorProven, at); err != nil {
			return err
		}
		gone := tx.NewRaw(`DELETE FROM factors WHERE identity_id = ? AND kind = ANY (?::text[]) AND kind <> ALL (?::text[]) RETURNING kind`,
			identity, array(extension.KratosFactors()), array(proven))
		return auditFactors(ctx, tx, identity, gone, extension.ActionFactorRemoved, at)
	})
}

// auditFactors runs a change that returns kinds of factor, and writes the audit of each.
func auditFactors(ctx context.Context, tx bun.Tx, identity extension.IdentityID, change *bun.RawQuery, action extension.Action, at time.Time) error {
	var kinds []extension.Factor
	if err := change.Scan(ctx, &kinds); err != nil || len(kinds) == 0 {
		return err
	}
	_, err := tx.NewRaw(`
		INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
		SELECT ?, u.organisation_id, u.id, u.address, ?, u.id, k FROM users u, unnest(?::text[]) AS k WHERE u.identity_id = ?`,
		at.UTC(), string(action), array(kinds), identity).Exec(ctx)
	return err
}

// Unreported hands out identities whose facts a lost report may have kept from us, longest unasked first, and marks them
// as asked: of users who are half-way and in time, none twice within a minute; of Active ones, none twice within a day.
func (db *DB) Unreported(ctx context.Context, now time.Time, most int) ([]extension.IdentityID, error) {
	return db.check(ctx, most, `
		d.checked_at < clock_timestamp() - interval '1 minute' AND EXISTS (
			SELECT 1 FROM users u LEFT JOIN invitations i ON i.id = u.invitation_id
			 WHERE u.identity_id = d.id AND u.started_at IS NOT NULL AND u.activated_at IS NULL
			   AND user_status(u.paused_at, u.activated_at, i.expires_at, ?) = 'Pending')
		OR d.checked_at < clock_timestamp() - interval '1 day' AND EXISTS (
			SELECT 1 FROM users u WHERE u.identity_id = d.id AND u.activated_at IS NOT NULL AND u.paused_at IS NULL)`, now.UTC())
}

// HalfWay hands out identities that are still on although their user's invitation ran out, or was replaced by a newer
// one, between Start and registration; none twice within a minute.
func (db *DB) HalfWay(ctx context.Context, now time.Time, most int) ([]extension.IdentityID, error) {
	return db.check(ctx, most, `
		d.created_by_us AND d.checked_at < clock_timestamp() - interval '1 minute' AND EXISTS (
			SELECT 1 FROM users u LEFT JOIN invitations i ON i.id = u.invitation_id
			 WHERE u.identity_id = d.id AND u.started_at IS NOT NULL AND u.activated_at IS NULL AND u.registered_at IS NULL
			   AND (d.left_inactive_at IS NULL OR d.left_inactive_at < coalesce(i.started_at, u.started_at)) -- a crash in Start
			   AND (i.started_at IS NULL OR user_status(u.paused_at, u.activated_at, i.expires_at, ?) = 'Expired'))`, now.UTC())
}

// check hands out identities d that a condition holds for, longest unasked first, and marks them as asked.
func (db *DB) check(ctx context.Context, most int, condition string, arguments ...any) ([]extension.IdentityID, error) {
	var ids []extension.IdentityID
	err := db.bun.NewRaw(`
		WITH picked AS (
			SELECT d.id FROM identities d WHERE `+condition+`
			 ORDER BY d.checked_at LIMIT ? FOR UPDATE OF d SKIP LOCKED)
		UPDATE identities d SET checked_at = clock_timestamp() FROM picked WHERE d.id = picked.id RETURNING d.id`,
		append(arguments, most)...).Scan(ctx, &ids)
	return ids, kind(err)
}
