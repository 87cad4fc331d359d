package postgres

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// Organisation gives an organisation by its id.
func (db *DB) Organisation(ctx context.Context, id extension.OrganisationID) (extension.Organisation, error) {
	return organisationByID(ctx, db.bun, id, "")
}

func organisationByID(ctx context.Context, in bun.IDB, id extension.OrganisationID, lock string) (extension.Organisation, error) {
	var row organisationRow
	err := in.NewRaw("SELECT "+organisationColumns+" FROM organisations o WHERE o.id = ? "+lock, id).Scan(ctx, &row)
	if err != nil {
		return extension.Organisation{}, kind(err)
	}
	return row.organisation(id), nil
}

// ChangeSending changes how an organisation's batches are sent, with the actor's audit, unless somebody else has changed
// it since the actor saw it: then it is a conflict. Settings that stay as they are write nothing.
func (db *DB) ChangeSending(ctx context.Context, actor extension.Actor, seen, wanted extension.Sending, now time.Time) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		organisation, err := organisationByID(ctx, tx, actor.Organisation, "FOR UPDATE")
		if err != nil {
			return err
		}
		held := organisation.Sending
		if held.Equal(wanted) {
			return nil
		}
		if !held.Equal(seen) {
			return extension.ErrConflict
		}
		_, err = tx.NewRaw(`
			UPDATE organisations SET undo_delay = ?, reminder_days = ?::integer[], stop_loss_percent = ?, stop_loss_after = ? WHERE id = ?`,
			int64(wanted.UndoDelay/time.Second), intArray(append([]int{}, wanted.Reminders...)), wanted.StopLoss.Percent, wanted.StopLoss.After,
			actor.Organisation).Exec(ctx)
		if err != nil {
			return err
		}
		entry := by(actor, extension.ActionSendingChanged, now)
		entry.Detail = held.String() + " → " + wanted.String()
		return audit(ctx, tx, entry)
	})
}
