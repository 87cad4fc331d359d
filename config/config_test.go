package config_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"paperplane/config"
)

const (
	hookKey    = "hook-key-0123456789abcdef0123456789"
	pageSecret = "page-secret-0123456789abcdef0123456"
	linkSecret = "link-secret-0123456789abcdef0123456"
	olderLink  = "older-link-0123456789abcdef01234567"
	apiKey     = "re_0123456789"
	hookSecret = "whsec_bWFpbC13ZWJob29rLXNlY3JldC0wMTIzNDU2Nzg5"
)

// required is the smallest environment that is accepted, changed by lines of NAME=value; a line NAME= unsets one.
func required(changes ...string) []string {
	environ := []string{
		"PAPERPLANE_PUBLIC_URL=https://people.example.com",
		"PAPERPLANE_INTERNAL_HOOK_KEY=" + hookKey,
		"PAPERPLANE_DATABASE_DSN=postgres://paperplane:dbpass@127.0.0.1/paperplane",
		"PAPERPLANE_MAIL_FROM=Example Ltd <invitations@example.com>",
		"PAPERPLANE_MAIL_RESEND_API_KEY=" + apiKey,
		"PAPERPLANE_LINKS_KEYS=k2:" + linkSecret + ",k1:" + olderLink,
		"PAPERPLANE_PAGES_SECRET=" + pageSecret,
	}
	for _, change := range changes {
		name, _, _ := strings.Cut(change, "=")
		for i, line := range environ {
			if strings.HasPrefix(line, name+"=") {
				environ[i] = change
				change = ""
				break
			}
		}
		if change != "" {
			environ = append(environ, change)
		}
	}
	return environ
}

// write puts a configuration file into a folder of the test.
func write(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "paperplane.yml")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// flags parses arguments as a command would.
func flags(t *testing.T, arguments ...string) *pflag.FlagSet {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(set)
	if err := set.Parse(arguments); err != nil {
		t.Fatal(err)
	}
	return set
}

// problems loads and returns what is wrong, one line each.
func problems(t *testing.T, from config.Sources) []string {
	t.Helper()
	_, err := config.Load(from)
	if err == nil {
		return nil
	}
	var refused *config.Error
	if !errors.As(err, &refused) {
		t.Fatalf("Load: %v is no *config.Error", err)
	}
	lines := make([]string, len(refused.Problems))
	for i, problem := range refused.Problems {
		lines[i] = problem.String()
	}
	return lines
}

func TestTheRequiredSettingsAndTheDefaultsAreEnough(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Sources{Environ: required()})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Public.URL.String(), "https://people.example.com"; got != want {
		t.Errorf("public URL %q, want %q", got, want)
	}
	if got, want := c.Database.DSN.Reveal(), "postgres://paperplane:dbpass@127.0.0.1:5432/paperplane?sslmode=disable"; got != want {
		t.Errorf("DSN %q, want %q", got, want)
	}
	c.Public.URL, c.Database.DSN = nil, config.DSN{}
	want := config.Config{
		Public:   config.Public{Listen: "127.0.0.1:4455"},
		Internal: config.Internal{Listen: "127.0.0.1:4456", URL: "http://127.0.0.1:4456", HookKey: config.NewSecret(hookKey)},
		Database: config.Database{MaxConnections: 10},
		Kratos: config.Kratos{
			PublicURL: "http://127.0.0.1:4433", AdminURL: "http://127.0.0.1:4434", SessionCookie: "ory_kratos_session",
			MinPasswordLength: 12,
		},
		Mail: config.Mail{
			Provider: config.ProviderResend, From: `"Example Ltd" <invitations@example.com>`,
			Resend: config.Resend{APIKey: config.NewSecret(apiKey), BaseURL: "https://api.resend.com"},
			SMTP:   config.SMTP{Port: 587, TLS: config.TLSStart},
		},
		Links: config.Links{Keys: []config.LinkKey{
			{ID: "k2", Secret: config.NewSecret(linkSecret)}, {ID: "k1", Secret: config.NewSecret(olderLink)},
		}},
		Pages: config.Pages{Secret: config.NewSecret(pageSecret)},
		Jobs:  config.Jobs{Workers: 4, Lease: time.Minute},
		Log:   config.Log{Level: slog.LevelInfo, Format: config.LogText},
	}
	if diff := cmp.Diff(want, c, cmp.AllowUnexported(config.DSN{})); diff != "" {
		t.Errorf("configuration differs (-want +got):\n%s", diff)
	}
}

