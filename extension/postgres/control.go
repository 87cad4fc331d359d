package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// Control locks a batch that the actor may see, asks what to do about it, and does that with the audit. Nothing of it
// begins after it was paused or cancelled. A cancellation is written down at once, and the first people are taken back; of a
// large batch, the others are by those who work on it, as turns (see Finish), so that nobody waits for all of them.
func (db *DB) Control(
	ctx context.Context, actor extension.Actor, id extension.BatchID, now time.Time, decide func(extension.Batch) (extension.Action, error),
) error {
	var action extension.Action
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := aloneWithBatch(ctx, tx, id); err != nil {
			return err
		}
		batch, err := lockBatch(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		action, err = decide(batch)
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
	if err != nil || action != extension.ActionBatchCancelled {
		return err
	}
	_, err = db.Finish(ctx, id, now)
	return err
}

// lockBatch locks a batch that the actor may see and may have pressed: one that gives a role beyond the actor's own right is
// refused, unless it is the actor's.
func lockBatch(ctx context.Context, tx bun.Tx, actor extension.Actor, id extension.BatchID) (extension.Batch, error) {
	var row struct {
		PressedAt   time.Time
		StartsAt    time.Time
		PausedAt    *time.Time
		PausedBy    string
		CancelledAt *time.Time
		FinishedAt  *time.Time
		Beyond      bool
	}
	q := tx.NewSelect().ColumnExpr("b.pressed_at, b.starts_at, b.paused_at, b.paused_by, b.cancelled_at, b.finished_at").
		ColumnExpr(`EXISTS (
			SELECT FROM roles r
			 WHERE r.organisation_id = b.organisation_id AND r.grants <> ALL (?::text[]) AND b.actor_user_id IS DISTINCT FROM ?::uuid
			   AND (r.id = b.role_id OR r.id IN (SELECT x.role_id FROM batch_entries x WHERE x.batch_id = b.id))) AS beyond`,
			array(actor.Grantable()), nullID(actor.User)).
		TableExpr("batches b").Where("b.id = ?", id).For("NO KEY UPDATE OF b")
	if err := visibleBatch(q, actor).Scan(ctx, &row); err != nil {
		return extension.Batch{}, err
	}
	if row.Beyond {
		return extension.Batch{}, extension.Invalid("", "This batch gives a role that you may not give. Ask an administrator to change it.")
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
		statement = tx.NewRaw(`UPDATE batches SET cancelled_at = ?, cancelled_by = ?, trouble = '', rests_until = NULL WHERE id = ?`,
			now.UTC(), actor.Name, b.ID)
	default:
		return fmt.Errorf("control batch: action %q is unknown", action)
	}
	if _, err := statement.Exec(ctx); err != nil {
		return fmt.Errorf("control batch: %w", err)
	}
	return nil
}

// CountCancelled counts the messages that a cancellation keeps from being sent: also those that wait to be taken back, but
// none whose call is under way.
func (db *DB) CountCancelled(ctx context.Context, actor extension.Actor, batch extension.BatchID) (int, error) {
	var n int
	err := db.bun.NewRaw(`
		SELECT count(*) FROM batches b JOIN invitations i ON i.batch_id = b.id
		 WHERE b.organisation_id = ? AND b.id = ? AND b.cancelled_at IS NOT NULL AND (
		       i.refused = 'cancelled' OR i.stage < 2 OR i.stage = 2 AND i.chunk_id IN (SELECT c.id FROM `+uncalledChunks+`))`,
		actor.Organisation, batch).Scan(ctx, &n)
	return n, kind(err)
}
