package postgres

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"paperplane/extension"
)

// SetPaused pauses or resumes a user whom the actor may see, with the audit, and puts the identity on the list of those
// to be aligned. It tells whether anything changed.
func (db *DB) SetPaused(ctx context.Context, actor extension.Actor, id extension.UserID, paused, now time.Time) (bool, error) {
	changed := false
	err := db.inTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		changed = false
		var users []struct{ IdentityID *extension.IdentityID } // none when nothing changes
		err := tx.NewRaw(`
			UPDATE users SET paused_at = ? WHERE id = ? AND organisation_id = ? AND (paused_at IS NULL) = ? RETURNING identity_id`,
			nullTime(paused), id, actor.Organisation, !paused.IsZero()).Scan(ctx, &users)
		if err != nil || len(users) == 0 {
			return err
		}
		changed = true
		if id := users[0].IdentityID; id != nil {
			if err := realign(ctx, tx, *id); err != nil {
				return err
			}
		}
		entry := by(actor, extension.ActionUserPaused, now)
		if paused.IsZero() {
			entry.Action = extension.ActionUserResumed
		}
		entry.User = id
		return audit(ctx, tx, entry)
	})
	return changed && err == nil, err
}

// askedToAlign puts identities d on the list of those to be aligned.
const askedToAlign = `realign_at = clock_timestamp(), realign_asked = d.realign_asked + 1`

func realign(ctx context.Context, tx bun.IDB, id extension.IdentityID) error {
	_, err := tx.NewRaw(`UPDATE identities d SET `+askedToAlign+` WHERE d.id = ?`, id).Exec(ctx)
	return err
}

// Realign puts an identity on the list of those to be aligned with Kratos.
func (db *DB) Realign(ctx context.Context, id extension.IdentityID) error {
	return kind(realign(ctx, db.bun, id))
}

// Misaligned hands out identities that are due, longest due first. One that is not aligned is due again after a minute,
// so that a failing one holds up nobody.
func (db *DB) Misaligned(ctx context.Context, most int) ([]extension.IdentityID, error) {
	var ids []extension.IdentityID
	err := db.bun.NewRaw(`
		WITH due AS (
			SELECT id FROM identities WHERE realign_at <= clock_timestamp() ORDER BY realign_at LIMIT ? FOR UPDATE SKIP LOCKED)
		UPDATE identities d SET realign_at = clock_timestamp() + interval '1 minute' FROM due WHERE d.id = due.id RETURNING d.id`,
		most).Scan(ctx, &ids)
	return ids, kind(err)
}

// Aligned takes an identity off the list unless it was asked for again since; with again it comes back after that time.
// A return that somebody else has arranged stands: whoever finds nothing to change, right after a change, must not cancel
// the look that comes after it. What lies within a minute is the lease of Misaligned and no return.
func (db *DB) Aligned(ctx context.Context, id extension.IdentityID, asked int64, again time.Duration) error {
	var next *float64
	if seconds := again.Seconds(); seconds > 0 {
		next = &seconds
	}
	_, err := db.bun.NewRaw(`
		UPDATE identities SET realign_at = coalesce(clock_timestamp() + make_interval(secs => ?),
		       CASE WHEN realign_at > clock_timestamp() + interval '1 minute' THEN realign_at END)
		 WHERE id = ? AND realign_asked = ?`,
		next, id, asked).Exec(ctx)
	return kind(err)
}

// Unlink takes an identity that is gone in Kratos off users who have not registered, so that a new invitation makes a new
// one.
func (db *DB) Unlink(ctx context.Context, id extension.IdentityID) error {
	_, err := db.bun.NewRaw(`UPDATE users SET identity_id = NULL WHERE identity_id = ? AND registered_at IS NULL AND activated_at IS NULL`, id).Exec(ctx)
	return kind(err)
}

// Origin tells whether it was us who made the identity, for the user whom its mark names: one who is here, whatever
// identity is theirs now. ErrNotFound says that no user here was ever linked to it.
func (db *DB) Origin(ctx context.Context, id extension.IdentityID, mark extension.UserID) (ours bool, err error) {
	err = db.bun.NewRaw(`
		SELECT d.created_by_us AND EXISTS (SELECT 1 FROM users u WHERE u.id::text = ?) FROM identities d WHERE d.id = ?`, string(mark), id).Scan(ctx, &ours)
	return ours, kind(err)
}

// LeftInactive tells whether it was us who left the identity inactive.
func (db *DB) LeftInactive(ctx context.Context, id extension.IdentityID) (bool, error) {
	var ours bool
	err := db.bun.NewRaw(`SELECT left_inactive_at IS NOT NULL FROM identities WHERE id = ?`, id).Scan(ctx, &ours)
	return ours, kind(err)
}

// SetLeftInactive writes down that we made the identity inactive (a time) or active (zero).
func (db *DB) SetLeftInactive(ctx context.Context, id extension.IdentityID, at time.Time) error {
	_, err := db.bun.NewRaw(`UPDATE identities SET left_inactive_at = ? WHERE id = ?`, nullTime(at), id).Exec(ctx)
	return kind(err)
}

// Standing computes what our rows want of an identity.
func (db *DB) Standing(ctx context.Context, id extension.IdentityID, now time.Time) (extension.Standing, error) {
	var row struct {
		Ours         bool
		LeftInactive bool
		Asked        int64
	}
	err := db.bun.NewRaw(`
		SELECT created_by_us AS ours, left_inactive_at IS NOT NULL AS left_inactive, realign_asked AS asked FROM identities WHERE id = ?`, id).
		Scan(ctx, &row)
	if err != nil {
		return extension.Standing{}, kind(err)
	}
	members, err := db.Members(ctx, id)
	if err != nil {
		return extension.Standing{}, err
	}
	standing := extension.Standing{Need: extension.NeedOff, Ours: row.Ours, LeftInactive: row.LeftInactive, Asked: row.Asked}
	for _, m := range members {
		standing.Address = m.User.Address
		switch need := m.User.Facts.Need(now); {
		case need == extension.NeedOn, need == extension.NeedHeld && standing.Need == extension.NeedOff:
			standing.Need = need
		}
		if status := m.User.Facts.Status(now); status == extension.Active {
			standing.Memberships = append(standing.Memberships, extension.Membership{
				Organisation: m.Organisation.ID, Slug: m.Organisation.Slug, User: m.User.ID, Status: status, Assignments: m.User.Assignments,
			})
		}
	}
	return standing, nil
}