func TestEachSourceOverrulesTheOneBefore(t *testing.T) {
	t.Parallel()
	name := write(t, `
log: {level: warn, format: json}
jobs: {workers: 5}
database:
  max_connections: 20
public:
  trusted_proxies: [10.0.0.0/8, "fd00::/8"]
links:
  keys:
    - {id: file, secret: `+linkSecret+`}
`)
	c, err := config.Load(config.Sources{
		Environ: required("PAPERPLANE_CONFIG="+name, "PAPERPLANE_LOG_LEVEL=error", "PAPERPLANE_JOBS_WORKERS=6", "PAPERPLANE_LINKS_KEYS="),
		Flags:   flags(t, "--jobs-workers=7", "--database-insecure"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Kratos.SessionCookie != "ory_kratos_session" || c.Log.Format != config.LogJSON || c.Log.Level != slog.LevelError ||
		c.Jobs.Workers != 7 || c.Database.MaxConnections != 20 || !c.Database.Insecure {
		t.Errorf("got %v %v %v %v %v %v", c.Kratos.SessionCookie, c.Log.Format, c.Log.Level, c.Jobs.Workers, c.Database.MaxConnections, c.Database.Insecure)
	}
	networks := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	if diff := cmp.Diff(networks, c.Public.TrustedProxies, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	if len(c.Links.Keys) != 1 || c.Links.Keys[0].ID != "file" {
		t.Errorf("an empty variable should leave the file's keys, got %v", c.Links.Keys)
	}
}

func TestTheFlagNamesTheFileBeforeTheEnvironmentDoes(t *testing.T) {
	t.Parallel()
	byFlag, byVariable := write(t, "log: {format: json}"), write(t, "log: {level: debug}")
	c, err := config.Load(config.Sources{Environ: required("PAPERPLANE_CONFIG=" + byVariable), Flags: flags(t, "--config", byFlag)})
	if err != nil {
		t.Fatal(err)
	}
	if c.Log.Format != config.LogJSON || c.Log.Level != slog.LevelInfo {
		t.Errorf("got %v and %v, want those of the flag's file alone", c.Log.Format, c.Log.Level)
	}
}

func TestSecretsAreNoFlags(t *testing.T) {
	t.Parallel()
	set := flags(t)
	for _, name := range []string{"internal-hook-key", "database-dsn", "mail-resend-api-key", "mail-resend-webhook-secret", "mail-smtp-password", "links-keys", "pages-secret"} {
		if set.Lookup(name) != nil {
			t.Errorf("--%s would show a secret to every process of the machine", name)
		}
	}
}

func TestAddressesAreMadeCanonical(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://People.Example.COM":      "https://people.example.com",
		"https://people.example.com:443/": "https://people.example.com",
		"https://people.example.com:8443": "https://people.example.com:8443",
		"http://127.0.0.1:4455":           "http://127.0.0.1:4455",
		"http://localhost:80":             "http://localhost",
		"http://[::1]:4455/":              "http://[::1]:4455",
		"https://[2001:DB8::1]":           "https://[2001:db8::1]",
	} {
		c, err := config.Load(config.Sources{Environ: required("PAPERPLANE_PUBLIC_URL=" + given)})
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		if got := c.Public.URL.String(); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
}

func TestWhatKubernetesAddsIsNoMistake(t *testing.T) {
	t.Parallel()
	found := problems(t, config.Sources{Environ: required(
		"PAPERPLANE_SERVICE_HOST=10.0.0.11", "PAPERPLANE_SERVICE_PORT=4455", "PAPERPLANE_SERVICE_PORT_HTTP=4455",
		"PAPERPLANE_PORT=tcp://10.0.0.11:4455", "PAPERPLANE_PORT_4455_TCP=tcp://10.0.0.11:4455",
		"PAPERPLANE_PORT_4455_TCP_PROTO=tcp", "PAPERPLANE_PORT_4455_TCP_PORT=4455", "PAPERPLANE_PORT_4455_TCP_ADDR=10.0.0.11",
		"PAPERPLANE_INTERNAL_SERVICE_HOST=10.0.0.12", "PAPERPLANE_INTERNAL_PORT=tcp://10.0.0.12:4456",
	)})
	if len(found) > 0 {
		t.Errorf("refused:\n%s", strings.Join(found, "\n"))
	}
	if found := problems(t, config.Sources{Environ: required("PAPERPLANE_PUBLIC_PORT=4455")}); len(found) != 1 {
		t.Errorf("a made-up variable gave %q", found)
	}
}

func TestWhatIsPrintedIsReadAgain(t *testing.T) {
	t.Parallel()
	first, err := config.Load(config.Sources{Environ: required(
		"PAPERPLANE_PUBLIC_TRUSTED_PROXIES=10.0.0.0/8, fd00::/8", "PAPERPLANE_LOG_LEVEL=debug", "PAPERPLANE_KRATOS_ADMIN_URL=http://kratos:4434/base/",
	)})
	if err != nil {
		t.Fatal(err)
	}
	printed := printOut(t, first)
	// The secrets come from the environment again, over the *** of the file.
	second, err := config.Load(config.Sources{Environ: required("PAPERPLANE_PUBLIC_URL=", "PAPERPLANE_MAIL_FROM=", "PAPERPLANE_CONFIG="+write(t, printed))})
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	if diff := cmp.Diff(printed, printOut(t, second)); diff != "" {
		t.Error(diff)
	}
}

func printOut(t *testing.T, c config.Config) string {
	t.Helper()
	var out bytes.Buffer
	if err := config.Print(&out, c); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
