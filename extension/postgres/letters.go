package postgres

import (
	"context"
	"fmt"
	"time"

	"paperplane/extension"
)

// letterColumns reads the facts of a message from a row of invitations under this alias, for a letterRow.
func letterColumns(alias string) string {
	return fmt.Sprintf(`%[1]s.sent_at AS letter_sent_at, %[1]s.delayed_at AS letter_delayed_at, %[1]s.delivered_at AS letter_delivered_at,
		%[1]s.bounced_at AS letter_bounced_at, %[1]s.complained_at AS letter_complained_at, coalesce(%[1]s.delivery_detail, '') AS letter_detail`, alias)
}

type letterRow struct {
	LetterSentAt       *time.Time
	LetterDelayedAt    *time.Time
	LetterDeliveredAt  *time.Time
	LetterBouncedAt    *time.Time
	LetterComplainedAt *time.Time
	LetterDetail       string
}

func (r letterRow) letter() extension.LetterFacts {
	return extension.LetterFacts{
		Sent: fromNull(r.LetterSentAt), Delayed: fromNull(r.LetterDelayedAt), Delivered: fromNull(r.LetterDeliveredAt),
		Bounced: fromNull(r.LetterBouncedAt), Complained: fromNull(r.LetterComplainedAt), Detail: r.LetterDetail,
	}
}

// Postings lists the messages to a user, the newest first.
func (db *DB) Postings(ctx context.Context, organisation extension.OrganisationID, user extension.UserID, most int) ([]extension.Posting, error) {
	var rows []struct {
		ID            extension.InvitationID
		BatchID       extension.BatchID
		Kind          extension.BatchKind
		ActorName     string
		PressedAt     time.Time
		Address       string
		Refused       extension.Refusal
		RefusedDetail string
		OpenedAt      *time.Time
		StartedAt     *time.Time
		ExpiresAt     *time.Time
		Revoked       bool
		letterRow
	}
	err := db.bun.NewRaw(`
		SELECT i.id, i.batch_id, b.kind, b.actor_name, b.pressed_at, coalesce(i.address, u.address) AS address,
		       coalesce(i.refused, '') AS refused, i.refused_detail, i.opened_at, i.started_at, i.expires_at,
		       i.revoked_at IS NOT NULL AS revoked, `+letterColumns("i")+`
		  FROM invitations i JOIN batches b ON b.id = i.batch_id JOIN users u ON u.id = i.user_id
		 WHERE i.organisation_id = ? AND i.user_id = ? ORDER BY b.pressed_at DESC, i.id LIMIT ?`, organisation, user, most).Scan(ctx, &rows)
	if err != nil {
		return nil, kind(err)
	}
	postings := make([]extension.Posting, len(rows))
	for i, r := range rows {
		postings[i] = extension.Posting{
			Invitation: r.ID, Batch: r.BatchID, Kind: r.Kind, By: r.ActorName, Pressed: r.PressedAt.UTC(), Address: r.Address,
			Facts: r.letter(), Refused: r.Refused, Detail: r.RefusedDetail, Opened: fromNull(r.OpenedAt), Started: fromNull(r.StartedAt),
			Expires: fromNull(r.ExpiresAt), Revoked: r.Revoked,
		}
	}
	return postings, nil
}
