package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// Readdress corrects the address of a user who has not registered, in one transaction with the resend batch that invites
// the new one. Every link before is revoked and what was begun by them is to be ended; what somebody at the old address
// typed or stumbled over goes, and a suppression of the old address too; what they accepted stays as evidence, but no
// longer as the user's. An identity that is ours alone is marked to get the new address before a letter goes out, and its
// second factors go; any other is let go of as it is, so that a new one is made or met.
//
// ErrForbidden says that the user has areas that the actor does not act in, or a role that the actor may not give:
// whoever gets the letter gets them. ErrConflict that the user has moved on: registered, deactivated, withdrawn, or a
// message to them is on its way. An *extension.TakenError says that the organisation has the new address already.
func (db *DB) Readdress(ctx context.Context, actor extension.Actor, order extension.Readdress) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := oneBatchAtATime(ctx, tx, order.Batch); err != nil {
			return err
		}
		fresh, err := insertBatch(ctx, tx, order.Batch, 1, 0)
		if err != nil || !fresh {
			return err
		}
		held, err := holdReaddressable(ctx, tx, actor, order)
		if err != nil {
			return err
		}
		if err := addressFree(ctx, tx, actor, order); err != nil {
			return err
		}
		if err := changeAddress(ctx, tx, order, held); err != nil {
			return fmt.Errorf("correct address: %w", err)
		}
		if err := letGo(ctx, tx, order, held); err != nil {
			return fmt.Errorf("let go of an identity: %w", err)
		}
		entry := by(actor, extension.ActionUserReaddressed, order.Batch.Pressed)
		entry.User, entry.Detail = order.User, "from "+held.Address+" to "+order.Address
		if err := audit(ctx, tx, entry); err != nil {
			return err
		}
		return reissueEntries(ctx, tx, actor, order.Batch, judgement{Asked: 1, Queued: 1})
	})
}

// heldUser is a user whose address is about to be corrected.
type heldUser struct {
	Address    string
	IdentityID *extension.IdentityID
	Ours       bool // the identity was made by us for this user alone, so its address may be changed
	Beyond     bool // the user has areas that the actor does not act in, or a role that the actor may not give
}

// holdReaddressable locks a user whom the actor may correct.
func holdReaddressable(ctx context.Context, tx bun.Tx, actor extension.Actor, order extension.Readdress) (heldUser, error) {
	areas, bound := actor.AreaBound()
	var held heldUser
	q := tx.NewSelect().TableExpr("users u").
		ColumnExpr(`u.address, u.identity_id,
			coalesce((SELECT d.created_by_us FROM identities d WHERE d.id = u.identity_id), false)
			AND NOT EXISTS (SELECT 1 FROM users x WHERE x.identity_id = u.identity_id AND x.id <> u.id) AS ours`).
		ColumnExpr(`EXISTS (
			SELECT 1 FROM assignments s JOIN roles r ON r.id = s.role_id
			 WHERE s.user_id = u.id AND (? AND s.area_id <> ALL (?::uuid[]) OR r.grants <> ALL (?::text[]))) AS beyond`,
			bound, array(areas), array(actor.Grantable())).
		Where("u.id = ? AND u.paused_at IS NULL AND u.activated_at IS NULL AND u.registered_at IS NULL", order.User).
		Where("NOT EXISTS (SELECT 1 FROM invitations w WHERE w.user_id = u.id AND w.sent_at IS NULL AND w.refused_at IS NULL)").
		For("UPDATE OF u")
	err := visible(q, actor).Scan(ctx, &held)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return held, extension.ErrConflict
	case err == nil && held.Beyond:
		return held, extension.ErrForbidden
	}
	return held, err
}

