// Command prepare makes ready what the tests start: it finds or fetches
// PostgreSQL, fetches axe-core and builds Kratos. `make test` runs it first, so that none of them
// counts against the tests' time limit.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"paperplane/tools/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := prepare(ctx)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func prepare(ctx context.Context) error {
	stateDir, err := local.StateDir()
	if err != nil {
		return err
	}
	programs, err := local.PreparePostgres(ctx, local.PostgresOptions{
		StateDir: stateDir,
		BinDir:   local.FromEnvironment().PostgresBinaries,
		Progress: os.Stderr,
	})
	if err != nil {
		return err
	}
	kratos, err := local.KratosBinary(ctx, stateDir, os.Stderr)
	if err != nil {
		return err
	}
	if _, err := local.AxeCore(ctx, stateDir, os.Stderr); err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stderr, "PostgreSQL: %s\nKratos:     %s\n", programs, kratos)
	return err
}
