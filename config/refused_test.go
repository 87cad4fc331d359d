package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/config"
)

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	name := write(t, `
public:
  url: https://people.example.com/app
  port: 80
log:
  level: loud
colour: blue
`)
	got := problems(t, config.Sources{
		Environ: required("PAPERPLANE_PUBLIC_URL=", "PAPERPLANE_CONFIG="+name, "PAPERPLANE_PAGES_SECRET=short", "PAPERPLANE_DATABSE_DSN=x", "PAPERPLANE_MAIL_FROM="),
		Flags:   flags(t, "--jobs-workers", "0"),
	})
	want := []string{
		"colour: is no setting; check its spelling and its indentation (set by " + name + ")",
		"public.port: is no setting; check its spelling and its indentation (set by " + name + ")",
		"PAPERPLANE_DATABSE_DSN: is no variable of Paperplane; check its spelling or unset it",
		"public.url: has a path; it is a scheme and a host alone (set by " + name + ")",
		"mail.from: is missing; set it in the file or as PAPERPLANE_MAIL_FROM",
		"pages.secret: is too short: 5 characters of at least 32; make one with: openssl rand -hex 32 (set by PAPERPLANE_PAGES_SECRET)",
		"jobs.workers: is not a whole number from 1 to 100 (set by --jobs-workers)",
		"log.level: is not one of: debug, info, warn, error (set by " + name + ")",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems differ (-want +got):\n%s", diff)
	}
}

func TestABadValueIsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ change, want string }{
		"plain http for people":          {"PUBLIC_URL=http://people.example.com", "public.url: is not https"},
		"no address":                     {"PUBLIC_URL=people.example.com", "public.url: is not an address"},
		"another scheme":                 {"PUBLIC_URL=ftp://people.example.com", "public.url: is not an address"},
		"a password in an address":       {"PUBLIC_URL=https://u:p@people.example.com", "public.url: holds a user name"},
		"a query":                        {"PUBLIC_URL=https://people.example.com?x=1", "public.url: has a ? or #"},
		"a host beyond ASCII":            {"PUBLIC_URL=https://bücher.example", "public.url: has a host beyond ASCII"},
		"a host with two dots":           {"PUBLIC_URL=https://people..example", "public.url: has no proper host"},
		"port zero":                      {"PUBLIC_URL=https://people.example.com:0", "public.url: has no port"},
		"a colon without a port":         {"PUBLIC_URL=https://people.example.com:", "public.url: has no port"},
		"a listener without a port":      {"PUBLIC_LISTEN=127.0.0.1", "public.listen: is not host:port"},
		"a listener on port zero":        {"PUBLIC_LISTEN=127.0.0.1:0", "public.listen: is not host:port"},
		"internal on every network":      {"INTERNAL_LISTEN=:4456", "internal.listen: listens on every network"},
		"internal on 0.0.0.0":            {"INTERNAL_LISTEN=0.0.0.0:4456", "internal.listen: listens on every network"},
		"internal on a public address":   {"INTERNAL_LISTEN=203.0.113.7:4456", "internal.listen: is a public address"},
		"internal where public listens":  {"INTERNAL_LISTEN=127.0.0.1:4455", "internal.listen: is where public.listen listens too"},
		"public everywhere, same port":   {"PUBLIC_LISTEN=0.0.0.0:4456", "internal.listen: is where public.listen listens too"},
		"hooks at the public address":    {"INTERNAL_URL=https://people.example.com/", "internal.url: is the public address"},
		"a short hook key":               {"INTERNAL_HOOK_KEY=0123456789abcdef0123456789abcde", "internal.hook_key: is too short: 31"},
		"a hook key with a line break":   {"INTERNAL_HOOK_KEY=" + hookKey + "\n", "internal.hook_key: holds a space"},
		"one secret twice":               {"INTERNAL_HOOK_KEY=" + pageSecret, "pages.secret: pages.secret has the same secret as internal.hook_key"},
		"a link secret used elsewhere":   {"PAGES_SECRET=" + olderLink, "links.keys: key k1 of links.keys has the same secret as pages.secret"},
		"one link secret twice":          {"LINKS_KEYS=a:" + linkSecret + ",b:" + linkSecret, "links.keys: key b of links.keys has the same secret as key a"},
		"one link id twice":              {"LINKS_KEYS=a:" + linkSecret + ",a:" + olderLink, `links.keys: key 2 has the id "a" of a key before it`},
		"a link key without an id":       {"LINKS_KEYS=:" + linkSecret, "links.keys: key 1 has no id"},
		"a link id in capitals":          {"LINKS_KEYS=K1:" + linkSecret, "links.keys: key 1 has no id"},
		"a short link secret":            {"LINKS_KEYS=k1:short", "links.keys: key 1 has a secret that is too short"},
		"an application with a path":     {"PUBLIC_RETURN_ORIGINS=https://a.example.com,https://b.example.com/app", "public.return_origins: origin 2 has a path"},
		"an application without https":   {"PUBLIC_RETURN_ORIGINS=http://a.example.com", "public.return_origins: origin 1 is not https"},
		"a social sign-in without name":  {"KRATOS_PROVIDERS=google=Google,acme", "kratos.providers: entry 2 has no id or no name"},
		"a gateway for everybody":        {"KRATOS_SMS_URL=https://sms.example.com/send", "kratos.sms.authorization: is missing and there is a kratos.sms.url"},
		"one account page of five":       {"ACCOUNTS_LOGIN_URL=https://id.example.com/login", "accounts.login_url: and the other accounts addresses go together"},
		"an account page in the clear":   {"ACCOUNTS_LOGIN_URL=http://id.example.com/login", "accounts.login_url: is not https"},
		"a network of everybody":         {"PUBLIC_TRUSTED_PROXIES=10.0.0.0/8,0.0.0.0/0", "public.trusted_proxies: network 2 is the whole internet"},
		"a network with stray bits":      {"PUBLIC_TRUSTED_PROXIES=10.1.0.0/8", "public.trusted_proxies: network 1 has bits beyond its prefix; write 10.0.0.0/8"},
		"an address for a network":       {"PUBLIC_TRUSTED_PROXIES=10.0.0.7", "public.trusted_proxies: network 1 is not in CIDR form"},
		"a number with a unit":           {"DATABASE_MAX_CONNECTIONS=10x", "database.max_connections: is not a whole number from 4 to 1000"},
		"too few connections for a job":  {"DATABASE_MAX_CONNECTIONS=3", "database.max_connections: is not a whole number from 4 to 1000"},
		"workers short of connections":   {"JOBS_WORKERS=5", "jobs.workers: needs 12 database connections and database.max_connections allows 10: a job uses two at once and the upkeep two more; raise the one or lower the other"},
		"connections short of workers":   {"DATABASE_MAX_CONNECTIONS=9", "jobs.workers: needs 10 database connections and database.max_connections allows 9"},
		"a password of seven characters": {"KRATOS_MIN_PASSWORD_LENGTH=7", "kratos.min_password_length: is not a whole number from 8 to 64"},
		"a password longer than bcrypt":  {"KRATOS_MIN_PASSWORD_LENGTH=73", "kratos.min_password_length: is not a whole number from 8 to 64"},
		"yes for true":                   {"DATABASE_INSECURE=yes", "database.insecure: is neither true nor false"},
		"one Kratos address for both":    {"KRATOS_ADMIN_URL=http://127.0.0.1:4433/", "kratos.admin_url: is the same as kratos.public_url"},
		"Kratos at our own address":      {"KRATOS_PUBLIC_URL=https://people.example.com/kratos", "kratos.public_url: is Paperplane's own"},
		"a cookie name with a space":     {"KRATOS_SESSION_COOKIE=ory session", "kratos.session_cookie: is not a cookie name"},
		"an unknown provider":            {"MAIL_PROVIDER=pigeon", "mail.provider: is not one of: resend"},
		"no mailbox":                     {"MAIL_FROM=Example Ltd", "mail.from: is not a mailbox"},
		"letters in the clear":           {"MAIL_RESEND_BASE_URL=http://mail.example.com", "mail.resend.base_url: is not https"},
		"no key of Resend":               {"MAIL_RESEND_API_KEY=", "mail.resend.api_key: is missing; set it in the file or as PAPERPLANE_MAIL_RESEND_API_KEY"},
		"a webhook secret cut short":     {"MAIL_RESEND_WEBHOOK_SECRET=" + hookSecret[:20], "mail.resend.webhook_secret: is not a signing secret"},
		"a webhook secret half copied":   {"MAIL_RESEND_WEBHOOK_SECRET=" + hookSecret[6:], "mail.resend.webhook_secret: is not a signing secret"},
		"no mail server":                 {"MAIL_PROVIDER=smtp", "mail.smtp.host: is missing"},
		"a mail server with its port":    {"MAIL_SMTP_HOST=smtp.example.com:587", "mail.smtp.host: is not the name or the address of a host alone"},
		"a name without a password":      {"MAIL_SMTP_USERNAME=paperplane", "mail.smtp.password: is missing and there is a mail.smtp.username"},
		"a password without a name":      {"MAIL_SMTP_PASSWORD=dbpass", "mail.smtp.username: is missing and there is a mail.smtp.password"},
		"a password of two lines":        {"MAIL_SMTP_PASSWORD=dbpass\n", "mail.smtp.password: holds a line break"},
		"TLS of a third kind":            {"MAIL_SMTP_TLS=ssl", "mail.smtp.tls: is not one of: starttls, implicit, none"},
		"a lease without a unit":         {"JOBS_LEASE=60", "jobs.lease: is not a time from 2s to 10m, such as 90s or 5m"},
		"a lease of no time":             {"JOBS_LEASE=1s", "jobs.lease: is not a time from 2s to 10m"},
		"no PostgreSQL":                  {"DATABASE_DSN=mysql://u:dbpass@127.0.0.1/x", "database.dsn: is not an address like postgres://"},
		"a password that breaks the URL": {"DATABASE_DSN=postgres://u:db%pass@127.0.0.1/x", "database.dsn: is not an address like postgres://"},
		"no database user":               {"DATABASE_DSN=postgres://127.0.0.1/x", "database.dsn: names no user"},
		"no database name":               {"DATABASE_DSN=postgres://u:dbpass@127.0.0.1/", "database.dsn: names no database"},
		"a Unix socket":                  {"DATABASE_DSN=postgres://u:dbpass@/x?host=/run/postgresql", "database.dsn: names no single host"},
		"two database hosts":             {"DATABASE_DSN=postgres://u:dbpass@one:5432,two:5432/x", "database.dsn: "},
		"a setting of one driver only":   {"DATABASE_DSN=postgres://u:dbpass@127.0.0.1/x?read_timeout=1s", "database.dsn: has an unknown setting"},
		"a password as a setting":        {"DATABASE_DSN=postgres://u@127.0.0.1/x?password=dbpass", "database.dsn: has an unknown setting"},
		"sslmode twice":                  {"DATABASE_DSN=postgres://u:dbpass@db/x?sslmode=verify-full&sslmode=disable", "database.dsn: has the setting sslmode twice"},
		"sslmode that may be nothing":    {"DATABASE_DSN=postgres://u:dbpass@db/x?sslmode=prefer", "database.dsn: needs sslmode=verify-full"},
		"no sslmode over a network":      {"DATABASE_DSN=postgres://u:dbpass@db.example.com/x", "database.dsn: needs sslmode=verify-full"},
		"an unverified server":           {"DATABASE_DSN=postgres://u:dbpass@db.example.com/x?sslmode=require", "database.dsn: does not verify the server"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := problems(t, config.Sources{Environ: required("PAPERPLANE_" + c.change)})
			if len(found) != 1 || !strings.HasPrefix(found[0], c.want) {
				t.Fatalf("found %q, want one that begins with %q", found, c.want)
			}
			for _, secret := range []string{"dbpass", "db%pass", hookKey, pageSecret, linkSecret, olderLink} {
				if strings.Contains(found[0], secret) {
					t.Errorf("%q shows a secret", found[0])
				}
			}
		})
	}
}

