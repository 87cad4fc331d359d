package local

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder below a closed home is the common case for root, and no case at all for other users.
func TestPostgresRunsBelowAFolderThatOthersCannotEnter(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(openStateDir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	stateDir := filepath.Join(closed, StateFolder)
	var said bytes.Buffer
	server := startPostgres(t, PostgresOptions{StateDir: stateDir, Progress: &said, Durable: true})
	if got := query(t, server.DSN("postgres"), "SELECT 'up'"); got != "up" {
		t.Error(got)
	}
	if !currentAccount().dropped {
		if server.cluster.dir != filepath.Join(stateDir, durableFolder) {
			t.Errorf("data in %s", server.cluster.dir)
		}
		return
	}
	elsewhere, err := systemHome(stateDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(elsewhere); err != nil {
			t.Error(err)
		}
	})
	if server.cluster.dir != filepath.Join(elsewhere, durableFolder) || !strings.Contains(said.String(), elsewhere) {
		t.Errorf("data in %s, said: %s", server.cluster.dir, said.String())
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := RemovePostgres(t.Context(), stateDir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(server.cluster.dir); !os.IsNotExist(err) {
		t.Errorf("data are still there: %v", err)
	}
}

func TestAFolderOfAnotherUserIsNotUsed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	wantOneSentence(t, checkOwner(dir, os.Geteuid()+1), dir, "does not belong")
	link := dir + "-link"
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	wantOneSentence(t, checkOwner(link, os.Geteuid()), "is not a folder")
}
