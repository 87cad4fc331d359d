package postgres

import (
	"context"

	"paperplane/extension"
)

// RecordProfile keeps the names and the mobile that an identity has in Kratos, for those who have taken an invitation on, and
// while nobody has, for the user whom it was made for: an organisation that has merely invited somebody learns nothing of the
// account that they have. Factors stay: one whose codes went elsewhere is still what whoever sets up another has to have shown
// (extension.ProvenFactor.Reaches).
func (db *DB) RecordProfile(ctx context.Context, identity extension.Identity) error {
	traits := identity.Traits
	_, err := db.bun.NewRaw(`
		UPDATE users SET first_name = ?0, last_name = ?1, mobile = ?2
		 WHERE identity_id = ?3 AND (first_name, last_name, mobile) IS DISTINCT FROM (?0, ?1, ?2)
		   AND (registered_at IS NOT NULL OR started_at IS NOT NULL
		     OR id = ?4 AND NOT EXISTS (SELECT 1 FROM users u WHERE u.identity_id = ?3 AND ?5))`,
		traits.FirstName, traits.LastName, traits.Mobile, identity.ID, nullID(identity.Mark), hasBegun()).Exec(ctx)
	return kind(err)
}
