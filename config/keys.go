package config

import "strings"

// key describes one setting. The list of keys is the only place that knows them all: loading, the environment, flags,
// printing and the table of the documentation follow it.
type key struct {
	name     string // such as database.max_connections
	fallback string // the default, as one would write it in the environment; empty when there is none
	meaning  string // for the table and the flags' help
	required bool
	secret   bool // may not be a flag, because every process of the machine can read those
	field
}

// field connects a key to its place in a Config.
type field struct {
	// store checks a value of YAML, the environment or a flag and keeps it. Its error is a sentence for the operator
	// that never repeats the value.
	store func(value any) error
	// show returns the kept value for YAML.
	show func() any
}

// bind makes the field of a place and the function that reads values for it.
func bind[T any](place *T, parse func(any) (T, error), show func(T) any) field {
	return field{
		store: func(value any) error {
			parsed, err := parse(value)
			if err == nil {
				*place = parsed
			}
			return err
		},
		show: func() any { return show(*place) },
	}
}

// plain shows a value as YAML would write it anyway.
func plain[T any](value T) any { return value }

// prefix starts the name of every environment variable of Paperplane.
const prefix = "PAPERPLANE_"

// variable is the environment variable of a key: PAPERPLANE_ and the key in upper case with _ for every dot. The way
// back is a look-up in the list of keys, because keys hold underscores too.
func (k key) variable() string { return prefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_")) }

// flag is the flag of a key, without dashes in front: the key with - for every dot and underscore.
func (k key) flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(k.name) }

// keys lists all settings in the order in which they are shown, each bound to its place in c.
func keys(c *Config) []key {
	var all []key
	for _, section := range [][]key{
		publicKeys(&c.Public), internalKeys(&c.Internal), databaseKeys(&c.Database), kratosKeys(&c.Kratos), textMessageKeys(&c.Kratos.SMS),
		mailKeys(&c.Mail), resendKeys(&c.Mail.Resend), smtpKeys(&c.Mail.SMTP), linkKeys(&c.Links, &c.Pages), accountKeys(&c.Accounts), workKeys(&c.Jobs, &c.Log),
	} {
		all = append(all, section...)
	}
	return all
}

func publicKeys(public *Public) []key {
	return []key{
		{
			name: "public.url", required: true, field: bind(&public.URL, parseOrigin, showURL),
			meaning: "The one address that people see in their browser: scheme, host and port, no path. It must be https, except on a loopback host.",
		},
		{
			name: "public.listen", fallback: "127.0.0.1:4455", field: bind(&public.Listen, parseListen, plain),
			meaning: "Host and port that pages are served on. TLS ends in a proxy in front.",
		},
		{
			name: "public.trusted_proxies", field: bind(&public.TrustedProxies, parseNetworks, plain),
			meaning: "Networks (CIDR) of the proxies whose X-Forwarded-For is believed. Behind a proxy that is not listed, every visitor has the proxy's address.",
		},
		{
			name: "public.return_origins", field: bind(&public.ReturnOrigins, parseOrigins, plain),
			meaning: "Origins of your applications, such as `https://app.example.com`, separated by commas: where the gate may send people back to after they have signed in.",
		},
	}
}

func internalKeys(internal *Internal) []key {
	return []key{
		{
			name: "internal.listen", fallback: "127.0.0.1:4456", field: bind(&internal.Listen, parsePrivateListen, plain),
			meaning: "Host and port that Kratos' hooks are served on: a loopback or private address, or a host name that stands for one. Never reachable from outside.",
		},
		{
			name: "internal.url", fallback: "http://127.0.0.1:4456", field: bind(&internal.URL, parseBase, plain),
			meaning: "Where Kratos reaches the internal listener.",
		},
		{
			name: "internal.hook_key", required: true, secret: true, field: bind(&internal.HookKey, parseKey, plain),
			meaning: "Secret that Kratos' hooks prove themselves with, at least 32 characters.",
		},
	}
}

func databaseKeys(database *Database) []key {
	return []key{
		{ //nolint:gosec // the password in it is the word PASSWORD
			name: "database.dsn", required: true, secret: true, field: bind(&database.DSN, parseDSN, plain),
			meaning: "PostgreSQL, as `postgres://USER:PASSWORD@HOST:5432/NAME?sslmode=verify-full`. Any other sslmode needs a loopback host or database.insecure.",
		},
		{
			name: "database.insecure", fallback: "false", field: bind(&database.Insecure, parseBool, plain),
			meaning: "Allow a database connection that does not verify its server. Only for a network that nobody else is on.",
		},
		{
			name: "database.max_connections", fallback: "10", field: bind(&database.MaxConnections, parseInt(4, 1000), plain),
			meaning: "How many database connections pages and jobs open at most; locks and the job engine open a few more of their own.",
		},
	}
}

