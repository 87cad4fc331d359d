package local

import (
	"context"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// ProgramOptions says which program to start. Path is required.
type ProgramOptions struct {
	Path      string
	Arguments []string
	Env       []string  // Its whole environment: it sees nothing of ours.
	Log       io.Writer // What it prints; nil discards it.
}

// Program is any other program beside PostgreSQL and Kratos. It ends with this process, however that ends.
// Its methods may be called from several goroutines.
type Program struct{ process *process }

// StartProgram starts a program and does not wait for anything; see Await. An error says that it could not be started.
func StartProgram(ctx context.Context, options ProgramOptions) (*Program, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), options.Path, options.Arguments...)
	cmd.Env = append([]string{}, options.Env...) // never nil, which would hand on ours
	running, err := start(cmd, newOutput(options.Log), syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	return &Program{process: running}, nil
}

// Await calls ready every few milliseconds until it succeeds. A program that ends before, or is not ready within a minute,
// is an error with the last lines that it printed.
func (p *Program) Await(ctx context.Context, ready func(context.Context) error) error {
	return p.process.poll(ctx, startLimit, ready)
}

// PID returns the process id.
func (p *Program) PID() int { return p.process.cmd.Process.Pid }

// Done is closed when the program has ended, for whatever reason.
func (p *Program) Done() <-chan struct{} { return p.process.done }

// Stop asks the program to end (SIGTERM) and kills it if it has not after 15 seconds. A second Stop does nothing.
func (p *Program) Stop() error {
	return p.process.stop(notice{syscall.SIGTERM, 15 * time.Second})
}

// Kill ends the program at once (SIGKILL), in the middle of whatever it does.
func (p *Program) Kill() error { return p.process.stop() }