// addressFree tells whether nobody in the organisation has the address. Nobody can take it meanwhile, because whatever
// writes users waits for this batch.
func addressFree(ctx context.Context, tx bun.Tx, actor extension.Actor, order extension.Readdress) error {
	areas, bound := actor.AreaBound()
	var taken []struct {
		ID        extension.UserID
		Withdrawn bool
		Seen      bool
	}
	err := tx.NewRaw(`
		SELECT u.id, u.withdrawn_at IS NOT NULL AS withdrawn,
		       NOT ? OR EXISTS (SELECT 1 FROM assignments s WHERE s.user_id = u.id AND s.area_id = ANY (?::uuid[])) AS seen
		  FROM users u WHERE u.organisation_id = ? AND u.address_key = ? AND u.id <> ?`,
		bound, array(areas), actor.Organisation, order.Key, order.User).Scan(ctx, &taken)
	if err != nil || len(taken) == 0 {
		return err
	}
	refusal := &extension.TakenError{Withdrawn: taken[0].Withdrawn}
	if taken[0].Seen && !taken[0].Withdrawn {
		refusal.User = taken[0].ID
	}
	return refusal
}

// changeAddress changes the user and orders the invitation. Earlier messages keep the address that they went to: a retry
// of one must have the same bytes, and a bounce of it says nothing about the new one.
func changeAddress(ctx context.Context, tx bun.Tx, order extension.Readdress, held heldUser) error {
	if err := holdMessages(ctx, tx, `i.user_id = ?`, order.User); err != nil {
		return err
	}
	statements := []*bun.RawQuery{
		tx.NewRaw(`UPDATE invitations SET address = ? WHERE user_id = ? AND address IS NULL`, held.Address, order.User),
		tx.NewRaw(`UPDATE acceptances SET disowned_at = ? WHERE user_id = ? AND disowned_at IS NULL`, order.Batch.Pressed.UTC(), order.User),
		tx.NewRaw(`DELETE FROM declines WHERE user_id = ?`, order.User),
		tx.NewRaw(`
			UPDATE users SET address = ?, address_key = ?, first_name = '', last_name = '', mobile = '', suppressed = NULL, suppressed_at = NULL,
			       stumbled_at = NULL, stumbled_step = '', stumbled_on = '', readdress = ?, identity_id = CASE WHEN ? THEN identity_id END
			 WHERE id = ?`, order.Address, order.Key, held.Ours, held.Ours, order.User),
		tx.NewRaw(`
			INSERT INTO batch_entries (batch_id, position, organisation_id, text, address, outcome, user_id, invitation_id)
			VALUES (?, 0, ?, ?, ?, 'queued', ?, ?)`,
			order.Batch.ID, order.Batch.Organisation, order.Address, order.Address, order.User, extension.NewID[extension.InvitationID]()),
	}
	return execAll(ctx, statements)
}

// letGo ends what was begun with the identity by the old address: whatever is half-way there is ended, and its memberships
// are published anew. The second factors of one that the new address gets were the other person's.
func letGo(ctx context.Context, tx bun.Tx, order extension.Readdress, held heldUser) error {
	if held.IdentityID == nil {
		return nil
	}
	if err := realign(ctx, tx, *held.IdentityID); err != nil || !held.Ours {
		return err
	}
	all := append(extension.Ways(), extension.FactorWebAuthn)
	if err := dropFactors(ctx, tx, *held.IdentityID, all, order.Batch.Pressed); err != nil {
		return err
	}
	_, err := tx.NewRaw(`DELETE FROM proofs WHERE identity_id = ?`, *held.IdentityID).Exec(ctx)
	return err
}

// Unsuppress lets mail go to a user's address again although a message came back or was complained about, with the
// actor's audit. ErrNotFound says that the actor does not see the user or that nothing stood in the way.
func (db *DB) Unsuppress(ctx context.Context, actor extension.Actor, id extension.UserID, now time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var why extension.Suppression
		q := visible(tx.NewSelect().TableExpr("users u").ColumnExpr("u.suppressed").Where("u.id = ? AND u.suppressed IS NOT NULL", id), actor)
		if err := q.For("UPDATE OF u").Scan(ctx, &why); err != nil {
			return err
		}
		if _, err := tx.NewRaw(`UPDATE users SET suppressed = NULL, suppressed_at = NULL WHERE id = ?`, id).Exec(ctx); err != nil {
			return fmt.Errorf("lift suppression: %w", err)
		}
		entry := by(actor, extension.ActionUserUnsuppressed, now)
		entry.User, entry.Detail = id, string(why)
		return audit(ctx, tx, entry)
	})
}
