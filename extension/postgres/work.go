package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// LeaseWork hands out up to most invitations of a batch whose users have no identity yet. SKIP LOCKED and the lease
// give each to one caller at a time; the lease runs by the database's clock.
func (db *DB) LeaseWork(ctx context.Context, batch extension.BatchID, most int, lease time.Duration) ([]extension.Work, error) {
	var work []extension.Work
	err := db.bun.NewRaw(`
		WITH picked AS (
			SELECT i.id, u.address FROM invitations i JOIN users u ON u.id = i.user_id
			 WHERE i.batch_id = ? AND i.sent_at IS NULL AND i.refused_at IS NULL AND i.revoked_at IS NULL
			   AND u.identity_id IS NULL AND u.paused_at IS NULL
			   AND (i.leased_until IS NULL OR i.leased_until < clock_timestamp())
			 ORDER BY i.id LIMIT ? FOR UPDATE OF i SKIP LOCKED)
		UPDATE invitations i SET leased_until = clock_timestamp() + make_interval(secs => ?)
		  FROM picked WHERE i.id = picked.id
		RETURNING i.id AS invitation, i.user_id AS "user", picked.address`,
		batch, most, lease.Seconds()).Scan(ctx, &work)
	return work, kind(err)
}

// ReleaseWork gives leased invitations back.
func (db *DB) ReleaseWork(ctx context.Context, work []extension.Work) error {
	_, err := db.bun.NewRaw(`UPDATE invitations SET leased_until = NULL WHERE id = ANY (?::uuid[])`, array(invitationsOf(work))).Exec(ctx)
	return kind(err)
}

func invitationsOf(work []extension.Work) []extension.InvitationID {
	ids := make([]extension.InvitationID, len(work))
	for i, w := range work {
		ids[i] = w.Invitation
	}
	return ids
}

// SettleWork links users to the identities that were made for them, which we left inactive, and refuses the
// invitations that never will be sent.
func (db *DB) SettleWork(ctx context.Context, settled []extension.Settled, now time.Time) error {
	var users []extension.UserID
	var identities []extension.IdentityID
	var refused []extension.InvitationID
	var reasons []extension.Refusal
	var details []string
	for _, s := range settled {
		if s.Refused == "" {
			users, identities = append(users, s.User), append(identities, s.Identity)
			continue
		}
		refused, reasons, details = append(refused, s.Invitation), append(reasons, s.Refused), append(details, s.Detail)
	}
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		statements := []*bun.RawQuery{
			tx.NewRaw(`
				INSERT INTO identities (id, created_by_us, left_inactive_at, checked_at)
				SELECT n, true, ?, clock_timestamp() FROM unnest(?::uuid[]) AS n ON CONFLICT (id) DO NOTHING`, now.UTC(), array(identities)),
			tx.NewRaw(`
				UPDATE users u SET identity_id = n.identity FROM unnest(?::uuid[], ?::uuid[]) AS n (id, identity)
				 WHERE u.id = n.id AND u.identity_id IS NULL`, array(users), array(identities)),
			refuse(tx, refused, reasons, details, now),
		}
		for _, statement := range statements {
			if _, err := statement.Exec(ctx); err != nil {
				return fmt.Errorf("settle work: %w", err)
			}
		}
		return nil
	})
}

// refuse marks invitations as never to be sent. One that was sent or refused already stays as it is.
func refuse(tx bun.Tx, ids []extension.InvitationID, reasons []extension.Refusal, details []string, now time.Time) *bun.RawQuery {
	return tx.NewRaw(`
		UPDATE invitations i SET refused_at = ?, refused = n.reason, refused_detail = n.detail
		  FROM unnest(?::uuid[], ?::text[], ?::text[]) AS n (id, reason, detail)
		 WHERE i.id = n.id AND i.sent_at IS NULL AND i.refused_at IS NULL`,
		now.UTC(), array(ids), array(reasons), array(details))
}

type chunkRow struct {
	ID             extension.ChunkID
	OrganisationID extension.OrganisationID
	BatchID        extension.BatchID
	KeyID          string
	Letter         extension.Letter `bun:"type:jsonb"`
	Forgotten      bool             // the first call was longer ago than the provider remembers its key
	Doubtful       bool             // some call before this one may have been obeyed
}

