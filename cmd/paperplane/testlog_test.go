package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"paperplane/tools/local"
)

// testLog keeps Paperplane's log, down to its debug lines, and looks at the end whether it holds a secret. What a person has
// to look at is said at once, everything only in a verbose run; of a test that fails, everything goes into a file.
type testLog struct {
	mutex   sync.Mutex
	t       testing.TB
	ended   bool
	lines   strings.Builder
	secrets map[string]bool
}

func (l *testLog) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	debug, info := bytes.Contains(line, []byte("level=DEBUG")), bytes.Contains(line, []byte("level=INFO"))
	if !l.ended && !debug && (!info || testing.Verbose()) {
		l.t.Log(strings.TrimSpace(string(line)))
	}
	return l.lines.Write(line)
}

// holds tells whether these words were written.
func (l *testLog) holds(words string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.Contains(l.lines.String(), words)
}

// mustNotHold names secrets that no line may hold. Short values are left out: they could stand there by chance.
func (l *testLog) mustNotHold(secrets ...string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.secrets == nil {
		l.secrets = map[string]bool{}
	}
	for _, secret := range secrets {
		if len(secret) >= 12 {
			l.secrets[secret] = true
		}
	}
}

// close ends the log and reports the lines that hold a secret, without repeating it.
func (l *testLog) close() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.ended = true
	for line := range strings.Lines(l.lines.String()) {
		for secret := range l.secrets {
			if strings.Contains(line, secret) {
				l.t.Errorf("the log holds a secret: %s", strings.ReplaceAll(line, secret, "***"))
			}
		}
	}
	if l.t.Failed() {
		l.keep()
	}
}

// keep writes the log into the state folder, in the place of the one before.
func (l *testLog) keep() {
	state, err := local.StateDir()
	if err != nil {
		l.t.Error(err)
		return
	}
	folder := filepath.Join(state, "logs")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		l.t.Error(err)
		return
	}
	file := filepath.Join(folder, strings.ReplaceAll(l.t.Name(), "/", ".")+".log")
	if err := os.WriteFile(file, []byte(l.lines.String()), 0o600); err != nil {
		l.t.Error(err)
		return
	}
	l.t.Logf("the stack's log is in %s", file)
}