func TestSettingsThatNeedEachOtherAreTakenTogether(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"an unverified database on a network of our own": {"PAPERPLANE_DATABASE_DSN=postgres://u:dbpass@db/x?sslmode=disable", "PAPERPLANE_DATABASE_INSECURE=true"},
		"a verified database":                            {"PAPERPLANE_DATABASE_DSN=postgresql://u:dbpass@db.example.com:6432/x?sslmode=verify-full"},
		"a mailbox on a network of our own":              {"PAPERPLANE_MAIL_RESEND_BASE_URL=http://mailbox:4457", "PAPERPLANE_MAIL_RESEND_INSECURE=true"},
		"a mailbox on this machine":                      {"PAPERPLANE_MAIL_RESEND_BASE_URL=http://127.0.0.1:4457"},
		"a container's own name":                         {"PAPERPLANE_INTERNAL_LISTEN=paperplane:4456", "PAPERPLANE_PUBLIC_LISTEN=:4455"},
		"a pod's address":                                {"PAPERPLANE_INTERNAL_LISTEN=100.64.3.7:4456"},
		"a secure cookie over https":                     {"PAPERPLANE_KRATOS_SESSION_COOKIE=__Host-session"},
		"a mail server and no key of Resend":             {"PAPERPLANE_MAIL_PROVIDER=smtp", "PAPERPLANE_MAIL_SMTP_HOST=smtp.example.com", "PAPERPLANE_MAIL_RESEND_API_KEY="},
		"a mail server that wants a password":            {"PAPERPLANE_MAIL_PROVIDER=smtp", "PAPERPLANE_MAIL_SMTP_HOST=::1", "PAPERPLANE_MAIL_SMTP_USERNAME=paperplane", "PAPERPLANE_MAIL_SMTP_PASSWORD=pass word\u00e9"},
		"a mail server on this machine":                  {"PAPERPLANE_MAIL_PROVIDER=smtp", "PAPERPLANE_MAIL_SMTP_HOST=localhost", "PAPERPLANE_MAIL_SMTP_PORT=25", "PAPERPLANE_MAIL_SMTP_TLS=none"},
		"a mail server on a network of our own":          {"PAPERPLANE_MAIL_PROVIDER=smtp", "PAPERPLANE_MAIL_SMTP_HOST=mail", "PAPERPLANE_MAIL_SMTP_TLS=none", "PAPERPLANE_MAIL_SMTP_INSECURE=true"},
		"Resend's webhooks":                              {"PAPERPLANE_MAIL_RESEND_WEBHOOK_SECRET=" + hookSecret},
		"a long lease":                                   {"PAPERPLANE_JOBS_LEASE=10m"},
		"as many workers as there are connections for":   {"PAPERPLANE_JOBS_WORKERS=9", "PAPERPLANE_DATABASE_MAX_CONNECTIONS=20"},
	}
	for name, changes := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if found := problems(t, config.Sources{Environ: required(changes...)}); len(found) > 0 {
				t.Errorf("refused:\n%s", strings.Join(found, "\n"))
			}
		})
	}
}

func TestSettingsThatContradictEachOtherAreRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		changes []string
		want    string
	}{
		"insecure and verified": {
			[]string{"PAPERPLANE_DATABASE_DSN=postgres://u:dbpass@db/x?sslmode=verify-full", "PAPERPLANE_DATABASE_INSECURE=true"},
			"database.insecure: contradicts the sslmode=verify-full",
		},
		"a secure cookie over http": {
			[]string{"PAPERPLANE_PUBLIC_URL=http://127.0.0.1:4455", "PAPERPLANE_KRATOS_SESSION_COOKIE=__Secure-session"},
			"kratos.session_cookie: has a prefix",
		},
		"a mail server in the clear": {
			[]string{"PAPERPLANE_MAIL_PROVIDER=smtp", "PAPERPLANE_MAIL_SMTP_HOST=smtp.example.com", "PAPERPLANE_MAIL_SMTP_TLS=none"},
			"mail.smtp.tls: is none, so that letters and the password could be read on the way",
		},
		"one secret for two ways of sending": {
			[]string{"PAPERPLANE_MAIL_SMTP_USERNAME=paperplane", "PAPERPLANE_MAIL_SMTP_PASSWORD=" + apiKey},
			"mail.smtp.password: mail.smtp.password has the same secret as mail.resend.api_key",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := problems(t, config.Sources{Environ: required(c.changes...)})
			if len(found) != 1 || !strings.HasPrefix(found[0], c.want) {
				t.Errorf("found %q, want one that begins with %q", found, c.want)
			}
		})
	}
}

