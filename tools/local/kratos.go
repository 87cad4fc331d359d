package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// KratosOptions says which Kratos to start. Binary and ConfigFile are required.
type KratosOptions struct {
	Binary            string    // The program; see KratosBinary. v1.3.1 and v26.2 both serve.
	ConfigFile        string    // Its kratos.yml.
	Env               []string  // Settings that override the file's, such as "DSN=postgres://…"; Kratos sees no other environment.
	PublicPort        int       // The port of the public API on 127.0.0.1; 0 takes a free one. It overrides the file's.
	PublicPortSetting string    // What the developer sets to choose PublicPort, named in the error if it is in use.
	AdminPort         int       // The port of the admin API on 127.0.0.1; 0 takes a free one. It overrides the file's.
	AdminPortSetting  string    // What the developer sets to choose AdminPort, named in the error if it is in use.
	Log               io.Writer // Kratos' own log; nil discards it.
}

// Kratos is a Kratos in development mode (--dev: cookies work over plain HTTP)
// that also delivers its own messages. It ends with this process, however that ends.
// Its methods may be called from several goroutines.
type Kratos struct {
	options KratosOptions
	client  *http.Client

	mu      sync.Mutex
	process *process
}

// StartKratos migrates Kratos' database, starts Kratos and returns when both
// its APIs are ready: about a second. ctx bounds the start only. A port in use
// is a *PortInUseError; a Kratos that does not become ready is an error with the last lines of its log.
func StartKratos(ctx context.Context, options KratosOptions) (*Kratos, error) {
	for _, port := range []struct {
		number           *int
		program, setting string
	}{
		{&options.PublicPort, "Kratos' public API", options.PublicPortSetting},
		{&options.AdminPort, "Kratos' admin API", options.AdminPortSetting},
	} {
		if err := choosePort(ctx, port.number, port.program, port.setting); err != nil {
			return nil, err
		}
	}
	k := &Kratos{options: options, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	if err := k.migrate(ctx); err != nil {
		return nil, fmt.Errorf("migrate Kratos' database: %w", err)
	}
	if err := k.serve(ctx); err != nil {
		return nil, fmt.Errorf("start Kratos: %w", err)
	}
	return k, nil
}

func choosePort(ctx context.Context, port *int, program, setting string) (err error) {
	if *port == 0 {
		*port, err = FreePort(ctx)
		return err
	}
	return CheckPort(ctx, *port, program, setting)
}

// migrate uses the one spelling that both versions know.
func (k *Kratos) migrate(ctx context.Context) error {
	return run(ctx, k.command(ctx, "migrate", "sql", "-e", "--yes", "-c", k.options.ConfigFile), newOutput(k.options.Log))
}

func (k *Kratos) serve(ctx context.Context) error {
	cmd := k.command(ctx, "serve", "--dev", "--watch-courier", "--sqa-opt-out", "-c", k.options.ConfigFile)
	server, err := start(cmd, newOutput(k.options.Log), syscall.SIGKILL)
	if err != nil {
		return err
	}
	if err := server.poll(ctx, startLimit, k.ready); err != nil {
		return errors.Join(err, server.stop())
	}
	k.process = server
	return nil
}

// command prepares a Kratos with the options' environment alone: a DSN or a
// proxy of the developer's would change what it does.
func (k *Kratos) command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), k.options.Binary, arguments...)
	cmd.Env = slices.Concat(k.options.Env, []string{
		"SERVE_PUBLIC_HOST=" + host,
		"SERVE_PUBLIC_PORT=" + strconv.Itoa(k.options.PublicPort),
		"SERVE_ADMIN_HOST=" + host,
		"SERVE_ADMIN_PORT=" + strconv.Itoa(k.options.AdminPort),
	})
	return cmd
}

// ready asks both APIs. A Kratos without a migrated database opens no port at all.
func (k *Kratos) ready(ctx context.Context) error {
	for _, address := range []string{k.PublicURL() + "/health/ready", k.AdminURL() + "/admin/health/ready"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
		if err != nil {
			return err
		}
		response, err := k.client.Do(request)
		if err != nil {
			return err
		}
		if err := response.Body.Close(); err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", address, response.Status)
		}
	}
	return nil
}

// PublicURL returns the address of the public API, without a slash at its end.
func (k *Kratos) PublicURL() string { return apiURL(k.options.PublicPort) }

// AdminURL returns the address of the admin API, without a slash at its end.
func (k *Kratos) AdminURL() string { return apiURL(k.options.AdminPort) }

func apiURL(port int) string {
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port))
}

// PID returns the process id of Kratos. After a Restart ask again.
func (k *Kratos) PID() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.process.cmd.Process.Pid
}

// Done is closed when Kratos has ended, for whatever reason. After a Restart
// ask again: the new process has a channel of its own.
func (k *Kratos) Done() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.process.done
}

// Stop ends Kratos after the requests that it is answering. A second Stop does nothing.
func (k *Kratos) Stop() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.halt()
}

func (k *Kratos) halt() error {
	return k.process.stop(notice{syscall.SIGTERM, 10 * time.Second})
}

// Kill ends Kratos at once, in the middle of whatever it does.
func (k *Kratos) Kill() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.process.stop()
}

// Restart starts Kratos again with the same options and ports, after stopping
// it if it runs, and returns when it is ready. ctx bounds the start only.
func (k *Kratos) Restart(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.halt(); err != nil {
		return fmt.Errorf("restart Kratos: %w", err)
	}
	if err := k.serve(ctx); err != nil {
		return fmt.Errorf("restart Kratos: %w", err)
	}
	return nil
}
