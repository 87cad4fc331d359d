package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// RecordMail notes what the provider tells of a message, once for each event and in any order, and what follows from it:
// after a bounce or a complaint the address gets no more mail, and a batch that loses too many messages pauses itself. It
// tells whether the event was about a message of ours and new.
func (db *DB) RecordMail(ctx context.Context, event extension.MailEvent, now time.Time) (fresh bool, err error) {
	err = db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		fresh = false
		letter, err := findLetter(ctx, tx, event)
		if errors.Is(err, extension.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("find the message: %w", err)
		}
		if fresh, err = takeEvent(ctx, tx, event); err != nil || !fresh {
			return err
		}
		return letter.record(ctx, tx, event, now)
	})
	return fresh && err == nil, err
}

// record notes an event of the message and draws the conclusions.
func (l letterOfEvent) record(ctx context.Context, tx bun.Tx, event extension.MailEvent, now time.Time) error {
	watched, err := l.hold(ctx, tx, event.Kind)
	if err != nil {
		return err
	}
	first, err := l.note(ctx, tx, event, now)
	if err != nil || !first {
		return err
	}
	if err := l.suppress(ctx, tx, event.Kind, now); err != nil || !watched {
		return err
	}
	return stopLoss(ctx, tx, l.BatchID, now)
}

// eventMemory is for how many days an event is remembered: longer than any provider tries to tell it.
const eventMemory = 30

