// Package postgres keeps Paperplane's rows in PostgreSQL through bun. It holds every SQL statement, one file per topic;
// bun's types never leave it. It decides nothing: rules live in the verbs, and what must hold for concurrent callers is
// said here in SQL.
//
// Two clocks meet in it. Times of the domain (invited, expires, …) come as parameters. Leases and the age of a mail
// chunk are told by the database's own clock, which all replicas share. The two are never compared.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"

	"paperplane/extension"
)

// DB is the database.
type DB struct {
	bun *bun.DB
	// locks is a pool of its own: a caller of Exclusive holds one connection of it while its function queries through
	// bun, so holders can never starve the very queries they wait for.
	locks *sql.DB
}

// Options say how to open a DB.
type Options struct {
	DSN            string // postgres://…; as pgx reads it, so that River and bun connect alike
	MaxConnections int    // of the queries' pool; as many again may be held for locks, by requests that wait for Kratos
}

// Open opens the pools. It does not connect yet.
func Open(o Options) (*DB, error) {
	connector, err := newConnector(o.DSN)
	if err != nil {
		return nil, err
	}
	queries := sql.OpenDB(connector)
	queries.SetMaxOpenConns(o.MaxConnections)
	queries.SetMaxIdleConns(o.MaxConnections)
	locks := sql.OpenDB(connector)
	locks.SetMaxOpenConns(o.MaxConnections)
	locks.SetMaxIdleConns(2)
	return &DB{bun: bun.NewDB(queries, pgdialect.New()), locks: locks}, nil
}

// Ready connects and tells whether the schema is there.
func (db *DB) Ready(ctx context.Context) error {
	if _, err := db.bun.NewRaw("SELECT FROM organisations LIMIT 1").Exec(ctx); err != nil {
		return fmt.Errorf("read from PostgreSQL: %w", kind(err))
	}
	return nil
}

// Close closes the pools.
func (db *DB) Close() error { return errors.Join(db.locks.Close(), db.bun.Close()) }

const (
	// mostTries is how often a transaction is tried that PostgreSQL ends for the sake of another one.
	mostTries = 3
	// betweenTries is the shortest pause before the next try; up to as much again is added by chance, so that those who
	// got in each other's way do not meet again.
	betweenTries = 20 * time.Millisecond
)

// inTx runs f in a transaction, and again when PostgreSQL ends it as the victim of a deadlock or a serialization failure:
// nothing of it is left then. So f sets what it hands out anew each time. The order of locks that makes this rare is in
// locks.go.
func (db *DB) inTx(ctx context.Context, f func(ctx context.Context, tx bun.Tx) error) error {
	for try := 1; ; try++ {
		err := kind(db.bun.RunInTx(ctx, nil, f))
		if try == mostTries || !errors.Is(err, errVictim) {
			return err
		}
		select {
		case <-time.After(betweenTries + rand.N(betweenTries)): //nolint:gosec // jitter needs no secrecy
		case <-ctx.Done():
			return err
		}
	}
}

// execAll runs statements one after the other, until one fails.
func execAll(ctx context.Context, statements []*bun.RawQuery) error {
	for _, statement := range statements {
		if _, err := statement.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// errVictim says that PostgreSQL has ended a transaction for the sake of another one: the same again succeeds.
var errVictim = errors.New("ended for the sake of another transaction")

// kind turns PostgreSQL's and the driver's errors into the words' kinds. Errors of the verbs that come through a
// transaction pass as they are.
func kind(err error) error {
	if err == nil || isWord(err) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return extension.ErrNotFound
	}
	if pg, ok := errors.AsType[pgdriver.Error](err); ok {
		return pgKind(pg)
	}
	for _, lost := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, context.DeadlineExceeded} {
		if errors.Is(err, lost) {
			return noAnswer(err)
		}
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return noAnswer(err)
	}
	return err
}

func noAnswer(cause error) error {
	return &extension.TroubleError{Sentence: "The database (PostgreSQL) does not answer.", Cause: cause}
}

func isWord(err error) bool {
	for _, word := range []error{extension.ErrNotFound, extension.ErrConflict, extension.ErrForbidden, extension.ErrUnavailable} {
		if errors.Is(err, word) {
			return true
		}
	}
	var invalid *extension.InvalidError
	return errors.As(err, &invalid)
}

// pgKind reads the SQLSTATE (PostgreSQL manual, appendix A). Detail, which can hold values of rows, is dropped.
func pgKind(pg pgdriver.Error) error {
	code, message := pg.Field('C'), pg.Field('M')
	cause := fmt.Errorf("PostgreSQL %s: %s", code, message)
	switch {
	case code == "23505", code == "23503":
		return errors.Join(extension.ErrConflict, cause)
	case code == "40001", code == "40P01": // serialization failure, deadlock
		return &extension.TroubleError{Sentence: "The database (PostgreSQL) was busy with another change.", Cause: fmt.Errorf("%w: %w", errVictim, cause)}
	case code[:2] == "08", code[:2] == "53", code[:2] == "57":
		return noAnswer(cause)
	}
	return cause
}

// nullTime writes a zero time as NULL.
func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

// fromNull reads NULL as a zero time.
func fromNull(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// nullID writes an empty id as NULL.
func nullID[T ~string](id T) *T {
	if id == "" {
		return nil
	}
	return &id
}

// array writes ids or texts as a PostgreSQL array literal; the statement casts it.
func array[T ~string](values []T) any { return pgdialect.Array(texts(values)) }

// texts are ids as texts; never nil, which would be NULL.
func texts[T ~string](values []T) []string {
	plain := make([]string, len(values))
	for i, v := range values {
		plain[i] = string(v)
	}
	return plain
}

// intArray writes numbers as a PostgreSQL array literal; the statement casts it.
func intArray(values []int) any { return pgdialect.Array(values) }
