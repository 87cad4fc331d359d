package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// oneBatchAtATime makes the batches of an organisation wait for one another until they are written.
func oneBatchAtATime(ctx context.Context, tx bun.Tx, b extension.Batch) error {
	_, err := tx.NewRaw(`SELECT pg_advisory_xact_lock(hashtextextended(?, 0))`, "batches of "+string(b.Organisation)).Exec(ctx)
	return err
}

// tryBatches takes the lock of oneBatchAtATime if nobody holds it, and tells whether it did.
func tryBatches(ctx context.Context, tx bun.Tx, organisation extension.OrganisationID) (free bool, err error) {
	err = tx.NewRaw(`SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))`, "batches of "+string(organisation)).Scan(ctx, &free)
	return free, err
}

// insertBatch tells whether the batch is new.
func insertBatch(ctx context.Context, tx bun.Tx, b extension.Batch, recognised, duplicates int) (bool, error) {
	result, err := tx.NewRaw(`
		INSERT INTO batches (id, organisation_id, kind, area_id, role_id, actor_user_id, actor_name, pressed_at, starts_at, recognised, duplicates)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		b.ID, b.Organisation, string(b.Kind), nullID(b.Area.ID), nullID(b.Role.ID), nullID(b.InviterUser), b.Inviter,
		b.Pressed.UTC(), b.Starts.UTC(), recognised, duplicates).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("insert batch: %w", err)
	}
	if n, _ := result.RowsAffected(); n == 1 {
		return true, nil
	}
	var same bool
	err = tx.NewRaw(`SELECT organisation_id = ? AND actor_user_id IS NOT DISTINCT FROM ?::uuid FROM batches WHERE id = ?`,
		b.Organisation, nullID(b.InviterUser), b.ID).Scan(ctx, &same)
	if err == nil && !same {
		err = extension.ErrConflict
	}
	return false, err
}

// Hold writes down what holds a batch up, and lets it rest for so long by the database's clock.
func (db *DB) Hold(ctx context.Context, batch extension.BatchID, sentence string, rest time.Duration) error {
	_, err := db.bun.NewRaw(`
		UPDATE batches SET trouble = ?, rests_until = greatest(rests_until, clock_timestamp() + make_interval(secs => ?))
		 WHERE id = ? AND finished_at IS NULL`, sentence, rest.Seconds(), batch).Exec(ctx)
	return kind(err)
}

// Ease takes off what held a batch up, unless somebody else has met trouble since.
func (db *DB) Ease(ctx context.Context, batch extension.BatchID) error {
	_, err := db.bun.NewRaw(`UPDATE batches SET trouble = '' WHERE id = ? AND (rests_until IS NULL OR rests_until <= clock_timestamp())`, batch).Exec(ctx)
	return kind(err)
}