// ClaimChunk resumes a chunk of the batch that nobody is working on, or writes a new one down; nil when there is
// nothing to send. A resumed chunk has the people, key, expiry and words of its first call.
func (db *DB) ClaimChunk(ctx context.Context, batch extension.BatchID, claim extension.Claim) (*extension.Chunk, error) {
	var chunk *extension.Chunk
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		row, err := resumeOrWrite(ctx, tx, batch, claim)
		if err != nil || row == nil {
			return err
		}
		chunk = &extension.Chunk{
			ID: row.ID, Organisation: row.OrganisationID, Batch: row.BatchID, KeyID: row.KeyID, Letter: row.Letter,
			Stale: row.Forgotten && row.Doubtful,
		}
		chunk.Recipients, err = recipients(ctx, tx, row.ID)
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
			SELECT id FROM mail_chunks WHERE batch_id = ? AND settled_at IS NULL AND leased_until < clock_timestamp()
			 ORDER BY first_called_at LIMIT 1 FOR UPDATE SKIP LOCKED)
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
	_, err := tx.NewRaw(`UPDATE invitations SET chunk_id = NULL, expires_at = NULL WHERE chunk_id = ?`, chunk).Exec(ctx)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw(`DELETE FROM mail_chunks WHERE id = ?`, chunk).Exec(ctx)
	return err
}

