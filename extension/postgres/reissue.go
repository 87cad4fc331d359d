package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// Reissue makes a resend batch: a new invitation for each of these users, with the places they have, and the ones
// before are revoked, together with what was begun by them. It is all or nothing: a user whom the actor cannot see, who
// was written to after the batch was pressed or will be, who must not be written to, or who is Active or Inactive by
// now, is a conflict. Then somebody else was first.
func (db *DB) Reissue(ctx context.Context, actor extension.Actor, b extension.Batch, users []extension.UserID) error {
	order := extension.Reissue{Batch: b, Selection: extension.Selection{Users: users}, Expired: true, Since: b.Pressed}
	return db.ReissueMany(ctx, actor, order, func(people int) error {
		if people != len(users) {
			return extension.ErrConflict
		}
		return nil
	})
}

// errWritten says that the batch was written before.
var errWritten = errors.New("batch is written already")

// ReissueMany makes a resend batch of a whole selection. Everybody in it is judged here, in the same transaction: one
// gets a new invitation as Reissue makes it, another an entry that says why not. accept is told how many people would get
// one; when it refuses, its error comes back and nothing is written. A batch that this actor has made already is left as it
// is; an id that somebody else used is a conflict.
//
// No id of a user travels to the database for a whole filter, and none comes back: the batch's entries are what the
// statements work on.
func (db *DB) ReissueMany(ctx context.Context, actor extension.Actor, order extension.Reissue, accept func(people int) error) error {
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := oneBatchAtATime(ctx, tx, order.Batch); err != nil {
			return err
		}
		fresh, err := insertBatch(ctx, tx, order.Batch, 0, 0)
		if err != nil {
			return err
		}
		if !fresh {
			return errWritten
		}
		if err := holdUsers(ctx, tx, actor, order); err != nil {
			return err
		}
		counted, err := insertJudged(ctx, tx, actor, order)
		if err != nil {
			return err
		}
		if err := accept(counted.Queued); err != nil {
			return err
		}
		return reissueEntries(ctx, tx, actor, order.Batch, counted)
	})
	if errors.Is(err, errWritten) {
		return nil
	}
	return err
}

// holdUsers locks whom the statements may change, in the order that everybody keeps to. People whose invitation is still on
// its way are not among them: they get no other, and whoever works on it need not wait.
func holdUsers(ctx context.Context, tx bun.Tx, actor extension.Actor, order extension.Reissue) error {
	held := chosen(tx.NewSelect().ColumnExpr("u.id").TableExpr("users u"), actor, order.Selection, order.Batch.Pressed).
		Where("u.paused_at IS NULL AND u.activated_at IS NULL AND (i.sent_at IS NOT NULL OR i.refused_at IS NOT NULL)").
		OrderExpr("u.address_key, u.id").For("NO KEY UPDATE OF u")
	if _, err := tx.NewRaw("WITH held AS (?) SELECT count(*) FROM held", held).Exec(ctx); err != nil {
		return fmt.Errorf("lock users: %w", err)
	}
	return nil
}

// judgement counts the entries of a batch that sends to people who are here already.
type judgement struct {
	Asked  int // people who were asked for, each with an entry
	Queued int // those of them who are written to
}

// insertJudged writes an entry for everybody who was asked for.
func insertJudged(ctx context.Context, tx bun.Tx, actor extension.Actor, order extension.Reissue) (judgement, error) {
	var n judgement
	err := tx.NewRaw(`
		WITH written AS (
			INSERT INTO batch_entries (batch_id, position, organisation_id, text, address, outcome, reason, user_id, invitation_id)
			SELECT ?, row_number() OVER (ORDER BY j.address_key) - 1, ?, j.address, j.address, j.outcome,
			       CASE WHEN j.outcome = 'refused' THEN j.refused ELSE '' END, j.id,
			       CASE WHEN j.outcome = 'queued' THEN gen_random_uuid() END
			  FROM (?) AS j
			RETURNING outcome)
		SELECT count(*) AS asked, count(*) FILTER (WHERE outcome = 'queued') AS queued FROM written`,
		order.Batch.ID, order.Batch.Organisation, judged(tx, actor, order)).Scan(ctx, &n)
	if err != nil {
		return judgement{}, fmt.Errorf("judge users: %w", err)
	}
	return n, nil
}

