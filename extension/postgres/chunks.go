package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

type chunkRow struct {
	ID             extension.ChunkID
	OrganisationID extension.OrganisationID
	BatchID        extension.BatchID
	KeyID          string
	Letter         extension.Letter `bun:"type:jsonb"`
	Forgotten      bool             // the first call was longer ago than the provider remembers its key
	Doubtful       bool             // some call before this one may have been obeyed

	recipients []extension.Recipient // of a new chunk
}

// ClaimChunk resumes a chunk of the batch that nobody is working on, or writes a new one down; nil when there is
// nothing to send. A resumed chunk has the people, key, expiry and words of its first call.
func (db *DB) ClaimChunk(ctx context.Context, batch extension.BatchID, claim extension.Claim) (*extension.Chunk, error) {
	var chunk *extension.Chunk
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		chunk = nil
		joined, err := joinBatch(ctx, tx, batch)
		if err != nil || !joined {
			return err
		}
		row, err := resumeOrWrite(ctx, tx, batch, claim)
		if err != nil || row == nil {
			return err
		}
		chunk = &extension.Chunk{
			ID: row.ID, Organisation: row.OrganisationID, Batch: row.BatchID, KeyID: row.KeyID, Letter: row.Letter,
			Stale: row.Forgotten && row.Doubtful,
		}
		if chunk.Recipients = row.recipients; chunk.Recipients == nil {
			chunk.Recipients, err = recipients(ctx, tx, row.ID)
		}
		return err
	})
	return chunk, err
}

func resumeOrWrite(ctx context.Context, tx bun.Tx, batch extension.BatchID, claim extension.Claim) (*chunkRow, error) {
	row, err := resumeChunk(ctx, tx, batch, claim)
	if err != nil {
		return nil, fmt.Errorf("resume chunk: %w", err)
	}
	if row != nil {
		if !row.Forgotten || row.Doubtful {
			return row, nil
		}
		if err := dissolve(ctx, tx, row.ID); err != nil {
			return nil, fmt.Errorf("dissolve chunk: %w", err)
		}
	}
	if row, err = writeChunk(ctx, tx, batch, claim); err != nil {
		return nil, fmt.Errorf("write chunk: %w", err)
	}
	return row, nil
}