func TestABadFileIsExplained(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ content, want string }{
		"broken":                  {"public:\n  url: [", " is not YAML: line "},
		"a key twice":             {"log:\n  level: info\n  level: warn\n", `, line 3: mapping key "level" already defined at line 2; remove one`},
		"a list":                  {"- hook_key: verysecret\n", " does not consist of keys with values"},
		"a bare text":             {"verysecret\n", " does not consist of keys with values"},
		"a value for a section":   {"public: verysecret\n", "public: is a section and has no value of its own"},
		"a key with dots":         {"log.level: debug\n", "log.level: is no setting"},
		"no value":                {"log:\n  level:\n", "log.level: has no value"},
		"an empty value":          {"log:\n  level: ''\n", "log.level: has no value"},
		"a value too deep":        {"log:\n  level: {a: verysecret}\n", "log.level.a: is no setting"},
		"messages in the clear":   {"kratos:\n  sms:\n    url: http://sms.example.com/send\n    authorization: Bearer of the gateway\n", "kratos.sms.url: is not https"},
		"a number for a secret":   {"pages:\n  secret: 12345678901234567890123456789012\n", "pages.secret: is not a text; put it in quotes"},
		"a link key of one word":  {"links:\n  keys: [verysecret]\n", "links.keys: key 1 is not a pair"},
		"a link key's extra":      {"links:\n  keys:\n    - {id: a, secret: b, until: c}\n", `links.keys: key 1 has the unknown field "until"`},
		"a link key without both": {"links:\n  keys:\n    - {id: a}\n", "links.keys: key 1 has a secret that has no value"},
		"no link keys":            {"links:\n  keys: []\n", "links.keys: is empty"},
		"a list of numbers":       {"public:\n  trusted_proxies: [10]\n", "public.trusted_proxies: item 1 is not a text"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := write(t, c.content)
			found := problems(t, config.Sources{Environ: required("PAPERPLANE_LINKS_KEYS=", "PAPERPLANE_PAGES_SECRET=", "PAPERPLANE_CONFIG="+file)})
			all := strings.Join(found, "\n")
			if !strings.Contains(all, c.want) {
				t.Errorf("found %q, want something with %q", found, c.want)
			}
			if strings.Contains(all, "verysecret") {
				t.Errorf("%q shows a value", all)
			}
		})
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "nowhere.yml")
	found := problems(t, config.Sources{Environ: required(), Flags: flags(t, "--config", name)})
	if diff := cmp.Diff([]string{"--config: " + name + " does not exist"}, found); diff != "" {
		t.Error(diff)
	}
	folder := t.TempDir()
	found = problems(t, config.Sources{Environ: required("PAPERPLANE_CONFIG=" + folder)})
	if diff := cmp.Diff([]string{"PAPERPLANE_CONFIG: " + folder + " cannot be read; it should be a YAML file"}, found); diff != "" {
		t.Error(diff)
	}
}

func TestASectionWithAllItsLinesCommentedOutIsTaken(t *testing.T) {
	t.Parallel()
	name := write(t, "public:\n  # listen: 0.0.0.0:4455\nmail:\n  resend: {}\n")
	if found := problems(t, config.Sources{Environ: required("PAPERPLANE_CONFIG=" + name)}); len(found) > 0 {
		t.Errorf("refused:\n%s", strings.Join(found, "\n"))
	}
}

//nolint:paralleltest // t.Setenv changes the environment of the whole process
func TestTheEnvironmentOfTheProcessIsReadWithoutAnother(t *testing.T) {
	for _, line := range os.Environ() { // what a developer has set must not decide
		if name, _, _ := strings.Cut(line, "="); strings.HasPrefix(name, "PAPERPLANE_") {
			t.Setenv(name, "") // puts it back afterwards
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, line := range required() {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
	}
	if _, err := config.Load(config.Sources{}); err != nil {
		t.Error(err)
	}
}
