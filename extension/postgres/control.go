package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// Control locks a batch that the actor may see, asks what to do about it, and does that with the audit. The lock order is
// batch, user, invitation.
func (db *DB) Control(
	ctx context.Context, actor extension.Actor, id extension.BatchID, now time.Time, decide func(extension.Batch) (extension.Action, error),
) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		batch, err := lockBatch(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		action, err := decide(batch)
		if err != nil || action == "" {
			return err
		}
		if err := act(ctx, tx, actor, batch, action, now); err != nil {
			return err
		}
		entry := by(actor, action, now)
		entry.Detail = "batch " + string(id)
		return audit(ctx, tx, entry)
	})
}

func lockBatch(ctx context.Context, tx bun.Tx, actor extension.Actor, id extension.BatchID) (extension.Batch, error) {
	var row struct {
		PressedAt   time.Time
		StartsAt    time.Time
		PausedAt    *time.Time
		PausedBy    string
		CancelledAt *time.Time
		FinishedAt  *time.Time
	}
	q := tx.NewSelect().ColumnExpr("b.pressed_at, b.starts_at, b.paused_at, b.paused_by, b.cancelled_at, b.finished_at").
		TableExpr("batches b").Where("b.id = ?", id).For("NO KEY UPDATE OF b")
	if err := visibleBatch(q, actor).Scan(ctx, &row); err != nil {
		return extension.Batch{}, err
	}
	return extension.Batch{
		ID: id, Organisation: actor.Organisation, Pressed: row.PressedAt.UTC(), Starts: row.StartsAt.UTC(),
		Paused: fromNull(row.PausedAt), PausedBy: row.PausedBy, Cancelled: fromNull(row.CancelledAt), Finished: fromNull(row.FinishedAt),
	}, nil
}

func act(ctx context.Context, tx bun.Tx, actor extension.Actor, b extension.Batch, action extension.Action, now time.Time) error {
	var statement *bun.RawQuery
	switch action {
	case extension.ActionBatchPaused:
		statement = tx.NewRaw(`UPDATE batches SET paused_at = ?, paused_by = ? WHERE id = ?`, now.UTC(), actor.Name, b.ID)
	case extension.ActionBatchResumed:
		// After a stop-loss, the bounces that were looked at when somebody resumed don't pause it again.
		statement = tx.NewRaw(`
			UPDATE batches SET watched_from = CASE WHEN paused_by = '' THEN ? ELSE watched_from END, paused_at = NULL, paused_by = '', rests_until = NULL
			 WHERE id = ?`, now.UTC(), b.ID)
	case extension.ActionBatchRescheduled:
		statement = tx.NewRaw(`UPDATE batches SET starts_at = ? WHERE id = ?`, now.UTC(), b.ID)
	case extension.ActionBatchCancelled:
		return cancel(ctx, tx, actor, b, now)
	default:
		return fmt.Errorf("control batch: action %q is unknown", action)
	}
	if _, err := statement.Exec(ctx); err != nil {
		return fmt.Errorf("control batch: %w", err)
	}
	return nil
}

// cancel refuses what is in no chunk, together with chunks of which the provider certainly obeyed no call.
func cancel(ctx context.Context, tx bun.Tx, actor extension.Actor, b extension.Batch, now time.Time) error {
	var chunks []extension.ChunkID
	err := tx.NewRaw(`SELECT id FROM mail_chunks WHERE batch_id = ? AND settled_at IS NULL AND calls_in_doubt = 0 FOR UPDATE SKIP LOCKED`, b.ID).
		Scan(ctx, &chunks)
	if err != nil {
		return fmt.Errorf("find chunks without a call: %w", err)
	}
	_, err = tx.NewRaw(`
		WITH held AS (
			SELECT u.id FROM users u JOIN invitations i ON i.user_id = u.id
			 WHERE i.batch_id = ? AND i.sent_at IS NULL AND i.refused_at IS NULL ORDER BY u.id FOR NO KEY UPDATE OF u)
		SELECT count(*) FROM held`, b.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("lock users: %w", err)
	}
	for _, chunk := range chunks {
		if err := dissolve(ctx, tx, chunk); err != nil {
			return fmt.Errorf("dissolve chunk: %w", err)
		}
	}
	statements := append([]*bun.RawQuery{
		tx.NewRaw(`UPDATE batches SET cancelled_at = ?, cancelled_by = ?, trouble = '', rests_until = NULL WHERE id = ?`, now.UTC(), actor.Name, b.ID),
		tx.NewRaw(`
			UPDATE invitations SET refused_at = ?, refused = 'cancelled'
			 WHERE batch_id = ? AND chunk_id IS NULL AND sent_at IS NULL AND refused_at IS NULL`, now.UTC(), b.ID),
	}, takeBack(tx, b, now)...)
	for _, statement := range append(statements, finish(tx, b.ID, now)) {
		if _, err := statement.Exec(ctx); err != nil {
			return fmt.Errorf("cancel batch: %w", err)
		}
	}
	return nil
}