func resumeChunk(ctx context.Context, tx bun.Tx, batch extension.BatchID, claim extension.Claim) (*chunkRow, error) {
	var rows []chunkRow
	err := tx.NewRaw(`
		WITH picked AS (
			SELECT c.id FROM batches b JOIN mail_chunks c ON c.batch_id = b.id
			 WHERE b.id = ? AND c.settled_at IS NULL AND c.leased_until < clock_timestamp() AND ((`+runs+`) OR c.calls_in_doubt > 0)
			 ORDER BY c.first_called_at LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
		UPDATE mail_chunks c SET leased_until = clock_timestamp() + make_interval(secs => ?), calls_in_doubt = calls_in_doubt + 1
		  FROM picked WHERE c.id = picked.id
		RETURNING c.id, c.organisation_id, c.batch_id, c.key_id, c.letter, c.calls_in_doubt > 1 AS doubtful,
		          c.first_called_at < clock_timestamp() - make_interval(secs => ?) AS forgotten`,
		batch, claim.Lease.Seconds(), claim.Memory.Seconds()).Scan(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// dissolve gives back the people of a chunk of which no call was obeyed: the provider refused every one, so nobody was
// written to, and they go into a new chunk with a key that it does not know.
func dissolve(ctx context.Context, tx bun.Tx, chunk extension.ChunkID) error {
	if err := holdMessages(ctx, tx, `i.chunk_id = ?`, chunk); err != nil {
		return err
	}
	if _, err := tx.NewRaw(`UPDATE invitations SET `+outOfChunk+` WHERE chunk_id = ?`, chunk).Exec(ctx); err != nil {
		return err
	}
	_, err := tx.NewRaw(`DELETE FROM mail_chunks WHERE id = ?`, chunk).Exec(ctx)
	return err
}

// outOfChunk takes an invitation out of a chunk that never was obeyed. The expiry of its own link was fixed for a letter
// that nobody got, so the next chunk fixes it anew; a reminder's stays that of the link which it repeats.
const outOfChunk = `chunk_id = NULL, handed_at = NULL, expires_at = CASE WHEN link_id IS NOT NULL THEN expires_at END,
	leased_until = coalesce(leased_until, '-infinity'), seq = nextval(pg_get_serial_sequence('invitations', 'seq'))`

// writeChunk writes down the next call: its people, the link key, the expiry of their links and the words of the
// letter, before anything is sent. Nothing is written for a batch that does not run, nor for fewer than the least.
func writeChunk(ctx context.Context, tx bun.Tx, batch extension.BatchID, claim extension.Claim) (*chunkRow, error) {
	row, lifetime, err := letterOf(ctx, tx, batch, claim.Now)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	people, err := pickPeople(ctx, tx, batch, claim)
	if err != nil || len(people) == 0 || len(people) < claim.Least {
		return nil, err
	}
	if row.Letter.Reminder {
		if row.Letter.Inviter, err = inviterOf(ctx, tx, people); err != nil {
			return nil, err
		}
	}
	row.ID, row.KeyID = extension.NewID[extension.ChunkID](), claim.KeyID
	row.Letter.Version, row.Letter.Sender, row.Letter.PublicURL = extension.LetterVersion, claim.Sender, claim.PublicURL
	// PostgreSQL keeps microseconds; the letter must say exactly what the row says.
	row.Letter.Expires = claim.Now.Add(lifetime).UTC().Truncate(time.Second)
	_, err = tx.NewRaw(`
		INSERT INTO mail_chunks (id, organisation_id, batch_id, key_id, letter, calls_in_doubt, first_called_at, leased_until)
		VALUES (?, ?, ?, ?, ?::jsonb, 1, clock_timestamp(), clock_timestamp() + make_interval(secs => ?))`,
		row.ID, row.OrganisationID, batch, row.KeyID, row.Letter, claim.Lease.Seconds()).Exec(ctx)
	if err != nil {
		return nil, err
	}
	err = tx.NewRaw(`
		UPDATE invitations i SET chunk_id = ?, expires_at = CASE WHEN i.link_id IS NULL THEN ? ELSE i.expires_at END
		  FROM users u WHERE u.id = i.user_id AND i.id = ANY (?::uuid[])
		RETURNING `+recipientColumns, row.ID, row.Letter.Expires, array(people)).Scan(ctx, &row.recipients)
	slices.SortFunc(row.recipients, func(a, b extension.Recipient) int { return cmp.Compare(a.Invitation, b.Invitation) }) // as recipients does
	return row, err
}

// pickPeople locks the next people of a batch who can be written to. Whoever was overtaken before they went into a chunk
// (by a pause, a newer invitation, a bounce) is refused on the way, and so is a reminder of a link that has run out.
func pickPeople(ctx context.Context, tx bun.Tx, batch extension.BatchID, claim extension.Claim) ([]extension.InvitationID, error) {
	var rows []struct {
		ID     extension.InvitationID
		Reason extension.Refusal
	}
	err := tx.NewRaw(`
		SELECT i.id, coalesce(`+overtaken+`, CASE WHEN i.link_id IS NOT NULL AND i.expires_at <= ? THEN 'needless' END, '') AS reason
		  FROM batches b, `+waitingPeople+`
		 WHERE b.id = ? AND `+takenPeople+` AND `+deliverable+`
		 ORDER BY i.seq LIMIT ? FOR UPDATE OF i SKIP LOCKED`, claim.Now.UTC(), batch, claim.Most).Scan(ctx, &rows)
	if err != nil {
		return nil, err
	}
	var people, lost []extension.InvitationID
	var reasons []extension.Refusal
	for _, row := range rows {
		if row.Reason == "" {
			people = append(people, row.ID)
			continue
		}
		lost, reasons = append(lost, row.ID), append(reasons, row.Reason)
	}
	if len(lost) > 0 {
		_, err = refuse(tx, lost, reasons, make([]string, len(lost)), claim.Now).Exec(ctx)
	}
	return people, err
}

func letterOf(ctx context.Context, tx bun.Tx, batch extension.BatchID, now time.Time) (*chunkRow, time.Duration, error) {
	var row struct {
		OrganisationID extension.OrganisationID
		Name           string
		Language       string
		ReplyTo        string
		Inviter        string
		LinkLifetime   int64
		Reminder       bool
	}
	err := tx.NewRaw(`
		SELECT b.organisation_id, o.name, o.language, o.reply_to, o.link_lifetime, b.kind = 'reminder' AS reminder,
		       CASE WHEN b.kind = 'reminder' THEN '' ELSE b.actor_name END AS inviter -- a reminder was pressed by nobody
		  FROM batches b JOIN organisations o ON o.id = b.organisation_id
		 WHERE b.id = ? AND `+runs+` AND b.starts_at <= ?`, batch, now.UTC()).Scan(ctx, &row)
	if err != nil {
		return nil, 0, err
	}
	return &chunkRow{
		OrganisationID: row.OrganisationID, BatchID: batch,
		Letter: extension.Letter{
			Organisation: row.Name, Inviter: row.Inviter, Language: row.Language, ReplyTo: row.ReplyTo, Reminder: row.Reminder,
		},
	}, time.Duration(row.LinkLifetime) * time.Second, nil
}

// recipientColumns reads a Recipient from an invitation i of a user u.
const recipientColumns = `i.id AS invitation, coalesce(i.address, u.address) AS address, i.area_names AS area, i.role_names AS role,
	coalesce(i.link_id, i.id) AS link_of, i.expires_at AS expires, i.handed_at IS NOT NULL AS handed`

// recipients lists a chunk's people always in the same order, for the same bytes.
func recipients(ctx context.Context, tx bun.Tx, chunk extension.ChunkID) ([]extension.Recipient, error) {
	var people []extension.Recipient
	err := tx.NewRaw(`SELECT `+recipientColumns+` FROM invitations i JOIN users u ON u.id = i.user_id WHERE i.chunk_id = ? ORDER BY i.id`, chunk).
		Scan(ctx, &people)
	return people, err
}

// RefuseChunk gives a claimed chunk back after a call that was certainly not obeyed.
func (db *DB) RefuseChunk(ctx context.Context, chunk extension.ChunkID) error {
	_, err := db.bun.NewRaw(`
		UPDATE mail_chunks SET leased_until = '-infinity', calls_in_doubt = calls_in_doubt - 1 WHERE id = ? AND settled_at IS NULL`, chunk).Exec(ctx)
	return kind(err)
}

// ReleaseChunk gives a claimed chunk back after a call of which nobody knows whether it was obeyed.
func (db *DB) ReleaseChunk(ctx context.Context, chunk extension.ChunkID) error {
	_, err := db.bun.NewRaw(`UPDATE mail_chunks SET leased_until = '-infinity' WHERE id = ? AND settled_at IS NULL`, chunk).Exec(ctx)
	return kind(err)
}

// KeepChunk renews the lease of a chunk whose call takes long.
func (db *DB) KeepChunk(ctx context.Context, chunk extension.ChunkID, lease time.Duration) error {
	_, err := db.bun.NewRaw(`
		UPDATE mail_chunks SET leased_until = greatest(leased_until, clock_timestamp() + make_interval(secs => ?)) WHERE id = ? AND settled_at IS NULL`,
		lease.Seconds(), chunk).Exec(ctx)
	return kind(err)
}

// MarkHanded writes down that a message is about to be handed over, and tells whether nobody began before.
func (db *DB) MarkHanded(ctx context.Context, invitation extension.InvitationID) (first bool, err error) {
	result, err := db.bun.NewRaw(`
		UPDATE invitations SET handed_at = clock_timestamp()
		 WHERE id = ? AND handed_at IS NULL AND sent_at IS NULL AND refused_at IS NULL`, invitation).Exec(ctx)
	if err != nil {
		return false, kind(err)
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// receipts are what a provider said, as columns of the statements below.
type receipts struct {
	sent, refused     []extension.InvitationID
	messages, details []string
	reasons           []extension.Refusal
	untried, putOff   givenBack
}

func columnsOf(list []extension.Receipt) receipts {
	var c receipts
	for _, r := range list {
		switch {
		case r.Untried && r.PutOff != "":
			c.putOff.add(r)
		case r.Untried:
			c.untried.add(r)
		case r.Unknown:
			c.refused, c.reasons, c.details = append(c.refused, r.Invitation), append(c.reasons, extension.RefusedUnknown), append(c.details, "")
		case r.Refused != "":
			c.refused, c.reasons, c.details = append(c.refused, r.Invitation), append(c.reasons, extension.RefusedByProvider), append(c.details, r.Refused)
		default:
			c.sent, c.messages = append(c.sent, r.Invitation), append(c.messages, r.MessageID)
		}
	}
	return c
}

// acceptable tells invitations i that a receipt can say were accepted: nothing else is known of them.
const acceptable = `i.sent_at IS NULL AND (i.refused_at IS NULL OR i.refused = 'unknown')`

// SettleChunk records what the provider said about everybody in a chunk. Two callers can have tried the same chunk, when
// one outlasted its lease: an acceptance then goes before an unknown, and whoever did not try a message does not take it
// from the one who marked it.
func (db *DB) SettleChunk(ctx context.Context, chunk extension.Chunk, list []extension.Receipt, now time.Time) error {
	c := columnsOf(list)
	ids := make([]extension.InvitationID, len(list))
	for i, r := range list {
		ids[i] = r.Invitation
	}
	return db.settle(ctx, chunk, ids, func(tx bun.Tx) []*bun.RawQuery {
		statements := []*bun.RawQuery{tx.NewRaw(`
			UPDATE invitations i SET
			       sent_at = CASE WHEN `+acceptable+` THEN ? ELSE i.sent_at END,
			       message_id = CASE WHEN `+acceptable+` THEN n.message ELSE i.message_id END,
			       refused_at = CASE WHEN NOT (`+acceptable+`) THEN i.refused_at END,
			       refused = CASE WHEN NOT (`+acceptable+`) THEN i.refused END,
			       refused_detail = CASE WHEN `+acceptable+` THEN '' ELSE i.refused_detail END
			  FROM unnest(?::uuid[], ?::text[]) AS n (id, message)
			 WHERE i.id = n.id`, now.UTC(), array(c.sent), array(c.messages))}
		if len(c.refused) > 0 {
			statements = append(statements, refuse(tx, c.refused, c.reasons, c.details, now))
		}
		if len(c.untried.all) > 0 {
			statements = append(statements, tx.NewRaw(`UPDATE invitations SET `+outOfChunk+` WHERE `+givenBackOf,
				array(c.untried.unmarked), array(c.untried.marked), chunk.ID))
		}
		return append(statements, putOff(tx, chunk.ID, c.putOff, now)...)
	})
}

// AbandonChunk marks everybody in a chunk as unknown: it may have been sent, and is never sent again by itself.
func (db *DB) AbandonChunk(ctx context.Context, chunk extension.Chunk, now time.Time) error {
	ids := make([]extension.InvitationID, len(chunk.Recipients))
	reasons := make([]extension.Refusal, len(ids))
	for i, r := range chunk.Recipients {
		ids[i], reasons[i] = r.Invitation, extension.RefusedUnknown
	}
	return db.settle(ctx, chunk, ids, func(tx bun.Tx) []*bun.RawQuery {
		return []*bun.RawQuery{refuse(tx, ids, reasons, make([]string, len(ids)), now)}
	})
}

// settle closes a chunk together with these statements about these of its people, unless somebody in it still waits: then
// it is taken up again.
func (db *DB) settle(ctx context.Context, chunk extension.Chunk, people []extension.InvitationID, statements func(tx bun.Tx) []*bun.RawQuery) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := shareBatch(ctx, tx, chunk.Batch); err != nil {
			return err
		}
		if _, err := tx.NewRaw(`SELECT FROM mail_chunks WHERE id = ? FOR NO KEY UPDATE`, chunk.ID).Exec(ctx); err != nil {
			return fmt.Errorf("lock chunk: %w", err)
		}
		if err := holdMessages(ctx, tx, `i.id = ANY (?::uuid[])`, array(people)); err != nil {
			return err
		}
		closing := tx.NewRaw(`
			UPDATE mail_chunks SET settled_at = clock_timestamp()
			 WHERE id = ? AND NOT EXISTS (SELECT FROM invitations WHERE chunk_id = ? AND stage < 3)`, chunk.ID, chunk.ID)
		if err := execAll(ctx, append(statements(tx), closing)); err != nil {
			return fmt.Errorf("settle chunk: %w", err)
		}
		return nil
	})
}
