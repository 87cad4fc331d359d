package main

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"paperplane/config"
	"paperplane/extension/kratos"
	"paperplane/webhooks"
)

// kratosFlags are where Kratos listens and what else it serves; the rest is in Paperplane's configuration.
type kratosFlags struct {
	publicHost, adminHost string
	publicPort, adminPort int
	smsBody               string // file; empty: our own
	providers             string // file; empty: no social sign-in
	tokenKeys             string // URL; empty: no tokens
	cookieDomain          string
	issuer                string
	breachCheck           bool
	out                   string
}

func newKratosCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{Use: "kratos", Short: "Write the configuration of the Kratos beside Paperplane"}
	cmd.AddCommand(newKratosConfigCommand(environ), newKratosSchemaCommand())
	return cmd
}

func newKratosSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the identity schema",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(kratos.Schema())
			return err
		},
	}
}

func newKratosConfigCommand(environ []string) *cobra.Command {
	var flags kratosFlags
	cmd := withConfig(&cobra.Command{
		Use:   "config",
		Short: "Write a complete kratos.yml, for Kratos v1.3.1 and v26.2",
		Long: `Write a complete kratos.yml: the identity schema, the hooks that Paperplane needs, and everything around them. It
holds secrets, derived from kratos.secret, and is the same whenever it is written again. Kratos takes its database from
its own environment variable DSN.

Kratos' letters (codes to sign in, to recover an account, to confirm an address) go to the server that internal.url
names, which words and sends them; its courier must run ("kratos serve --watch-courier"). Text messages go to the
gateway that kratos.sms.url names, as an object with "to" and "text" unless --sms-body says otherwise.

--providers names a YAML file with a list of social sign-ins, each with id, kind (generic, google, microsoft, github, …),
client_id and client_secret, and where they apply label, issuer_url, tenant and scopes.`,
	}, environ, func(cmd *cobra.Command, c config.Config) error {
		file, err := kratosConfiguration(c, flags)
		if err != nil {
			return err
		}
		if flags.out == "" {
			_, err = cmd.OutOrStdout().Write(file)
			return err
		}
		if err := os.WriteFile(flags.out, file, 0o640); err != nil { //nolint:gosec // Kratos, in our group, must read it
			return fmt.Errorf("write Kratos configuration: %w", err)
		}
		return nil
	})
	f := cmd.Flags()
	f.StringVar(&flags.publicHost, "serve-public-host", "127.0.0.1", "host that Kratos' public API listens on")
	f.IntVar(&flags.publicPort, "serve-public-port", 4433, "port that Kratos' public API listens on")
	f.StringVar(&flags.adminHost, "serve-admin-host", "127.0.0.1", "host that Kratos' admin API listens on; it has no authentication at all")
	f.IntVar(&flags.adminPort, "serve-admin-port", 4434, "port that Kratos' admin API listens on")
	f.StringVar(&flags.smsBody, "sms-body", "", "`file` with the jsonnet that makes of a text message what your gateway takes")
	f.StringVar(&flags.providers, "providers", "", "`file` with the social sign-ins that accounts can be linked to; it holds secrets")
	f.StringVar(&flags.tokenKeys, "token-keys", "", "`URL` (file://, https:// or base64://) of the private JSON Web Key Set that Kratos signs tokens with; none without it")
	f.StringVar(&flags.cookieDomain, "cookie-domain", "", "domain of Kratos' cookies, where its pages are on several hosts")
	f.StringVar(&flags.issuer, "issuer", "Paperplane", "what an authenticator app calls an account")
	f.BoolVar(&flags.breachCheck, "breach-check", false, "refuse passwords that haveibeenpwned.com knows; Kratos must reach it")
	f.StringVar(&flags.out, "out", "", "file to write; standard output without it")
	return cmd
}

