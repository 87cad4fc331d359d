package postgres

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/uptrace/bun/migrate"

	"paperplane/migrations"
)

// migrationLock is the name under which migrations run: one advisory lock around bun's and River's. Bun's own lock is a
// row that a killed process would leave behind.
const migrationLock = "migrations"

// Migration is one step of the schema.
type Migration struct {
	Name    string
	Applied bool
}

// MigrateUp brings the schema up to date and then runs also (River's migrations), while no other replica does. It gives
// the names of the steps that were applied.
func (db *DB) MigrateUp(ctx context.Context, also func(ctx context.Context) error) ([]string, error) {
	var applied []string
	err := db.Exclusive(ctx, migrationLock, func(ctx context.Context) error {
		m, err := db.migrator(ctx)
		if err != nil {
			return err
		}
		group, err := m.Migrate(ctx)
		if err != nil {
			return fmt.Errorf("migrate up: %w", kind(err))
		}
		for _, step := range group.Migrations {
			applied = append(applied, step.Name+"_"+step.Comment)
		}
		return also(ctx)
	})
	return applied, err
}

// MigrateDown takes the newest group of steps back. It gives the names of the steps that were undone.
func (db *DB) MigrateDown(ctx context.Context) ([]string, error) {
	var undone []string
	err := db.Exclusive(ctx, migrationLock, func(ctx context.Context) error {
		m, err := db.migrator(ctx)
		if err != nil {
			return err
		}
		group, err := m.Rollback(ctx)
		if err != nil {
			return fmt.Errorf("migrate down: %w", kind(err))
		}
		for _, step := range group.Migrations {
			undone = append(undone, step.Name+"_"+step.Comment)
		}
		return nil
	})
	return undone, err
}

// Migrations lists all steps and whether each is applied.
func (db *DB) Migrations(ctx context.Context) ([]Migration, error) {
	var steps []Migration
	err := db.Exclusive(ctx, migrationLock, func(ctx context.Context) error {
		m, err := db.migrator(ctx)
		if err != nil {
			return err
		}
		all, err := m.MigrationsWithStatus(ctx)
		if err != nil {
			return fmt.Errorf("read migrations: %w", kind(err))
		}
		for _, step := range all {
			steps = append(steps, Migration{Name: step.Name + "_" + step.Comment, Applied: step.IsApplied()})
		}
		return nil
	})
	return steps, err
}

// migrator reads the embedded files. WithMarkAppliedOnSuccess: by default bun records a failed migration as applied.
func (db *DB) migrator(ctx context.Context) (*migrate.Migrator, error) {
	return newMigrator(ctx, db, migrations.Files)
}

func newMigrator(ctx context.Context, db *DB, files fs.FS) (*migrate.Migrator, error) {
	found := migrate.NewMigrations()
	if err := found.Discover(files); err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	m := migrate.NewMigrator(db.bun, found,
		migrate.WithTableName("paperplane_migrations"),
		migrate.WithLocksTableName("paperplane_migration_locks"),
		migrate.WithMarkAppliedOnSuccess(true))
	if err := m.Init(ctx); err != nil {
		return nil, fmt.Errorf("prepare migrations: %w", kind(err))
	}
	return m, nil
}
