package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"paperplane/config"
)

func newMigrateCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date, or show it",
		Long:  "Change or show the schema. Replicas that migrate at once wait for one another.",
	}
	cmd.AddCommand(
		migration("up", "Apply what is missing", environ, func(cmd *cobra.Command, s *server) error {
			applied, err := s.db.MigrateUp(cmd.Context(), s.queue.Migrate)
			return told(cmd, "applied", applied, err)
		}),
		newMigrateDownCommand(environ),
		migration("status", "List all steps", environ, func(cmd *cobra.Command, s *server) error {
			steps, err := s.db.Migrations(cmd.Context())
			for _, step := range steps {
				state := "missing"
				if step.Applied {
					state = "applied"
				}
				cmd.Printf("%-8s %s\n", state, step.Name)
			}
			return err
		}),
	)
	return cmd
}

func newMigrateDownCommand(environ []string) *cobra.Command {
	sure := false
	cmd := migration("down", "Take the newest group of steps back, with all their data", environ, func(cmd *cobra.Command, s *server) error {
		if !sure {
			return errors.New("this deletes the data of the newest group of steps for good; back it up, then run it again with --yes")
		}
		undone, err := s.db.MigrateDown(cmd.Context())
		return told(cmd, "taken back", undone, err)
	})
	cmd.Flags().BoolVar(&sure, "yes", false, "delete the data for good")
	return cmd
}

func migration(use, short string, environ []string, work func(cmd *cobra.Command, s *server) error) *cobra.Command {
	return withConfig(&cobra.Command{Use: use, Short: short}, environ, func(cmd *cobra.Command, c config.Config) error {
		return withServer(cmd.Context(), c, newLogger(cmd.ErrOrStderr(), c.Log), func(_ context.Context, s *server) error {
			return work(cmd, s)
		})
	})
}

func told(cmd *cobra.Command, what string, names []string, err error) error {
	for _, name := range names {
		cmd.Printf("%s %s\n", what, name)
	}
	if err == nil && len(names) == 0 {
		cmd.Println("nothing to do")
	}
	return err
}
