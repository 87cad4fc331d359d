package postgres

import (
	"context"
	"time"

	"paperplane/extension"
)

// StatusInSQL computes a status by the schema's function.
func (db *DB) StatusInSQL(ctx context.Context, f extension.Facts, now time.Time) (extension.Status, error) {
	var status extension.Status
	err := db.bun.NewRaw(`SELECT user_status(?::timestamptz, ?::timestamptz, ?::timestamptz, ?)`,
		nullTime(f.Paused), nullTime(f.Activated), nullTime(f.Expires), now).Scan(ctx, &status)
	return status, err
}