// takeEvent remembers an event and tells whether it is new. It forgets two that are out of memory, so that the table does
// not grow and nobody has to sweep it.
func takeEvent(ctx context.Context, tx bun.Tx, event extension.MailEvent) (bool, error) {
	result, err := tx.NewRaw(`INSERT INTO mail_events (id, received_at) VALUES (?, clock_timestamp()) ON CONFLICT (id) DO NOTHING`, event.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("remember event: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	_, err = tx.NewRaw(`
		DELETE FROM mail_events WHERE id IN (
			SELECT id FROM mail_events WHERE received_at < clock_timestamp() - make_interval(days => ?)
			 ORDER BY received_at LIMIT 2 FOR UPDATE SKIP LOCKED)`, eventMemory).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("forget old events: %w", err)
	}
	return true, nil
}

// letterOfEvent is the message that an event is about.
type letterOfEvent struct {
	ID             extension.InvitationID
	OrganisationID extension.OrganisationID
	UserID         extension.UserID
	BatchID        extension.BatchID
	Elsewhere      bool // it went to an address that was corrected since
}

// findLetter finds a message by the provider's id, or by our tag as long as we do not know that id: an event can overtake
// the answer that tells it.
func findLetter(ctx context.Context, tx bun.Tx, event extension.MailEvent) (letterOfEvent, error) {
	var letter letterOfEvent
	err := tx.NewRaw(`
		SELECT id, organisation_id, user_id, batch_id, address IS NOT NULL AS elsewhere FROM invitations
		 WHERE message_id = ? OR id = ?::uuid AND message_id IS NULL
		 ORDER BY message_id LIMIT 1`, event.Message, nullID(event.Invitation)).Scan(ctx, &letter)
	return letter, kind(err)
}

// hold locks what an event of this kind may change beside the message itself, and tells whether the batch is one that too
// many lost messages pause: most bounces come when it has long been sent.
func (l letterOfEvent) hold(ctx context.Context, tx bun.Tx, kind extension.MailEventKind) (watched bool, err error) {
	if lost(kind) { // one after the other, so that no two bounces overlook together that they are too many
		err := tx.NewRaw(`
			SELECT b.finished_at IS NULL AND `+runs+` AND o.stop_loss_percent > 0
			  FROM batches b JOIN organisations o ON o.id = b.organisation_id WHERE b.id = ? FOR NO KEY UPDATE OF b`, l.BatchID).Scan(ctx, &watched)
		if err != nil {
			return false, fmt.Errorf("lock batch: %w", err)
		}
	}
	if suppressionOf(kind) != "" {
		if _, err := tx.NewRaw(`SELECT FROM users WHERE id = ? FOR NO KEY UPDATE`, l.UserID).Exec(ctx); err != nil {
			return false, fmt.Errorf("lock user: %w", err)
		}
	}
	return watched, nil
}

// lost tells whether an event of this kind says that the message does not arrive.
func lost(kind extension.MailEventKind) bool {
	return kind == extension.MailBounced || kind == extension.MailFailed
}

// eventColumn is the column of invitations that holds when a kind of event came about.
func eventColumn(kind extension.MailEventKind) string {
	switch kind {
	case extension.MailSent:
		return "sent_at"
	case extension.MailDelayed:
		return "delayed_at"
	case extension.MailDelivered:
		return "delivered_at"
	case extension.MailBounced, extension.MailFailed:
		return "bounced_at"
	case extension.MailComplained:
		return "complained_at"
	}
	return ""
}

// note writes a fact of the message down and tells whether it was new. Whatever the provider tells of a message proves
// that it was accepted, so one that was given up as unknown was sent after all. Why it bounced goes before why it was
// delayed, whichever is told first.
func (l letterOfEvent) note(ctx context.Context, tx bun.Tx, event extension.MailEvent, now time.Time) (first bool, err error) {
	column := eventColumn(event.Kind)
	if column == "" {
		return false, fmt.Errorf("note event %q: %w", event.Kind, extension.ErrNotFound)
	}
	at := event.At
	if at.IsZero() || at.After(now) {
		at = now
	}
	_, err = tx.NewRaw(`
		UPDATE invitations SET
		       message_id = coalesce(message_id, ?),
		       refused_at = CASE WHEN refused <> 'unknown' THEN refused_at END,
		       refused_detail = CASE WHEN refused = 'unknown' THEN '' ELSE refused_detail END,
		       refused = CASE WHEN refused <> 'unknown' THEN refused END,
		       sent_at = CASE WHEN refused IS NULL OR refused = 'unknown' THEN coalesce(sent_at, ?) END
		 WHERE id = ? AND (message_id IS NULL OR sent_at IS NULL) -- else it is known already`, event.Message, at.UTC(), l.ID).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("note acceptance: %w", err)
	}
	if event.Kind == extension.MailSent {
		return true, nil
	}
	result, err := tx.NewRaw(`
		UPDATE invitations SET ? = ?,
		       delivery_detail = CASE WHEN ? OR ? AND bounced_at IS NULL THEN ? ELSE delivery_detail END
		 WHERE id = ? AND ? IS NULL`,
		bun.Ident(column), at.UTC(), lost(event.Kind), event.Kind == extension.MailDelayed, event.Detail,
		l.ID, bun.Ident(column)).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("note %s: %w", event.Kind, err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// suppressionOf is why an address gets no more mail after an event of this kind; empty when it does.
func suppressionOf(kind extension.MailEventKind) extension.Suppression {
	switch kind {
	case extension.MailBounced:
		return extension.SuppressedBounce
	case extension.MailComplained:
		return extension.SuppressedComplaint
	case extension.MailSent, extension.MailDelayed, extension.MailDelivered, extension.MailFailed:
	}
	return ""
}

// suppress keeps further mail from an address that bounced or whose owner complained. A complaint stays one when a bounce
// follows; and an address that was corrected since is not blamed for the one before.
func (l letterOfEvent) suppress(ctx context.Context, tx bun.Tx, kind extension.MailEventKind, now time.Time) error {
	why := suppressionOf(kind)
	if why == "" || l.Elsewhere {
		return nil
	}
	result, err := tx.NewRaw(`
		UPDATE users SET suppressed = ?, suppressed_at = ?
		 WHERE id = ? AND (suppressed IS NULL OR suppressed = 'bounced' AND ? = 'complained')`, string(why), now.UTC(), l.UserID, string(why)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("suppress address: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return err
	}
	entry := by(provider(l.OrganisationID), extension.ActionUserSuppressed, now)
	entry.User, entry.Detail = l.UserID, string(why)
	return audit(ctx, tx, entry)
}

// provider is the actor of what the mail provider tells.
func provider(organisation extension.OrganisationID) extension.Actor {
	return extension.System(organisation, "The mail provider")
}

// stopLoss pauses a batch that still has messages to send when too many of those sent have bounced. The caller holds the
// batch's row, so the count sees every bounce that was noted before, and knows that the batch runs and is watched.
func stopLoss(ctx context.Context, tx bun.Tx, batch extension.BatchID, now time.Time) error {
	var lost []struct {
		OrganisationID extension.OrganisationID
		Sent, Bounced  int
	}
	err := tx.NewRaw(`
		UPDATE batches b SET paused_at = ?, paused_by = ''
		  FROM organisations o, (
			SELECT count(*) AS sent, count(i.bounced_at) AS bounced
			  FROM batches w JOIN invitations i ON i.batch_id = w.id
			 WHERE w.id = ? AND i.sent_at IS NOT NULL AND i.sent_at >= coalesce(w.watched_from, '-infinity')) n
		 WHERE b.id = ? AND o.id = b.organisation_id
		   AND n.sent >= o.stop_loss_after AND n.bounced * 100 > n.sent * o.stop_loss_percent
		   AND EXISTS (SELECT 1 FROM invitations i WHERE i.batch_id = b.id AND i.stage < 3)
		RETURNING b.organisation_id, n.sent, n.bounced`, now.UTC(), batch, batch).Scan(ctx, &lost)
	if err != nil {
		return fmt.Errorf("judge batch: %w", err)
	}
	if len(lost) == 0 {
		return nil
	}
	entry := by(extension.System(lost[0].OrganisationID, "Paperplane"), extension.ActionBatchPaused, now)
	entry.Detail = fmt.Sprintf("batch %s: %d of %d messages bounced", batch, lost[0].Bounced, lost[0].Sent)
	return audit(ctx, tx, entry)
}
