package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"

	"paperplane/extension/recognise"
)

func newRecogniseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "recognise",
		Short: "Try a list of addresses before inviting it: reads standard input, prints JSON",
		Long: `Read text from standard input and print what Paperplane would make of it on the page Invite users: which addresses it
recognises, how many stand there twice, what it rejects and why, which addresses look doubtful, and which words it
ignores. It needs no server and no configuration, and sends nothing.`,
		Example: "  paperplane recognise < list.txt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := io.ReadAll(cmd.InOrStdin())
			if err != nil {
				return fmt.Errorf("read standard input: %w", err)
			}
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(recognise.Read(string(text), math.MaxInt)); err != nil {
				return fmt.Errorf("print what was recognised: %w", err)
			}
			return nil
		},
	}
}
