package kratos_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"paperplane/extension"
	"paperplane/extension/kratos"
	"paperplane/tools/local"
	"paperplane/webhooks"
)

// The parts that all tests share. There is one Kratos for every version at hand; it serves tests that run at the same
// time, so every test makes people of its own.
var (
	postgres *local.Postgres
	folder   string
	kratoses []*stack
)

// stack is a real Kratos with the generated configuration, the hooks it calls and a client.
type stack struct {
	name   string // of the version
	family string // v1 or v26: which captured hook bodies apply
	binary string
	cookie string // the session cookie's name, where it is not the default
	hooks  *hookServer
	server *local.Kratos
	client *kratos.Client
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	ctx := context.Background()
	state, err := local.StateDir()
	if err != nil {
		return 1, err
	}
	if folder, err = os.MkdirTemp("", "paperplane-kratos-test-"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	environment := local.FromEnvironment()
	postgres, err = local.StartPostgres(ctx, local.PostgresOptions{StateDir: state, BinDir: environment.PostgresBinaries, Progress: os.Stderr})
	if err != nil {
		return 1, err
	}
	defer postgres.Stop()
	built, err := local.KratosBinary(ctx, state, os.Stderr)
	if err != nil {
		return 1, err
	}
	targets := []*stack{{name: "v1.3.1", family: "v1", binary: built}}
	if environment.KratosBinary != "" {
		targets = append(targets, &stack{name: "KRATOS_BIN", family: "v26", binary: environment.KratosBinary})
	}
	defer func() {
		for _, s := range kratoses {
			s.stop()
		}
	}()
	for _, target := range targets {
		if err := target.start(ctx, asWritten, unchanged); err != nil {
			return 1, fmt.Errorf("%s: %w", target.name, err)
		}
		kratoses = append(kratoses, target)
	}
	return m.Run(), nil
}

// special starts a Kratos of its own with a configuration that was changed after it was written.
func (s *stack) special(t *testing.T, change func(file map[string]any)) *stack {
	t.Helper()
	return s.another(t, asWritten, change)
}

// configured starts a Kratos of its own with a configuration that was written with other options.
func (s *stack) configured(t *testing.T, choose func(*kratos.ConfigurationOptions)) *stack {
	t.Helper()
	return s.another(t, choose, unchanged)
}

func asWritten(*kratos.ConfigurationOptions) {}

func unchanged(map[string]any) {}

func (s *stack) another(t *testing.T, choose func(*kratos.ConfigurationOptions), change func(file map[string]any)) *stack {
	t.Helper()
	own := &stack{name: s.name, family: s.family, binary: s.binary}
	if err := own.start(t.Context(), choose, change); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.stop)
	return own
}

func (s *stack) start(ctx context.Context, choose func(*kratos.ConfigurationOptions), change func(map[string]any)) error {
	s.hooks = newHookServer()
	database := "kratos_" + strings.ReplaceAll(extension.NewID[string](), "-", "")
	if err := postgres.CreateDatabase(ctx, database); err != nil {
		return err
	}
	public, err := local.FreePort(ctx)
	if err != nil {
		return err
	}
	admin, err := local.FreePort(ctx)
	if err != nil {
		return err
	}
	chosen := options(public, admin, s.hooks.URL, postgres.DSN(database))
	choose(&chosen)
	s.cookie = chosen.SessionCookie
	written, err := kratos.Configuration(chosen)
	if err != nil {
		return err
	}
	file := map[string]any{}
	if err := yaml.Unmarshal(written, file); err != nil {
		return err
	}
	change(file)
	if written, err = yaml.Marshal(file); err != nil {
		return err
	}
	path := filepath.Join(folder, database+".yml")
	if err := os.WriteFile(path, written, 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(folder, database+".log"))
	if err != nil {
		return err
	}
	s.server, err = local.StartKratos(ctx, local.KratosOptions{Binary: s.binary, ConfigFile: path, PublicPort: public, AdminPort: admin, Log: log})
	if err != nil {
		return err
	}
	s.client, err = s.connect(nil)
	return err
}

func (s *stack) stop() {
	_ = s.server.Stop()
	s.hooks.Close()
}

// connect makes another client, whose requests go through a transport.
func (s *stack) connect(transport http.RoundTripper) (*kratos.Client, error) {
	return kratos.New(kratos.Options{PublicURL: s.server.PublicURL(), AdminURL: s.server.AdminURL(), SessionCookie: s.cookie, Transport: transport})
}

func options(public, admin int, hooks, dsn string) kratos.ConfigurationOptions {
	return kratos.ConfigurationOptions{
		DSN:           dsn,
		Public:        kratos.Listener{Host: "127.0.0.1", Port: public, BaseURL: fmt.Sprintf("http://127.0.0.1:%d", public)},
		Admin:         kratos.Listener{Host: "127.0.0.1", Port: admin, BaseURL: fmt.Sprintf("http://127.0.0.1:%d", admin)},
		PagesURL:      pagesURL,
		HooksURL:      hooks,
		HooksKey:      hooksKey,
		GuardBody:     webhooks.GuardBody(kratos.DefaultSessionCookie),
		ReportBody:    webhooks.ReportBody(),
		BeforeBody:    beforeBody,
		LoginBody:     loginBody,
		CourierBody:   messageBody,
		SMS:           &kratos.SMSGateway{URL: hooks + "/sms?from=paperplane", Header: "X-Gateway-Key", Value: gatewayKey, Body: messageBody},
		SecretDefault: "default-secret-of-the-tests",
		SecretCookie:  "cookie-secret-of-the-tests",
		SecretCipher:  "cipher-secret-of-the-tests-32-by",
		Issuer:        "Paperplane",

		MinPasswordLength: 12,
	}
}

const (
	pagesURL   = "http://127.0.0.1:4455"
	hooksKey   = "hooks-key-of-the-tests"
	gatewayKey = "gateway-key-of-the-tests"
)

// The bodies that are only read here.
const (
	beforeBody = `function(ctx) {
		identity: { id: ctx.flow.identity.id },
		session: if std.objectHas(ctx, 'session') && ctx.session != null then ctx.session.id else null,
		cookie: if std.objectHas(ctx, 'request_cookies') && std.objectHas(ctx.request_cookies, 'ory_kratos_session')
		        then ctx.request_cookies.ory_kratos_session else null,
	}`
	loginBody = `function(ctx) {
		identity: { id: ctx.identity.id },
		session: ctx.session.id,
		requested: ctx.flow.requested_aal,
		// Only these are Kratos' own words: after a wrong code stands whatever was submitted, in the group default.
		codes: [
			n.attributes.value for n in ctx.flow.ui.nodes
			if n.group == 'code' && std.objectHas(n.attributes, 'name') && n.attributes.name == 'identifier'
		],
	}`
	messageBody = `function(ctx) {
		to: ctx.recipient, channel: ctx.message_type, template: ctx.template_type,
		code: [ctx.template_data[k] for k in ['login_code', 'recovery_code', 'verification_code'] if std.objectHas(ctx.template_data, k)][0],
	}`
)

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("it never happened that %s", what)
		}
	}
}

// tripper is a transport made of a function.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// method finds the configuration of a method.
func method(file map[string]any, name string) map[string]any {
	methods := file["selfservice"].(map[string]any)["methods"].(map[string]any)
	if methods[name] == nil {
		methods[name] = map[string]any{}
	}
	return methods[name].(map[string]any)
}

// flow finds the configuration of a flow.
func flow(file map[string]any, name string) map[string]any {
	return file["selfservice"].(map[string]any)["flows"].(map[string]any)[name].(map[string]any)
}
