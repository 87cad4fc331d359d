package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// noClusterFile tells Debian's postgresql-common not to create a cluster of its
// own when the package is installed: nothing then listens on 5432, and nothing has
// to be stopped. It is read with the other files of its folder and removed afterwards.
const noClusterFile = "/etc/postgresql-common/createcluster.d/paperplane.conf"

// fromDebian installs Debian's package, which only root can.
func (s search) fromDebian(ctx context.Context) (binaries, error) {
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return binaries{}, fmt.Errorf("install Debian's postgresql: %w", err)
	}
	if os.Geteuid() != 0 {
		return binaries{}, errors.New("install Debian's postgresql: only root can")
	}
	held, err := waitLock(ctx, filepath.Join(s.home, "fetch.lock"), func() {})
	if err != nil {
		return binaries{}, fmt.Errorf("install Debian's postgresql: %w", err)
	}
	defer func() { _ = held.release() }()
	if found, err := s.installed(ctx); err == nil {
		return found, nil // by whoever held the lock before us
	}
	_, _ = fmt.Fprintln(s.progress, "Installing Debian's package postgresql; its own cluster is not created.")
	if err := s.install(ctx, apt); err != nil {
		return binaries{}, fmt.Errorf("install Debian's postgresql: %w", err)
	}
	return s.installed(ctx)
}

func (s search) install(ctx context.Context, apt string) (err error) {
	// The folder belongs to the package and is there once that is installed.
	if err := os.MkdirAll(filepath.Dir(noClusterFile), 0o755); err != nil { //nolint:gosec // As the package makes it.
		return err
	}
	if err := os.WriteFile(noClusterFile, []byte("create_main_cluster = false\n"), 0o644); err != nil { //nolint:gosec // Read by Debian's scripts.
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(noClusterFile)) }()

	environment, err := toolEnvironment(s.stateDir)
	if err != nil {
		return err
	}
	for _, arguments := range [][]string{
		{"update", "--quiet"},
		{"install", "--quiet", "--yes", "--no-install-recommends", "postgresql"},
	} {
		step, cancel := context.WithTimeoutCause(ctx, 10*time.Minute, errors.New("apt-get took more than ten minutes"))
		cmd := exec.CommandContext(context.WithoutCancel(ctx), apt, arguments...)
		cmd.Env = slices.Concat(environment, []string{"DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"})
		err := run(step, cmd, newOutput(nil))
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}
