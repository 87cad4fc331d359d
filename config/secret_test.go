package config_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"paperplane/config"
)

// leaks lists every usual way of printing a value that holds a secret.
func leaks(t *testing.T, value any) map[string]string {
	t.Helper()
	shown := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t", "%10s", "%p"} {
		shown["fmt "+verb] = fmt.Sprintf(verb, value)
	}
	shown["fmt.Sprint"] = fmt.Sprint(value)
	shown["error"] = fmt.Errorf("open %v", value).Error()
	for name, marshal := range map[string]func(any) ([]byte, error){"json": json.Marshal, "yaml": yaml.Marshal, "xml": xml.Marshal} {
		text, err := marshal(value)
		if err != nil {
			shown[name] = "not at all" // XML has no form for some of the values
			continue
		}
		shown[name] = string(text)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("loaded", "value", value)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("loaded", "value", value)
	shown["slog"] = log.String()
	return shown
}

func TestNoWayOfPrintingShowsASecret(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Sources{Environ: required()})
	if err != nil {
		t.Fatal(err)
	}
	secret := config.NewSecret(hookKey)
	type holder struct {
		hidden config.Secret // fmt calls no method on an unexported field
		dsn    config.DSN
	}
	for name, value := range map[string]any{
		"secret":         secret,
		"pointer":        &secret,
		"list":           []config.Secret{secret},
		"map":            map[string]config.Secret{"key": secret},
		"link key":       c.Links.Keys[0],
		"dsn":            c.Database.DSN,
		"hidden field":   holder{hidden: secret, dsn: c.Database.DSN},
		"hidden pointer": &holder{hidden: secret, dsn: c.Database.DSN},
		"configuration":  c,
		"pointer to it":  &c,
		"several levels": struct{ Inner any }{c},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way, text := range leaks(t, value) {
				for _, hidden := range []string{hookKey, pageSecret, linkSecret, olderLink, apiKey, "dbpass", fmt.Sprintf("%x", hookKey)} {
					if strings.Contains(text, hidden) {
						t.Errorf("%s shows the secret: %s", way, text)
					}
				}
			}
		})
	}
}

func TestASecretPrintsAsThreeStars(t *testing.T) {
	t.Parallel()
	secret := config.NewSecret(hookKey)
	for way, text := range leaks(t, secret) {
		if way != "fmt %p" && !strings.Contains(text, "***") { // fmt itself answers %p, with the address
			t.Errorf("%s gives %q", way, text)
		}
	}
	if secret.Reveal() != hookKey {
		t.Error("Reveal does not return the secret")
	}
	if none := (config.Secret{}); fmt.Sprint(none) != "" || !none.IsZero() {
		t.Errorf("no secret prints as %q", fmt.Sprint(none))
	}
	if !secret.Equal(config.NewSecret(hookKey)) || secret.Equal(config.NewSecret(pageSecret)) || secret.Equal(config.Secret{}) {
		t.Error("Equal does not compare the secrets")
	}
}

func TestADSNHidesItsPasswordAndNothingElse(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Sources{Environ: required("PAPERPLANE_DATABASE_DSN=postgres://u:db%40pass@[::1]:6432/x?sslmode=verify-full&application_name=pp")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Database.DSN.String(), "postgres://u:***@[::1]:6432/x?application_name=pp&sslmode=verify-full"; got != want {
		t.Errorf("prints %q, want %q", got, want)
	}
	if got, want := c.Database.DSN.Reveal(), "postgres://u:db%40pass@[::1]:6432/x?application_name=pp&sslmode=verify-full"; got != want {
		t.Errorf("reveals %q, want %q", got, want)
	}
}
