package postgres

import (
	"context"
	"encoding/json"
	"io/fs"
	"time"

	"github.com/uptrace/bun"

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

// recorder notes the statements that a function runs.
type recorder []string

// BeforeQuery implements bun.QueryHook.
func (r *recorder) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	*r = append(*r, event.Query)
	return ctx
}

// AfterQuery implements bun.QueryHook.
func (*recorder) AfterQuery(context.Context, *bun.QueryEvent) {}

// Recorded runs f and returns its statements.
func (db *DB) Recorded(f func(db *DB) error) ([]string, error) {
	var statements recorder
	recorded := *db
	recorded.bun = db.bun.WithQueryHook(&statements)
	err := f(&recorded)
	return statements, err
}

// Blocks tells how many blocks of tables and indexes a statement looks at, without what it would change.
func (db *DB) Blocks(ctx context.Context, statement string) (int, error) {
	p, err := db.explain(ctx, statement)
	return p.Hit + p.Read, err
}

// Missed tells how many rows a statement looks at or compares in vain, without what it would change.
func (db *DB) Missed(ctx context.Context, statement string) (int, error) {
	p, err := db.explain(ctx, statement)
	return int(p.missed()), err
}

// plan is a node of a statement's plan, as EXPLAIN tells it.
type plan struct {
	Hit      int     `json:"Shared Hit Blocks"`
	Read     int     `json:"Shared Read Blocks"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`      // in each loop
	Unjoined float64 `json:"Rows Removed by Join Filter"` // likewise
	Plans    []plan
}

func (p plan) missed() float64 {
	rows := p.Loops * (p.Filtered + p.Unjoined)
	for _, part := range p.Plans {
		rows += part.missed()
	}
	return rows
}

func (db *DB) explain(ctx context.Context, statement string) (plan, error) {
	tx, err := db.bun.BeginTx(ctx, nil)
	if err != nil {
		return plan{}, err
	}
	defer func() { _ = tx.Rollback() }()
	var text string
	if err := tx.NewRaw("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+statement).Scan(ctx, &text); err != nil {
		return plan{}, kind(err)
	}
	var plans []struct{ Plan plan }
	if err := json.Unmarshal([]byte(text), &plans); err != nil {
		return plan{}, err
	}
	return plans[0].Plan, nil
}
