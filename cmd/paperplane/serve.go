package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"paperplane/config"
)

func newServeCommand(environ []string) *cobra.Command {
	return withConfig(&cobra.Command{
		Use:   "serve",
		Short: "Serve the pages and run the jobs",
		Long: `Serve the pages on public.listen and Kratos' hooks on internal.listen, and run the background work. Several replicas
may run beside one another on one database. The schema must be current: run 'paperplane migrate up' first.`,
	}, environ, func(cmd *cobra.Command, c config.Config) error {
		log := newLogger(cmd.ErrOrStderr(), c.Log)
		return withServer(cmd.Context(), c, log, func(ctx context.Context, s *server) error {
			return s.run(ctx, func() {
				log.InfoContext(ctx, "ready", "public", c.Public.URL.String(), "internal", c.Internal.Listen)
			})
		})
	})
}

// withServer wires a server on the real clock for one piece of work and closes it afterwards.
func withServer(ctx context.Context, c config.Config, log *slog.Logger, work func(ctx context.Context, s *server) error) error {
	s, err := newServer(ctx, c, log, realTime())
	if err != nil {
		return err
	}
	return errors.Join(work(ctx, s), s.close())
}

// newLogger writes the log as the configuration says.
func newLogger(to io.Writer, c config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}