// chosen limits a query over users u to a selection, as far as the actor may see it. Of everybody whom a filter shows,
// those who are Active or Inactive are not asked for: there is nothing to send them.
func chosen(q *bun.SelectQuery, actor extension.Actor, selection extension.Selection, now time.Time) *bun.SelectQuery {
	q = visible(q.Join(userJoins), actor)
	if !selection.All {
		return q.Where("u.id = ANY (?::uuid[])", array(selection.Users))
	}
	return matching(q, selection.Filter, now).Where("u.paused_at IS NULL AND u.activated_at IS NULL")
}

// judged gives everybody of a selection with their status and the outcome that a press of Resend has for them. Who was
// written to and when is asked of all messages to them, invitations and reminders; a message of which nobody knows
// whether it was sent counts as sent. Somebody who has registered is written to like everybody else who is not Active
// yet: the link leads them to sign in and then to what is missing, such as the terms, and the letter is what reminds
// them. An account that could not be invited may be gone by now, or be of our schema, so whoever picks its holder by hand
// has it looked at again. Of a whole filter, people whose link has run out are left out altogether unless they were chosen.
func judged(in bun.IDB, actor extension.Actor, order extension.Reissue) *bun.SelectQuery {
	now := order.Batch.Pressed.UTC()
	q := in.NewSelect().TableExpr("users u").
		ColumnExpr("u.id, u.address, u.address_key, coalesce(i.refused, '') AS refused").
		ColumnExpr("user_status(u.paused_at, u.activated_at, i.expires_at, ?) AS status", now).
		ColumnExpr(`CASE
			WHEN u.paused_at IS NOT NULL THEN 'inactive'
			WHEN u.activated_at IS NOT NULL THEN 'already_member'
			WHEN u.suppressed IS NOT NULL THEN 'undeliverable'
			WHEN w.waiting THEN 'on_its_way'
			WHEN w.written_at > ? THEN 'too_soon'
			WHEN i.refused = 'kratos_refused' OR ? AND i.refused = 'existing_account' THEN 'refused'
			WHEN NOT ? AND i.expires_at <= ? THEN 'already_expired'
			ELSE 'queued' END AS outcome`, order.Since.UTC(), order.Selection.All, order.Expired, now).
		Join(`LEFT JOIN LATERAL (
			SELECT max(coalesce(m.sent_at, CASE WHEN m.refused = 'unknown' THEN m.refused_at END)) AS written_at,
			       bool_or(m.sent_at IS NULL AND m.refused_at IS NULL) AS waiting
			  FROM invitations m WHERE m.user_id = u.id) AS w ON true`)
	q = chosen(q, actor, order.Selection, now)
	if order.Selection.All && !order.Expired {
		q = q.Where("(i.expires_at IS NULL OR i.expires_at > ?)", now)
	}
	return q
}

// reissueRows is how many entries one statement of a resend takes, so that none runs into the driver's time limit.
const reissueRows = 5000

// reissueEntries gives everybody whose entry in the batch is queued the invitation that the entry names. The entries are in
// the order of the address keys.
func reissueEntries(ctx context.Context, tx bun.Tx, actor extension.Actor, b extension.Batch, counted judgement) error {
	for first := 0; first < counted.Asked; first += reissueRows {
		if err := reissueSome(ctx, tx, b, first); err != nil {
			return fmt.Errorf("reissue: %w", err)
		}
	}
	return noteJudged(ctx, tx, actor, extension.ActionBatchResent, b, counted)
}

