package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// kratosPackage is what tools/kratos builds, kratosVersion the variable in it that `kratos version` prints.
const (
	kratosPackage = "github.com/ory/kratos"
	kratosVersion = kratosPackage + "/driver/config.Version"
)

// progressInterval is how often a long build says that it goes on.
const progressInterval = 10 * time.Second

// KratosBinary returns the path of the Kratos that tools/kratos pins, and
// builds it if this state folder does not have it yet: about two minutes with an empty
// build cache, which progress is told. Its name holds a hash of all that it
// is built from, so a change of version builds anew. Several processes may ask at once: one builds, the
// others wait.
func KratosBinary(ctx context.Context, stateDir string, progress io.Writer) (string, error) {
	path, err := kratosBinary(ctx, stateDir, orDiscard(progress))
	if err != nil {
		return "", fmt.Errorf("build Kratos: %w", err)
	}
	return path, nil
}

func kratosBinary(ctx context.Context, stateDir string, progress io.Writer) (string, error) {
	root, err := ProjectRoot()
	if err != nil {
		return "", err
	}
	environment, err := toolEnvironment(stateDir)
	if err != nil {
		return "", err
	}
	builder := goTool{
		module:      filepath.Join(root, "tools", "kratos"),
		environment: append(environment, "CGO_ENABLED=0", "GOWORK=off"),
	}
	key, err := builder.key(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(stateDir, "kratos-"+key)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	held, err := waitLock(ctx, filepath.Join(stateDir, "kratos.lock"), func() {
		_, _ = fmt.Fprintln(progress, "Waiting for another process that builds Kratos.")
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = held.release() }()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, builder.build(ctx, path, progress)
}

// goTool runs the go command in one module.
type goTool struct {
	module      string
	environment []string
}

func (g goTool) command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "go", arguments...)
	cmd.Dir = g.module
	cmd.Env = g.environment
	return cmd
}

// key is a short hash of what the binary depends on: the pinned modules, the
// compiler and the platform.
func (g goTool) key(ctx context.Context) (string, error) {
	out := newOutput(nil)
	if err := run(ctx, g.command(ctx, "env", "GOVERSION", "GOOS", "GOARCH"), out); err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(g.module, name))
		if err != nil {
			return "", err
		}
		hash.Write(content)
	}
	hash.Write([]byte(out.tail()))
	return hex.EncodeToString(hash.Sum(nil)[:6]), nil
}

// build makes the binary; path appears whole or not at all.
func (g goTool) build(ctx context.Context, path string, progress io.Writer) error {
	_, _ = fmt.Fprintln(progress, "Building Kratos from tools/kratos: this takes about two minutes, once.")
	version := newOutput(nil)
	if err := run(ctx, g.command(ctx, "list", "-m", "-f", "{{.Version}}", kratosPackage), version); err != nil {
		return err
	}
	unfinished := path + ".unfinished"
	// -v prints the name of each package that is compiled, which is our measure of progress.
	cmd := g.command(ctx, "build", "-v", "-trimpath",
		"-ldflags", "-s -w -X "+kratosVersion+"="+version.last(),
		"-o", unfinished, kratosPackage)
	out := newOutput(nil)
	build, err := start(cmd, out, syscall.SIGINT)
	if err != nil {
		return err
	}
	if err := watch(ctx, build, progress); err != nil {
		return err
	}
	if build.err != nil {
		return fmt.Errorf("%w%s", build.err, out.tail())
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(progress, "Built Kratos", version.last()+".")
	return nil
}

// watch reports how far a build is until it has ended; the end of ctx interrupts it.
func watch(ctx context.Context, build *process, progress io.Writer) error {
	begun := time.Now()
	tick := time.NewTicker(progressInterval)
	defer tick.Stop()
	for {
		select {
		case <-build.done:
			return nil
		case <-tick.C:
			_, _ = fmt.Fprintf(progress, "  … %d packages compiled or downloaded in %s\n", build.out.count(), time.Since(begun).Round(time.Second))
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), build.stop(notice{syscall.SIGINT, 10 * time.Second}))
		}
	}
}