// takeBack leaves everybody whose message was cancelled as they were before the press: with the link that they had, which
// works again if it was this press that revoked it, or not listed at all if they were never written to. A link that went
// to an address which was corrected since stays dead.
func takeBack(tx bun.Tx, b extension.Batch, now time.Time) []*bun.RawQuery {
	const before = `
		SELECT u.id AS user_id, u.identity_id, o.id AS invitation_id
		  FROM invitations i JOIN users u ON u.invitation_id = i.id JOIN invitations o ON o.id = i.replaces
		 WHERE i.batch_id = ? AND i.refused = 'cancelled' AND coalesce(o.address, u.address) = u.address`
	const newestOf = `coalesce((
		SELECT r.id FROM invitations r WHERE r.link_id = %s AND r.refused IS DISTINCT FROM 'cancelled' ORDER BY r.reminder DESC LIMIT 1), %s)`
	return []*bun.RawQuery{
		tx.NewRaw(`
			UPDATE invitations o SET revoked_at = NULL FROM (`+before+`) AS p
			 WHERE (o.id = p.invitation_id OR o.link_id = p.invitation_id) AND o.revoked_at = ?`, b.ID, b.Pressed),
		tx.NewRaw(`
			UPDATE identities d SET realign_at = clock_timestamp(), realign_asked = d.realign_asked + 1
			  FROM (`+before+`) AS p JOIN invitations o ON o.id = p.invitation_id
			 WHERE d.id = p.identity_id AND o.started_at IS NOT NULL`, b.ID),
		tx.NewRaw(`
			UPDATE users u SET invitation_id = p.invitation_id, letter_id = `+fmt.Sprintf(newestOf, "p.invitation_id", "p.invitation_id")+`
			  FROM (`+before+`) AS p WHERE u.id = p.user_id`, b.ID),
		tx.NewRaw(`
			UPDATE users u SET letter_id = `+fmt.Sprintf(newestOf, "i.link_id", "i.link_id")+`
			  FROM invitations i WHERE i.batch_id = ? AND i.refused = 'cancelled' AND u.letter_id = i.id AND i.link_id IS NOT NULL`, b.ID),
		tx.NewRaw(`
			UPDATE users u SET withdrawn_at = ?
			  FROM invitations i
			 WHERE i.batch_id = ? AND i.refused = 'cancelled' AND u.invitation_id = i.id AND u.registered_at IS NULL AND u.activated_at IS NULL
			   AND NOT EXISTS (SELECT FROM invitations p WHERE p.user_id = u.id AND p.refused IS DISTINCT FROM 'cancelled')`, now.UTC(), b.ID),
	}
}

// CountCancelled counts the messages that a cancellation kept from being sent.
func (db *DB) CountCancelled(ctx context.Context, actor extension.Actor, batch extension.BatchID) (int, error) {
	var n int
	err := db.bun.NewRaw(`SELECT count(*) FROM invitations WHERE organisation_id = ? AND batch_id = ? AND refused = 'cancelled'`,
		actor.Organisation, batch).Scan(ctx, &n)
	return n, kind(err)
}
