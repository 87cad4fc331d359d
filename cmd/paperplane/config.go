package main

import (
	"errors"

	"github.com/spf13/cobra"

	"paperplane/config"
)

// configured is the work of a command that needs the configuration.
type configured func(cmd *cobra.Command, c config.Config) error

// withConfig gives a command the flags of the configuration and has it read before the work begins. A configuration
// that is refused is never worked with.
func withConfig(cmd *cobra.Command, environ []string, work configured) *cobra.Command {
	config.AddFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := config.Load(config.Sources{Flags: cmd.Flags(), Environ: environ})
		if err != nil {
			return err
		}
		return work(cmd, c)
	}
	return cmd
}

func newConfigCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration, secrets as ***",
		Long: `Print the configuration that a server started here and now would work with: defaults, then the YAML file that
--config or PAPERPLANE_CONFIG names, then PAPERPLANE_* environment variables, then flags. Secrets are printed as ***.
What is wrong with it is said on standard error, all of it at once.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// A refused configuration is shown too: seeing what was read is half of mending it.
			c, refused := config.Load(config.Sources{Flags: cmd.Flags(), Environ: environ})
			return errors.Join(config.Print(cmd.OutOrStdout(), c), refused)
		},
	}
	config.AddFlags(cmd.Flags())
	cmd.AddCommand(newConfigTableCommand())
	return cmd
}

// newConfigTableCommand writes the table of the README.
func newConfigTableCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "table",
		Short:  "Print the reference of all settings as a Markdown table",
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write([]byte(config.Table()))
			return err
		},
	}
}
