package postgres

import (
	"context"
	"strings"
)

// Correspondent gives the language and the organisation's name for a message to whoever has an address: each is empty when
// they are in no organisation or in several of which it differs. Organisations that have paused them, or took an
// invitation back before it was sent, have no say; nor have those that have merely invited them, once they have begun in
// another.
func (db *DB) Correspondent(ctx context.Context, address string) (language, organisation string, err error) {
	var row struct{ Language, Organisation string }
	err = db.bun.NewRaw(`
		SELECT coalesce(CASE WHEN count(DISTINCT o.language) = 1 THEN min(o.language) END, '') AS language,
		       coalesce(CASE WHEN count(DISTINCT o.id) = 1 THEN min(o.name) END, '') AS organisation
		  FROM users u JOIN organisations o ON o.id = u.organisation_id
		 WHERE u.address_key = ?0 AND u.identity_id IS NOT NULL AND u.paused_at IS NULL AND u.withdrawn_at IS NULL
		   AND (?1 OR NOT EXISTS (SELECT 1 FROM users u WHERE u.address_key = ?0 AND u.identity_id IS NOT NULL AND ?1))`,
		strings.ToLower(address), hasBegun()).Scan(ctx, &row)
	return row.Language, row.Organisation, kind(err)
}
