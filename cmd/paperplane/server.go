package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/config"
	"paperplane/extension"
	"paperplane/extension/admin"
	"paperplane/extension/gate"
	"paperplane/extension/invite"
	"paperplane/extension/jobs"
	"paperplane/extension/kratos"
	"paperplane/extension/mail"
	"paperplane/extension/mobile"
	"paperplane/extension/onboard"
	"paperplane/extension/postgres"
	"paperplane/extension/roster"
	"paperplane/extension/web"
	"paperplane/flows"
	"paperplane/webhooks"
)

// What the verbs and pages ask for is what the technologies give.
var (
	_ invite.Store       = (*postgres.DB)(nil)
	_ invite.Identities  = (*kratos.Client)(nil)
	_ invite.Post        = (*mail.Post)(nil)
	_ invite.Queue       = (*jobs.Queue)(nil)
	_ invite.Aligner     = (*roster.Service)(nil)
	_ onboard.Store      = (*postgres.DB)(nil)
	_ onboard.Identities = (*kratos.Client)(nil)
	_ onboard.Settings   = (*kratos.Client)(nil)
	_ onboard.SecondStep = (*kratos.Client)(nil)
	_ onboard.Inviter    = (*invite.Service)(nil)
	_ onboard.Post       = (*mail.Post)(nil)
	_ onboard.Aligner    = (*roster.Service)(nil)
	_ roster.Store       = (*postgres.DB)(nil)
	_ roster.Identities  = (*kratos.Client)(nil)
	_ roster.PolicyStore = (*postgres.DB)(nil)
	_ roster.Holders     = (*kratos.Client)(nil)
	_ admin.Policy       = (*roster.Policy)(nil)
	_ admin.Rescue       = (*onboard.Service)(nil)
	_ gate.Store         = (*postgres.DB)(nil)
	_ gate.Kratos        = (*kratos.Client)(nil)
	_ jobs.Batches       = (*invite.Service)(nil)
	_ jobs.Aligner       = (*roster.Service)(nil)
	_ jobs.Reconciler    = (*onboard.Service)(nil)
	_ jobs.Reminder      = (*invite.Service)(nil)
	_ jobs.Teller        = (*onboard.Service)(nil)
	_ flows.Onboarding   = (*onboard.Service)(nil)
	_ flows.Account      = (*kratos.Client)(nil)
	_ flows.Gate         = (*gate.Gate)(nil)
	_ webhooks.Guard     = (*gate.Gate)(nil)
	_ webhooks.Recorder  = (*onboard.Service)(nil)
	_ webhooks.Courier   = (*onboard.Service)(nil)
)

// upkeepInterval is how often lost work is looked for.
const upkeepInterval = 15 * time.Second

// shutdownTimeout is how long open requests and jobs may take when the process is asked to stop: more than the ten seconds
// after which River gives up on a database connection that does not answer.
const shutdownTimeout = 15 * time.Second

// server is Paperplane, wired.
type server struct {
	config config.Config
	log    *slog.Logger

	db     *postgres.DB
	queue  *jobs.Queue
	engine *jobs.Engine
	kratos *kratos.Client
	links  extension.Links
	mailer mail.Sender

	invite  *invite.Service
	onboard *onboard.Service
	roster  *roster.Service
	policy  *roster.Policy
	gate    *gate.Gate

	shell    *web.Shell
	public   *fiber.App
	internal *fiber.App
}

// timing is what tests set by hand.
type timing struct {
	now     func() time.Time // the application's clock
	upkeep  time.Duration    // how often lost work is looked for
	refusal time.Duration    // how long it takes to hear that a sign-in is refused
}

