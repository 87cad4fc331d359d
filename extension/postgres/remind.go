package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// remindable joins what decides a reminder to an organisation o: its users u who are on the way with a link that still
// works, the invitation i of that link, and which reminder d.reminder is due. After a downtime that is the latest one
// only. Its arguments are the moment, the organisation (null for all), the moment until which the link must work, and the
// moment since which nobody may have been written to. Days are 24 hours, whatever the time zone of the connection.
//
// The newest letter n tells of nearly everybody that they have been reminded already, or that it is not yet time. Only of
// the others all messages are looked at: OFFSET 0 keeps the planner from doing that first.
const remindable = `
	FROM (
		SELECT o.id AS organisation_id, u.id AS user_id, u.address_key, i.id AS link_id, i.batch_id, i.expires_at, d.reminder
		  FROM organisations o
		  JOIN users u ON u.organisation_id = o.id AND u.activated_at IS NULL AND u.paused_at IS NULL
		  JOIN invitations i ON i.id = u.invitation_id
		  JOIN invitations n ON n.id = u.letter_id
		  JOIN LATERAL (
			SELECT max(t.reminder) AS reminder FROM unnest(o.reminder_days) WITH ORDINALITY AS t (day, reminder)
			 WHERE i.sent_at + make_interval(hours => 24 * t.day) <= ?) AS d ON d.reminder > coalesce(n.reminder, 0)
		 WHERE cardinality(o.reminder_days) > 0 AND o.id = coalesce(?::uuid, o.id) AND u.suppressed IS NULL AND u.withdrawn_at IS NULL AND NOT u.readdress
		   AND i.sent_at IS NOT NULL AND i.revoked_at IS NULL AND i.bounced_at IS NULL AND i.complained_at IS NULL AND i.expires_at >= ?
		OFFSET 0) AS due
	JOIN LATERAL (
		SELECT max(coalesce(m.sent_at, CASE WHEN m.refused = 'unknown' THEN m.refused_at END)) AS written_at,
		       bool_or(m.sent_at IS NULL AND m.refused_at IS NULL) AS waiting,
		       coalesce(max(m.reminder) FILTER (WHERE m.link_id = due.link_id), 0) AS reminded
		  FROM invitations m WHERE m.user_id = due.user_id) AS w
	  ON w.reminded < due.reminder AND NOT w.waiting AND w.written_at <= ? `

func remindableOf(r extension.Reminding) []any {
	return []any{r.Batch.Pressed.UTC(), nullID(r.Batch.Organisation), r.Until.UTC(), r.Since.UTC()}
}

// ToRemind lists organisations in which somebody is to be reminded: all that there are, or the batch's alone.
func (db *DB) ToRemind(ctx context.Context, r extension.Reminding) ([]extension.OrganisationID, error) {
	var ids []extension.OrganisationID
	err := db.bun.NewRaw(`SELECT DISTINCT due.organisation_id `+remindable+` ORDER BY 1`, remindableOf(r)...).Scan(ctx, &ids)
	return ids, kind(err)
}

// errNobody says that nobody is to be reminded after all.
var errNobody = errors.New("nobody to remind")

// Remind writes down one round of reminders of an organisation and tells how many people are in it; when there are
// none, it writes nothing. A reminder is a message of its own, of the same link with the same end. It holds the lock of
// the organisation's batches, and a link has each reminder once, so replicas that come at the same moment remind nobody
// twice.
func (db *DB) Remind(ctx context.Context, actor extension.Actor, r extension.Reminding) (reminded int, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := oneBatchAtATime(ctx, tx, r.Batch); err != nil {
			return err
		}
		if _, err := insertBatch(ctx, tx, r.Batch, 0, 0); err != nil {
			return err
		}
		if reminded, err = insertReminders(ctx, tx, r); err != nil {
			return err
		}
		if reminded == 0 {
			return errNobody
		}
		return remindEntries(ctx, tx, actor, r.Batch, reminded)
	})
	if errors.Is(err, errNobody) {
		return 0, nil
	}
	return reminded, err
}

func insertReminders(ctx context.Context, tx bun.Tx, r extension.Reminding) (int, error) {
	result, err := tx.NewRaw(`
		INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names, link_id, reminder, expires_at)
		SELECT gen_random_uuid(), u.organisation_id, u.id, ?, p.areas, p.roles, c.link_id, c.reminder, c.expires_at
		  FROM (SELECT due.* `+remindable+` ORDER BY due.address_key LIMIT ?) AS c
		  JOIN users u ON u.id = c.user_id JOIN batches b ON b.id = c.batch_id `+places+`
		 ORDER BY b.actor_name, u.address_key -- so that few letters go out together that different people invited to
		ON CONFLICT (link_id, reminder) WHERE link_id IS NOT NULL DO NOTHING`,
		append(append([]any{r.Batch.ID}, remindableOf(r)...), r.Most)...).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("insert reminders: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// remindEntries writes what goes with so many reminders of a batch. They are the users' newest letters, and never their
// newest invitations: status and link are the invitation's.
func remindEntries(ctx context.Context, tx bun.Tx, actor extension.Actor, b extension.Batch, reminded int) error {
	if err := holdPeople(ctx, tx, `u.id IN (SELECT user_id FROM invitations WHERE batch_id = ?)`, b.ID); err != nil {
		return err
	}
	statements := []*bun.RawQuery{
		tx.NewRaw(`
			INSERT INTO batch_entries (batch_id, position, organisation_id, text, address, outcome, user_id, invitation_id)
			SELECT i.batch_id, row_number() OVER (ORDER BY u.address_key) - 1, i.organisation_id, u.address, u.address, 'queued', u.id, i.id
			  FROM invitations i JOIN users u ON u.id = i.user_id WHERE i.batch_id = ?`, b.ID),
		tx.NewRaw(`UPDATE users u SET letter_id = i.id FROM invitations i WHERE i.batch_id = ? AND u.id = i.user_id`, b.ID),
		tx.NewRaw(`
			INSERT INTO audit (at, organisation_id, actor_name, action, user_id, detail)
			SELECT ?, i.organisation_id, ?, ?, i.user_id, 'reminder ' || i.reminder FROM invitations i WHERE i.batch_id = ?`,
			b.Pressed.UTC(), b.Inviter, string(extension.ActionUserReminded), b.ID),
	}
	if err := execAll(ctx, statements); err != nil {
		return fmt.Errorf("remind: %w", err)
	}
	return noteJudged(ctx, tx, actor, extension.ActionBatchReminded, b, judgement{Asked: reminded, Queued: reminded})
}

// inviterOf is who invited the people of a chunk of reminders; empty when it was not one and the same person, because
// they get one letter.
func inviterOf(ctx context.Context, tx bun.Tx, reminders []extension.InvitationID) (string, error) {
	var inviter string
	err := tx.NewRaw(`
		SELECT CASE WHEN count(DISTINCT b.actor_name) = 1 THEN min(b.actor_name) ELSE '' END
		  FROM invitations r JOIN invitations i ON i.id = r.link_id JOIN batches b ON b.id = i.batch_id WHERE r.id = ANY (?::uuid[])`,
		array(reminders)).Scan(ctx, &inviter)
	if err != nil {
		return "", fmt.Errorf("find who invited: %w", err)
	}
	return inviter, nil
}
