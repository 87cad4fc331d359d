// Package postgrestest gives tests a real PostgreSQL: one throw-away cluster for the test binary and one migrated
// database of its own for every test.
package postgrestest

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"paperplane/extension/postgres"
	"paperplane/tools/local"
)

// template is the migrated database that every test's own is copied from.
const template = "paperplane_template"

// Cluster is the test binary's PostgreSQL.
type Cluster struct {
	server *local.Postgres
	count  atomic.Int64
}

// Start starts a cluster and migrates its template. Call it from TestMain.
func Start(ctx context.Context) (*Cluster, error) {
	stateDir, err := local.StateDir()
	if err != nil {
		return nil, err
	}
	server, err := local.StartPostgres(ctx, local.PostgresOptions{
		StateDir: stateDir, BinDir: local.FromEnvironment().PostgresBinaries, Log: io.Discard, Progress: os.Stderr,
	})
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{server: server}
	if err := cluster.migrateTemplate(ctx); err != nil {
		_ = server.Stop()
		return nil, err
	}
	return cluster, nil
}

func (c *Cluster) migrateTemplate(ctx context.Context) error {
	if err := c.server.CreateDatabase(ctx, template); err != nil {
		return err
	}
	db, err := postgres.Open(postgres.Options{DSN: c.server.DSN(template), MaxConnections: 2})
	if err != nil {
		return err
	}
	_, err = db.MigrateUp(ctx, func(context.Context) error { return nil })
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Stop stops the cluster and deletes it.
func (c *Cluster) Stop() error { return c.server.Stop() }

// Server is the running PostgreSQL, for tests that stop and start it.
func (c *Cluster) Server() *local.Postgres { return c.server }

// DSN makes an empty database for one test.
func (c *Cluster) DSN(tb testing.TB) string {
	tb.Helper()
	return c.create(tb, "template0")
}

// Migrated makes a migrated database for one test.
func (c *Cluster) Migrated(tb testing.TB) string {
	tb.Helper()
	return c.create(tb, template)
}

// Open makes a migrated database for one test and opens it.
func (c *Cluster) Open(tb testing.TB) *postgres.DB {
	tb.Helper()
	return c.OpenDSN(tb, c.Migrated(tb))
}

// OpenDSN opens a database until the test ends.
func (c *Cluster) OpenDSN(tb testing.TB, dsn string) *postgres.DB {
	tb.Helper()
	db, err := postgres.Open(postgres.Options{DSN: dsn, MaxConnections: 8})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

func (c *Cluster) create(tb testing.TB, from string) string {
	tb.Helper()
	name := fmt.Sprintf("test_%d", c.count.Add(1))
	conn, err := pgx.Connect(tb.Context(), c.server.DSN("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(tb.Context())) }()
	if _, err := conn.Exec(tb.Context(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, from)); err != nil {
		tb.Fatal(err)
	}
	return c.server.DSN(name)
}