// reissueSome is reissueEntries for the entries from a position on. What went before is revoked; an identity that somebody
// began with the old link is put on the list of those to be aligned.
func reissueSome(ctx context.Context, tx bun.Tx, b extension.Batch, first int) error {
	queued := tx.NewRaw(`SELECT user_id, invitation_id FROM batch_entries WHERE batch_id = ? AND outcome = 'queued' AND position >= ? AND position < ?`,
		b.ID, first, first+reissueRows)
	if err := holdMessages(ctx, tx, `i.user_id IN (SELECT q.user_id FROM (?) AS q) AND i.revoked_at IS NULL`, queued); err != nil {
		return err
	}
	return execAll(ctx, []*bun.RawQuery{
		tx.NewRaw(`UPDATE invitations i SET revoked_at = ? FROM (?) AS q WHERE i.user_id = q.user_id AND i.revoked_at IS NULL`, b.Pressed.UTC(), queued),
		tx.NewRaw(`
			INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names, replaces)
			SELECT q.invitation_id, ?, q.user_id, ?, p.areas, p.roles, u.invitation_id
			  FROM (?) AS q JOIN users u ON u.id = q.user_id `+places+` ORDER BY u.address_key`, b.Organisation, b.ID, queued),
		tx.NewRaw(`UPDATE users u SET invitation_id = q.invitation_id, letter_id = q.invitation_id FROM (?) AS q WHERE u.id = q.user_id`, queued),
		tx.NewRaw(`
			UPDATE identities d SET `+askedToAlign+`
			  FROM (?) AS q JOIN users u ON u.id = q.user_id
			 WHERE d.id = u.identity_id AND u.started_at IS NOT NULL AND u.registered_at IS NULL`, queued),
		tx.NewRaw(`
			INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
			SELECT ?, ?, ?::uuid, ?, ?, user_id, 'again' FROM (?) AS q`,
			b.Pressed.UTC(), b.Organisation, nullID(b.InviterUser), b.Inviter, string(extension.ActionUserInvited), queued),
	})
}

// places joins the names p of a user's areas and roles, as a letter says them, to users u.
const places = `
	JOIN LATERAL (
		SELECT coalesce(string_agg(DISTINCT ar.name, ', '), '') AS areas, coalesce(string_agg(DISTINCT ro.name, ', '), '') AS roles
		  FROM assignments s JOIN areas ar ON ar.id = s.area_id JOIN roles ro ON ro.id = s.role_id
		 WHERE s.user_id = u.id) AS p ON true `

// noteJudged notes on a batch how many people were asked for, and audits how many of them are written to.
func noteJudged(ctx context.Context, tx bun.Tx, actor extension.Actor, action extension.Action, b extension.Batch, counted judgement) error {
	if _, err := tx.NewRaw(`UPDATE batches SET recognised = ? WHERE id = ?`, counted.Asked, b.ID).Exec(ctx); err != nil {
		return fmt.Errorf("note how many were asked for: %w", err)
	}
	entry := by(actor, action, b.Pressed)
	entry.Detail = fmt.Sprintf("batch %s: %d users", b.ID, counted.Queued)
	return audit(ctx, tx, entry)
}

// CountReissue counts what would become of a selection, as ReissueMany would judge it with everybody chosen whose link
// has run out.
func (db *DB) CountReissue(ctx context.Context, actor extension.Actor, order extension.Reissue) (extension.ResendCount, error) {
	order.Expired = true
	var rows []struct {
		Outcome extension.Outcome
		Status  extension.Status
		N       int
	}
	err := db.bun.NewRaw(`SELECT j.outcome, j.status, count(*) AS n FROM (?) AS j GROUP BY 1, 2`, judged(db.bun, actor, order)).Scan(ctx, &rows)
	if err != nil {
		return extension.ResendCount{}, kind(err)
	}
	count := extension.ResendCount{LeftOut: map[extension.Outcome]int{}}
	for _, row := range rows {
		switch {
		case row.Outcome != extension.OutcomeQueued:
			count.LeftOut[row.Outcome] += row.N
		case row.Status == extension.Expired:
			count.Expired += row.N
		default:
			count.Pending += row.N
		}
	}
	return count, nil
}
