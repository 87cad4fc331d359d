package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// waitingPeople are invitations i with their users u.
const waitingPeople = `invitations i JOIN users u ON u.id = i.user_id`

// Of batches b: freshPeople were not looked at yet; takenPeople were taken up and are in no chunk; chunkedPeople are in one.
// From from_seq on, so that nobody walks over the index entries of all who are done. That holds because from_seq never goes
// past the smallest of the three, and nobody comes in from behind: fresh people are taken in order, what is given back
// stays taken, and whoever leaves a chunk goes to the end (outOfChunk). Chunked people count although nobody looks for
// them, because those who leave a chunk together may be seen after others who left theirs later and went behind them.
const (
	freshPeople = `i.batch_id = b.id AND i.stage = 0 AND i.seq >= b.from_seq AND i.sent_at IS NULL AND i.refused_at IS NULL`
	takenPeople = `i.batch_id = b.id AND i.stage = 1 AND i.seq >= b.from_seq AND i.sent_at IS NULL AND i.refused_at IS NULL`

	chunkedPeople = `i.batch_id = b.id AND i.stage = 2 AND i.seq >= b.from_seq`
)

// overtaken is why one of waitingPeople must not be written to any more: a newer invitation, a pause, a bounce or a
// complaint, or for a reminder, that its link has done its work. Null when nothing came between.
const overtaken = `CASE
	WHEN i.revoked_at IS NOT NULL THEN 'superseded'
	WHEN u.paused_at IS NOT NULL THEN 'paused'
	WHEN u.suppressed IS NOT NULL THEN 'suppressed'
	WHEN i.link_id IS NOT NULL AND u.activated_at IS NOT NULL THEN 'needless' END`

// homeless tells who of waitingPeople has no identity with their address; deliverable, who can go into a chunk now or
// need not go out; overdue, whose identity somebody wanted to make who may have died.
const (
	homeless    = `(u.identity_id IS NULL OR u.readdress)`
	deliverable = `(NOT ` + homeless + ` AND (i.not_before IS NULL OR i.not_before <= clock_timestamp()) OR (` + overtaken + `) IS NOT NULL)`
	overdue     = `(` + homeless + ` AND (` + overtaken + `) IS NULL AND i.leased_until < clock_timestamp())`
)

// LeaseWork takes up to most people of a batch up, in the order in which they were written, and hands out those who need
// an identity, or need theirs to get a corrected address. SKIP LOCKED and the lease give each to one caller at a time;
// the lease runs by the database's clock. What a caller who died had taken comes first. A batch that does not run gives
// nobody out.
func (db *DB) LeaseWork(ctx context.Context, batch extension.BatchID, most int, lease time.Duration) ([]extension.Work, error) {
	var rows []leasedRow
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		rows = nil
		joined, err := joinBatch(ctx, tx, batch)
		if err != nil || !joined {
			return err
		}
		return leaseRows(tx, batch, most, lease).Scan(ctx, &rows)
	})
	work := make([]extension.Work, len(rows))
	for i, row := range rows {
		work[i] = extension.Work{Invitation: row.Invitation, User: row.User, Address: row.Address}
		if row.Identity != nil {
			work[i].Identity = *row.Identity
		}
	}
	return work, err
}

// leasedRow is somebody who was handed out.
type leasedRow struct {
	Invitation extension.InvitationID
	User       extension.UserID
	Address    string
	Identity   *extension.IdentityID
}

func leaseRows(tx bun.Tx, batch extension.BatchID, most int, lease time.Duration) *bun.RawQuery {
	return tx.NewRaw(`
		WITH overdue AS (
			SELECT i.id, i.seq, u.address, u.identity_id, true AS wanted FROM batches b, `+waitingPeople+`
			 WHERE b.id = ? AND `+runs+` AND `+takenPeople+` AND `+overdue+` ORDER BY i.seq LIMIT ? FOR UPDATE OF i SKIP LOCKED),
		fresh AS (
			SELECT i.id, i.seq, u.address, u.identity_id, `+homeless+` AND (`+overtaken+`) IS NULL AS wanted FROM batches b, `+waitingPeople+`
			 WHERE b.id = ? AND `+runs+` AND `+freshPeople+` ORDER BY i.seq LIMIT ? FOR UPDATE OF i SKIP LOCKED),
		picked AS (SELECT * FROM overdue UNION ALL SELECT * FROM fresh LIMIT ?),
		leased AS (
			UPDATE invitations i SET leased_until = clock_timestamp() + make_interval(secs => ?)
			  FROM picked WHERE i.id = picked.id
			RETURNING i.id AS invitation, i.user_id AS "user", picked.address, picked.identity_id AS identity, picked.wanted, picked.seq)
		SELECT invitation, "user", address, identity FROM leased WHERE wanted ORDER BY seq`,
		batch, most, batch, most, most, lease.Seconds())
}

