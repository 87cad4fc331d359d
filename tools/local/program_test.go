package local

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

// printed keeps what a program prints.
type printed struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.text.String()
}

func TestAProgramSeesItsOwnEnvironmentAloneAndIsKilledAtOnce(t *testing.T) {
	t.Parallel()
	out := &printed{}
	program, err := StartProgram(t.Context(), ProgramOptions{
		Path: "/bin/sh", Arguments: []string{"-c", `trap '' TERM; echo "home=$HOME word=$WORD"; while :; do sleep 1; done`},
		Env: []string{"WORD=hello"}, Log: out,
	})
	if err != nil {
		t.Fatal(err)
	}
	err = program.Await(t.Context(), func(context.Context) error {
		if !strings.Contains(out.String(), "\n") {
			return errors.New("it has printed nothing yet")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "home= word=hello\n" || program.PID() == 0 {
		t.Errorf("process %d printed %q", program.PID(), got)
	}
	if err := program.Kill(); err != nil {
		t.Fatal(err)
	}
	<-program.Done()
	if err := program.Stop(); err != nil {
		t.Errorf("stop of what has ended: %v", err)
	}
}

func TestAProgramThatEndsBeforeItIsReadyIsAnErrorWithItsLastLines(t *testing.T) {
	t.Parallel()
	program, err := StartProgram(t.Context(), ProgramOptions{Path: "/bin/sh", Arguments: []string{"-c", "echo no luck; exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	err = program.Await(t.Context(), func(context.Context) error { return errors.New("not ready") })
	if err == nil || !strings.Contains(err.Error(), "no luck") {
		t.Errorf("await: %v", err)
	}
	if _, err := StartProgram(t.Context(), ProgramOptions{Path: "/does/not/exist"}); err == nil {
		t.Error("a program that is not there was started")
	}
}