// writeChunk writes down the next call: its people, the link key, the expiry of their links and the words of the
// letter, before anything is sent.
func writeChunk(ctx context.Context, tx bun.Tx, batch extension.BatchID, claim extension.Claim) (*chunkRow, error) {
	if err := dropOvertaken(ctx, tx, batch, claim.Now); err != nil {
		return nil, err
	}
	var people []extension.InvitationID
	err := tx.NewRaw(`
		SELECT i.id FROM invitations i JOIN users u ON u.id = i.user_id
		 WHERE i.batch_id = ? AND i.chunk_id IS NULL AND i.sent_at IS NULL AND i.refused_at IS NULL AND i.revoked_at IS NULL
		   AND u.identity_id IS NOT NULL AND u.paused_at IS NULL
		 ORDER BY i.id LIMIT ? FOR UPDATE OF i SKIP LOCKED`, batch, claim.Most).Scan(ctx, &people)
	if err != nil || len(people) == 0 {
		return nil, err
	}
	row, lifetime, err := letterOf(ctx, tx, batch)
	if err != nil {
		return nil, err
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
	_, err = tx.NewRaw(`UPDATE invitations SET chunk_id = ?, expires_at = ? WHERE id = ANY (?::uuid[])`,
		row.ID, row.Letter.Expires, array(people)).Exec(ctx)
	return row, err
}

// dropOvertaken refuses invitations that a pause or a newer invitation overtook before they went into a chunk.
func dropOvertaken(ctx context.Context, tx bun.Tx, batch extension.BatchID, now time.Time) error {
	_, err := tx.NewRaw(`
		UPDATE invitations i SET refused_at = ?, refused = CASE WHEN i.revoked_at IS NOT NULL THEN 'superseded' ELSE 'paused' END
		  FROM users u
		 WHERE u.id = i.user_id AND i.batch_id = ? AND i.chunk_id IS NULL AND i.sent_at IS NULL AND i.refused_at IS NULL
		   AND (i.revoked_at IS NOT NULL OR u.paused_at IS NOT NULL)`, now.UTC(), batch).Exec(ctx)
	return err
}

func letterOf(ctx context.Context, tx bun.Tx, batch extension.BatchID) (*chunkRow, time.Duration, error) {
	var row struct {
		OrganisationID extension.OrganisationID
		Name           string
		Language       string
		ReplyTo        string
		Inviter        string
		LinkLifetime   int64
	}
	err := tx.NewRaw(`
		SELECT b.organisation_id, o.name, o.language, o.reply_to, b.actor_name AS inviter, o.link_lifetime
		  FROM batches b JOIN organisations o ON o.id = b.organisation_id WHERE b.id = ?`, batch).Scan(ctx, &row)
	if err != nil {
		return nil, 0, err
	}
	return &chunkRow{
		OrganisationID: row.OrganisationID, BatchID: batch,
		Letter: extension.Letter{Organisation: row.Name, Inviter: row.Inviter, Language: row.Language, ReplyTo: row.ReplyTo},
	}, time.Duration(row.LinkLifetime) * time.Second, nil
}

// recipients lists a chunk's people always in the same order, for the same bytes.
func recipients(ctx context.Context, tx bun.Tx, chunk extension.ChunkID) ([]extension.Recipient, error) {
	var people []extension.Recipient
	err := tx.NewRaw(`
		SELECT i.id AS invitation, u.address, i.area_names AS area, i.role_names AS role,
		       coalesce(i.link_id, i.id) AS link_of, i.expires_at AS expires, i.handed_at IS NOT NULL AS handed
		  FROM invitations i JOIN users u ON u.id = i.user_id WHERE i.chunk_id = ? ORDER BY i.id`, chunk).Scan(ctx, &people)
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

// SettleChunk records what the provider said about everybody in a chunk.
func (db *DB) SettleChunk(ctx context.Context, chunk extension.Chunk, receipts []extension.Receipt, now time.Time) error {
	var sent, refused []extension.InvitationID
	var messages, details []string
	var reasons []extension.Refusal
	var untried []extension.InvitationID
	for _, r := range receipts {
		switch {
		case r.Untried:
			untried = append(untried, r.Invitation)
		case r.Unknown:
			refused, reasons, details = append(refused, r.Invitation), append(reasons, extension.RefusedUnknown), append(details, "")
		case r.Refused != "":
			refused, reasons, details = append(refused, r.Invitation), append(reasons, extension.RefusedByProvider), append(details, r.Refused)
		default:
			sent, messages = append(sent, r.Invitation), append(messages, r.MessageID)
		}
	}
	return db.settle(ctx, chunk.ID, func(tx bun.Tx) []*bun.RawQuery {
		return []*bun.RawQuery{
			tx.NewRaw(`
				UPDATE invitations i SET sent_at = ?, message_id = n.message
				  FROM unnest(?::uuid[], ?::text[]) AS n (id, message)
				 WHERE i.id = n.id AND i.sent_at IS NULL AND i.refused_at IS NULL`, now.UTC(), array(sent), array(messages)),
			refuse(tx, refused, reasons, details, now),
			// Their expiry was fixed for a letter that nobody got, so the next chunk fixes it anew.
			tx.NewRaw(`
				UPDATE invitations SET chunk_id = NULL, handed_at = NULL, expires_at = CASE WHEN link_id IS NULL THEN NULL ELSE expires_at END
				 WHERE id = ANY (?::uuid[]) AND sent_at IS NULL AND refused_at IS NULL`, array(untried)),
		}
	})
}

// AbandonChunk marks everybody in a chunk as unknown: it may have been sent, and is never sent again by itself.
func (db *DB) AbandonChunk(ctx context.Context, chunk extension.Chunk, now time.Time) error {
	ids := make([]extension.InvitationID, len(chunk.Recipients))
	reasons := make([]extension.Refusal, len(ids))
	for i, r := range chunk.Recipients {
		ids[i], reasons[i] = r.Invitation, extension.RefusedUnknown
	}
	return db.settle(ctx, chunk.ID, func(tx bun.Tx) []*bun.RawQuery {
		return []*bun.RawQuery{refuse(tx, ids, reasons, make([]string, len(ids)), now)}
	})
}

func (db *DB) settle(ctx context.Context, chunk extension.ChunkID, statements func(tx bun.Tx) []*bun.RawQuery) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		closing := tx.NewRaw(`UPDATE mail_chunks SET settled_at = clock_timestamp() WHERE id = ?`, chunk)
		for _, statement := range append(statements(tx), closing) {
			if _, err := statement.Exec(ctx); err != nil {
				return fmt.Errorf("settle chunk: %w", err)
			}
		}
		return nil
	})
}
