// Package config reads Paperplane's configuration: defaults in code, then a YAML file, then PAPERPLANE_* environment
// variables, then flags, each overruling the one before. It owns the list of keys, their checks and how secrets are
// kept from being printed; it is the only package that reads the environment, and only the command imports it, so every
// other package is handed its own few values.
//
// Everything that is wrong is reported at once, one line a key. Nothing is guessed: an unknown key, an unknown
// PAPERPLANE_* variable, a bad address, a short secret and settings that contradict each other are all refused.
package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"time"
)

// Config is the effective configuration. Load fills it; the zero value configures nothing.
type Config struct {
	Public   Public
	Internal Internal
	Database Database
	Kratos   Kratos
	Mail     Mail
	Links    Links
	Pages    Pages
	Accounts Accounts
	Jobs     Jobs
	Log      Log
}

// Public is what browsers reach.
type Public struct {
	// URL is the one origin that browsers see: scheme and lower-case host, the port only where it is not the scheme's
	// own, no path. Links in letters start with it. Nil when the configuration was refused.
	URL *url.URL
	// Listen is host:port of the public listener. TLS ends before it, in a proxy.
	Listen string
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// ReturnOrigins are the origins of applications (RFC 6454 §6.1) to which people may be sent back after sign-in.
	ReturnOrigins []string
}

// Internal is what only Kratos reaches: its hooks.
type Internal struct {
	// Listen is host:port of the internal listener: a loopback or private address, or a name that stands for one.
	Listen string
	// URL is where Kratos reaches that listener: scheme, host and port, without a slash at the end.
	URL string
	// HookKey is what Kratos' hooks send to prove themselves.
	HookKey Secret
}

// Database is PostgreSQL.
type Database struct {
	// DSN says where it is. It demands a verified server unless the host is a loopback one or Insecure is set.
	DSN DSN
	// Insecure allows a connection over a network without a verified server.
	Insecure bool
	// MaxConnections is how many connections the pool of pages and jobs opens at most. There are enough for all workers.
	MaxConnections int
}

// Kratos is how Paperplane reaches Ory Kratos, from server to server.
type Kratos struct {
	// PublicURL is Kratos' public API, without a slash at the end.
	PublicURL string
	// AdminURL is Kratos' admin API, without a slash at the end.
	AdminURL string
	// SessionCookie is the name that Kratos gives its session cookie.
	SessionCookie string
	// Secret is what the secrets in a configuration written for Kratos are derived from; zero when Kratos has its own.
	Secret Secret
	// MinPasswordLength is how many characters a password has at least, from 8 to 64.
	MinPasswordLength int
	// Providers are the social sign-ins that Kratos is configured with, in the order in which pages offer them.
	Providers []SocialSignIn
	// DirectSecondStep lets second steps count that were taken at Kratos itself, as those of programs with session tokens are.
	DirectSecondStep bool
	// SMS is the gateway that Kratos hands its text messages to; without a URL it sends none.
	SMS SMS
}

// SocialSignIn is one account elsewhere that people can sign in with.
type SocialSignIn struct {
	ID   string `yaml:"id"`   // as Kratos is configured with it
	Name string `yaml:"name"` // as buttons call it
}

// SMS is how Kratos reaches a gateway for text messages.
type SMS struct {
	// URL takes one POST for each message.
	URL string
	// Authorization is the value of that header; there is one with every URL.
	Authorization Secret
	// Insecure allows plain http to a host that is not a loopback one.
	Insecure bool
}

// Mail is how letters leave.
type Mail struct {
	// Provider is who sends.
	Provider Provider
	// From is the mailbox that letters come from, as RFC 5322 §3.4 writes it, such as "Example" <invitations@example.com>.
	From string
	// Resend is how Resend is reached; without a key when another provider sends.
	Resend Resend
	// SMTP is how a mail server is reached; without a host when another provider sends.
	SMTP SMTP
}

// Provider names a mail provider.
type Provider string

// The providers.
const (
	ProviderResend Provider = "resend" // Resend, or whatever else speaks its HTTP contract
	ProviderSMTP   Provider = "smtp"   // a mail server that takes submissions (RFC 6409)
)

// Resend is how Resend's API is reached.
type Resend struct {
	// APIKey is sent with every call.
	APIKey Secret
	// WebhookSecret is what Resend signs its webhooks with, whsec_ in front; zero when it sends none, so that nothing is
	// known of a message beyond its acceptance.
	WebhookSecret Secret
	// BaseURL is where the API is, without a slash at the end.
	BaseURL string
	// Insecure allows plain http to a host that is not a loopback one.
	Insecure bool
}

// SMTP is how a mail server is reached.
type SMTP struct {
	// Host is its name or address.
	Host string
	// Port is where it takes submissions.
	Port int
	// Username and Password sign in there; both empty where it wants neither.
	Username string
	Password Secret
	// TLS is how the connection is encrypted.
	TLS TLS
	// Insecure allows TLSNone to a host that is not a loopback one.
	Insecure bool
}

// TLS is how a connection to a mail server is encrypted. The server's certificate is verified in either way.
type TLS string

// The ways.
const (
	TLSStart    TLS = "starttls" // begun in the clear and then demanded (RFC 3207)
	TLSImplicit TLS = "implicit" // from the first byte on (RFC 8314 §3)
	TLSNone     TLS = "none"     // not at all
)

// Links is how invitation links are made.
type Links struct {
	// Keys are the secrets that links are derived from, the one for new links first.
	Keys []LinkKey
}

// LinkKey is one of them.
type LinkKey struct {
	ID     string `yaml:"id"` // lower-case letters and digits; stands in every link made with it
	Secret Secret `yaml:"secret"`
}

// Pages is what the web pages need.
type Pages struct {
	// Secret is the key of the tokens that forms carry against cross-site requests.
	Secret Secret
}

// Accounts are the addresses of an operator's own account pages, which take the place of ours. There are all or none.
type Accounts struct {
	LoginURL        string
	SettingsURL     string
	RecoveryURL     string
	VerificationURL string
	ErrorURL        string
}

// Own tells whether the operator has account pages of their own.
func (a Accounts) Own() bool { return a != Accounts{} }

// partly tells whether some of the pages are the operator's own and some are not.
func (a Accounts) partly() bool {
	return a.Own() && (a.LoginURL == "" || a.SettingsURL == "" || a.RecoveryURL == "" || a.VerificationURL == "" || a.ErrorURL == "")
}

// Jobs is the background work.
type Jobs struct {
	// Workers is how many jobs run at the same time in this process, each on up to two database connections.
	Workers int
	// Lease is how long a process keeps work that it took before others may take it: after a crash it lies for this long.
	Lease time.Duration
}

// Log is what is written to standard error.
type Log struct {
	// Level is the least severe level that is written.
	Level slog.Level
	// Format is how a line looks.
	Format LogFormat
}

// LogFormat is how a log line looks.
type LogFormat string

// The formats.
const (
	LogText LogFormat = "text" // key=value, for people
	LogJSON LogFormat = "json" // one JSON object a line, for collectors
)
