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
		var identity []*extension.IdentityID
		err := tx.NewRaw(`
			UPDATE users SET paused_at = ? WHERE id = ? AND organisation_id = ? AND (paused_at IS NULL) = ? RETURNING identity_id`,
			nullTime(paused), id, actor.Organisation, !paused.IsZero()).Scan(ctx, &identity)
		if err != nil || len(identity) == 0 {
			return err
		}
		changed = true
		if identity[0] != nil {
			if err := realign(ctx, tx, *identity[0]); err != nil {
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
	return changed, err
}

func realign(ctx context.Context, tx bun.IDB, id extension.IdentityID) error {
	_, err := tx.NewRaw(`UPDATE identities SET realign_at = clock_timestamp() WHERE id = ?`, id).Exec(ctx)
	return err
}

// Realign puts an identity on the list of those to be aligned with Kratos.
func (db *DB) Realign(ctx context.Context, id extension.IdentityID) error {
	return kind(realign(ctx, db.bun, id))
}

// Misaligned lists identities that are due, longest due first.
func (db *DB) Misaligned(ctx context.Context, most int) ([]extension.IdentityID, error) {
	var ids []extension.IdentityID
	err := db.bun.NewRaw(`SELECT id FROM identities WHERE realign_at <= clock_timestamp() ORDER BY realign_at LIMIT ?`, most).Scan(ctx, &ids)
	return ids, kind(err)
}

// Aligned takes an identity off the list; with again it comes back after that time. A request that came while it was
// being aligned stands: asOf is when the aligning began, by the database's clock.
func (db *DB) Aligned(ctx context.Context, id extension.IdentityID, asOf time.Time, again time.Duration) error {
	var next *string
	if again > 0 {
		seconds := again.String()
		next = &seconds
	}
	_, err := db.bun.NewRaw(`
		UPDATE identities SET realign_at = clock_timestamp() + ?::interval
		 WHERE id = ? AND (realign_at IS NULL OR realign_at <= ?)`, next, id, asOf.UTC()).Exec(ctx)
	return kind(err)
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
		LeftInactive bool
		AsOf         time.Time
	}
	err := db.bun.NewRaw(`SELECT left_inactive_at IS NOT NULL AS left_inactive, clock_timestamp() AS as_of FROM identities WHERE id = ?`, id).
		Scan(ctx, &row)
	if err != nil {
		return extension.Standing{}, kind(err)
	}
	members, err := db.Members(ctx, id)
	if err != nil {
		return extension.Standing{}, err
	}
	if len(members) == 0 {
		return extension.Standing{}, extension.ErrNotFound
	}
	standing := extension.Standing{Address: members[0].User.Address, LeftInactive: row.LeftInactive, AsOf: row.AsOf}
	for _, m := range members {
		standing.Enabled = standing.Enabled || m.User.Facts.Enabled(now)
		if status := m.User.Facts.Status(now); status == extension.Active {
			standing.Memberships = append(standing.Memberships, extension.Membership{
				Organisation: m.Organisation.ID, Slug: m.Organisation.Slug, User: m.User.ID, Status: status, Assignments: m.User.Assignments,
			})
		}
	}
	return standing, nil
}
