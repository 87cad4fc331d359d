package postgres

import (
	"context"
	"io/fs"
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

// Exec runs a statement. Its errors are of the package's kinds.
func (db *DB) Exec(ctx context.Context, statement string, arguments ...any) error {
	_, err := db.bun.NewRaw(statement, arguments...).Exec(ctx)
	return kind(err)
}

// Read reads one value or a list of them. Its errors are of the package's kinds.
func (db *DB) Read(ctx context.Context, into any, query string, arguments ...any) error {
	return kind(db.bun.NewRaw(query, arguments...).Scan(ctx, into))
}

// MigrateFiles applies these migrations instead of the embedded ones and lists all and whether they are applied.
func (db *DB) MigrateFiles(ctx context.Context, files fs.FS) (map[string]bool, error) {
	m, err := newMigrator(ctx, db, files)
	if err != nil {
		return nil, err
	}
	_, failed := m.Migrate(ctx)
	steps, err := m.MigrationsWithStatus(ctx)
	if err != nil {
		return nil, err
	}
	applied := make(map[string]bool, len(steps))
	for _, step := range steps {
		applied[step.Name] = step.IsApplied()
	}
	return applied, failed
}

// Ping connects, whatever the schema.
func (db *DB) Ping(ctx context.Context) error { return kind(db.bun.PingContext(ctx)) }

// Plain tells whether connections of a DSN are not encrypted.
func Plain(dsn string) (bool, error) {
	connector, err := newConnector(dsn)
	if err != nil {
		return false, err
	}
	return connector.Config().TLSConfig == nil, nil
}