// newServer wires everything. It connects to nothing yet.
func newServer(ctx context.Context, c config.Config, log *slog.Logger, t timing) (*server, error) {
	s := &server{config: c, log: log}
	if err := s.openParts(ctx); err != nil {
		return nil, err
	}
	s.makeVerbs(t.now)
	var err error
	s.engine, err = jobs.NewEngine(jobs.EngineOptions{
		Queue: s.queue, Batches: s.invite, Aligner: s.roster, Reconciler: s.onboard, Reminder: s.invite, Teller: s.onboard,
		Workers: c.Jobs.Workers, Every: t.upkeep, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.makePages(t); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *server) openParts(ctx context.Context) error {
	var err error
	if s.db, err = postgres.Open(postgres.Options{DSN: s.config.Database.DSN.Reveal(), MaxConnections: s.config.Database.MaxConnections}); err != nil {
		return err
	}
	if s.queue, err = jobs.OpenQueue(ctx, s.config.Database.DSN.Reveal(), s.log); err != nil {
		return errors.Join(err, s.db.Close())
	}
	s.kratos, err = kratos.New(kratos.Options{
		PublicURL: s.config.Kratos.PublicURL, AdminURL: s.config.Kratos.AdminURL, SessionCookie: s.config.Kratos.SessionCookie,
	})
	if err != nil {
		return errors.Join(err, s.close())
	}
	keys := make([]extension.LinkKey, len(s.config.Links.Keys))
	for i, key := range s.config.Links.Keys {
		keys[i] = extension.LinkKey{ID: key.ID, Secret: []byte(key.Secret.Reveal())}
	}
	if s.links, err = extension.NewLinks(keys); err != nil {
		return errors.Join(err, s.close())
	}
	return nil
}

func (s *server) makeVerbs(now func() time.Time) {
	s.roster = roster.New(s.db, s.kratos, now)
	s.gate = gate.New(s.db, s.kratos, s.config.Kratos.SessionCookie, now)
	s.policy = roster.NewPolicy(s.db, s.kratos, now)
	s.mailer = s.sender()
	post := mail.NewPost(s.mailer).From(s.config.Mail.From)
	s.invite = invite.New(invite.Options{
		Store: s.db, Identities: s.kratos, Post: post, Queue: s.queue, Aligner: s.roster, Links: s.links,
		Sender: s.config.Mail.From, PublicURL: s.config.Public.URL.String(), Lease: s.config.Jobs.Lease, Now: now,
	})
	s.onboard = onboard.New(onboard.Options{
		Store: s.db, Identities: s.kratos, Settings: s.kratos, SecondStep: s.kratos, Mobiles: mobile.Normalise, Aligner: s.roster,
		Inviter: s.invite, Post: post, Links: s.links, Secret: []byte(s.config.Pages.Secret.Reveal()), Now: now,
		Direct: s.config.Kratos.DirectSecondStep || s.config.Accounts.Own(), SettingsURL: s.settingsURL(),
	})
}

// settingsURL is the page on which people look after their account: the operator's own, or ours.
func (s *server) settingsURL() string {
	if s.config.Accounts.Own() {
		return s.config.Accounts.SettingsURL
	}
	return s.config.Public.URL.JoinPath("settings").String()
}

// sender chooses who hands letters over.
func (s *server) sender() mail.Sender {
	if s.config.Mail.Provider == config.ProviderSMTP {
		server := s.config.Mail.SMTP
		return mail.NewSMTP(mail.SMTPOptions{
			Host: server.Host, Port: server.Port, Username: server.Username, Password: server.Password.Reveal(),
			TLS: mail.TLS(server.TLS), Hello: s.config.Public.URL.Hostname(),
		})
	}
	options := mail.ResendOptions{APIKey: s.config.Mail.Resend.APIKey.Reveal()}
	if base := s.config.Mail.Resend.BaseURL; base != "" {
		options.BaseURL, _ = url.Parse(base) // config has checked it
	}
	return mail.NewResend(options)
}

// mailEvents reads what the mail provider posts; nil when it was given no secret to sign it with.
func (s *server) mailEvents() webhooks.MailEvents {
	if s.config.Mail.Resend.WebhookSecret.IsZero() {
		return nil
	}
	return mail.NewHooks(s.config.Mail.Resend.WebhookSecret.Reveal())
}

func (s *server) makePages(t timing) error {
	shell, err := web.New(web.Options{
		PublicURL: s.config.Public.URL, TrustedProxies: s.config.Public.TrustedProxies,
		Secret: []byte(s.config.Pages.Secret.Reveal()), Log: s.log, SessionCookie: s.config.Kratos.SessionCookie, Now: t.now,
		Checks: []web.Check{{Name: "postgresql", Ask: s.db.Ready}, {Name: "kratos", Ask: s.kratos.Ready}},
	})
	if err != nil {
		return err
	}
	admin.Mount(admin.Options{Shell: shell, Sessions: s.kratos, Gate: s.gate, Inviter: s.invite, Roster: s.roster, Policy: s.policy, Rescue: s.onboard})
	flows.New(flows.Options{
		Shell: shell, Onboarding: s.onboard, Gate: s.gate, Account: s.kratos,
		SessionCookie: s.config.Kratos.SessionCookie, MinPasswordLength: s.config.Kratos.MinPasswordLength, Mobiles: mobile.Normalise,
		PublicURL: s.config.Public.URL.String(), OwnPages: ownPages(s.config.Accounts), Providers: socialSignIns(s.config.Kratos.Providers),
		ReturnOrigins: s.config.Public.ReturnOrigins, RefusalTime: t.refusal,
	}).Mount()
	shell.Receive(webhooks.ProviderPath, webhooks.Provider(webhooks.ProviderOptions{Events: s.mailEvents(), Recorder: s.invite, Log: s.log}))
	s.shell, s.public = shell, shell.App()
	s.internal = webhooks.New(webhooks.Options{
		Key: s.config.Internal.HookKey.Reveal(), Guard: s.gate, Recorder: s.onboard, Courier: s.onboard, Log: s.log,
	}).App()
	return nil
}

// ownPages are the operator's own account pages; nil for ours.
func ownPages(accounts config.Accounts) *flows.OwnPages {
	if !accounts.Own() {
		return nil
	}
	return &flows.OwnPages{
		Login: accounts.LoginURL, Settings: accounts.SettingsURL, Recovery: accounts.RecoveryURL,
		Verification: accounts.VerificationURL, Error: accounts.ErrorURL,
	}
}

// socialSignIns are the buttons of the pages.
func socialSignIns(configured []config.SocialSignIn) []flows.Provider {
	buttons := make([]flows.Provider, len(configured))
	for i, p := range configured {
		buttons[i] = flows.Provider(p)
	}
	return buttons
}

// migrate brings the schema up to date; replicas that start at once wait for one another.
func (s *server) migrate(ctx context.Context) error {
	applied, err := s.db.MigrateUp(ctx, s.queue.Migrate)
	if err != nil {
		return err
	}
	for _, name := range applied {
		s.log.InfoContext(ctx, "migration applied", "name", name)
	}
	return nil
}

// run listens and works until the context ends, then lets open requests and jobs end. ready is called once both
// listeners are open.
func (s *server) run(ctx context.Context, ready func()) error {
	public, err := listen(ctx, s.config.Public.Listen, "public.listen")
	if err != nil {
		return err
	}
	internal, err := listen(ctx, s.config.Internal.Listen, "internal.listen")
	if err != nil {
		return errors.Join(err, public.Close())
	}
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	if err := s.engine.Start(work); err != nil {
		return errors.Join(err, public.Close(), internal.Close())
	}
	failed := make(chan error, 2)
	go func() { failed <- s.public.Listener(public) }()
	go func() { failed <- s.internal.Listener(internal) }()
	ready()
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	s.shell.EndStreams() // an open page of a batch would keep the server waiting
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return errors.Join(err, s.stop(stopping))
}

// stop lets open requests and jobs end, side by side: one that hangs must not take the others' time.
func (s *server) stop(ctx context.Context) error {
	parts := map[string]func(context.Context) error{
		"pages": s.public.ShutdownWithContext, "internal listener": s.internal.ShutdownWithContext, "jobs": s.engine.Stop,
	}
	ended := make(chan error, len(parts))
	for name, end := range parts {
		go func() {
			err := end(ctx)
			if err != nil {
				err = fmt.Errorf("stop the %s: %w", name, err)
			}
			ended <- err
		}()
	}
	var err error
	for range parts {
		err = errors.Join(err, <-ended)
	}
	return err
}

// close closes what newServer opened.
func (s *server) close() error {
	if s.queue != nil {
		s.queue.Close()
	}
	if server, ok := s.mailer.(*mail.SMTP); ok {
		server.Close()
	}
	return s.db.Close()
}
