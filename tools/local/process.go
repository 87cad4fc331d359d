package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// process is a program that was started and is waited for.
type process struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{} // closed when the program has ended and its output is read
	err  error         // how it ended; to be read after done
}

// notice is one way to ask a process to end, and how long it may take about it.
type notice struct {
	signal   syscall.Signal
	patience time.Duration
}

// outputPatience bounds the wait for output after a program ended: a descendant that
// lives on may hold the pipe open.
const outputPatience = 2 * time.Second

// start runs cmd in a process group of its own, so that Ctrl-C in a terminal
// reaches only us, who end our children in their order. It is sent
// deathSignal if we die ourselves.
func start(cmd *exec.Cmd, out *output, deathSignal syscall.Signal) (*process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr, deathSignal)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = outputPatience

	p := &process{cmd: cmd, out: out, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The death signal follows the thread, not the process, that started
		// the child: keep the thread for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name(), err)
	}
	return p, nil
}

func (p *process) name() string { return filepath.Base(p.cmd.Path) }

// stop sends one notice after the other until the process has ended. A last
// SIGKILL goes to the whole group.
func (p *process) stop(notices ...notice) error {
	notices = append(notices, notice{syscall.SIGKILL, outputPatience + 3*time.Second})
	for _, n := range notices {
		if err := p.signal(n.signal); err != nil {
			return fmt.Errorf("stop %s: %w", p.name(), err)
		}
		patience := time.NewTimer(n.patience)
		select {
		case <-p.done:
			patience.Stop()
			return nil
		case <-patience.C:
		}
	}
	return fmt.Errorf("stop %s: process %d does not end", p.name(), p.cmd.Process.Pid)
}

// signal sends sig, SIGKILL to the whole group and everything else to the
// process alone. One that has ended already needs none.
func (p *process) signal(sig syscall.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	var err error
	if sig == syscall.SIGKILL {
		err = syscall.Kill(-p.cmd.Process.Pid, sig)
	} else {
		err = p.cmd.Process.Signal(sig)
	}
	if errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// died is the error for a process that ended although it should not have.
func (p *process) died() error {
	reason := "it ended"
	if p.err != nil {
		reason = p.err.Error()
	}
	return fmt.Errorf("%s stopped by itself (%s); its last lines were:%s", p.name(), reason, p.out.tail())
}

// run runs cmd to its end, or until ctx ends: then it is interrupted as by
// Ctrl-C. The error of a command that fails repeats its last lines.
func run(ctx context.Context, cmd *exec.Cmd, out *output) error {
	p, err := start(cmd, out, syscall.SIGINT)
	if err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		stopErr := p.stop(notice{syscall.SIGINT, 10 * time.Second})
		return errors.Join(fmt.Errorf("run %s: %w", p.name(), context.Cause(ctx)), stopErr)
	}
	if p.err != nil {
		return fmt.Errorf("run %s: %w%s", p.name(), p.err, out.tail())
	}
	return nil
}

// poll calls ready every few milliseconds until it succeeds, the process ends, ctx ends, or
// limit has passed.
func (p *process) poll(ctx context.Context, limit time.Duration, ready func(context.Context) error) error {
	const (
		pause   = 20 * time.Millisecond
		attempt = time.Second
	)
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("%s was not ready within %s", p.name(), limit))
	defer cancel()
	retry := time.NewTicker(pause)
	defer retry.Stop()
	for {
		once, done := context.WithTimeout(ctx, attempt)
		err := ready(once)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.died()
		case <-ctx.Done():
			return fmt.Errorf("%w: %w; its last lines were:%s", context.Cause(ctx), err, p.out.tail())
		case <-retry.C:
		}
	}
}