// kratosConfiguration writes Kratos' configuration to fit Paperplane's.
func kratosConfiguration(c config.Config, flags kratosFlags) ([]byte, error) {
	if c.Kratos.Secret.IsZero() {
		return nil, errors.New("kratos.secret is needed here: Kratos' own secrets are derived from it")
	}
	options := kratos.ConfigurationOptions{
		Public:   kratos.Listener{Host: flags.publicHost, Port: flags.publicPort, BaseURL: c.Kratos.PublicURL},
		Admin:    kratos.Listener{Host: flags.adminHost, Port: flags.adminPort, BaseURL: c.Kratos.AdminURL},
		PagesURL: c.Public.URL.String(), CookieDomain: flags.cookieDomain, SessionCookie: c.Kratos.SessionCookie,
		Pages: kratos.Pages{
			Login: c.Accounts.LoginURL, Settings: c.Accounts.SettingsURL, Recovery: c.Accounts.RecoveryURL,
			Verification: c.Accounts.VerificationURL, Error: c.Accounts.ErrorURL,
		},
		HooksURL: c.Internal.URL + "/hooks", HooksKey: c.Internal.HookKey.Reveal(),
		GuardBody: webhooks.GuardBody(c.Kratos.SessionCookie), ReportBody: webhooks.ReportBody(),
		BeforeBody: webhooks.BeforeBody(c.Kratos.SessionCookie), LoginBody: webhooks.LoginBody(), CourierBody: webhooks.CourierBody(),
		SecretDefault: derive(c.Kratos.Secret, "default"), SecretCookie: derive(c.Kratos.Secret, "cookie"),
		SecretCipher: derive(c.Kratos.Secret, "cipher"), Issuer: flags.issuer,
		MinPasswordLength: c.Kratos.MinPasswordLength, BreachCheck: flags.breachCheck,
	}
	if flags.tokenKeys != "" {
		options.Tokens = &kratos.Tokens{ClaimsBody: webhooks.ClaimsMapper(), KeysURL: flags.tokenKeys}
	}
	var err error
	if options.SMS, err = smsGateway(c.Kratos.SMS, flags.smsBody, c.Public.URL.Hostname()); err != nil {
		return nil, err
	}
	if options.Providers, err = providers(flags.providers); err != nil {
		return nil, err
	}
	for _, offered := range c.Kratos.Providers {
		if !slices.ContainsFunc(options.Providers, func(p kratos.Provider) bool { return p.ID == offered.ID }) {
			return nil, fmt.Errorf("kratos.providers offers %q, which --providers does not name", offered.ID)
		}
	}
	return kratos.Configuration(options)
}

// smsGateway is where text messages go; nil when there is no gateway.
func smsGateway(sms config.SMS, bodyFile, host string) (*kratos.SMSGateway, error) {
	if sms.URL == "" {
		return nil, nil
	}
	body := webhooks.SMSBody(host)
	if bodyFile != "" {
		content, err := os.ReadFile(bodyFile) //nolint:gosec // the operator names it
		if err != nil {
			return nil, fmt.Errorf("read --sms-body: %w", err)
		}
		body = string(content)
	}
	return &kratos.SMSGateway{URL: sms.URL, Header: "Authorization", Value: sms.Authorization.Reveal(), Body: body}, nil
}

// provider is one entry of the file that --providers names.
type provider struct {
	ID           string   `yaml:"id"`
	Kind         string   `yaml:"kind"`
	Label        string   `yaml:"label"`
	ClientID     string   `yaml:"client_id"`
	ClientSecret string   `yaml:"client_secret"`
	IssuerURL    string   `yaml:"issuer_url"`
	Tenant       string   `yaml:"tenant"`
	Scopes       []string `yaml:"scopes"`
}

// providers reads the social sign-ins. The error repeats nothing of the file, which holds secrets.
func providers(file string) ([]kratos.Provider, error) {
	if file == "" {
		return nil, nil
	}
	content, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("read --providers: %w", err)
	}
	var listed []provider
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&listed); err != nil {
		return nil, fmt.Errorf("read --providers: %s is no list of providers with id, kind, label, client_id, client_secret, issuer_url, tenant and scopes", file)
	}
	found := make([]kratos.Provider, len(listed))
	for i, p := range listed {
		found[i] = kratos.Provider(p)
	}
	return found, nil
}

// derive makes one of Kratos' secrets (HKDF-SHA-256, RFC 5869): 32 characters, which is what its cipher wants exactly.
func derive(secret config.Secret, purpose string) string {
	key, err := hkdf.Key(sha256.New, []byte(secret.Reveal()), nil, "paperplane kratos "+purpose, 24)
	if err != nil {
		panic(err) // only a length beyond 255 hashes fails
	}
	return base64.RawURLEncoding.EncodeToString(key)
}
