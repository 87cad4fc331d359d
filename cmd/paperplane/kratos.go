package main

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"paperplane/config"
	"paperplane/extension/kratos"
	"paperplane/webhooks"
)

// kratosFlags are where Kratos listens and sends its own letters; the rest is in Paperplane's configuration.
type kratosFlags struct {
	publicHost, adminHost string
	publicPort, adminPort int
	courierURL            string // empty: Kratos sends nothing
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

Without --courier-url Kratos gets no courier and sends nothing. It needs none: recovery and verification, which would
write to people, are switched off.`,
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
	f.StringVar(&flags.courierURL, "courier-url", "", "`address` that takes Kratos' own letters and text messages, at /email and /sms below it")
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
	return kratos.Configuration(kratos.ConfigurationOptions{
		Public:   kratos.Listener{Host: flags.publicHost, Port: flags.publicPort, BaseURL: c.Kratos.PublicURL},
		Admin:    kratos.Listener{Host: flags.adminHost, Port: flags.adminPort, BaseURL: c.Kratos.AdminURL},
		PagesURL: c.Public.URL.String(), CookieDomain: flags.cookieDomain, SessionCookie: c.Kratos.SessionCookie,
		HooksURL: c.Internal.URL + "/hooks", HooksKey: c.Internal.HookKey.Reveal(),
		GuardBody: webhooks.GuardBody(c.Kratos.SessionCookie), ReportBody: webhooks.ReportBody(),
		CourierURL: flags.courierURL, CourierKey: courierKey(c), CourierBody: webhooks.CourierBody(),
		SecretDefault: derive(c.Kratos.Secret, "default"), SecretCookie: derive(c.Kratos.Secret, "cookie"),
		SecretCipher: derive(c.Kratos.Secret, "cipher"), Issuer: flags.issuer,
		MinPasswordLength: c.Kratos.MinPasswordLength, BreachCheck: flags.breachCheck,
	})
}

// courierKey is what Kratos' courier shows to whoever takes its messages. Without kratos.secret there is none, because
// everybody could derive one from nothing.
func courierKey(c config.Config) string {
	if c.Kratos.Secret.IsZero() {
		return ""
	}
	return derive(c.Kratos.Secret, "courier")
}

// derive makes one of Kratos' secrets (HKDF-SHA-256, RFC 5869): 32 characters, which is what its cipher wants exactly.
func derive(secret config.Secret, purpose string) string {
	key, err := hkdf.Key(sha256.New, []byte(secret.Reveal()), nil, "paperplane kratos "+purpose, 24)
	if err != nil {
		panic(err) // only a length beyond 255 hashes fails
	}
	return base64.RawURLEncoding.EncodeToString(key)
}
