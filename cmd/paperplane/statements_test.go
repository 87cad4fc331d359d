package main

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// watched tells whether BENCH_STATEMENTS asks where PostgreSQL's time goes. Watching costs some, so those figures are not
// for publishing.
func watched() bool { return os.Getenv("BENCH_STATEMENTS") != "" }

// watchStatements has PostgreSQL count the time of every statement.
func (m *measuring) watchStatements(b *testing.B) {
	b.Helper()
	if !watched() {
		return
	}
	m.rows(b, `ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'`)
	if err := m.postgres.Restart(b.Context()); err != nil {
		b.Fatal(err)
	}
	m.rows(b, `CREATE EXTENSION pg_stat_statements`)
}

// forgetStatements begins to count anew.
func (m *measuring) forgetStatements(b *testing.B) {
	b.Helper()
	if watched() {
		m.rows(b, `SELECT pg_stat_statements_reset()`)
	}
}

// tellStatements prints the statements that took longest, of both databases.
func (m *measuring) tellStatements(b *testing.B) {
	b.Helper()
	if !watched() {
		return
	}
	found, err := m.db.Query(b.Context(), `
		SELECT d.datname, s.calls, s.rows, s.total_exec_time, s.query
		  FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid ORDER BY s.total_exec_time DESC LIMIT 30`)
	if err != nil {
		b.Fatal(err)
	}
	all, err := pgx.CollectRows(found, pgx.RowToStructByPos[statement])
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range all {
		say("%9.0f ms %7d calls %8d rows  %-10s %.160s\n", s.Milliseconds, s.Calls, s.Rows, s.Database, strings.Join(strings.Fields(s.Query), " "))
	}
}

// statement is one that PostgreSQL has run.
type statement struct {
	Database     string
	Calls, Rows  int64
	Milliseconds float64
	Query        string
}