// ReleaseWork gives leased invitations of one batch back.
func (db *DB) ReleaseWork(ctx context.Context, work []extension.Work) error {
	if len(work) == 0 {
		return nil
	}
	ids := array(invitationsOf(work))
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := shareBatchOf(ctx, tx, work[0].Invitation); err != nil {
			return err
		}
		if err := holdMessages(ctx, tx, `i.id = ANY (?::uuid[])`, ids); err != nil {
			return err
		}
		if _, err := tx.NewRaw(`UPDATE invitations SET leased_until = '-infinity' WHERE id = ANY (?::uuid[]) AND stage = 1`, ids).Exec(ctx); err != nil {
			return fmt.Errorf("release work: %w", err)
		}
		return nil
	})
}

func invitationsOf(work []extension.Work) []extension.InvitationID {
	ids := make([]extension.InvitationID, len(work))
	for i, w := range work {
		ids[i] = w.Invitation
	}
	return ids
}

// settlement is what provisioning made of people, as columns of the statements below.
type settlement struct {
	users      []extension.UserID
	identities []extension.IdentityID
	linked     []string // of each identity, whether it is not ours
	addresses  []string
	refused    []extension.InvitationID
	reasons    []extension.Refusal
	details    []string
}

func settledColumns(settled []extension.Settled) settlement {
	var c settlement
	for _, s := range settled {
		if s.Refused == "" {
			c.users, c.identities, c.addresses = append(c.users, s.User), append(c.identities, s.Identity), append(c.addresses, s.Address)
			c.linked = append(c.linked, strconv.FormatBool(s.Linked))
			continue
		}
		c.refused, c.reasons, c.details = append(c.refused, s.Invitation), append(c.reasons, s.Refused), append(c.details, s.Detail)
	}
	return c
}

// SettleWork links users to the identities that were made for them, which we left inactive, or that have got their
// corrected address, or that were there before (Linked), and refuses the invitations that never will be sent, all of one
// batch. Whose address was corrected meanwhile is to be looked at again. Of an identity that is known already, such as
// another organisation's, nothing is changed: whose it is was written down when it was met first.
//
// This statement and those that settle a chunk find their rows by id alone and decide in the SET: with a condition such as
// "not sent yet" in WHERE, a planner whose statistics are from before the batch expects to find one row that way, and
// compares every row of the table with every id.
func (db *DB) SettleWork(ctx context.Context, settled []extension.Settled, now time.Time) error {
	if len(settled) == 0 {
		return nil
	}
	c := settledColumns(settled)
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := shareBatchOf(ctx, tx, settled[0].Invitation); err != nil {
			return err
		}
		if err := holdPeople(ctx, tx, `u.id = ANY (?::uuid[])`, array(c.users)); err != nil {
			return err
		}
		if err := holdMessages(ctx, tx, `i.id = ANY (?::uuid[])`, array(c.refused)); err != nil {
			return err
		}
		statements := []*bun.RawQuery{
			tx.NewRaw(`
				INSERT INTO identities (id, created_by_us, left_inactive_at, checked_at)
				SELECT n.id, NOT n.linked, CASE WHEN NOT n.linked THEN ?::timestamptz END, clock_timestamp()
				  FROM unnest(?::uuid[], ?::boolean[]) AS n (id, linked) ON CONFLICT (id) DO NOTHING`,
				now.UTC(), array(c.identities), array(c.linked)),
			tx.NewRaw(`
				UPDATE users u SET
				       identity_id = CASE WHEN `+homeless+` THEN n.identity ELSE u.identity_id END,
				       readdress = `+homeless+` AND u.address <> n.address
				  FROM unnest(?::uuid[], ?::uuid[], ?::text[]) AS n (id, identity, address)
				 WHERE u.id = n.id`, array(c.users), array(c.identities), array(c.addresses)),
		}
		if len(c.refused) > 0 {
			statements = append(statements, refuse(tx, c.refused, c.reasons, c.details, now))
		}
		if err := execAll(ctx, statements); err != nil {
			return fmt.Errorf("settle work: %w", err)
		}
		return nil
	})
}

// refuse marks invitations as never to be sent. One that was sent or refused already stays as it is.
func refuse(tx bun.Tx, ids []extension.InvitationID, reasons []extension.Refusal, details []string, now time.Time) *bun.RawQuery {
	return tx.NewRaw(`
		UPDATE invitations i SET
		       refused_at = CASE WHEN i.sent_at IS NULL THEN coalesce(i.refused_at, ?) END,
		       refused = CASE WHEN i.sent_at IS NULL THEN coalesce(i.refused, n.reason) END,
		       refused_detail = CASE WHEN i.sent_at IS NULL AND i.refused_at IS NULL THEN n.detail ELSE i.refused_detail END
		  FROM unnest(?::uuid[], ?::text[], ?::text[]) AS n (id, reason, detail)
		 WHERE i.id = n.id`,
		now.UTC(), array(ids), array(reasons), array(details))
}
