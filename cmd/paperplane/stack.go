package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"

	"paperplane/config"
	"paperplane/flows"
	"paperplane/tools/local"
	"paperplane/tools/mailbox"
	"paperplane/webhooks"
)

// stack is everything on one machine: PostgreSQL, Kratos, the mailbox and Paperplane. `paperplane dev` runs it for
// people, the tests for themselves.
type stack struct {
	postgres *local.Postgres
	kratos   *local.Kratos
	mailbox  *mailbox.Mailbox
	server   *server

	mailListener net.Listener
	file         string   // Paperplane's configuration, which commands beside the stack can be given too
	environ      []string // what makes them work with it
}

// stackPorts are the ports on 127.0.0.1.
type stackPorts struct {
	public, internal, mailbox, kratosPublic, kratosAdmin, postgres int
}

// stackSecrets are made once and kept, so that a second start finds its data readable.
type stackSecrets struct {
	HookKey       string `json:"hook_key"`
	LinkKey       string `json:"link_key"`
	PagesSecret   string `json:"pages_secret"`
	KratosSecret  string `json:"kratos_secret"`
	APIKey        string `json:"api_key"`
	WebhookSecret string `json:"webhook_secret"`
	SMSKey        string `json:"sms_key"`
	Administrator string `json:"administrator_password"`
}

// stackOptions say how a stack is made.
type stackOptions struct {
	stateDir     string // holds programs and durable data
	workDir      string // holds Kratos' configuration and the mailbox
	durable      bool   // keep the data for the next start
	ports        stackPorts
	secrets      stackSecrets
	pgBin        string
	kratosBinary string        // empty: built from tools/kratos
	kratosEnv    []string      // settings that override Kratos' configuration
	providers    string        // file with social sign-ins; empty for none
	tokenKeys    string        // URL of the keys of tokens; empty for none
	newsAfter    time.Duration // between the acceptance of a message and the news of its fate
	noNews       bool          // the mailbox does not tell what became of messages
	settings     []string      // more lines of configuration (PAPERPLANE_…=…), which win over the stack's own
	timing       timing
	log          *slog.Logger
	output       io.Writer // of PostgreSQL and Kratos
	progress     io.Writer // what a person waits for
}

// startStack starts the parts that Paperplane needs, brings the schema up to date and wires Paperplane; run serves it.
func startStack(ctx context.Context, o stackOptions) (*stack, error) {
	s := &stack{}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *stack) start(ctx context.Context, o stackOptions) error {
	if err := o.ports.check(ctx); err != nil {
		return err
	}
	var err error
	if s.postgres, err = local.StartPostgres(ctx, local.PostgresOptions{
		StateDir: o.stateDir, BinDir: o.pgBin, Port: o.ports.postgres, Durable: o.durable, Log: o.output, Progress: o.progress,
	}); err != nil {
		return err
	}
	for _, name := range []string{"paperplane", "kratos"} {
		if err := s.postgres.CreateDatabase(ctx, name); err != nil {
			return err
		}
	}
	c, err := s.configure(o)
	if err != nil {
		return err
	}
	if err := s.startKratos(ctx, o, c); err != nil {
		return err
	}
	if err := s.openMailbox(ctx, o, c); err != nil {
		return err
	}
	if s.server, err = newServer(ctx, c, o.log, o.timing); err != nil {
		return err
	}
	return s.server.migrate(ctx)
}

// configure writes the configuration, secrets included, into a file of the work folder, for commands that are run beside the
// stack, and reads it from there.
func (s *stack) configure(o stackOptions) (config.Config, error) {
	content, err := yaml.Marshal(o.configuration(s.postgres.DSN("paperplane")))
	if err != nil {
		return config.Config{}, fmt.Errorf("write configuration: %w", err)
	}
	content = append([]byte("# Written by \"paperplane dev\" at every start. Holds secrets: keep it private.\n"), content...)
	s.file = filepath.Join(o.workDir, "dev.yml")
	if err := os.WriteFile(s.file, content, 0o600); err != nil {
		return config.Config{}, fmt.Errorf("write configuration: %w", err)
	}
	s.environ = append([]string{"PAPERPLANE_CONFIG=" + s.file}, o.settings...)
	return config.Load(config.Sources{Environ: s.environ})
}

// startKratos builds Kratos if need be and starts it with a configuration written for Paperplane's.
func (s *stack) startKratos(ctx context.Context, o stackOptions, c config.Config) error {
	binary := o.kratosBinary
	if binary == "" {
		var err error
		if binary, err = local.KratosBinary(ctx, o.stateDir, o.progress); err != nil {
			return err
		}
	}
	file, err := kratosConfiguration(c, kratosFlags{
		publicHost: "127.0.0.1", publicPort: o.ports.kratosPublic, adminHost: "127.0.0.1", adminPort: o.ports.kratosAdmin,
		providers: o.providers, tokenKeys: o.tokenKeys, issuer: "Paperplane",
	})
	if err != nil {
		return err
	}
	path := filepath.Join(o.workDir, "kratos.yml")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		return fmt.Errorf("write Kratos configuration: %w", err)
	}
	s.kratos, err = local.StartKratos(ctx, local.KratosOptions{
		Binary: binary, ConfigFile: path, Env: append([]string{"DSN=" + s.postgres.DSN("kratos") + kratosPool}, o.kratosEnv...),
		PublicPort: o.ports.kratosPublic, AdminPort: o.ports.kratosAdmin, Log: o.output,
	})
	return err
}

