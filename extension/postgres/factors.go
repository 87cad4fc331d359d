package postgres

import (
	"context"

	"paperplane/extension"
)

// Proofs lists the kinds of factor that a Kratos session was confirmed with.
func (db *DB) Proofs(ctx context.Context, session extension.SessionID) ([]extension.Factor, error) {
	var kinds []extension.Factor
	err := db.bun.NewRaw(`SELECT kind FROM proofs WHERE session_id = ? ORDER BY kind`, nullID(session)).Scan(ctx, &kinds)
	return kinds, kind(err)
}
