package postgres_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/jobs"
	"paperplane/extension/postgres"
	"paperplane/migrations"
)

// schema describes everything that migrations made, apart from the list of what was applied.
func schema(t *testing.T, db *postgres.DB) []string {
	t.Helper()
	return read[[]string](t, db, `
		SELECT what FROM (
			SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS what
			  FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'paperplane_migration%'
			UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
			  WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'paperplane_migration%'
			UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'paperplane_migration%'
			UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
			UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')) AS all_of_it
		 ORDER BY what`)
}

func applied(t *testing.T, db *postgres.DB) (all, done int) {
	t.Helper()
	steps, err := db.Migrations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		if step.Applied {
			done++
		}
	}
	return len(steps), done
}

func TestMigrationsGoUpAndDownAndUp(t *testing.T) {
	t.Parallel()
	db := cluster.OpenDSN(t, cluster.DSN(t))
	all, done := applied(t, db)
	if all == 0 || done != 0 {
		t.Fatalf("an empty database has %d of %d steps", done, all)
	}
	if undone, err := db.MigrateDown(t.Context()); err != nil || len(undone) != 0 {
		t.Errorf("down from nothing: %v, %v", undone, err)
	}
	up, err := db.MigrateUp(t.Context(), nothing)
	if err != nil || len(up) != all || up[0] != "0001_foundation" {
		t.Fatalf("up: %v, %v", up, err)
	}
	first := schema(t, db)
	if again, err := db.MigrateUp(t.Context(), nothing); err != nil || len(again) != 0 {
		t.Errorf("up again: %v, %v", again, err)
	}
	undone, err := db.MigrateDown(t.Context())
	if diff := cmp.Diff(up, undone); err != nil || diff != "" {
		t.Fatalf("down: %v, %s", err, diff)
	}
	if left := schema(t, db); len(left) != 0 {
		t.Errorf("down leaves %s", strings.Join(left, "\n"))
	}
	if _, done := applied(t, db); done != 0 {
		t.Errorf("%d steps are still applied", done)
	}
	if up, err := db.MigrateUp(t.Context(), nothing); err != nil || len(up) != all {
		t.Fatalf("up after down: %v, %v", up, err)
	}
	if diff := cmp.Diff(first, schema(t, db)); diff != "" {
		t.Errorf("up after down makes something else: %s", diff)
	}
	if _, done := applied(t, db); done != all {
		t.Errorf("%d of %d steps are applied", done, all)
	}
}

func TestReplicasThatMigrateAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	dsn := cluster.DSN(t)
	const replicas = 8
	var group sync.WaitGroup
	steps := make([]int, replicas)
	for i := range replicas {
		db := cluster.OpenDSN(t, dsn)
		queue, err := jobs.OpenQueue(t.Context(), dsn, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(queue.Close)
		group.Go(func() {
			names, err := db.MigrateUp(t.Context(), queue.Migrate)
			if err != nil {
				t.Errorf("replica %d: %v", i, err)
			}
			steps[i] = len(names)
		})
	}
	group.Wait()
	sum := 0
	for _, n := range steps {
		sum += n
	}
	db := cluster.OpenDSN(t, dsn)
	all, done := applied(t, db)
	if sum != all || done != all {
		t.Errorf("%d steps were made and %d recorded, want %d", sum, done, all)
	}
	if rows := read[int](t, db, `SELECT count(*) FROM paperplane_migrations`); rows != all {
		t.Errorf("%d rows for %d steps", rows, all)
	}
	if twice := read[int](t, db, `SELECT count(*) - count(DISTINCT version) FROM river_migration`); twice != 0 {
		t.Errorf("River's migrations are recorded %d times too often", twice)
	}
}

func TestWhatFailsBesideOurMigrationsIsToldAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	db := cluster.OpenDSN(t, cluster.DSN(t))
	mine := errors.New("mine")
	if _, err := db.MigrateUp(t.Context(), func(context.Context) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("the error became %v", err)
	}
	ran := false
	if _, err := db.MigrateUp(t.Context(), func(context.Context) error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("again: %v, ran %v", err, ran)
	}
}

func TestAMigrationThatFailsIsNotRecordedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	db := cluster.OpenDSN(t, cluster.DSN(t))
	sql := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	files := fstest.MapFS{
		"0001_good.tx.up.sql":  sql(`CREATE TABLE good (id int)`),
		"0002_bad.tx.up.sql":   sql(`CREATE TABLE half (id int); INSERT INTO good VALUES (1); SELECT nonsense`),
		"0003_after.tx.up.sql": sql(`CREATE TABLE afterwards (id int)`),
	}
	done, err := db.MigrateFiles(t.Context(), files)
	if err == nil {
		t.Error("a failure was passed over")
	}
	if diff := cmp.Diff(map[string]bool{"0001": true, "0002": false, "0003": false}, done); diff != "" {
		t.Error(diff)
	}
	if left := read[int](t, db, `SELECT (SELECT count(*) FROM good) + (to_regclass('half') IS NOT NULL)::int + (to_regclass('afterwards') IS NOT NULL)::int`); left != 0 {
		t.Error("half of the failed migration is there")
	}
	files["0002_bad.tx.up.sql"] = sql(`CREATE TABLE half (id int)`)
	if done, err = db.MigrateFiles(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"0001": true, "0002": true, "0003": true}, done); diff != "" {
		t.Error(diff)
	}
}

func TestMigrationsWaitForADatabase(t *testing.T) {
	t.Parallel()
	db := cluster.OpenDSN(t, "postgres://postgres:hunter2@127.0.0.1:1/none?sslmode=disable")
	if _, err := db.MigrateUp(t.Context(), nothing); !errors.Is(err, extension.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("without a database: %v", err)
	}
}

// A released file never changes: databases that have run it would differ from new ones. A mistake is mended by a new
// file, whose line is added to the list.
func TestReleasedMigrationsNeverChange(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile(filepath.Join("testdata", "migrations.sha256"))
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var now strings.Builder
	for _, name := range names {
		text, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		fmt.Fprintf(&now, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	if diff := cmp.Diff(string(list), now.String()); diff != "" {
		t.Errorf("testdata/migrations.sha256 (-list +files):\n%s", diff)
	}
}

func TestEveryMigrationRunsInATransactionAndHasAWayBack(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		step, up := strings.CutSuffix(name, ".tx.up.sql")
		if !up {
			if step, up = strings.CutSuffix(name, ".tx.down.sql"); !up {
				t.Errorf("%s is no .tx.up.sql or .tx.down.sql", name)
				continue
			}
		}
		for _, way := range []string{".tx.up.sql", ".tx.down.sql"} {
			if _, err := fs.Stat(migrations.Files, step+way); err != nil {
				t.Errorf("%s%s is missing", step, way)
			}
		}
	}
}
