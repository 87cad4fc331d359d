package local

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestThrowawayPostgresServesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	stateDir := openStateDir(t)
	var log bytes.Buffer
	server := startPostgres(t, PostgresOptions{StateDir: stateDir, Log: &log})

	if err := server.CreateDatabase(t.Context(), `odd "name"`); err != nil {
		t.Fatal(err)
	}
	if err := server.CreateDatabase(t.Context(), `odd "name"`); err != nil {
		t.Errorf("a database that exists: %v", err)
	}
	if got := query(t, server.DSN(`odd "name"`), "SELECT lower('ÉÅ') || current_setting('timezone') || current_setting('fsync')"); got != "éåUTCoff" {
		t.Errorf("settings: %s", got)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	left, err := filepath.Glob(filepath.Join(stateDir, throwawayPrefix+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if !strings.Contains(log.String(), "ready to accept connections") {
		t.Errorf("log: %s", log.String())
	}
}

func TestDurablePostgresKeepsItsDataUntilRemoved(t *testing.T) {
	t.Parallel()
	options := PostgresOptions{StateDir: openStateDir(t), Durable: true}
	server := startPostgres(t, options)
	if err := server.execute(t.Context(), "CREATE TABLE kept AS SELECT 'here' AS word"); err != nil {
		t.Fatal(err)
	}

	_, err := StartPostgres(t.Context(), options)
	wantOneSentence(t, err, "is in use", "stop that first")
	wantOneSentence(t, RemovePostgres(t.Context(), options.StateDir), "is in use")

	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	second := startPostgres(t, options)
	if got := query(t, second.DSN("postgres"), "SELECT word || current_setting('fsync') FROM kept"); got != "hereon" {
		t.Errorf("after a second start: %s", got)
	}
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := RemovePostgres(t.Context(), options.StateDir); err != nil {
		t.Fatal(err)
	}
	third := startPostgres(t, options)
	if got := query(t, third.DSN("postgres"), "SELECT count(*)::text FROM pg_tables WHERE tablename = 'kept'"); got != "0" {
		t.Errorf("tables after removal: %s", got)
	}
}

func TestPostgresComesBackAfterAPowerCut(t *testing.T) {
	t.Parallel()
	server := startPostgres(t, PostgresOptions{StateDir: openStateDir(t), Durable: true})
	if err := server.execute(t.Context(), "CREATE TABLE kept AS SELECT 'here' AS word"); err != nil {
		t.Fatal(err)
	}
	port := server.Port()

	if err := server.process.cmd.Process.Kill(); err != nil { // unlike Kill: it cannot even remove its postmaster.pid
		t.Fatal(err)
	}
	<-server.Done()
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	<-server.Done()
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := query(t, server.DSN("postgres"), "SELECT word FROM kept"); got != "here" || server.Port() != port {
		t.Errorf("after two power cuts: %s on port %d, not %d", got, server.Port(), port)
	}
}

func TestAStalePidFileThatNamesALivingProcessIsNoObstacle(t *testing.T) {
	t.Parallel()
	options := PostgresOptions{StateDir: openStateDir(t), Durable: true}
	server := startPostgres(t, options)
	data := server.cluster.data()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	stale := strconv.Itoa(os.Getpid()) + "\n" + data + "\n"
	if err := os.WriteFile(filepath.Join(data, "postmaster.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, options)
}

func TestAnInitdbThatWasKilledIsNoObstacle(t *testing.T) {
	t.Parallel()
	stateDir := openStateDir(t)
	unfinished := filepath.Join(stateDir, durableFolder, "unfinished", "base")
	if err := currentAccount().makeOwn(filepath.Join(stateDir, durableFolder)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(unfinished, 0o700); err != nil {
		t.Fatal(err)
	}
	startPostgres(t, PostgresOptions{StateDir: stateDir, Durable: true})
}

func TestPostgresNamesThePortInUseAndItsSetting(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0")) //nolint:noctx // A test's own listener.
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	port := listener.Addr().(*net.TCPAddr).Port

	_, err = StartPostgres(t.Context(), PostgresOptions{StateDir: openStateDir(t), Port: port, PortSetting: "--postgres-port"})
	if taken := (*PortInUseError)(nil); !errors.As(err, &taken) || taken.Port != port {
		t.Errorf("not a PortInUseError: %v", err)
	}
	wantOneSentence(t, err, strconv.Itoa(port), "--postgres-port", "PostgreSQL")
}

func TestAClusterOfAnotherVersionIsRefusedWithTheWayOut(t *testing.T) {
	t.Parallel()
	options := PostgresOptions{StateDir: openStateDir(t), Durable: true}
	server := startPostgres(t, options)
	data := server.cluster.data()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := StartPostgres(t.Context(), options)
	wantOneSentence(t, err, "PostgreSQL 9", "PG_BIN", "RESET=1")
}

func TestAPostgresThatCannotStartShowsItsLastLines(t *testing.T) {
	t.Parallel()
	options := PostgresOptions{StateDir: openStateDir(t), Durable: true}
	server := startPostgres(t, options)
	data := server.cluster.data()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "postgresql.conf"), []byte("no_such_setting = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := StartPostgres(t.Context(), options)
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("error: %v", err)
	}
	_, err = StartPostgres(t.Context(), options)
	if err == nil || strings.Contains(err.Error(), "in use") {
		t.Errorf("a start that failed keeps the folder: %v", err)
	}
}

func TestAnAbandonedThrowawayIsRemovedAndOneInUseIsNot(t *testing.T) {
	t.Parallel()
	stateDir := openStateDir(t)
	abandoned := filepath.Join(stateDir, throwawayPrefix+"ABANDONED")
	if err := os.MkdirAll(filepath.Join(abandoned, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(abandoned+lockSuffix, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first := startPostgres(t, PostgresOptions{StateDir: stateDir})
	second := startPostgres(t, PostgresOptions{StateDir: stateDir})
	if _, err := os.Stat(abandoned); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the abandoned folder is still there: %v", err)
	}
	for _, server := range []*Postgres{first, second} {
		if got := query(t, server.DSN("postgres"), "SELECT 'up'"); got != "up" {
			t.Error(got)
		}
	}
}
