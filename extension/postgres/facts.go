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

// RecordStumble keeps the last mistake that an invitee was told of; an older one never takes a newer one's place.
func (db *DB) RecordStumble(ctx context.Context, user extension.UserID, stumble extension.Stumble) error {
	_, err := db.bun.NewRaw(`
		UPDATE users SET stumbled_at = ?, stumbled_step = ?, stumbled_on = ? WHERE id = ? AND (stumbled_at IS NULL OR stumbled_at <= ?)`,
		stumble.At.UTC(), string(stumble.Step), stumble.Sentence, user, stumble.At.UTC()).Exec(ctx)
	return kind(err)
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
// one, between Start and registration; none twice within a minute. An identity that another of its users needs is let be.
func (db *DB) HalfWay(ctx context.Context, now time.Time, most int) ([]extension.IdentityID, error) {
	return db.check(ctx, most, `
		d.created_by_us AND d.checked_at < clock_timestamp() - interval '1 minute' AND EXISTS (
			SELECT 1 FROM users u LEFT JOIN invitations i ON i.id = u.invitation_id
			 WHERE u.identity_id = d.id AND u.started_at IS NOT NULL AND u.activated_at IS NULL AND u.registered_at IS NULL
			   AND (d.left_inactive_at IS NULL OR d.left_inactive_at < coalesce(i.started_at, u.started_at)) -- a crash in Start
			   AND (i.started_at IS NULL OR user_status(u.paused_at, u.activated_at, i.expires_at, ?) = 'Expired'))
		AND NOT EXISTS (
			SELECT 1 FROM users x
			 WHERE x.identity_id = d.id AND x.paused_at IS NULL AND (x.activated_at IS NOT NULL OR x.registered_at IS NOT NULL))`, now.UTC())
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
