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

const (
	// takeBackRows is how many people one transaction takes back, so that none runs into the driver's time limit and nobody
	// waits for long.
	takeBackRows = 5000
	// busyRest is how long a cancelled batch rests when its people can't be taken back, because others of its
	// organisation's are being written.
	busyRest = time.Second
)

// Finish closes a batch in which nothing waits and tells whether it is closed. Of a cancelled one it takes back some
// thousand people first, and is asked for again as long as there are more: a call that was under way can end without
// anything sent, however late.
func (db *DB) Finish(ctx context.Context, batch extension.BatchID, now time.Time) (finished bool, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := takeBackSome(ctx, tx, batch, now); err != nil {
			return fmt.Errorf("take back what was cancelled: %w", err)
		}
		if _, err := tx.NewRaw(`
			UPDATE batches b SET finished_at = ?, trouble = '', rests_until = NULL
			 WHERE b.id = ? AND b.finished_at IS NULL AND NOT EXISTS (SELECT FROM invitations i WHERE i.batch_id = b.id AND i.stage < 3)`,
			now.UTC(), batch).Exec(ctx); err != nil { // a pause has nothing left to hold back then
			return fmt.Errorf("finish batch: %w", err)
		}
		return tx.NewRaw(`SELECT finished_at IS NOT NULL FROM batches WHERE id = ?`, batch).Scan(ctx, &finished)
	})
	return finished, err
}

// takeBackSome takes back people of a cancelled batch who are in no chunk, or in one of which the provider certainly obeyed
// no call. It holds the lock of the organisation's batches, because Place and Reissue decide by what it changes; when
// somebody else does, the batch rests, so that no hand waits.
func takeBackSome(ctx context.Context, tx bun.Tx, batch extension.BatchID, now time.Time) error {
	var cancelled struct {
		OrganisationID extension.OrganisationID
		PressedAt      time.Time
	}
	err := tx.NewRaw(`SELECT organisation_id, pressed_at FROM batches WHERE id = ? AND cancelled_at IS NOT NULL AND finished_at IS NULL`, batch).
		Scan(ctx, &cancelled)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read batch: %w", err)
	}
	free, err := tryBatches(ctx, tx, cancelled.OrganisationID)
	if err != nil {
		return err
	}
	if !free {
		_, err = tx.NewRaw(`UPDATE batches SET rests_until = greatest(rests_until, clock_timestamp() + make_interval(secs => ?)) WHERE id = ?`,
			busyRest.Seconds(), batch).Exec(ctx)
		return err
	}
	if err := aloneWithBatch(ctx, tx, batch); err != nil {
		return err
	}
	people, err := holdCancelled(ctx, tx, batch)
	if err != nil || len(people) == 0 {
		return err
	}
	refused := tx.NewRaw(`
		UPDATE invitations SET refused_at = ?, refused = 'cancelled' WHERE id = ANY (?::uuid[]) AND chunk_id IS NULL AND stage < 3`,
		now.UTC(), array(people))
	return execAll(ctx, append([]*bun.RawQuery{refused}, takeBack(tx, batch, cancelled.PressedAt.UTC(), people, now)...))
}

// holdCancelled picks the people who are taken back next, and locks them with all their messages. The caller is alone with
// the batch, so nobody comes in or goes meanwhile.
func holdCancelled(ctx context.Context, tx bun.Tx, batch extension.BatchID) ([]extension.InvitationID, error) {
	var chunks []extension.ChunkID
	err := tx.NewRaw(`SELECT c.id FROM batches b, `+uncalledChunks+` AND b.id = ? FOR UPDATE OF c SKIP LOCKED`, batch).Scan(ctx, &chunks)
	if err != nil {
		return nil, fmt.Errorf("find chunks without a call: %w", err)
	}
	var rows []struct {
		ID     extension.InvitationID
		UserID extension.UserID
	}
	err = tx.NewRaw(`
		(SELECT id, user_id FROM invitations WHERE batch_id = ? AND stage < 2 ORDER BY stage, seq LIMIT ?)
		UNION ALL SELECT id, user_id FROM invitations WHERE chunk_id = ANY (?::uuid[])`, batch, takeBackRows, array(chunks)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("find people: %w", err)
	}
	people, users := make([]extension.InvitationID, len(rows)), make([]extension.UserID, len(rows))
	for i, row := range rows {
		people[i], users[i] = row.ID, row.UserID
	}
	if err := holdPeople(ctx, tx, `u.id = ANY (?::uuid[])`, array(users)); err != nil {
		return nil, err
	}
	if err := holdMessages(ctx, tx, `i.user_id = ANY (?::uuid[])`, array(users)); err != nil {
		return nil, err
	}
	for _, chunk := range chunks {
		if err := dissolve(ctx, tx, chunk); err != nil {
			return nil, fmt.Errorf("dissolve chunk: %w", err)
		}
	}
	return people, nil
}

