package postgres

import (
	"context"
	"time"

	"paperplane/extension"
)

// runs tells of batches b that work may be begun for. In one that is paused or cancelled, only calls of which nobody knows
// whether they were obeyed are brought to an end.
const runs = `b.paused_at IS NULL AND b.cancelled_at IS NULL`

// uncalledChunks are the open chunks c of batches b of which the provider certainly obeyed no call.
const uncalledChunks = `mail_chunks c WHERE c.batch_id = b.id AND c.settled_at IS NULL AND c.calls_in_doubt = 0`

// stepOf is the step that can be done now for batches b, joined laterally; null when others are at work on all there is.
// A full chunk goes first, so that letters leave while identities are made and what is made never piles up. That also
// keeps the rows of stage 1 few: they are all that is looked at, however large the batch.
const stepOf = `
	CROSS JOIN LATERAL (
		SELECT count(*) AS n FROM (
			SELECT FROM ` + waitingPeople + ` WHERE ` + runs + ` AND ` + takenPeople + ` AND ` + deliverable + ` LIMIT ?) AS r) AS ready
	CROSS JOIN LATERAL (
		SELECT (SELECT i.seq FROM invitations i WHERE ` + freshPeople + ` ORDER BY i.seq LIMIT 1) AS fresh,
		       (SELECT i.seq FROM invitations i WHERE ` + takenPeople + ` ORDER BY i.seq LIMIT 1) AS taken,
		       (SELECT i.seq FROM invitations i WHERE ` + chunkedPeople + ` ORDER BY i.seq LIMIT 1) AS chunked) AS first
	CROSS JOIN LATERAL (
		SELECT CASE
			WHEN EXISTS (
				SELECT FROM mail_chunks c
				 WHERE c.batch_id = b.id AND c.settled_at IS NULL AND c.leased_until < clock_timestamp() AND ((` + runs + `) OR c.calls_in_doubt > 0))
			     OR ready.n = ? THEN 'deliver'
			WHEN ` + runs + ` AND (
			     first.fresh IS NOT NULL
			     OR EXISTS (SELECT FROM ` + waitingPeople + ` WHERE ` + takenPeople + ` AND ` + overdue + `)) THEN 'provision'
			WHEN ready.n > 0 THEN 'deliver'
			WHEN b.cancelled_at IS NOT NULL AND (
			     EXISTS (SELECT FROM invitations i WHERE i.batch_id = b.id AND i.stage < 2) OR EXISTS (SELECT FROM ` + uncalledChunks + `)) THEN 'finish'
			WHEN NOT EXISTS (SELECT FROM invitations i WHERE i.batch_id = b.id AND i.stage < 3) THEN 'finish'
			END AS step) AS able`

// NextTurn gives the next step that can be done for any batch, and notes the turn. Among the organisations with something
// to do, the one that was served longest ago is next, and within it the batch that was. Callers who ask at the same
// instant may get the same batch; the leases keep them apart. ErrNotFound says that there is nothing to do now.
//
// It waits for nobody, or one big change would keep every hand from every batch: a batch with which somebody is alone is
// left out, and a turn that cannot be noted at once is not noted.
func (db *DB) NextTurn(ctx context.Context, chunk int, now time.Time) (extension.Turn, error) {
	var row struct {
		ID             extension.BatchID
		OrganisationID extension.OrganisationID
		Step           extension.BatchStep
		Ready          int
		Troubled       bool
	}
	err := db.bun.NewRaw(`
		WITH begun AS MATERIALIZED (
			SELECT b.* FROM batches b LEFT JOIN turns t ON t.organisation_id = b.organisation_id
			 WHERE b.finished_at IS NULL AND (b.starts_at <= ? OR b.cancelled_at IS NOT NULL)
			   AND (b.rests_until IS NULL OR b.rests_until <= clock_timestamp())
			 ORDER BY t.taken_at NULLS FIRST, b.taken_at NULLS FIRST, b.pressed_at),
		next AS MATERIALIZED (
			SELECT b.id, b.organisation_id, able.step, ready.n AS ready, b.trouble <> '' AS troubled,
			       least(first.fresh, first.taken, first.chunked) AS from_seq
			  FROM begun b `+stepOf+`
			 WHERE CASE WHEN able.step IS NOT NULL THEN pg_try_advisory_xact_lock_shared(`+nameOfBatch("b.id")+`) END LIMIT 1),
		new AS (
			INSERT INTO turns (organisation_id, taken_at) SELECT organisation_id, clock_timestamp() FROM next ON CONFLICT DO NOTHING),
		organisation AS (
			UPDATE turns t SET taken_at = clock_timestamp() FROM (
				SELECT f.organisation_id FROM next JOIN turns f ON f.organisation_id = next.organisation_id FOR NO KEY UPDATE OF f SKIP LOCKED) AS free
			 WHERE t.organisation_id = free.organisation_id),
		batch AS (
			UPDATE batches b SET taken_at = clock_timestamp(), from_seq = greatest(b.from_seq, free.from_seq) FROM (
				SELECT f.id, next.from_seq FROM next JOIN batches f ON f.id = next.id FOR NO KEY UPDATE OF f SKIP LOCKED) AS free
			 WHERE b.id = free.id)
		SELECT id, organisation_id, step, ready, troubled FROM next`, now.UTC(), chunk, chunk).Scan(ctx, &row)
	if err != nil {
		return extension.Turn{}, kind(err)
	}
	return extension.Turn{
		Batch: row.ID, Organisation: row.OrganisationID, Step: row.Step, Full: row.Ready == chunk, Troubled: row.Troubled,
	}, nil
}

// NextDue tells how long it is until something may be there to do: a batch begins, has rested, a lease of somebody who
// may have died runs out, or somebody who was put off is to be tried again; zero when something is there now.
// ErrNotFound says that nothing is in sight.
func (db *DB) NextDue(ctx context.Context, chunk int, now time.Time) (time.Duration, error) {
	var seconds *float64
	err := db.bun.NewRaw(`
		SELECT extract(epoch FROM min(greatest(
		       coalesce(b.rests_until - clock_timestamp(), interval '0'),
		       CASE WHEN b.cancelled_at IS NULL THEN b.starts_at - ? ELSE interval '0' END,
		       CASE WHEN able.step IS NULL THEN CASE WHEN lease.ends IS NULL THEN interval '1 hour' ELSE greatest(lease.ends, clock_timestamp()) - clock_timestamp() END
		            ELSE interval '0' END,
		       interval '0')))::float8
		  FROM batches b `+stepOf+`
		  CROSS JOIN LATERAL (
			SELECT least(
			       (SELECT min(c.leased_until) FROM mail_chunks c
			         WHERE c.batch_id = b.id AND c.settled_at IS NULL AND ((`+runs+`) OR c.calls_in_doubt > 0)),
			       (SELECT min(CASE WHEN `+homeless+` THEN i.leased_until ELSE i.not_before END) FROM `+waitingPeople+` WHERE `+runs+` AND `+takenPeople+` AND NOT `+deliverable+`)) AS ends) AS lease
		 WHERE b.finished_at IS NULL AND (`+runs+` OR able.step IS NOT NULL OR
		       EXISTS (SELECT FROM mail_chunks c WHERE c.batch_id = b.id AND c.settled_at IS NULL AND c.calls_in_doubt > 0))`,
		now.UTC(), chunk, chunk).Scan(ctx, &seconds)
	switch {
	case err != nil:
		return 0, kind(err)
	case seconds == nil:
		return 0, extension.ErrNotFound
	}
	return time.Duration(*seconds * float64(time.Second)), nil
}
