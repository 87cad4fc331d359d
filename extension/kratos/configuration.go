package kratos

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// HookKeyHeader is the header in which Kratos shows its key, as a bearer token (RFC 6750), to our hooks and to its
// courier's target. Kratos logs the headers of hooks; of all that could carry a key it blanks out only this one.
const HookKeyHeader = "Authorization"

// The paths under HooksURL that the generated configuration calls; the settings method follows.
const (
	GuardPath  = "/kratos/guard/"
	ReportPath = "/kratos/report/"
)

// The paths under CourierURL that the generated configuration calls, one for each channel.
const (
	courierEmailPath = "/email"
	courierSMSPath   = "/sms"
)

// ConfigurationOptions are what a Kratos beside Paperplane must be told. Everything but DSN, CookieDomain,
// SessionCookie, CourierURL and BreachCheck is required; CourierKey and CourierBody are required with CourierURL.
type ConfigurationOptions struct {
	DSN    string // of Kratos' own database; empty: Kratos takes it from its environment variable DSN
	Public Listener
	Admin  Listener

	PagesURL      string // Paperplane's public URL: what browsers see
	CookieDomain  string // empty: cookies belong to the host of PagesURL alone
	SessionCookie string // name of Kratos' session cookie; empty means DefaultSessionCookie

	HooksURL   string // Paperplane's internal listener, as Kratos reaches it
	HooksKey   string // shown to it in HookKeyHeader
	GuardBody  string // jsonnet of the guard hooks
	ReportBody string // jsonnet of the report hooks

	// CourierURL takes Kratos' own letters at /email and its text messages at /sms below it. Empty: Kratos has no courier.
	// With recovery and verification off, as they are here, Kratos has nothing to send.
	CourierURL  string
	CourierKey  string // shown to it in HookKeyHeader
	CourierBody string // jsonnet of a message

	SecretDefault string // signs and encrypts by default; at least 16 bytes
	SecretCookie  string // signs cookies; at least 16 bytes
	SecretCipher  string // encrypts stored tokens; exactly 32 bytes

	Issuer            string // what an authenticator app calls the account
	MinPasswordLength int    // characters; at least 8 (NIST SP 800-63B-4 §3.1.1.2)
	BreachCheck       bool   // ask haveibeenpwned.com; unreachable it costs every new password 15 seconds
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
	}
	if options.DSN != "" {
		file["dsn"] = options.DSN
	}
	if options.CourierURL != "" {
		file["courier"] = options.courier()
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

func (o ConfigurationOptions) check() error {
	problems := []error{
		checkURL("Public.BaseURL", o.Public.BaseURL), checkURL("Admin.BaseURL", o.Admin.BaseURL),
		checkURL("PagesURL", o.PagesURL), checkURL("HooksURL", o.HooksURL),
	}
	type text struct{ name, value string }
	required := []text{{"HooksKey", o.HooksKey}, {"GuardBody", o.GuardBody}, {"ReportBody", o.ReportBody}, {"Issuer", o.Issuer}}
	if o.CourierURL != "" {
		problems = append(problems, checkURL("CourierURL", o.CourierURL))
		required = append(required, text{"CourierKey", o.CourierKey}, text{"CourierBody", o.CourierBody})
	}
	for _, option := range required {
		if option.value == "" {
			problems = append(problems, fmt.Errorf("%s is missing", option.name))
		}
	}
	if len(o.SecretDefault) < 16 || len(o.SecretCookie) < 16 {
		problems = append(problems, errors.New("SecretDefault and SecretCookie must have at least 16 bytes"))
	}
	if len(o.SecretCipher) != 32 {
		problems = append(problems, errors.New("SecretCipher must have 32 bytes"))
	}
	if o.MinPasswordLength < 8 {
		problems = append(problems, errors.New("MinPasswordLength must be at least 8"))
	}
	return errors.Join(problems...)
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
	return section{
		"lifespan": "24h",
		"cookie":   section{"name": o.SessionCookie, "same_site": "Lax", "persistent": true},
		"whoami":   section{"required_aal": "aal1"},
	}
}

func schemas() section {
	return section{
		"default_schema_id": SchemaID,
		"schemas":           []section{{"id": SchemaID, "url": inline(string(memberSchema))}},
	}
}

// courier hands Kratos' own letters and text messages to us. There are 300 attempts a second apart, because the default
// of five loses a message within seconds of an outage.
func (o ConfigurationOptions) courier() section {
	return section{
		"message_retries":   300,
		"worker":            section{"pull_count": 10, "pull_wait": "1s"},
		"delivery_strategy": "http",
		"http":              section{"request_config": o.courierRequest(courierEmailPath)},
		"channels":          []section{{"id": "sms", "type": "http", "request_config": o.courierRequest(courierSMSPath)}},
	}
}

// courierRequest is the call for one message of a channel.
func (o ConfigurationOptions) courierRequest(path string) section {
	return section{
		"url":     strings.TrimSuffix(o.CourierURL, "/") + path,
		"method":  "POST",
		"body":    inline(o.CourierBody),
		"headers": section{"Content-Type": "application/json"},
		"auth":    apiKey(o.CourierKey),
	}
}

// page is the URL of one of Paperplane's pages.
func (o ConfigurationOptions) page(path string) string {
	return strings.TrimSuffix(o.PagesURL, "/") + path
}

func apiKey(key string) section {
	return section{"type": "api_key", "config": section{"name": HookKeyHeader, "value": "Bearer " + key, "in": "header"}}
}

// inline puts a file's content into the configuration, so that Kratos needs no other file.
func inline(content string) string {
	return "base64://" + base64.StdEncoding.EncodeToString([]byte(content))
}

func withSlash(base string) string {
	return strings.TrimSuffix(base, "/") + "/"
}
