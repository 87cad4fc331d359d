package kratos

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// HookKeyHeader is the header in which Kratos shows its key, as a bearer token (RFC 6750), to our hooks and to its
// courier's target. Kratos logs the headers of hooks; of all that could carry a key it blanks out only this one.
const HookKeyHeader = "Authorization"

// The paths under HooksURL that the generated configuration calls. Behind GuardPath and ReportPath stands the settings
// method, behind LoginPath the way in which a second factor was shown.
const (
	GuardPath   = "/kratos/guard/"
	ReportPath  = "/kratos/report/"
	BeforePath  = "/kratos/before"
	LoginPath   = "/kratos/login/"
	CourierPath = "/kratos/courier"
)

// TokenTemplate is the name of the tokenizer's template: GET /sessions/whoami?tokenize_as=paperplane.
const TokenTemplate = "paperplane"

// ConfigurationOptions are what a Kratos beside Paperplane must be told. Everything is required but DSN, CookieDomain,
// SessionCookie, SMS, Pages, Providers, Tokens and BreachCheck.
type ConfigurationOptions struct {
	DSN    string // of Kratos' own database; empty: Kratos takes it from its environment variable DSN
	Public Listener
	Admin  Listener

	PagesURL      string // Paperplane's public URL: what browsers see
	Pages         Pages  // the organisation's own pages, where it has them
	CookieDomain  string // empty: cookies belong to the host of PagesURL alone
	SessionCookie string // name of Kratos' session cookie; empty means DefaultSessionCookie

	HooksURL    string // Paperplane's internal listener, as Kratos reaches it
	HooksKey    string // shown to it in HookKeyHeader
	GuardBody   string // jsonnet of the guard hooks
	ReportBody  string // jsonnet of the report hooks
	BeforeBody  string // jsonnet of the guard that settings open behind
	LoginBody   string // jsonnet of the hooks that witness a second factor
	CourierBody string // jsonnet of an e-mail message of Kratos'

	SMS       *SMSGateway // takes Kratos' text messages; nil: there are none
	Providers []Provider  // of social sign-in; none: it is off
	Tokens    *Tokens     // signed tokens instead of sessions, for those who want them; nil: there are none

	SecretDefault string // signs and encrypts by default; at least 16 bytes
	SecretCookie  string // signs cookies; at least 16 bytes
	SecretCipher  string // encrypts stored tokens; exactly 32 bytes

	Issuer            string // what an authenticator app calls the account
	MinPasswordLength int    // characters; at least 8 (NIST SP 800-63B-4 §3.1.1.2)
	BreachCheck       bool   // ask haveibeenpwned.com; unreachable it costs every new password 15 seconds
}

// Pages are the URLs of an organisation's own account pages. An empty one is ours, under PagesURL.
type Pages struct {
	Login        string
	Settings     string
	Recovery     string
	Verification string
	Error        string
}

// SMSGateway takes text messages over HTTP, by POST. Everything is required.
type SMSGateway struct {
	URL    string
	Header string // in which it is shown Value
	Value  string
	Body   string // jsonnet of its request; see Kratos' documentation of courier channels
}

// Tokens let applications ask Kratos for a signed token instead of a session. The claims are as old as what was last
// published and know nothing of a session's second factor.
type Tokens struct {
	ClaimsBody string // jsonnet of the claims
	KeysURL    string // file://, https:// or base64:// URL of a JSON Web Key Set with the private key (RFC 7517)
}

// Listener is one of Kratos' two APIs.
type Listener struct {
	Host    string // to listen on
	Port    int
	BaseURL string // as others reach it
}

// section is one mapping of the YAML file.
type section map[string]any

