package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/tools/local"
	"paperplane/tools/mailbox"
)

// clock is an application clock that a test moves. Kratos', River's and the provider's times are never compared with it.
type clock struct {
	mutex  sync.Mutex
	offset time.Duration
}

func (c *clock) now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.offset += d
}

// testStack is a whole Paperplane that runs until the test ends.
type testStack struct {
	*stack
	clock    *clock
	log      *testLog
	password string
	mobiles  atomic.Int64 // how many numbers were given out
}

// startTestStack runs a stack with a Kratos binary; an empty one is built from tools/kratos. change adjusts the options.
func startTestStack(t *testing.T, kratosBinary string, change func(*stackOptions)) *testStack {
	t.Helper()
	running, _ := openTestStack(t, kratosBinary, change)
	running.serve(t)
	return running
}

// openTestStack starts all parts of a stack but Paperplane itself, which is wired and not served.
func openTestStack(t testing.TB, kratosBinary string, change func(*stackOptions)) (*testStack, stackOptions) {
	t.Helper()
	programs, err := local.StateDir()
	if err != nil {
		t.Fatal(err)
	}
	if kratosBinary == "" {
		if kratosBinary, err = local.KratosBinary(t.Context(), programs, os.Stderr); err != nil {
			t.Fatal(err)
		}
	}
	ticking := &clock{}
	log := &testLog{t: t}
	quietly := slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})
	options := stackOptions{
		stateDir: programs, workDir: t.TempDir(), ports: freePorts(t), secrets: newSecrets(), pgBin: local.FromEnvironment().PostgresBinaries,
		kratosBinary: kratosBinary, timing: timing{now: ticking.now, upkeep: time.Second, refusal: 100 * time.Millisecond},
		// The tests would spend a third of their time on hashing, and wait a second for every code.
		kratosEnv: []string{"HASHERS_BCRYPT_COST=4", "COURIER_WORKER_PULL_WAIT=100ms"},
		log:       slog.New(quietly), output: io.Discard, progress: os.Stderr,
	}
	if change != nil {
		change(&options)
	}
	log.mustNotHold(goodPassword, options.secrets.HookKey, options.secrets.LinkKey, options.secrets.PagesSecret,
		options.secrets.KratosSecret, options.secrets.APIKey, options.secrets.Administrator)
	s, err := startStack(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop stack: %v", err)
		}
		log.close()
	})
	return &testStack{stack: s, clock: ticking, log: log, password: options.secrets.Administrator}, options
}

// serve runs the stack until the test ends.
func (s *testStack) serve(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run stack: %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	if err := seed(t.Context(), s.server, s.password); err != nil {
		t.Fatal(err)
	}
}

// page is the address of a page.
func (s *testStack) page(path string) string { return s.server.config.Public.URL.String() + path }

// letters waits until this many letters have come to an address, beside those about changes of an account.
func (s *testStack) letters(t testing.TB, to string, n int) (messages []mailbox.Message) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d letters come to %s", n, to), func() bool {
		messages = s.besidesNews(to)
		return len(messages) >= n
	})
	return messages
}

// link is the link in a letter.
func link(t testing.TB, letter mailbox.Message) string {
	t.Helper()
	found := regexp.MustCompile(`http://\S+/i/\S+`).FindString(letter.Text)
	if found == "" {
		t.Fatalf("no link in %q", letter.Text)
	}
	return found
}

// user finds a user of the demonstration organisation.
func (s *testStack) user(t testing.TB, address string) extension.User {
	t.Helper()
	organisation, err := s.server.roster.Organisation(t.Context(), demoSlug)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.server.roster.List(t.Context(), extension.System(organisation.ID, "test"), extension.Filter{Search: address})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range list.Page.Users {
		if user.Address == address {
			return user
		}
	}
	t.Fatalf("no user %s", address)
	return extension.User{}
}

// givenPorts holds the ports that stacks of this process were given: one that is free now may be another stack's in a
// moment.
var givenPorts sync.Map

func freePorts(t testing.TB) stackPorts {
	t.Helper()
	free := func() int {
		for {
			port, err := local.FreePort(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, given := givenPorts.LoadOrStore(port, true); !given {
				return port
			}
		}
	}
	return stackPorts{public: free(), internal: free(), mailbox: free(), kratosPublic: free(), kratosAdmin: free(), postgres: free()}
}

// eachKratos runs a test against the Kratos built from tools/kratos, and against KRATOS_BIN too when that is set.
func eachKratos(t *testing.T, test func(t *testing.T, binary string)) {
	t.Helper()
	t.Run("kratos v1.3.1", func(t *testing.T) {
		t.Parallel()
		test(t, "")
	})
	if other := local.FromEnvironment().KratosBinary; other != "" {
		t.Run("kratos of KRATOS_BIN", func(t *testing.T) {
			t.Parallel()
			test(t, other)
		})
	}
}
