package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// result is what a command line left behind.
type result struct {
	code     int
	out, err string
}

// execute runs a command line in the process, with an environment of its own.
func execute(t *testing.T, environ []string, input string, arguments ...string) result {
	t.Helper()
	if environ == nil {
		environ = []string{}
	}
	if arguments == nil {
		arguments = []string{} // cobra takes the test program's own in the place of nil
	}
	var out, errOut bytes.Buffer
	code := run(t.Context(), process{arguments: arguments, environ: environ, in: strings.NewReader(input), out: &out, err: &errOut})
	return result{code: code, out: out.String(), err: errOut.String()}
}

// environment is the smallest that is accepted, with lines of NAME=value added.
func environment(more ...string) []string {
	return append([]string{
		"PAPERPLANE_PUBLIC_URL=http://127.0.0.1:4455",
		"PAPERPLANE_INTERNAL_HOOK_KEY=hook-key-0123456789abcdef0123456789",
		"PAPERPLANE_DATABASE_DSN=postgres://paperplane:dbpass@127.0.0.1/paperplane",
		"PAPERPLANE_MAIL_FROM=invitations@example.com",
		"PAPERPLANE_MAIL_RESEND_API_KEY=re_0123456789",
		"PAPERPLANE_LINKS_KEYS=k1:link-secret-0123456789abcdef0123456",
		"PAPERPLANE_PAGES_SECRET=page-secret-0123456789abcdef0123456",
	}, more...)
}

func TestRecogniseReadsAListAndPrintsJSONWithoutConfiguration(t *testing.T) {
	t.Parallel()
	got := execute(t, []string{"PAPERPLANE_NONSENSE=1"}, "anna@example.com\nanna@example.com, bob.example.com\nCarl carl@gmial.com", "recognise")
	if got.code != exitDone || got.err != "" {
		t.Fatalf("code %d, error %q", got.code, got.err)
	}
	var said struct {
		Recognised []string
		Duplicates int
		Rejected   []struct{ Text, Reason string }
		Warnings   []struct{ Address, Kind string }
		Ignored    []string
	}
	if err := json.Unmarshal([]byte(got.out), &said); err != nil {
		t.Fatalf("%v in %s", err, got.out)
	}
	if diff := cmp.Diff([]string{"anna@example.com", "carl@gmial.com"}, said.Recognised); diff != "" {
		t.Error(diff)
	}
	if said.Duplicates != 1 || len(said.Rejected) != 1 || said.Rejected[0].Reason != "no_at_sign" || len(said.Warnings) != 1 || len(said.Ignored) != 1 {
		t.Errorf("got %+v", said)
	}
}

func TestRecogniseOfNothingPrintsEmptyLists(t *testing.T) {
	t.Parallel()
	want := result{out: `{"recognised":[],"duplicates":0,"rejected":[],"warnings":[],"ignored":[]}` + "\n"}
	if diff := cmp.Diff(want, execute(t, nil, "", "recognise"), cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
}

func TestConfigPrintsWhatIsEffectiveWithoutSecrets(t *testing.T) {
	t.Parallel()
	got := execute(t, environment("PAPERPLANE_LOG_LEVEL=debug"), "", "config", "--log-level", "warn")
	if got.code != exitDone || got.err != "" {
		t.Fatalf("code %d, error %q", got.code, got.err)
	}
	for _, line := range []string{"level: warn", "url: http://127.0.0.1:4455", "dsn: postgres://paperplane:***@127.0.0.1:5432/paperplane?sslmode=disable", "hook_key: '***'"} {
		if !strings.Contains(got.out, line) {
			t.Errorf("%q is missing in\n%s", line, got.out)
		}
	}
	for _, secret := range []string{"0123456789", "dbpass"} {
		if strings.Contains(got.out, secret) {
			t.Errorf("a secret is printed:\n%s", got.out)
		}
	}
}

func TestConfigShowsARefusedConfigurationAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	got := execute(t, environment("PAPERPLANE_LOG_LEVEL=loud", "PAPERPLANE_JOBS_WORKERS=0"), "", "config")
	if got.code != exitConfig || !strings.Contains(got.out, "url: http://127.0.0.1:4455") {
		t.Errorf("code %d, output %q", got.code, got.out)
	}
	want := `paperplane: the configuration is refused; put these right:
  jobs.workers: is not a whole number from 1 to 100 (set by PAPERPLANE_JOBS_WORKERS)
  log.level: is not one of: debug, info, warn, error (set by PAPERPLANE_LOG_LEVEL)
`
	if diff := cmp.Diff(want, got.err); diff != "" {
		t.Error(diff)
	}
}

