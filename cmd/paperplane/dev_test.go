package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"paperplane/tools/local"
)

// transcript is what a command has printed so far.
type transcript struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (s *transcript) Write(line []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(line)
}

func (s *transcript) holds(words string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return strings.Contains(s.text.String(), words)
}

// devStack starts the parts of `paperplane dev` on free ports.
func devStack(t *testing.T) (s *stack, password string) {
	t.Helper()
	programs, err := local.StateDir()
	if err != nil {
		t.Fatal(err)
	}
	secrets := newSecrets()
	s, err = startStack(t.Context(), stackOptions{
		stateDir: programs, workDir: t.TempDir(), ports: freePorts(t), secrets: secrets, pgBin: local.FromEnvironment().PostgresBinaries,
		timing: realTime(), log: slog.New(slog.DiscardHandler), output: io.Discard, progress: os.Stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop stack: %v", err)
		}
	})
	return s, secrets.Administrator
}

// ended waits for the end of `paperplane dev` and returns what it said.
func ended(t *testing.T, end <-chan error) error {
	t.Helper()
	patience := time.NewTimer(recovery)
	defer patience.Stop()
	select {
	case err := <-end:
		return err
	case <-patience.C:
		t.Fatal("it goes on")
		return nil
	}
}

func TestDevEndsWithTheNameOfThePartThatDied(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(s *stack) error{
		"PostgreSQL":  func(s *stack) error { return s.postgres.Kill() },
		"Kratos":      func(s *stack) error { return s.kratos.Kill() },
		"the mailbox": func(s *stack) error { return s.mailListener.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, password := devStack(t)
			var printed transcript
			cmd := &cobra.Command{}
			cmd.SetContext(t.Context())
			cmd.SetOut(&printed)
			end := make(chan error, 1)
			go func() { end <- runDev(cmd, s, password, "/the/log") }()
			eventually(t, "it is ready", func() bool { return len(end) > 0 || printed.holds("Paperplane is running.") })
			if err := kill(s); err != nil {
				t.Fatal(err)
			}
			if err := ended(t, end); err == nil || !strings.HasPrefix(err.Error(), name+" has stopped") {
				t.Errorf("it says: %v", err)
			}
		})
	}
}

func TestDevEndsQuietlyWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	s, password := devStack(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var printed transcript
	cmd := &cobra.Command{}
	cmd.SetContext(ctx)
	cmd.SetOut(&printed)
	end := make(chan error, 1)
	go func() { end <- runDev(cmd, s, password, "/the/log") }()
	eventually(t, "it is ready", func() bool { return len(end) > 0 || printed.holds("Paperplane is running.") })
	interrupt()
	if err := ended(t, end); err != nil {
		t.Errorf("it says: %v", err)
	}
}

func TestDevEndsWhenThePagesCannotBeServed(t *testing.T) {
	t.Parallel()
	s, password := devStack(t)
	taken, err := listen(t.Context(), s.server.config.Public.Listen, "public.listen")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	end := make(chan error, 1)
	go func() { end <- runDev(cmd, s, password, "/the/log") }()
	if err := ended(t, end); err == nil || !strings.Contains(err.Error(), "the address is in use") {
		t.Errorf("it says: %v", err)
	}
}

func TestAnOrganisationIsFoundedBesideDev(t *testing.T) {
	t.Parallel()
	s, _ := devStack(t)
	if kept, err := os.Stat(s.file); err != nil || kept.Mode().Perm() != 0o600 {
		t.Errorf("the configuration: %v, %v", kept, err)
	}
	terms := filepath.Join(t.TempDir(), "eula.md")
	if err := os.WriteFile(terms, []byte("Be kind."), 0o600); err != nil {
		t.Fatal(err)
	}
	got := execute(t, nil, "", "organisation", "create", "--config", s.file, "--slug", "north", "--name", "North Clinic",
		"--area", "Ward A", "--terms", terms, "--administrator", "nora@example.com")
	if got.code != exitDone || !strings.Contains(got.out, "North Clinic is founded.") {
		t.Errorf("%+v", got)
	}
}
