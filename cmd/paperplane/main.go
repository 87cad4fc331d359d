// Command paperplane adds bulk onboarding to Ory Kratos: it serves the pages, runs the jobs and holds the tools that an
// operator needs. It is the only place where all packages meet.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"paperplane/config"
)

// The exit codes. 78 is EX_CONFIG of sysexits.h, so that a supervisor can be told not to try again; 130 is what a shell
// reports for a program that Ctrl-C ended.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitConfig      = 78
	exitInterrupted = 130
)

func main() { os.Exit(start()) }

// start runs the command line until it is done or the process is told to end by Ctrl-C or SIGTERM. A second signal ends
// it at once.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	cobra.EnableCommandSorting = false // commands says in which order
	return run(ctx, process{arguments: os.Args[1:], in: os.Stdin, out: os.Stdout, err: os.Stderr})
}

// process is what a command line is given by the operating system.
type process struct {
	arguments []string
	environ   []string // nil means the environment of the real process
	in        io.Reader
	out, err  io.Writer
}

// run executes one command line, prints its error once and returns the exit code.
func run(ctx context.Context, p process) int {
	root := newRootCommand(p.environ) //nolint:contextcheck // cobra hands the context of ExecuteContext to the commands
	root.SetArgs(p.arguments)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	_, _ = fmt.Fprintf(p.err, "paperplane: %v\n", err) // there is nowhere else to say it
	if _, wrong := errors.AsType[*usageError](err); wrong {
		return exitUsage
	}
	if _, refused := errors.AsType[*config.Error](err); refused {
		return exitConfig
	}
	return exitFailed
}

// commands lists everything that paperplane does, in the order of its help.
func commands(environ []string) []*cobra.Command {
	return []*cobra.Command{
		newServeCommand(environ),
		newMigrateCommand(environ),
		newOrganisationCommand(environ),
		newUserCommand(environ),
		newKratosCommand(environ),
		newRecogniseCommand(),
		newConfigCommand(environ),
		newHealthCommand(environ),
		newDevCommand(),
		newMailboxCommand(environ),
		newVersionCommand(),
	}
}

func newRootCommand(environ []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "paperplane",
		Short:         "Bulk onboarding for Ory Kratos",
		Version:       version(),
		SilenceErrors: true, // run prints them, once
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(commands(environ)...)
	refuseWrongUsage(root)
	return root
}

// usageError says that the command line itself is wrong.
type usageError struct {
	cause   error
	command string
}

// Error tells what is wrong and where help is.
func (e *usageError) Error() string {
	return fmt.Sprintf("%v\nRun '%s --help' for what it takes.", e.cause, e.command)
}

// Unwrap gives the cause.
func (e *usageError) Unwrap() error { return e.cause }

// refuseWrongUsage makes every command answer unknown flags, arguments and subcommands with a usageError. Left alone,
// cobra prints the help of a group for an unknown subcommand and reports success.
func refuseWrongUsage(command *cobra.Command) {
	command.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{cause: err, command: c.CommandPath()}
	})
	command.SuggestionsMinimumDistance = 2 // cobra's own default, which only its own refusal sets
	takes := command.Args
	if takes == nil {
		takes = cobra.NoArgs
	}
	command.Args = func(c *cobra.Command, arguments []string) error {
		if err := takes(c, arguments); err != nil {
			return &usageError{cause: suggest(c, arguments, err), command: c.CommandPath()}
		}
		return nil
	}
	if !command.Runnable() {
		command.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	for _, sub := range command.Commands() {
		refuseWrongUsage(sub)
	}
}

// suggest adds the subcommands that were probably meant.
func suggest(c *cobra.Command, arguments []string, err error) error {
	if len(arguments) == 0 {
		return err
	}
	if meant := c.SuggestionsFor(arguments[0]); len(meant) > 0 {
		return fmt.Errorf("%w; did you mean %s?", err, strings.Join(meant, " or "))
	}
	return err
}
