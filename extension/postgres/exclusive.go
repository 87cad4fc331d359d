package postgres

import (
	"context"
	"fmt"
	"time"
)

// The pauses between two tries to take a lock that somebody else holds.
const (
	shortestPause = 5 * time.Millisecond
	longestPause  = 250 * time.Millisecond
)

// Exclusive runs f while no other caller, on any replica, runs one under the same name. The lock is PostgreSQL's
// advisory lock of a transaction, so a process that dies frees it. It is tried for again and again rather than waited
// for in PostgreSQL: the driver would not notice that the context was cancelled, would give up after its read time-out,
// and every waiting caller would keep a connection from the holders of other names.
func (db *DB) Exclusive(ctx context.Context, name string, f func(ctx context.Context) error) error {
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		taken, err := db.tryExclusive(ctx, name, f)
		if taken || err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("wait for lock: %w", kind(ctx.Err()))
		}
	}
}

// tryExclusive runs f if the lock is free and tells whether it was. The lock is held until f returns, even if the context
// ends before.
func (db *DB) tryExclusive(ctx context.Context, name string, f func(ctx context.Context) error) (bool, error) {
	conn, err := db.locks.Conn(ctx)
	if err != nil {
		return false, fmt.Errorf("begin lock: %w", kind(err))
	}
	defer func() { _ = conn.Close() }()
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return false, fmt.Errorf("begin lock: %w", kind(err))
	}
	defer func() { _ = tx.Rollback() }() // the lock ends with the transaction
	var free bool
	if err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", name).Scan(&free); err != nil {
		return false, fmt.Errorf("take lock: %w", kind(err))
	}
	if !free {
		return false, nil
	}
	return true, f(ctx)
}