// kratosPool has Kratos keep its connections to PostgreSQL. By itself it keeps as many as there are processors, and on a small
// machine opens nearly one for every request: whoami over one connection took 5.6 ms there, and takes 1.3 ms with these.
const kratosPool = "&max_conns=20&max_idle_conns=20"

func (s *stack) openMailbox(ctx context.Context, o stackOptions, c config.Config) error {
	folder := "" // in memory
	if o.durable {
		folder = filepath.Join(o.workDir, "mailbox")
	}
	var err error
	var news mailbox.Webhook
	if !o.noNews {
		news = mailbox.Webhook{URL: c.Public.URL.JoinPath(webhooks.ProviderPath).String(), Delay: o.newsAfter}
	}
	if s.mailbox, err = newMailbox(c, mailboxFlags{folder: folder, webhook: news}); err != nil {
		return err
	}
	s.mailListener, err = listen(ctx, fmt.Sprintf("127.0.0.1:%d", o.ports.mailbox), "the mailbox's port")
	return err
}

// run serves Paperplane and the mailbox until the context ends or one of the two does. It does not look after PostgreSQL
// and Kratos, which tests end and start again while it runs. ready is called once pages can be opened.
func (s *stack) run(ctx context.Context, ready func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	mail := make(chan error, 1)
	go func() {
		defer cancel()
		mail <- serveMailbox(ctx, s.mailListener, s.mailbox)
	}()
	err := s.server.run(ctx, ready)
	cancel()
	if failed := <-mail; failed != nil {
		err = errors.Join(fmt.Errorf("%w: %w", stopped("the mailbox"), failed), err)
	}
	return err
}

// watch waits until PostgreSQL or Kratos ends by itself and says which, or until the context ends.
func (s *stack) watch(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.postgres.Done():
		return stopped("PostgreSQL")
	case <-s.kratos.Done():
		return stopped("Kratos")
	}
}

// stopped is the sentence about a part that ended by itself.
func stopped(part string) error {
	return fmt.Errorf("%s has stopped, and Paperplane does not work without it; the data is kept, start again", part)
}

// stop stops what start started, the last first.
func (s *stack) stop() error {
	var failed error
	if s.server != nil {
		failed = errors.Join(failed, s.server.close())
	}
	if s.mailListener != nil {
		_ = s.mailListener.Close() // closed already when it was served
	}
	if s.kratos != nil {
		failed = errors.Join(failed, s.kratos.Stop())
	}
	if s.postgres != nil {
		failed = errors.Join(failed, s.postgres.Stop())
	}
	return failed
}

// check says in one sentence which port is taken.
func (p stackPorts) check(ctx context.Context) error {
	for _, port := range []struct {
		number        int
		program, flag string
	}{
		{p.public, "Paperplane's pages", "--port"},
		{p.internal, "Kratos' hooks", "--internal-port"},
		{p.mailbox, "the mailbox", "--mailbox-port"},
		{p.kratosPublic, "Kratos' public API", "--kratos-public-port"},
		{p.kratosAdmin, "Kratos' admin API", "--kratos-admin-port"},
		{p.postgres, "PostgreSQL", "--postgres-port"},
	} {
		if err := local.CheckPort(ctx, port.number, port.program, port.flag); err != nil {
			return err
		}
	}
	return nil
}

// configuration is the content of a stack's configuration file.
func (o stackOptions) configuration(dsn string) map[string]any {
	type section = map[string]any
	at := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	url := func(port int) string { return "http://" + at(port) }
	return section{
		"public": section{"url": url(o.ports.public), "listen": at(o.ports.public)},
		"internal": section{
			"url": url(o.ports.internal), "listen": at(o.ports.internal), "hook_key": o.secrets.HookKey,
		},
		"database": section{"dsn": dsn},
		"kratos": section{
			"public_url": url(o.ports.kratosPublic), "admin_url": url(o.ports.kratosAdmin), "secret": o.secrets.KratosSecret,
			"sms": section{"url": url(o.ports.mailbox) + "/sms", "authorization": "Bearer " + o.secrets.SMSKey},
		},
		"mail": section{
			"from": "Paperplane <invitations@paperplane.example>",
			"resend": section{
				"base_url": url(o.ports.mailbox), "api_key": o.secrets.APIKey, "webhook_secret": o.secrets.WebhookSecret,
			},
		},
		"links": section{"keys": []section{{"id": "k1", "secret": o.secrets.LinkKey}}},
		"pages": section{"secret": o.secrets.PagesSecret},
	}
}

// realTime is the clock of people.
func realTime() timing {
	return timing{now: time.Now, upkeep: upkeepInterval, refusal: flows.RefusalTime}
}
