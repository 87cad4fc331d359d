package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cluster is a folder with PostgreSQL's data, held by one process at a time.
type cluster struct {
	account account
	dir     string // belongs to the account, closed to everybody else
	held    *fileLock
	durable bool
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

// durableFolder is the folder of the cluster that is kept, throwawayPrefix
// begins the names of those that are not, and lockSuffix follows either in the name of its lock.
const (
	durableFolder   = "postgres"
	throwawayPrefix = "throwaway-"
	lockSuffix      = ".lock"
)

// openDurable takes the one cluster that is kept below home.
func openDurable(home string, owner account) (*cluster, error) {
	dir := filepath.Join(home, durableFolder)
	held, err := tryLock(dir + lockSuffix)
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("the database in %s is in use: another `paperplane dev` of this project runs, stop that first", dir)
	}
	if err != nil {
		return nil, err
	}
	if err := owner.makeOwn(dir); err != nil {
		return nil, errors.Join(err, held.release())
	}
	return &cluster{account: owner, dir: dir, held: held, durable: true}, nil
}

// openThrowaway makes a new cluster's folder below home, and removes those that
// killed processes left there.
func openThrowaway(ctx context.Context, home string, owner account) (_ *cluster, err error) {
	// One at a time: a folder whose lock is not taken yet would look abandoned.
	making, err := waitLock(ctx, filepath.Join(home, "throwaway"+lockSuffix), func() {})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, making.release()) }()
	if err := sweepThrowaways(home); err != nil {
		return nil, fmt.Errorf("remove abandoned clusters: %w", err)
	}
	dir := filepath.Join(home, throwawayPrefix+rand.Text())
	held, err := tryLock(dir + lockSuffix)
	if err != nil {
		return nil, err
	}
	if err := owner.makeOwn(dir); err != nil {
		return nil, errors.Join(err, held.release())
	}
	return &cluster{account: owner, dir: dir, held: held}, nil
}

func sweepThrowaways(home string) error {
	locks, err := filepath.Glob(filepath.Join(home, throwawayPrefix+"*"+lockSuffix))
	if err != nil {
		return err
	}
	for _, path := range locks {
		held, err := tryLock(path)
		if errors.Is(err, errLocked) {
			continue // in use
		}
		if err != nil {
			return err
		}
		abandoned := &cluster{dir: strings.TrimSuffix(path, lockSuffix), held: held}
		if err := abandoned.remove(); err != nil {
			return err
		}
	}
	return nil
}

// close gives the cluster's folder back; one that is not kept is removed.
func (c *cluster) close() error {
	if c.durable {
		return c.held.release()
	}
	return c.remove()
}

func (c *cluster) remove() error {
	err := os.RemoveAll(c.dir)
	if !c.durable {
		err = errors.Join(err, os.Remove(c.dir+lockSuffix))
	}
	return errors.Join(err, c.held.release())
}

// initialise creates the data unless they are there. They appear whole or not
// at all, so an initdb that was killed does not stand in the way of the next.
func (c *cluster) initialise(ctx context.Context, programs binaries) error {
	made, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if err == nil {
		return c.checkVersion(strings.TrimSpace(string(made)), programs)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the database's version: %w", err)
	}
	unfinished := filepath.Join(c.dir, "unfinished")
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("remove unfinished database: %w", err)
	}
	arguments := []string{"--pgdata", unfinished, "--username", superuser, "--auth", "trust", "--encoding", "UTF8"}
	if !c.durable {
		arguments = append(arguments, "--no-sync")
	}
	if err := run(ctx, c.account.command(ctx, c.dir, programs.path("initdb"), arguments...), newOutput(nil)); err != nil {
		return fmt.Errorf("create database in %s: %w", c.dir, err)
	}
	return os.Rename(unfinished, c.data())
}

func (c *cluster) checkVersion(made string, programs binaries) error {
	if made == strconv.Itoa(programs.major) {
		return nil
	}
	return fmt.Errorf("the database in %s was made by PostgreSQL %s, but the programs in %s are version %d: "+
		"set PG_BIN to the programs of version %s, or start afresh without the data (make dev RESET=1)",
		c.dir, made, programs.dir, programs.major, made)
}

// settle makes sure that no server runs on the data any more. We hold the
// lock, so one that does belongs to a process that was just killed and is about to stop. Its
// postmaster.pid must go if it could not remove it itself: PostgreSQL refuses
// to start if that number belongs to any other process by now.
func (c *cluster) settle(ctx context.Context) error {
	const patience = 10 * time.Second
	file := filepath.Join(c.data(), "postmaster.pid")
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	retry := time.NewTicker(50 * time.Millisecond)
	defer retry.Stop()
	for {
		pid, err := postmasterOf(file)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if !runsIn(pid, c.data()) {
			return os.Remove(file)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline.C:
			return fmt.Errorf("a PostgreSQL (process %d) runs in %s already: stop it", pid, c.data())
		case <-retry.C:
		}
	}
}

// postmasterOf reads the first line of a postmaster.pid; 0 if there is no number in it.
func postmasterOf(file string) (int, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0, nil //nolint:nilerr // Half-written: the machine went down meanwhile.
	}
	return pid, nil
}

// runsIn tells whether a process has dir as its working folder, as PostgreSQL's
// server does. Where there is no /proc, none is ever found and PostgreSQL's own
// check has to do.
func runsIn(pid int, dir string) bool {
	link, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	folder, err := os.Stat(dir)
	return err == nil && os.SameFile(link, folder)
}
