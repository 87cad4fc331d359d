package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"paperplane/config"
	"paperplane/webhooks"
)

// service is what these tests look at of one service of docker-compose.yml.
type service struct {
	Image       string            `yaml:"image"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck struct {
		Test    []string `yaml:"test"`
		Disable bool     `yaml:"disable"`
	} `yaml:"healthcheck"`
	Restart string `yaml:"restart"`
}

// ours is the image that the Dockerfile builds; its entrypoint is the program itself.
const ours = "paperplane:local"

func compose(t *testing.T) (services map[string]service, volumes []string) {
	t.Helper()
	var file struct {
		Services map[string]service `yaml:"services"`
		Volumes  map[string]any     `yaml:"volumes"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../docker-compose.yml")), &file); err != nil {
		t.Fatal(err)
	}
	for name := range file.Volumes {
		volumes = append(volumes, name)
	}
	return file.Services, volumes
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// placeholders finds ${NAME…}.
func placeholders(text string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// filledIn puts a different secret of 64 hexadecimal digits, as the example makes them, in the place of every ${NAME…}.
func filledIn(text string) string {
	return regexp.MustCompile(`\$\{([A-Z_]+)[^}]*\}`).ReplaceAllStringFunc(text, func(placeholder string) string {
		name := placeholders(placeholder)[0]
		if name == "MAIL_FROM" {
			return "invitations@example.com"
		}
		return fmt.Sprintf("%x", sha256.Sum256([]byte(name)))
	})
}

// checkCommandLine fails unless paperplane knows the command and all of its flags.
func checkCommandLine(t *testing.T, arguments []string) {
	t.Helper()
	command, rest, err := newRootCommand(nil).Find(arguments)
	if err != nil {
		t.Errorf("paperplane %s: %v", strings.Join(arguments, " "), err)
		return
	}
	if err := command.ParseFlags(rest); err != nil {
		t.Errorf("paperplane %s: %v", strings.Join(arguments, " "), err)
	}
	if !runs(command) || command.Flags().NArg() > 0 {
		t.Errorf("paperplane %s is no command", strings.Join(arguments, " "))
	}
}

// runs tells whether a command does something by itself, rather than listing its subcommands.
func runs(command *cobra.Command) bool {
	return command.HasParent() && !command.HasAvailableSubCommands()
}

func TestComposeStartsOnlyCommandsThatExist(t *testing.T) {
	t.Parallel()
	services, _ := compose(t)
	for name, s := range services {
		switch {
		case s.Image == ours:
			checkCommandLine(t, s.Command)
			if test := s.Healthcheck.Test; len(test) > 0 {
				if !slices.Equal(test[:2], []string{"CMD", "/paperplane"}) {
					t.Errorf("the health check of %s is %q", name, test)
				}
				checkCommandLine(t, test[2:])
			}
		case s.Image != "oryd/kratos:v26.2.0" && s.Image != "postgres:17-alpine":
			t.Errorf("%s is made from %q", name, s.Image)
		}
	}
}

func TestComposeConfiguresWhatPaperplaneAccepts(t *testing.T) {
	t.Parallel()
	services, _ := compose(t)
	for name, s := range services {
		if s.Image != ours {
			continue
		}
		var environ []string
		for variable, value := range s.Environment {
			if !slices.Contains(config.Variables(), variable) {
				t.Errorf("%s is given %s, which is no setting", name, variable)
			}
			environ = append(environ, variable+"="+filledIn(value))
		}
		if _, err := config.Load(config.Sources{Environ: environ}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestComposeTellsWhatBecameOfLetters follows the mailbox's webhooks to the service that takes them.
func TestComposeTellsWhatBecameOfLetters(t *testing.T) {
	t.Parallel()
	services, _ := compose(t)
	var hooks []string
	for _, argument := range services["mailbox"].Command {
		if address, is := strings.CutPrefix(argument, "--webhook-url="); is {
			hooks = append(hooks, address)
		}
	}
	_, port, err := net.SplitHostPort(services["paperplane"].Environment["PAPERPLANE_PUBLIC_LISTEN"])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"http://paperplane:" + port + webhooks.ProviderPath}, hooks); diff != "" {
		t.Errorf("the mailbox calls (-want +got):\n%s", diff)
	}
	const secret = "PAPERPLANE_MAIL_RESEND_WEBHOOK_SECRET"
	if one, other := services["mailbox"].Environment[secret], services["paperplane"].Environment[secret]; one == "" || one != other {
		t.Errorf("the mailbox signs with %q and paperplane expects %q", one, other)
	}
}

func TestComposePublishesPagesAndMailboxToThisMachineOnly(t *testing.T) {
	t.Parallel()
	services, _ := compose(t)
	got := make(map[string][]string)
	for name, s := range services {
		if len(s.Ports) > 0 {
			got[name] = s.Ports
		}
	}
	want := map[string][]string{"paperplane": {"127.0.0.1:4455:4455"}, "mailbox": {"127.0.0.1:4457:4457"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("published ports differ (-want +got):\n%s", diff)
	}
}

func TestComposeWaitsOnlyForWhatComes(t *testing.T) {
	t.Parallel()
	services, volumes := compose(t)
	for name, s := range services {
		for other, wait := range s.DependsOn {
			awaited, exists := services[other]
			switch {
			case !exists:
				t.Errorf("%s waits for %s, which does not exist", name, other)
			case wait.Condition == "service_completed_successfully" && awaited.Restart != "":
				t.Errorf("%s waits for the end of %s, which is restarted for ever", name, other)
			case wait.Condition == "service_healthy" && len(awaited.Healthcheck.Test) == 0:
				t.Errorf("%s waits for the health of %s, which nobody checks", name, other)
			}
		}
		for _, mount := range s.Volumes {
			source, _, _ := strings.Cut(mount, ":")
			if path, isPath := strings.CutPrefix(source, "./"); isPath {
				read(t, "../../"+path)
			} else if !slices.Contains(volumes, source) {
				t.Errorf("%s mounts the volume %s, which is not declared", name, source)
			}
		}
	}
}

func TestTheExampleNamesEveryPlaceholderAndHoldsNoSecret(t *testing.T) {
	t.Parallel()
	var names []string
	for line := range strings.Lines(read(t, "../../deploy/compose.env.example")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		names = append(names, name)
		if value != "" && name != "MAIL_FROM" {
			t.Errorf("%s has a value", name)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(placeholders(read(t, "../../docker-compose.yml")), names); diff != "" {
		t.Errorf("names differ (-compose +example):\n%s", diff)
	}
}

func TestTheImageStartsOnlyCommandsThatExist(t *testing.T) {
	t.Parallel()
	dockerfile := read(t, "../../Dockerfile")
	for _, instruction := range []string{`(?m)^CMD (\[.*\])$`, `(?m)^HEALTHCHECK .* CMD (\[.*\])$`} {
		match := regexp.MustCompile(instruction).FindStringSubmatch(dockerfile)
		if match == nil {
			t.Errorf("the Dockerfile has no line like %s", instruction)
			continue
		}
		var words []string
		if err := json.Unmarshal([]byte(match[1]), &words); err != nil {
			t.Errorf("%s: %v", match[1], err)
			continue
		}
		checkCommandLine(t, slices.DeleteFunc(words, func(word string) bool { return word == "/paperplane" }))
	}
	if !strings.Contains(dockerfile, `ENTRYPOINT ["/paperplane"]`) || !strings.Contains(dockerfile, "USER 65532:65532") {
		t.Error("the image does not start paperplane as an unprivileged user")
	}
}
