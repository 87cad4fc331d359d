package postgres

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// Reissue makes a resend batch: a new invitation for each of these users, with the places they have, and the ones
// before are revoked, together with what was begun by them. A user whose newest invitation is still on its way or went
// out after the batch was pressed, or who is Active or Inactive by now, is a conflict: then somebody else was first.
func (db *DB) Reissue(ctx context.Context, actor extension.Actor, b extension.Batch, users []extension.UserID) error {
	return db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := oneBatchAtATime(ctx, tx, b); err != nil {
			return err
		}
		if fresh, err := insertBatch(ctx, tx, b, len(users), 0); err != nil || !fresh {
			return err
		}
		invitations := make([]extension.InvitationID, len(users))
		for i := range users {
			invitations[i] = extension.NewID[extension.InvitationID]()
		}
		if err := lockReissuable(ctx, tx, b, users); err != nil {
			return err
		}
		for _, statement := range reissueStatements(tx, b, users, invitations) {
			if _, err := statement.Exec(ctx); err != nil {
				return fmt.Errorf("reissue: %w", err)
			}
		}
		entry := by(actor, extension.ActionBatchResent, b.Pressed)
		entry.Detail = fmt.Sprintf("batch %s: %d users", b.ID, len(users))
		return audit(ctx, tx, entry)
	})
}

func lockReissuable(ctx context.Context, tx bun.Tx, b extension.Batch, users []extension.UserID) error {
	var free int
	err := tx.NewRaw(`
		WITH held AS (
			SELECT u.id FROM users u JOIN invitations i ON i.id = u.invitation_id
			 WHERE u.organisation_id = ? AND u.id = ANY (?::uuid[]) AND u.paused_at IS NULL AND u.activated_at IS NULL
			   AND coalesce(i.sent_at, i.refused_at) <= ?
			 ORDER BY u.id FOR UPDATE OF u)
		SELECT count(*) FROM held`, b.Organisation, array(users), b.Pressed.UTC()).Scan(ctx, &free)
	if err != nil {
		return fmt.Errorf("lock users: %w", err)
	}
	if free != len(users) {
		return extension.ErrConflict
	}
	return nil
}

func reissueStatements(tx bun.Tx, b extension.Batch, users []extension.UserID, invitations []extension.InvitationID) []*bun.RawQuery {
	asked := tx.NewRaw(`SELECT * FROM unnest(?::uuid[], ?::uuid[]) WITH ORDINALITY AS n (user_id, invitation_id, position)`,
		array(users), array(invitations))
	return []*bun.RawQuery{
		tx.NewRaw(`UPDATE invitations i SET revoked_at = ? FROM (?) AS q WHERE i.user_id = q.user_id AND i.revoked_at IS NULL`, b.Pressed.UTC(), asked),
		tx.NewRaw(`
			INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names)
			SELECT q.invitation_id, ?, q.user_id, ?,
			       coalesce(string_agg(DISTINCT ar.name, ', '), ''), coalesce(string_agg(DISTINCT ro.name, ', '), '')
			  FROM (?) AS q LEFT JOIN assignments s ON s.user_id = q.user_id
			  LEFT JOIN areas ar ON ar.id = s.area_id LEFT JOIN roles ro ON ro.id = s.role_id
			 GROUP BY q.invitation_id, q.user_id`, b.Organisation, b.ID, asked),
		tx.NewRaw(`UPDATE users u SET invitation_id = q.invitation_id, letter_id = q.invitation_id FROM (?) AS q WHERE u.id = q.user_id`, asked),
		tx.NewRaw(`
			UPDATE identities d SET realign_at = clock_timestamp(), realign_asked = d.realign_asked + 1
			  FROM (?) AS q JOIN users u ON u.id = q.user_id
			 WHERE d.id = u.identity_id AND u.started_at IS NOT NULL AND u.registered_at IS NULL`, asked),
		tx.NewRaw(`
			INSERT INTO batch_entries (batch_id, position, organisation_id, text, address, outcome, user_id, invitation_id)
			SELECT ?, q.position, ?, u.address, u.address, 'queued', u.id, q.invitation_id
			  FROM (?) AS q JOIN users u ON u.id = q.user_id`, b.ID, b.Organisation, asked),
		tx.NewRaw(`
			INSERT INTO audit (at, organisation_id, actor_user_id, actor_name, action, user_id, detail)
			SELECT ?, ?, ?::uuid, ?, ?, user_id, 'again' FROM (?) AS q`,
			b.Pressed.UTC(), b.Organisation, nullID(b.InviterUser), b.Inviter, string(extension.ActionUserInvited), asked),
	}
}
