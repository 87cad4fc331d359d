package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"paperplane/config"
	"paperplane/extension/kratos"
	"paperplane/tools/mailbox"
)

// kratosFile is what these tests read of the configuration that is written for Kratos.
type kratosFile struct {
	Session struct{ Cookie struct{ Name string } }
	Courier *struct {
		HTTP struct {
			Request courierRequest `yaml:"request_config"`
		}
		Channels []struct {
			ID      string
			Request courierRequest `yaml:"request_config"`
		}
	}
	Selfservice struct {
		Methods struct {
			Password struct {
				Config struct {
					MinPasswordLength int `yaml:"min_password_length"`
				}
			}
		}
		Flows struct {
			Settings struct {
				After map[string]struct {
					Hooks []struct{ Config struct{ Body string } }
				}
			}
		}
	}
}

// courierRequest is a call of Kratos' courier.
type courierRequest struct {
	URL, Method string
	Headers     map[string]string
	Auth        struct{ Config struct{ Name, Value string } }
}

// kratosSecret is the line that `paperplane kratos config` needs beside the environment of these tests.
const kratosSecret = "PAPERPLANE_KRATOS_SECRET=kratos-secret-0123456789abcdef01234"

// loaded reads a configuration.
func loaded(t *testing.T, more ...string) config.Config {
	t.Helper()
	c, err := config.Load(config.Sources{Environ: environment(more...)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fileFor writes Kratos' configuration and reads it.
func fileFor(t *testing.T, c config.Config) kratosFile {
	t.Helper()
	written, err := kratosConfiguration(c, kratosFlags{issuer: "Paperplane"})
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, written)
}

func parsed(t *testing.T, written []byte) kratosFile {
	t.Helper()
	var file kratosFile
	if err := yaml.Unmarshal(written, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// send makes a call as Kratos' courier does, with a body that courier.jsonnet wrote for a real Kratos.
func (r courierRequest) send(t *testing.T, sample string) int {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "webhooks", "testdata", sample))
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Set(r.Auth.Config.Name, r.Auth.Config.Value)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

// opened is the mailbox of `paperplane mailbox`, served.
func opened(t *testing.T, c config.Config) (*mailbox.Mailbox, string) {
	t.Helper()
	box, err := newMailbox(c, mailboxFlags{})
	if err != nil {
		t.Fatal(err)
	}
	served := httptest.NewServer(box)
	t.Cleanup(served.Close)
	return box, served.URL
}

// texting is the configuration with a mailbox as its gateway for text messages.
func texting(t *testing.T) (config.Config, *mailbox.Mailbox) {
	t.Helper()
	const authorization = "PAPERPLANE_KRATOS_SMS_AUTHORIZATION=Bearer key-of-the-gateway-0123456789"
	box, at := opened(t, loaded(t, kratosSecret, "PAPERPLANE_KRATOS_SMS_URL=https://sms.example.com", authorization))
	return loaded(t, kratosSecret, "PAPERPLANE_KRATOS_SMS_URL="+at+"/sms", authorization), box
}

func TestTheMailboxTakesTheTextMessagesThatKratosIsToldToHandOver(t *testing.T) {
	t.Parallel()
	c, box := texting(t)
	file := fileFor(t, c)
	if file.Courier == nil || len(file.Courier.Channels) != 1 || file.Courier.Channels[0].ID != "sms" {
		t.Fatalf("the courier is %+v", file.Courier)
	}
	for _, version := range []string{"v1", "v26"} {
		if status := file.Courier.Channels[0].Request.send(t, "courier_sms."+version+".json"); status != http.StatusNoContent {
			t.Errorf("a text message of %s is answered with %d", version, status)
		}
	}
	if n := len(box.Messages("+4915112345678")); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
}

func TestTheGatewaysKeyIsItsOwn(t *testing.T) {
	t.Parallel()
	c, box := texting(t)
	request := fileFor(t, c).Courier.Channels[0].Request
	if strings.Contains(request.Auth.Config.Value, c.Internal.HookKey.Reveal()) {
		t.Error("the gateway is shown the key of the hooks")
	}
	for _, wrong := range []string{c.Internal.HookKey.Reveal(), c.Kratos.Secret.Reveal(), ""} {
		request.Auth.Config.Value = "Bearer " + wrong
		if status := request.send(t, "courier_sms.v1.json"); status != http.StatusUnauthorized {
			t.Errorf("a wrong key is answered with %d", status)
		}
	}
	// A mailbox that was given no key takes none.
	_, closed := opened(t, loaded(t))
	request.URL = closed + "/sms"
	if status := request.send(t, "courier_sms.v1.json"); status != http.StatusUnauthorized {
		t.Errorf("a mailbox without a key answers with %d", status)
	}
	if n := len(box.Messages("")); n > 0 {
		t.Errorf("%d messages were taken", n)
	}
}

func TestComposesMailboxHasTheKeyOfComposesKratos(t *testing.T) {
	t.Parallel()
	services, _ := compose(t)
	keys := make(map[string]string)
	for _, name := range []string{"kratos-config", "mailbox"} {
		var environ []string
		for variable, value := range services[name].Environment {
			environ = append(environ, variable+"="+filledIn(value))
		}
		c, err := config.Load(config.Sources{Environ: environ})
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = smsKey(c)
		if at := c.Kratos.SMS.URL; at != "http://mailbox:4457/sms" {
			t.Errorf("%s sends text messages to %q", name, at)
		}
	}
	if keys["mailbox"] == "" || keys["mailbox"] != keys["kratos-config"] {
		t.Error("the mailbox would not let Kratos in")
	}
}

func TestKratosIsConfiguredWithoutAGatewayForTextMessages(t *testing.T) {
	t.Parallel()
	got := execute(t, environment(kratosSecret), "", "kratos", "config")
	if got.code != exitDone || got.err != "" {
		t.Fatalf("code %d, error %q", got.code, got.err)
	}
	if file := parsed(t, []byte(got.out)); file.Courier == nil || len(file.Courier.Channels) != 0 || !strings.HasSuffix(file.Courier.HTTP.Request.URL, "/hooks/kratos/courier") {
		t.Errorf("the courier is %+v", file.Courier)
	}
	// What belongs to the configuration of both is no flag of its own, and the secret is asked for.
	if got := execute(t, environment(kratosSecret), "", "kratos", "config", "--min-password-length=8"); got.code != exitUsage {
		t.Errorf("a flag that is gone is answered with %d", got.code)
	}
	if got := execute(t, environment(), "", "kratos", "config"); got.code != exitFailed || !strings.Contains(got.err, "kratos.secret is needed") {
		t.Errorf("without a secret: code %d, error %q", got.code, got.err)
	}
}

func TestSocialSignInsAreReadFromAFileAndNeverRepeated(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "providers.yml")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("- {id: works, kind: generic, label: Works, client_id: paperplane, client_secret: s3cret-of-works, issuer_url: https://id.example.com}\n")
	got := execute(t, environment(kratosSecret), "", "kratos", "config", "--providers", file)
	if got.code != exitDone || !strings.Contains(got.out, "s3cret-of-works") || !strings.Contains(got.out, "https://id.example.com") {
		t.Errorf("code %d, error %q", got.code, got.err)
	}
	for name, content := range map[string]string{
		"no list": "id: works\nclient_secret: s3cret-of-works\n", "an unknown word": "- {id: works, secret: s3cret-of-works}\n",
		"nothing in it": "- {client_secret: s3cret-of-works}\n",
	} {
		write(content)
		if got := execute(t, environment(kratosSecret), "", "kratos", "config", "--providers", file); got.code != exitFailed || strings.Contains(got.err+got.out, "s3cret") {
			t.Errorf("%s: code %d, error %q", name, got.code, got.err)
		}
	}
}

func TestKratosGetsPaperplanesOwnSettings(t *testing.T) {
	t.Parallel()
	const name = "people's_session"
	file := fileFor(t, loaded(t, kratosSecret, "PAPERPLANE_KRATOS_SESSION_COOKIE="+name, "PAPERPLANE_KRATOS_MIN_PASSWORD_LENGTH=16"))
	if file.Session.Cookie.Name != name {
		t.Errorf("Kratos calls its cookie %q", file.Session.Cookie.Name)
	}
	if n := file.Selfservice.Methods.Password.Config.MinPasswordLength; n != 16 {
		t.Errorf("Kratos demands %d characters", n)
	}
	quoted, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	for method, list := range file.Selfservice.Flows.Settings.After {
		body, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(list.Hooks[0].Config.Body, "base64://"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(body), string(quoted)) || strings.Contains(string(body), kratos.DefaultSessionCookie) {
			t.Errorf("the guard of %s looks for another cookie:\n%s", method, body)
		}
	}
	if diff := cmp.Diff(kratos.DefaultSessionCookie, fileFor(t, loaded(t, kratosSecret)).Session.Cookie.Name); diff != "" {
		t.Error(diff)
	}
}

// TestAnotherCookieAndALongerPassword runs everything with a cookie whose name would end a string in jsonnet, and with
// longer passwords than by default: the pages, Kratos and the guards must agree about both.
func TestAnotherCookieAndALongerPassword(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		const name = "people's_session"
		s := startTestStack(t, binary, func(o *stackOptions) {
			o.settings = append(o.settings, "PAPERPLANE_KRATOS_SESSION_COOKIE="+name, "PAPERPLANE_KRATOS_MIN_PASSWORD_LENGTH=16")
		})
		ada := s.administrator(t)
		ada.invites(t, "longer@example.com")
		v := s.visitor(t)
		form := v.starts(t, s.linkTo(t, "longer@example.com"))
		form.says(t, 200, "At least 16 characters.")
		if v.cookie(t, "/", name) == "" || v.cookie(t, "/", kratos.DefaultSessionCookie) != "" {
			t.Error("the session's cookie has another name")
		}
		again := v.press(t, form, "Register", details(s.mobile(), "password", "Ab1!x Ab1!x Ab1")...)
		again.says(t, 422, "This password is too short.", "At least 16 characters")
		v.press(t, again, "Register", "password", goodPassword).says(t, 200, "Terms and conditions (EULA)")

		// A second factor makes v1.3.1's guard ask Kratos by the cookie whose session this is.
		v.enrols(t)
		eventually(t, "the factor is known", func() bool { return !s.user(t, "longer@example.com").Facts.Secured.IsZero() })
		thief := s.visitor(t)
		thief.signIn(t, "longer@example.com", goodPassword)
		thief.opensNoSettings(t)
		flow := v.beginsSettings(t)
		if status, errors := flow.submit(t, "totp", object{"totp_unlink": true}); status != http.StatusOK {
			t.Errorf("unlinking at aal2 is answered with %d, %v", status, errors)
		}
	})
}