func kratosKeys(kratos *Kratos) []key {
	return []key{
		{
			name: "kratos.public_url", fallback: "http://127.0.0.1:4433", field: bind(&kratos.PublicURL, parseBase, plain),
			meaning: "Where Paperplane reaches Kratos' public API. Browsers never go there.",
		},
		{
			name: "kratos.admin_url", fallback: "http://127.0.0.1:4434", field: bind(&kratos.AdminURL, parseBase, plain),
			meaning: "Where Paperplane reaches Kratos' admin API. It has no authentication, so nobody else may reach it.",
		},
		{
			name: "kratos.session_cookie", fallback: "ory_kratos_session", field: bind(&kratos.SessionCookie, parseCookieName, plain),
			meaning: "The name of Kratos' session cookie: what `paperplane kratos config` tells Kratos (session.cookie.name).",
		},
		{
			name: "kratos.secret", secret: true, field: bind(&kratos.Secret, parseKey, plain),
			meaning: "Secret that Kratos' own secrets are derived from, at least 32 characters. Only `paperplane kratos config` uses it.",
		},
		{
			name: "kratos.min_password_length", fallback: "12", field: bind(&kratos.MinPasswordLength, parseInt(minPassword, maxMinPassword), plain),
			meaning: "How many characters a password has at least: what `paperplane kratos config` tells Kratos and the pages tell people. A Kratos that is configured otherwise must demand the same.",
		},
		{
			name: "kratos.direct_second_step", fallback: "false", field: bind(&kratos.DirectSecondStep, parseBool, plain),
			meaning: "Let second factors count that were shown at Kratos itself, as programs with session tokens do. Nobody counts wrong codes there: put limits in front of Kratos' public API first. With account pages of your own (accounts.login_url) they always count.",
		},
		{
			name: "kratos.providers", field: bind(&kratos.Providers, parseProviders, plain),
			meaning: "Social sign-ins that Kratos is configured with, as `id=Name` separated by commas, or a list of `id` and `name`: invitees can link one of them instead of choosing a password.",
		},
	}
}

func textMessageKeys(sms *SMS) []key {
	return []key{
		{
			name: "kratos.sms.url", field: bind(&sms.URL, parseBase, plain),
			meaning: "Where Kratos posts text messages: your SMS gateway. Without it, nobody can be sent a code to their mobile. Only `paperplane kratos config` uses it.",
		},
		{
			name: "kratos.sms.authorization", secret: true, field: bind(&sms.Authorization, parsePassword, plain),
			meaning: "Value of the Authorization header that the gateway wants, such as `Bearer …` or `Basic …`. **Required** with kratos.sms.url.",
		},
		{
			name: "kratos.sms.insecure", fallback: "false", field: bind(&sms.Insecure, parseBool, plain),
			meaning: "Allow plain http to a kratos.sms.url that is not on a loopback host. Only for a network that nobody else is on.",
		},
	}
}

// accountKeys name the pages of an operator's own. Each takes what Kratos adds to such an address (flow, return_to).
func accountKeys(accounts *Accounts) []key {
	return []key{
		{
			name: "accounts.login_url", field: bind(&accounts.LoginURL, parsePage, plain),
			meaning: "Your own sign-in page for Kratos, with the second step. Set all five accounts addresses to switch Paperplane's account pages off; leave them all out to use Paperplane's.",
		},
		{
			name: "accounts.settings_url", field: bind(&accounts.SettingsURL, parsePage, plain),
			meaning: "Your own settings page for Kratos. Invitees are sent there to register and to set up a second factor.",
		},
		{
			name: "accounts.recovery_url", field: bind(&accounts.RecoveryURL, parsePage, plain),
			meaning: "Your own recovery page for Kratos.",
		},
		{
			name: "accounts.verification_url", field: bind(&accounts.VerificationURL, parsePage, plain),
			meaning: "Your own verification page for Kratos.",
		},
		{
			name: "accounts.error_url", field: bind(&accounts.ErrorURL, parsePage, plain),
			meaning: "Your own error page for Kratos.",
		},
	}
}

