package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// fileLock is held by one process at a time. The kernel takes it back when its
// holder ends, also by SIGKILL, so it can never be left behind. Children do not inherit it.
type fileLock struct{ file *os.File }

// errLocked says that another process, or another part of this one, holds the lock.
var errLocked = errors.New("locked by another process")

// tryLock takes the lock or returns errLocked at once.
func tryLock(path string) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &fileLock{file}, nil
	}
	closeErr := file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errLocked
	}
	return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), closeErr)
}

// waitLock waits for the lock until ctx ends; waiting is called once if there
// is something to wait for.
func waitLock(ctx context.Context, path string, waiting func()) (*fileLock, error) {
	const pause = 100 * time.Millisecond
	held, err := tryLock(path)
	if !errors.Is(err, errLocked) {
		return held, err
	}
	waiting()
	retry := time.NewTicker(pause)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for lock %s: %w", path, context.Cause(ctx))
		case <-retry.C:
		}
		if held, err := tryLock(path); !errors.Is(err, errLocked) {
			return held, err
		}
	}
}

func (l *fileLock) release() error { return l.file.Close() }
