package local

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// childVariable makes the test binary the process that the crash tests kill:
// its value is the state folder in which that process starts everything.
const childVariable = "PAPERPLANE_LOCAL_TEST_CHILD"

func TestMain(m *testing.M) {
	stateDir := os.Getenv(childVariable)
	if stateDir == "" {
		os.Exit(m.Run())
	}
	if err := beChild(context.Background(), stateDir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// beChild starts PostgreSQL and Kratos, says "started", and waits to be killed.
func beChild(ctx context.Context, stateDir string) error {
	server, err := StartPostgres(ctx, PostgresOptions{StateDir: stateDir, BinDir: FromEnvironment().PostgresBinaries, Durable: true})
	if err != nil {
		return err
	}
	if err := server.CreateDatabase(ctx, "kratos"); err != nil {
		return err
	}
	project, err := StateDir()
	if err != nil {
		return err
	}
	binary, err := KratosBinary(ctx, project, os.Stderr)
	if err != nil {
		return err
	}
	if _, err := StartKratos(ctx, KratosOptions{Binary: binary, ConfigFile: "testdata/kratos.yml", Env: []string{"DSN=" + server.DSN("kratos")}}); err != nil {
		return err
	}
	fmt.Println("started")
	_, err = io.Copy(io.Discard, os.Stdin) // until the end of the test at the latest
	return err
}

// openStateDir returns an empty folder that every user can pass through, which
// a test's own folder is not: its parent is closed.
func openStateDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(path, passable); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startPostgres starts a server that the end of the test stops.
func startPostgres(t *testing.T, options PostgresOptions) *Postgres {
	t.Helper()
	options.BinDir = FromEnvironment().PostgresBinaries
	server, err := StartPostgres(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	return server
}

// query runs one statement and returns its single value.
func query(t *testing.T, dsn, statement string) string {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(context.WithoutCancel(t.Context())) }()
	var value string
	if err := connection.QueryRow(t.Context(), statement).Scan(&value); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return value
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: still not so after a minute", what)
		case <-retry.C:
		}
	}
}

// wantOneSentence checks an error text that a developer reads.
func wantOneSentence(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	if strings.Contains(text, "\n") {
		t.Errorf("more than one line: %s", text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in: %s", part, text)
		}
	}
}

// firstLine reads one line of a program's output.
func firstLine(t *testing.T, r io.Reader) string {
	t.Helper()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("read first line: %v", err)
	}
	return string(bytes.TrimSpace([]byte(line)))
}