// takeBack leaves everybody whose message was cancelled as they were before the press: with the link that they had, which
// works again if it was this press that revoked it, and without the place that this press added, or not listed at all if
// they were never written to. A link that went to an address which was corrected since stays dead. Whoever has become
// Active meanwhile keeps what they have.
//
// The statements join everybody by the key of an index, also where it says nothing new: right after a large paste the
// planner expects few rows, and would compare each with the whole table.
func takeBack(tx bun.Tx, batch extension.BatchID, pressed time.Time, people []extension.InvitationID, now time.Time) []*bun.RawQuery {
	const before = `
		SELECT u.id AS user_id, u.identity_id, o.id AS invitation_id
		  FROM invitations i JOIN users u ON u.id = i.user_id AND u.invitation_id = i.id JOIN invitations o ON o.id = i.replaces
		 WHERE i.id = ANY (?::uuid[]) AND i.refused = 'cancelled' AND coalesce(o.address, u.address) = u.address`
	const newestOf = `coalesce((
		SELECT r.id FROM invitations r WHERE r.link_id = %s AND r.refused IS DISTINCT FROM 'cancelled' ORDER BY r.reminder DESC LIMIT 1), %s)`
	these := array(people)
	return []*bun.RawQuery{
		tx.NewRaw(`
			WITH placed AS MATERIALIZED (
				SELECT e.invitation_id, coalesce(e.area_id, b.area_id) AS area_id, coalesce(e.role_id, b.role_id) AS role_id
				  FROM batches b JOIN batch_entries e ON e.batch_id = b.id
				 WHERE b.id = ? AND e.placed AND e.invitation_id = ANY (?::uuid[]))
			DELETE FROM assignments s USING placed p
			  JOIN invitations i ON i.id = p.invitation_id JOIN users u ON u.id = i.user_id AND u.invitation_id = i.id
			 WHERE i.refused = 'cancelled' AND u.activated_at IS NULL AND s.user_id = u.id AND s.area_id = p.area_id AND s.role_id = p.role_id`, batch, these),
		tx.NewRaw(`
			UPDATE invitations o SET revoked_at = NULL FROM (`+before+`) AS p
			 WHERE o.user_id = p.user_id AND (o.id = p.invitation_id OR o.link_id = p.invitation_id) AND o.revoked_at = ?`, these, pressed),
		tx.NewRaw(`
			UPDATE identities d SET `+askedToAlign+`
			  FROM (`+before+`) AS p JOIN invitations o ON o.id = p.invitation_id
			 WHERE d.id = p.identity_id AND o.started_at IS NOT NULL`, these),
		tx.NewRaw(`
			UPDATE users u SET invitation_id = p.invitation_id, letter_id = `+fmt.Sprintf(newestOf, "p.invitation_id", "p.invitation_id")+`
			  FROM (`+before+`) AS p WHERE u.id = p.user_id`, these),
		tx.NewRaw(`
			UPDATE users u SET letter_id = `+fmt.Sprintf(newestOf, "i.link_id", "i.link_id")+`
			  FROM invitations i WHERE i.id = ANY (?::uuid[]) AND i.refused = 'cancelled' AND u.id = i.user_id AND u.letter_id = i.id AND i.link_id IS NOT NULL`, these),
		tx.NewRaw(`
			UPDATE users u SET withdrawn_at = ?
			  FROM invitations i
			 WHERE i.id = ANY (?::uuid[]) AND i.refused = 'cancelled' AND u.id = i.user_id AND u.invitation_id = i.id AND u.registered_at IS NULL AND u.activated_at IS NULL
			   AND NOT EXISTS (SELECT FROM invitations p WHERE p.user_id = u.id AND p.refused IS DISTINCT FROM 'cancelled')`, now.UTC(), these),
	}
}
