package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/jobs"
	"paperplane/extension/postgres"
)

func TestErrorsOfPostgreSQLAreOfTheWordsKinds(t *testing.T) {
	t.Parallel()
	db := cluster.Open(t)
	for code, want := range map[string]error{
		"23505": extension.ErrConflict, "23503": extension.ErrConflict, "40001": extension.ErrUnavailable, "40P01": extension.ErrUnavailable,
		"08006": extension.ErrUnavailable, "53100": extension.ErrUnavailable, "53300": extension.ErrUnavailable, "57P01": extension.ErrUnavailable,
		"57P03": extension.ErrUnavailable, "22P02": nil, "23514": nil, "42P01": nil, "XX000": nil,
	} {
		err := db.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '`+code+`', DETAIL = 'Key (address)=(bob@example.com)'; END $$`)
		if err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("%s became %v", code, err)
		}
		for _, kind := range []error{extension.ErrConflict, extension.ErrUnavailable, extension.ErrNotFound} {
			if got := errors.Is(err, kind); got != errors.Is(kind, want) {
				t.Errorf("%s is %v: %v", code, kind, got)
			}
		}
		if strings.Contains(err.Error(), "bob@") {
			t.Errorf("the error quotes a row: %v", err)
		}
	}
}

func TestTroubleWithTheDatabaseHasASentence(t *testing.T) {
	t.Parallel()
	nowhere := cluster.OpenDSN(t, "postgres://paperplane:hunter2@127.0.0.1:1/none?sslmode=disable")
	var trouble *extension.TroubleError
	if err := nowhere.Ping(t.Context()); !errors.As(err, &trouble) || trouble.Sentence == "" || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("ping nowhere: %v", err)
	}
	db := cluster.Open(t)
	if err := db.Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`); !errors.As(err, &trouble) {
		t.Errorf("a connection that is cut off: %v", err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("the next query: %v", err)
	}
	late, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := db.Exec(late, `SELECT pg_sleep(60)`); !errors.As(err, &trouble) {
		t.Errorf("a query that is out of time: %v", err)
	}
	for range 10 { // its answer must not be taken for another's
		if got := read[int](t, db, `SELECT 42`); got != 42 {
			t.Fatalf("after a query that was out of time: %d", got)
		}
	}
}

func TestAQueryThatNobodyWaitsForIsNoConflict(t *testing.T) {
	t.Parallel()
	db := cluster.Open(t)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err := db.Exec(gone, `SELECT 1`)
	if !errors.Is(err, context.Canceled) || errors.Is(err, extension.ErrConflict) || errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestADSNIsReadAsPgxReadsItAndNeverQuoted(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{
		"postgres://u:hunter2@127.0.0.1:port/x", "postgres://u:hunter2@127.0.0.1:5432/x?sslmode=hunter2", "hunter2",
		"postgres://u:hunter2@127.0.0.1:5432/x?connect_timeout=hunter2", "postgres://u:hunter2@[::1/x",
	} {
		db, err := postgres.Open(postgres.Options{DSN: dsn, MaxConnections: 2})
		if err == nil {
			_ = db.Close()
			t.Errorf("%s was taken", dsn)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error quotes the password: %v", err)
		}
	}
	words := strings.NewReplacer("postgres://", "user=", "@", " host=", ":", " port=", "/", " dbname=", "?", " ").Replace(cluster.DSN(t))
	if err := cluster.OpenDSN(t, words).Ping(t.Context()); err != nil {
		t.Errorf("%s: %v", words, err)
	}
}

func TestAConnectionIsPlainOnlyWhereTheDSNSaysSoOrToThisMachine(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]bool{
		"postgres://u@127.0.0.1/x": true, "postgres://u@localhost/x": true, "postgres://u@[::1]/x": true, "host=/tmp dbname=x": true,
		"postgres://u@127.0.0.1/x?sslmode=require": false, "postgres://u@localhost/x?sslmode=verify-full": false,
		"postgres://u@db.example.com/x": false, "postgres://u@192.0.2.1/x?sslmode=prefer": false, "postgres://u@db.example.com/x?sslmode=verify-full": false,
		"postgres://u@db.example.com/x?sslmode=disable": true,
	} {
		if plain, err := postgres.Plain(dsn); err != nil || plain != want {
			t.Errorf("%s is plain: %v, %v", dsn, plain, err)
		}
	}
}

func TestTheSettingsOfADSNAreMadeOnEveryConnection(t *testing.T) {
	t.Parallel()
	dsn := cluster.DSN(t)
	if err := cluster.OpenDSN(t, dsn).Exec(t.Context(), `CREATE SCHEMA "Own One"; CREATE SCHEMA two`); err != nil {
		t.Fatal(err)
	}
	dsn += "&search_path=" + url.PathEscape(`"Own One", two`) + "&application_name=o%27clock&connect_timeout=7"
	db := cluster.OpenDSN(t, dsn)
	queue, err := jobs.OpenQueue(t.Context(), dsn, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(queue.Close)
	if _, err := db.MigrateUp(t.Context(), queue.Migrate); err != nil {
		t.Fatal(err)
	}
	schemas := read[[]string](t, db, `SELECT DISTINCT table_schema::text FROM information_schema.tables WHERE table_schema NOT LIKE 'pg%' AND table_schema <> 'information_schema'`)
	if diff := cmp.Diff([]string{"Own One"}, schemas); diff != "" {
		t.Errorf("tables lie in several schemas: %s", diff)
	}
	if name := read[string](t, db, `SHOW application_name`); name != "o'clock" {
		t.Errorf("it is called %q", name)
	}
	plain := cluster.OpenDSN(t, cluster.DSN(t))
	if name := read[string](t, plain, `SHOW application_name`); name != "paperplane" {
		t.Errorf("without a name it is called %q", name)
	}
}

func TestASettingThatPostgreSQLRefusesIsAnError(t *testing.T) {
	t.Parallel()
	if err := cluster.OpenDSN(t, cluster.DSN(t)+"&statement_timeout=soon").Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "statement_timeout") {
		t.Errorf("connected: %v", err)
	}
}

func TestWhatIsClosedStaysClosed(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(postgres.Options{DSN: cluster.DSN(t), MaxConnections: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Ping(t.Context()), db.Close()); err != nil {
		t.Fatal(err)
	}
	if db.Ping(t.Context()) == nil || db.Exclusive(t.Context(), "x", nothing) == nil {
		t.Error("a closed database answers")
	}
}
