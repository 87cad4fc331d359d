package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"paperplane/config"
	"paperplane/tools/mailbox"
)

func newMailboxCommand(environ []string) *cobra.Command {
	var listenOn, folder string
	cmd := withConfig(&cobra.Command{
		Use:   "mailbox",
		Short: "Catch letters and text messages instead of sending them",
		Long: `Serve a mailbox that speaks the mail provider's contract, and takes Kratos' own letters and text messages where
kratos.secret is that of 'paperplane kratos config': for trying Paperplane out. Nothing leaves this machine. Everybody
who reaches it can read every letter, links included.`,
	}, environ, func(cmd *cobra.Command, c config.Config) error {
		box, err := newMailbox(c, folder)
		if err != nil {
			return err
		}
		listener, err := listen(cmd.Context(), listenOn, "--listen")
		if err != nil {
			return err
		}
		cmd.PrintErrf("The mailbox is at http://%s/\n", listener.Addr())
		return serveMailbox(cmd.Context(), listener, box)
	})
	cmd.Flags().StringVar(&listenOn, "listen", "127.0.0.1:4457", "host and port to listen on")
	cmd.Flags().StringVar(&folder, "folder", "", "folder that keeps the messages; in memory without it")
	return cmd
}

// newMailbox opens a mailbox with the keys that Paperplane and its Kratos use.
func newMailbox(c config.Config, folder string) (*mailbox.Mailbox, error) {
	return mailbox.New(mailbox.Options{Folder: folder, APIKey: c.Mail.Resend.APIKey.Reveal(), CourierKey: courierKey(c)})
}

// serveMailbox serves until the context ends.
func serveMailbox(ctx context.Context, listener net.Listener, box http.Handler) error {
	served := &http.Server{Handler: box, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = served.Close() })
	defer stop()
	if err := served.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve mailbox: %w", err)
	}
	return nil
}