// Configuration writes a complete kratos.yml that Kratos v1.3.1 and v26.2 take alike. The result holds secrets. The
// error tells every option that is missing or wrong and shows no value.
func Configuration(options ConfigurationOptions) ([]byte, error) {
	if err := options.check(); err != nil {
		return nil, fmt.Errorf("write Kratos configuration: %w", err)
	}
	if options.SessionCookie == "" {
		options.SessionCookie = DefaultSessionCookie
	}
	file := section{
		"version": "v26.2.0", // what operators run; any other version only warns
		"serve":   section{"public": options.Public.section(), "admin": options.Admin.section()},
		"log":     section{"level": "info", "format": "json", "leak_sensitive_values": false},
		"secrets": section{
			"default": []string{options.SecretDefault},
			"cookie":  []string{options.SecretCookie},
			"cipher":  []string{options.SecretCipher},
		},
		"ciphers":       section{"algorithm": "xchacha20-poly1305"},
		"hashers":       section{"algorithm": "bcrypt", "bcrypt": section{"cost": 12}},
		"cookies":       options.cookies(),
		"session":       options.session(),
		"identity":      schemas(),
		"feature_flags": section{"use_continue_with_transitions": true},
		"selfservice":   options.selfservice(),
		"courier":       options.courier(),
	}
	if options.DSN != "" {
		file["dsn"] = options.DSN
	}
	var out bytes.Buffer
	out.WriteString("# Written by \"paperplane kratos config\" for Ory Kratos v1.3.1 and v26.2. Holds secrets: keep it private.\n")
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(file); err != nil {
		return nil, fmt.Errorf("write Kratos configuration: %w", err)
	}
	return out.Bytes(), encoder.Close()
}

func (l Listener) section() section {
	return section{"host": l.Host, "port": l.Port, "base_url": withSlash(l.BaseURL)}
}

// cookies are Kratos' own; they reach the browser through the relay and so belong to Paperplane's host.
func (o ConfigurationOptions) cookies() section {
	cookies := section{"path": "/", "same_site": "Lax"}
	if o.CookieDomain != "" {
		cookies["domain"] = o.CookieDomain
	}
	return cookies
}

// session keeps whoami at aal1. With highest_available v1.3.1 would demand a second factor of people who cannot have
// one; Paperplane demands it itself, where an organisation wants it.
func (o ConfigurationOptions) session() section {
	whoami := section{"required_aal": "aal1"}
	if o.Tokens != nil {
		whoami["tokenizer"] = section{"templates": section{TokenTemplate: section{
			"jwks_url": o.Tokens.KeysURL, "claims_mapper_url": inline(o.Tokens.ClaimsBody), "ttl": "5m",
		}}}
	}
	return section{
		"lifespan": "24h",
		"cookie":   section{"name": o.SessionCookie, "same_site": "Lax", "persistent": true},
		"whoami":   whoami,
	}
}

func schemas() section {
	return section{
		"default_schema_id": SchemaID,
		"schemas":           []section{{"id": SchemaID, "url": inline(string(memberSchema))}},
	}
}

// courier hands Kratos' letters to us and its text messages to the operator's gateway. There are 300 attempts a second
// apart, because the default of five loses a message within seconds of an outage.
func (o ConfigurationOptions) courier() section {
	courier := section{
		"message_retries":   300,
		"worker":            section{"pull_count": 10, "pull_wait": "1s"},
		"delivery_strategy": "http",
		"http":              section{"request_config": courierRequest(o.hookURL(CourierPath), o.CourierBody, o.hookKey())},
	}
	if o.SMS != nil {
		courier["channels"] = []section{{
			"id": "sms", "type": "http",
			"request_config": courierRequest(o.SMS.URL, o.SMS.Body, apiKey(o.SMS.Header, o.SMS.Value)),
		}}
	}
	return courier
}

// courierRequest is the call for one message.
func courierRequest(target, body string, auth section) section {
	return section{
		"url": target, "method": "POST", "body": inline(body), "auth": auth,
		"headers": section{"Content-Type": "application/json"},
	}
}

// hookURL is one of the paths of our internal listener, as Kratos reaches it.
func (o ConfigurationOptions) hookURL(path string) string {
	return strings.TrimSuffix(o.HooksURL, "/") + path
}

// hookKey is how Kratos shows that it is Kratos.
func (o ConfigurationOptions) hookKey() section { return apiKey(HookKeyHeader, "Bearer "+o.HooksKey) }

func apiKey(header, value string) section {
	return section{"type": "api_key", "config": section{"name": header, "value": value, "in": "header"}}
}

// inline puts a file's content into the configuration, so that Kratos needs no other file.
func inline(content string) string {
	return "base64://" + base64.StdEncoding.EncodeToString([]byte(content))
}

func withSlash(base string) string {
	return strings.TrimSuffix(base, "/") + "/"
}
