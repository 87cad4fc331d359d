package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"paperplane/config"
	"paperplane/tools/mailbox"
)

// mailboxFlags say how the mailbox behaves.
type mailboxFlags struct {
	listen         string
	folder         string
	lean           bool
	callsPerSecond int
	webhook        mailbox.Webhook
}

func newMailboxCommand(environ []string) *cobra.Command {
	var flags mailboxFlags
	cmd := withConfig(&cobra.Command{
		Use:   "mailbox",
		Short: "Catch letters and text messages instead of sending them",
		Long: `Serve a mailbox that speaks the mail provider's contract, and at /sms takes Kratos' text messages with the
kratos.sms.authorization that 'paperplane kratos config' was given ("Bearer " and a key): for trying Paperplane out.
Nothing leaves this machine. Everybody who reaches it can read every letter, links included.

With --webhook-url it tells what became of every message, as the provider does: sent and delivered, unless the address
begins with bounced, full, complained, delayed, suppressed or failed.`,
	}, environ, func(cmd *cobra.Command, c config.Config) error {
		box, err := newMailbox(c, flags)
		if err != nil {
			return err
		}
		listener, err := listen(cmd.Context(), flags.listen, "--listen")
		if err != nil {
			return err
		}
		cmd.PrintErrf("The mailbox is at http://%s/\n", listener.Addr())
		return serveMailbox(cmd.Context(), listener, box)
	})
	f := cmd.Flags()
	f.StringVar(&flags.listen, "listen", "127.0.0.1:4457", "host and port to listen on")
	f.StringVar(&flags.folder, "folder", "", "folder that keeps the messages; in memory without it")
	f.BoolVar(&flags.lean, "lean", false, "count messages and keep nothing of them, for tests with very many")
	f.IntVar(&flags.callsPerSecond, "calls-per-second", 0, "refuse more calls a second, as the provider does; 0 takes any number")
	f.StringVar(&flags.webhook.URL, "webhook-url", "", "where to tell what became of messages, such as http://127.0.0.1:4455/hooks/mail/resend; needs mail.resend.webhook_secret")
	f.DurationVar(&flags.webhook.Delay, "webhook-delay", time.Second, "between the acceptance of a message and the news of its fate")
	return cmd
}

// newMailbox opens a mailbox with the keys that Paperplane and its Kratos use.
func newMailbox(c config.Config, flags mailboxFlags) (*mailbox.Mailbox, error) {
	flags.webhook.Secret = c.Mail.Resend.WebhookSecret.Reveal()
	if flags.webhook.URL != "" && flags.webhook.Secret == "" {
		return nil, errors.New("--webhook-url needs mail.resend.webhook_secret, which webhooks are signed with")
	}
	return mailbox.New(mailbox.Options{
		Folder: flags.folder, APIKey: c.Mail.Resend.APIKey.Reveal(), SMSKey: smsKey(c),
		CallsPerSecond: flags.callsPerSecond, Webhook: flags.webhook, Lean: flags.lean,
	})
}

// smsKey is what Kratos shows with its text messages. Without one the mailbox takes none.
func smsKey(c config.Config) string {
	key, ok := strings.CutPrefix(c.Kratos.SMS.Authorization.Reveal(), "Bearer ")
	if !ok {
		return ""
	}
	return key
}

// serveMailbox serves, and tells the news of messages, until the context ends.
func serveMailbox(ctx context.Context, listener net.Listener, box *mailbox.Mailbox) error {
	ctx, cancel := context.WithCancel(ctx)
	var reporting sync.WaitGroup
	reporting.Go(func() { box.Report(ctx) })
	defer reporting.Wait()
	defer cancel()
	served := &http.Server{Handler: box, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = served.Close() })
	defer stop()
	if err := served.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve mailbox: %w", err)
	}
	return nil
}