func TestAWrongCommandLineIsRefusedWithAHint(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		arguments []string
		want      string
	}{
		"unknown command":    {[]string{"recognize"}, "paperplane: unknown command \"recognize\" for \"paperplane\"; did you mean recognise?\nRun 'paperplane --help' for what it takes.\n"},
		"unknown subcommand": {[]string{"config", "tables"}, "paperplane: unknown command \"tables\" for \"paperplane config\"\nRun 'paperplane config --help' for what it takes.\n"},
		"unknown flag":       {[]string{"version", "--loud"}, "paperplane: unknown flag: --loud\nRun 'paperplane version --help' for what it takes.\n"},
		"too many arguments": {[]string{"version", "now"}, "paperplane: unknown command \"now\" for \"paperplane version\"\nRun 'paperplane version --help' for what it takes.\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := execute(t, nil, "", c.arguments...)
			if got.code != exitUsage || got.out != "" {
				t.Errorf("code %d, output %q", got.code, got.out)
			}
			if diff := cmp.Diff(c.want, got.err); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithoutACommandTheHelpIsPrinted(t *testing.T) {
	t.Parallel()
	got := execute(t, nil, "")
	if got.code != exitDone || !strings.Contains(got.out, "recognise") {
		t.Errorf("code %d, output %q", got.code, got.out)
	}
}

func TestTheVersionIsPrinted(t *testing.T) {
	t.Parallel()
	byCommand, byFlag := execute(t, nil, "", "version"), execute(t, nil, "", "--version")
	if !strings.HasPrefix(byCommand.out, "paperplane ") || byCommand != byFlag || byCommand.code != exitDone {
		t.Errorf("got %+v and %+v", byCommand, byFlag)
	}
}

func TestHealthAsksTheListenerForThePublicHost(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/healthz", http.StatusFound)
		case r.URL.Path != "/healthz" || r.Host != "people.example.com":
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	environ := environment("PAPERPLANE_PUBLIC_URL=https://people.example.com", "PAPERPLANE_PUBLIC_LISTEN=0.0.0.0:"+at.Port())
	if got := execute(t, environ, "", "health"); got != (result{}) {
		t.Errorf("a healthy server gave %+v", got)
	}
	for address, want := range map[string]string{
		server.URL + "/moved":  "/moved answered 302 Found",
		server.URL + "/other":  "/other answered 418 I'm a teapot",
		"http://127.0.0.1:1/x": "no answer: ",
	} {
		if got := execute(t, environ, "", "health", "--url", address); got.code != exitFailed || !strings.Contains(got.err, want) {
			t.Errorf("%s gave %+v, want %q", address, got, want)
		}
	}
}

func TestMigratingDownAsksFirst(t *testing.T) {
	t.Parallel()
	got := execute(t, environment(), "", "migrate", "down")
	if got.code != exitFailed || !strings.Contains(got.err, "--yes") {
		t.Errorf("code %d, %q", got.code, got.err)
	}
}

func TestAnOrganisationIsNotFoundedWithoutAnAdministratorsAddress(t *testing.T) {
	t.Parallel()
	terms := filepath.Join(t.TempDir(), "terms.txt")
	if err := os.WriteFile(terms, []byte("Be kind."), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, administrator := range []string{"eve", "a@example.com, b@example.com", "a@example.com b@"} {
		got := execute(t, environment(), "", "organisation", "create", "--slug", "north", "--name", "North", "--area", "East",
			"--terms", terms, "--administrator", administrator)
		if got.code != exitFailed || !strings.Contains(got.err, "give one email address") { // not: the database does not answer
			t.Errorf("%q: code %d, %q", administrator, got.code, got.err)
		}
	}
}
