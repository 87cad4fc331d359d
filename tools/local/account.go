package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// nobody is the user that PostgreSQL runs as when we are root, which it
// refuses. The number is the kernel's overflow id and needs no entry in
// /etc/passwd, so it serves on every machine, also where no user "postgres" exists.
const nobody = 65534

// systemState is where root keeps a cluster that nobody could not reach in the
// project's own folder.
const systemState = "/var/lib"

// account is the user that PostgreSQL's programs run as and that owns their data.
type account struct {
	uid, gid int
	dropped  bool // it is not the user that we run as
}

func currentAccount() account {
	if os.Geteuid() == 0 {
		return account{uid: nobody, gid: nobody, dropped: true}
	}
	return account{uid: os.Geteuid(), gid: os.Getegid()}
}

// command prepares a program of PostgreSQL's. It gets an environment of its
// own: PGDATA, PGPORT or a locale of the developer's would change what it does.
// Its lifetime is not bounded by ctx.
func (a account) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	cmd.Dir = dir
	cmd.Env = []string{"LC_ALL=" + locale, "PATH=/usr/local/bin:/usr/bin:/bin", "TZ=UTC"}
	if a.dropped {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}, //nolint:gosec // The constant above.
		}
	}
	return cmd
}

// canEnter tells whether the account may pass through every folder of a path:
// it asks the kernel, because modes alone do not tell (ACLs, mounts).
func (a account) canEnter(ctx context.Context, dir string) (bool, error) {
	if !a.dropped {
		return true, nil
	}
	err := run(ctx, a.command(ctx, dir, "/bin/sh", "-c", ":"), newOutput(nil))
	if errors.Is(err, syscall.EPERM) {
		return false, errors.New("PostgreSQL refuses to run as root, and this root may not start programs as another user: run this as an ordinary user")
	}
	if errors.Is(err, os.ErrPermission) {
		return false, nil
	}
	return err == nil, err
}

// makeOwn creates a folder that only the account may enter, or checks that the
// one that exists is such a folder.
func (a account) makeOwn(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return os.Lchown(dir, a.uid, a.gid)
	}
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	return checkOwner(dir, a.uid)
}

// checkOwner refuses a folder that is a link or belongs to somebody else: its
// owner could put anything in it.
func checkOwner(dir string, uid int) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) != uid {
		return fmt.Errorf("the folder %s does not belong to user %d: it was made by another user, remove it as that user or as root", dir, uid)
	}
	return nil
}

// home returns the folder in which PostgreSQL's data and fetched programs
// live: the state folder, unless we are root and the account cannot get there, as
// below a closed /root. The choice is announced, as the data is then outside the project.
func (a account) home(ctx context.Context, stateDir string, progress io.Writer) (string, error) {
	if err := makePassable(stateDir); err != nil {
		return "", fmt.Errorf("create state folder: %w", err)
	}
	open, err := a.canEnter(ctx, stateDir)
	if err != nil || open {
		return stateDir, err
	}
	dir, err := systemHome(stateDir)
	if err != nil {
		return "", err
	}
	if err := makePassable(dir); err != nil {
		return "", fmt.Errorf("create folder for PostgreSQL: %w", err)
	}
	if err := checkOwner(dir, os.Geteuid()); err != nil {
		return "", fmt.Errorf("use folder for PostgreSQL: %w", err)
	}
	if open, err = a.canEnter(ctx, dir); err != nil {
		return "", err
	}
	if !open {
		return "", fmt.Errorf("PostgreSQL runs as user %d, which can enter neither %s nor %s: open one of them (chmod o+x)", a.uid, stateDir, dir)
	}
	_, _ = fmt.Fprintf(progress, "PostgreSQL keeps its data in %s, because user %d, as whom it runs instead of root, cannot enter %s.\n", dir, a.uid, stateDir)
	return dir, nil
}

// systemHome names the folder that stands in for a closed state folder; each state folder has one of its own.
func systemHome(stateDir string) (string, error) {
	resolved, err := filepath.EvalSymlinks(stateDir)
	if err != nil {
		return "", fmt.Errorf("resolve state folder: %w", err)
	}
	if resolved, err = filepath.Abs(resolved); err != nil {
		return "", fmt.Errorf("resolve state folder: %w", err)
	}
	sum := sha256.Sum256([]byte(resolved))
	return filepath.Join(systemState, "paperplane-dev-"+hex.EncodeToString(sum[:6])), nil
}
