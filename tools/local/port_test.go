package local_test

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"

	"paperplane/tools/local"
)

// TestAPortThatWasLetGoIsFreeWhileProgramsAreStarted checks ports while other programs begin: for a moment each holds
// copies of this process' sockets.
func TestAPortThatWasLetGoIsFreeWhileProgramsAreStarted(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var starting sync.WaitGroup
	for range 2 {
		starting.Go(func() {
			for ctx.Err() == nil {
				_ = exec.CommandContext(ctx, program, "-test.run", "^$").Run()
			}
		})
	}
	defer starting.Wait()
	defer cancel()
	for range 1000 {
		port, err := local.FreePort(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := local.CheckPort(ctx, port, "a test", ""); err != nil {
			t.Fatal(err)
		}
	}
}