func mailKeys(mail *Mail) []key {
	return []key{
		{
			name: "mail.provider", fallback: string(ProviderResend), field: bind(&mail.Provider, parseOneOf(ProviderResend, ProviderSMTP), plain),
			meaning: "Who sends the letters: `resend`, or `smtp` for a mail server of your own. Only Resend tells what became of a message afterwards.",
		},
		{
			name: "mail.from", required: true, field: bind(&mail.From, parseMailbox, plain),
			meaning: "The mailbox that letters come from, such as `Example <invitations@example.com>`.",
		},
	}
}

func resendKeys(resend *Resend) []key {
	return []key{
		{
			name: "mail.resend.api_key", secret: true, field: bind(&resend.APIKey, parseToken, plain),
			meaning: "Resend's API key, with the right to send. **Required** when mail.provider is `resend`.",
		},
		{
			name: "mail.resend.webhook_secret", secret: true, field: bind(&resend.WebhookSecret, parseWebhookSecret, plain),
			meaning: "Signing secret (`whsec_…`) of a Resend webhook that calls `/hooks/mail/resend` below public.url with all email events but opened and clicked. Without it nobody learns what was delivered and what bounced.",
		},
		{
			name: "mail.resend.base_url", fallback: "https://api.resend.com", field: bind(&resend.BaseURL, parseBase, plain),
			meaning: "Where Resend's API, or what speaks its contract, is reached.",
		},
		{
			name: "mail.resend.insecure", fallback: "false", field: bind(&resend.Insecure, parseBool, plain),
			meaning: "Allow plain http to a mail.resend.base_url that is not on a loopback host. Only for trying out.",
		},
	}
}

func smtpKeys(smtp *SMTP) []key {
	return []key{
		{
			name: "mail.smtp.host", field: bind(&smtp.Host, parseHost, plain),
			meaning: "Name or address of the mail server. **Required** when mail.provider is `smtp`.",
		},
		{
			name: "mail.smtp.port", fallback: "587", field: bind(&smtp.Port, parseInt(1, 65535), plain),
			meaning: "Port that the mail server takes submissions on: 587 as a rule, 465 with mail.smtp.tls `implicit`.",
		},
		{
			name: "mail.smtp.username", field: bind(&smtp.Username, parseText, plain),
			meaning: "Name to sign in with. Leave it and mail.smtp.password out where the server wants none.",
		},
		{
			name: "mail.smtp.password", secret: true, field: bind(&smtp.Password, parsePassword, plain),
			meaning: "Password to sign in with.",
		},
		{
			name: "mail.smtp.tls", fallback: string(TLSStart), field: bind(&smtp.TLS, parseOneOf(TLSStart, TLSImplicit, TLSNone), plain),
			meaning: "Encryption: `starttls`, `implicit` (from the first byte on) or, on a loopback host, `none`. The server's certificate is always verified.",
		},
		{
			name: "mail.smtp.insecure", fallback: "false", field: bind(&smtp.Insecure, parseBool, plain),
			meaning: "Allow mail.smtp.tls `none` to a host that is not a loopback one. Only for a network that nobody else is on.",
		},
	}
}

func linkKeys(links *Links, pages *Pages) []key {
	return []key{
		{
			name: "links.keys", required: true, secret: true, field: bind(&links.Keys, parseLinkKeys, plain),
			meaning: "Keys that invitation links are made with, the current one first: a list of `id` and `secret` (at least 32 bytes), in the environment `id:secret,id:secret`. Keep a retired key until its last link has expired.",
		},
		{
			name: "pages.secret", required: true, secret: true, field: bind(&pages.Secret, parseKey, plain),
			meaning: "Secret that protects forms against cross-site requests, at least 32 characters, the same on every replica.",
		},
	}
}

func workKeys(jobs *Jobs, log *Log) []key {
	return []key{
		{
			name: "jobs.workers", fallback: "4", field: bind(&jobs.Workers, parseInt(1, 100), plain),
			meaning: "How many jobs run at the same time in this process. A job uses two database connections at once and the upkeep two more, so database.max_connections must be at least twice this number plus two.",
		},
		{
			name: "jobs.lease", fallback: "1m", field: bind(&jobs.Lease, parseDuration(minLease, maxLease), showDuration),
			meaning: "How long a process keeps work that it took. After a crash the others take it over when this time is up; a call to Kratos or the mail provider that takes longer may be made twice, which is safe and slow.",
		},
		{
			name: "log.level", fallback: "info", field: bind(&log.Level, parseLevel, showLevel),
			meaning: "The least severe log lines that are written: `debug`, `info`, `warn` or `error`.",
		},
		{
			name: "log.format", fallback: string(LogText), field: bind(&log.Format, parseOneOf(LogText, LogJSON), plain),
			meaning: "How log lines look: `text` or `json`.",
		},
	}
}
