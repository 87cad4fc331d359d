package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"paperplane/tools/local"
)

// devFlags are what a developer may want otherwise.
type devFlags struct {
	reset bool
	ports stackPorts
}

func newDevCommand() *cobra.Command {
	var flags devFlags
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine, with a demonstration organisation",
		Long: `Run PostgreSQL, a real Kratos, a mailbox and Paperplane on 127.0.0.1, from the source tree. The data is kept in the
ignored folder .paperplane for the next time; --reset starts afresh. Ctrl-C stops everything it started, and so does a
part that ends by itself.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return dev(cmd, flags) },
	}
	f := cmd.Flags()
	f.BoolVar(&flags.reset, "reset", false, "delete the data of earlier runs first")
	f.IntVar(&flags.ports.public, "port", 4455, "port of the pages")
	f.IntVar(&flags.ports.internal, "internal-port", 4456, "port that Kratos calls")
	f.IntVar(&flags.ports.mailbox, "mailbox-port", 4457, "port of the mailbox")
	f.IntVar(&flags.ports.kratosPublic, "kratos-public-port", 4433, "port of Kratos' public API")
	f.IntVar(&flags.ports.kratosAdmin, "kratos-admin-port", 4434, "port of Kratos' admin API")
	f.IntVar(&flags.ports.postgres, "postgres-port", 5435, "port of PostgreSQL")
	return cmd
}

func dev(cmd *cobra.Command, flags devFlags) error {
	ctx := cmd.Context()
	stateDir, err := local.StateDir()
	if err != nil {
		return err
	}
	if err := flags.ports.check(ctx); err != nil { // before anything is deleted: a run under way keeps its data
		return err
	}
	if flags.reset {
		if err := resetDev(ctx, stateDir); err != nil {
			return err
		}
	}
	secrets, err := keptSecrets(filepath.Join(stateDir, secretsFile))
	if err != nil {
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(stateDir, "dev.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	environment := local.FromEnvironment()
	s, err := startStack(ctx, stackOptions{
		stateDir: stateDir, workDir: stateDir, durable: true, ports: flags.ports, secrets: secrets,
		pgBin: environment.PostgresBinaries, kratosBinary: environment.KratosBinary,
		newsAfter: time.Second, timing: realTime(), log: slog.New(slog.NewTextHandler(logFile, nil)), output: logFile, progress: cmd.OutOrStdout(),
	})
	if err != nil {
		return errors.Join(err, logFile.Close())
	}
	err = runDev(cmd, s, secrets.Administrator, logFile.Name())
	cmd.Println("Stopping …")
	return errors.Join(err, s.stop(), logFile.Close())
}

// runDev serves the stack, and seeds it once it can be reached. A part that ends by itself ends everything: otherwise
// every page would only say that something does not answer.
func runDev(cmd *cobra.Command, s *stack, password, logName string) error {
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	var beside sync.WaitGroup
	beside.Go(func() {
		if err := s.watch(ctx); err != nil {
			cancel(fmt.Errorf("%w; %s may say why", err, logName))
		}
	})
	err := s.run(ctx, func() {
		beside.Go(func() {
			if err := seed(ctx, s.server, password); err != nil {
				cancel(err)
				return
			}
			announce(cmd, s, password, logName)
		})
	})
	cancel(nil)
	beside.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

func announce(cmd *cobra.Command, s *stack, password, logName string) {
	public := s.server.config.Public.URL
	cmd.Printf(`
Paperplane is running.

  Pages          %s
  Administrator  %s
  Password       %s
  Mailbox        http://%s

  Log            %s
  Configuration  %s, for other commands' --config
Ctrl-C stops everything; the data is kept. RESET=1 starts afresh.
`, public, demoAdministrator, password, s.mailListener.Addr(), logName, s.file)
}

// resetDev deletes everything but programs that took long to build or fetch.
func resetDev(ctx context.Context, stateDir string) error {
	if err := local.RemovePostgres(ctx, stateDir); err != nil {
		return err
	}
	for _, name := range []string{"mailbox", secretsFile} {
		if err := os.RemoveAll(filepath.Join(stateDir, name)); err != nil {
			return fmt.Errorf("reset: %w", err)
		}
	}
	return nil
}

// secretsFile keeps a stack's secrets in the state folder.
const secretsFile = "secrets.json"

// keptSecrets reads the secrets of earlier runs, or makes new ones and keeps them.
func keptSecrets(path string) (stackSecrets, error) {
	var secrets stackSecrets
	kept, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		secrets = newSecrets()
	case err != nil:
		return secrets, fmt.Errorf("read secrets: %w", err)
	default:
		if err := json.Unmarshal(kept, &secrets); err != nil {
			return secrets, fmt.Errorf("read %s: %w; RESET=1 makes new ones", path, err)
		}
		if secrets.WebhookSecret != "" && secrets.SMSKey != "" {
			return secrets, nil
		}
		made := newSecrets() // the file is of a version that made fewer
		secrets.WebhookSecret, secrets.SMSKey = cmp.Or(secrets.WebhookSecret, made.WebhookSecret), cmp.Or(secrets.SMSKey, made.SMSKey)
	}
	fresh, err := json.Marshal(secrets)
	if err != nil {
		return secrets, fmt.Errorf("write secrets: %w", err)
	}
	if err := os.WriteFile(path, fresh, 0o600); err != nil {
		return secrets, fmt.Errorf("write secrets: %w", err)
	}
	return secrets, nil
}

// newSecrets makes secrets of at least 128 random bits each, long enough for every setting.
func newSecrets() stackSecrets {
	long := func() string { return rand.Text() + rand.Text() }
	return stackSecrets{
		HookKey: long(), LinkKey: long(), PagesSecret: long(), KratosSecret: long(), APIKey: long(), WebhookSecret: newWebhookSecret(),
		SMSKey:        long(),
		Administrator: rand.Text()[:20],
	}
}

// newWebhookSecret makes one in the provider's form.
func newWebhookSecret() string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(rand.Text()+rand.Text()))
}
