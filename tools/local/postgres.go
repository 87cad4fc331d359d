package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// superuser is the role that everything connects as, without a password: the
// server listens on 127.0.0.1 alone and holds nothing but development data.
const superuser = "postgres"

// startLimit bounds the wait for a server to become ready: a hundred times
// what it takes, for a machine that is busy with something else.
const startLimit = time.Minute

// PostgresOptions says which PostgreSQL to start. Only StateDir is required.
type PostgresOptions struct {
	StateDir    string    // Where the data and fetched programs go; see StateDir. As root they may have to go elsewhere, which Progress then says.
	BinDir      string    // A folder with initdb and postgres (PG_BIN); empty means search for one.
	Port        int       // The port on 127.0.0.1; 0 takes a free one.
	PortSetting string    // What the developer sets to choose Port, named in the error if it is in use.
	Durable     bool      // Keep the data for the next start, and write them safely; otherwise Stop removes them.
	Log         io.Writer // PostgreSQL's own log; nil discards it.
	Progress    io.Writer // Sentences about what takes long or is unusual; nil discards them.
}

// Postgres is a private PostgreSQL server. It ends with this process, however
// that ends. Its methods may be called from several goroutines.
type Postgres struct {
	options  PostgresOptions
	programs binaries
	cluster  *cluster
	port     int

	mu      sync.Mutex
	process *process
	closed  bool
}

// StartPostgres starts a private PostgreSQL and returns when it accepts
// connections: half a second, or the time of a download where no PostgreSQL is
// installed. ctx bounds the start only. A port in use is a *PortInUseError.
func StartPostgres(ctx context.Context, options PostgresOptions) (*Postgres, error) {
	if err := CheckPort(ctx, options.Port, "PostgreSQL", options.PortSetting); err != nil {
		return nil, err
	}
	programs, home, err := preparePostgres(ctx, options)
	if err != nil {
		return nil, err
	}
	folder, err := options.openCluster(ctx, home)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	server := &Postgres{options: options, programs: programs, cluster: folder, port: options.Port}
	if err := server.launch(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), folder.close())
	}
	return server, nil
}

// PreparePostgres finds or fetches the programs that StartPostgres would use,
// so that the first start after it is quick. It returns their folder.
func PreparePostgres(ctx context.Context, options PostgresOptions) (string, error) {
	programs, _, err := preparePostgres(ctx, options)
	return programs.dir, err
}

func preparePostgres(ctx context.Context, options PostgresOptions) (binaries, string, error) {
	owner, progress := currentAccount(), orDiscard(options.Progress)
	home, err := owner.home(ctx, options.StateDir, progress)
	if err != nil {
		return binaries{}, "", err
	}
	programs, err := search{
		account: owner, home: home, stateDir: options.StateDir,
		explicit: options.BinDir, debian: debianBinaries, progress: progress,
	}.find(ctx)
	return programs, home, err
}

func (o PostgresOptions) openCluster(ctx context.Context, home string) (*cluster, error) {
	if o.Durable {
		return openDurable(home, currentAccount())
	}
	return openThrowaway(ctx, home, currentAccount())
}

// RemovePostgres deletes the durable cluster of a state folder, wherever it
// is; that there is none is not an error. It refuses while the cluster runs.
func RemovePostgres(ctx context.Context, stateDir string) error {
	owner := currentAccount()
	home, err := owner.home(ctx, stateDir, io.Discard)
	if err != nil {
		return fmt.Errorf("remove database: %w", err)
	}
	folder, err := openDurable(home, owner)
	if err != nil {
		return fmt.Errorf("remove database: %w", err)
	}
	if err := folder.remove(); err != nil {
		return fmt.Errorf("remove database: %w", err)
	}
	return nil
}

// launch starts the server on the cluster. Without a port of its own it tries
// several: another program may take one between the choice and the start.
func (p *Postgres) launch(ctx context.Context) error {
	if err := p.cluster.initialise(ctx, p.programs); err != nil {
		return err
	}
	if err := p.cluster.settle(ctx); err != nil {
		return err
	}
	const tries = 5
	var err error
	for range tries {
		if p.port == 0 {
			if p.port, err = FreePort(ctx); err != nil {
				return err
			}
		}
		err = p.serve(ctx)
		if taken := (*PortInUseError)(nil); !errors.As(err, &taken) || p.options.Port != 0 {
			return err
		}
		p.port = 0
	}
	return err
}

// serve starts the server and waits until it accepts connections.
func (p *Postgres) serve(ctx context.Context) error {
	arguments := []string{"-D", p.cluster.data(), "-p", strconv.Itoa(p.port)}
	for _, setting := range p.settings() {
		arguments = append(arguments, "-c", setting)
	}
	out := newOutput(p.options.Log)
	cmd := p.cluster.account.command(ctx, p.cluster.dir, p.programs.path("postgres"), arguments...)
	// SIGQUIT ends every process at once; the log makes good at the next start.
	server, err := start(cmd, out, syscall.SIGQUIT)
	if err != nil {
		return err
	}
	if err := server.poll(ctx, startLimit, p.ping); err != nil {
		if strings.Contains(out.tail(), "Address already in use") {
			err = &PortInUseError{Port: p.port, Program: "PostgreSQL", Setting: p.options.PortSetting}
		}
		return errors.Join(err, server.stop(notice{syscall.SIGQUIT, 5 * time.Second}))
	}
	p.process = server
	return nil
}

// settings are the server's: a connection for every test and Kratos at
// once, times in UTC, and no waiting for the disk where the data are not kept.
func (p *Postgres) settings() []string {
	settings := []string{
		"listen_addresses=" + host,
		"log_error_verbosity=terse", // DETAIL lines quote what people typed
		"unix_socket_directories=",
		"max_connections=200",
		"timezone=UTC",
		"log_timezone=UTC",
	}
	if !p.options.Durable {
		// Commits stay synchronous: what is committed must outlive a killed server, as tests kill it.
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	return settings
}

// DSN returns the address of a database of this server, as PostgreSQL's
// drivers and Kratos take it. The database need not exist.
func (p *Postgres) DSN(database string) string {
	dsn := url.URL{
		Scheme:   "postgres",
		User:     url.User(superuser),
		Host:     net.JoinHostPort(host, strconv.Itoa(p.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return dsn.String()
}

// Port returns the port on 127.0.0.1.
func (p *Postgres) Port() int { return p.port }

// CreateDatabase creates a database unless it exists.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	const duplicateDatabase = "42P04"
	err := p.execute(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == duplicateDatabase {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

func (p *Postgres) ping(ctx context.Context) error { return p.execute(ctx, "SELECT 1") }

// execute runs one statement in the database that every cluster has.
func (p *Postgres) execute(ctx context.Context, statement string) error {
	connection, err := pgx.Connect(ctx, p.DSN("postgres"))
	if err != nil {
		return err
	}
	_, err = connection.Exec(ctx, statement)
	return errors.Join(err, connection.Close(ctx))
}

// PID returns the process id of the server (its postmaster, whose children do the work). After a Restart ask again.
func (p *Postgres) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.process.cmd.Process.Pid
}

// Done is closed when the server has ended, for whatever reason. After a
// Restart ask again: the new server has a channel of its own.
func (p *Postgres) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.process.done
}

// Stop ends the server, disconnecting whoever is connected, and gives its
// folder back; data that are not Durable are removed. A second Stop does nothing.
func (p *Postgres) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return errors.Join(p.halt(), p.cluster.close())
}

// halt asks for PostgreSQL's fast shutdown, then for the immediate one.
func (p *Postgres) halt() error {
	return p.process.stop(notice{syscall.SIGINT, 20 * time.Second}, notice{syscall.SIGQUIT, 5 * time.Second})
}

// Kill ends the server at once, as a power cut would; Restart starts it again.
func (p *Postgres) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.process.stop(notice{syscall.SIGQUIT, 5 * time.Second})
}

// Restart starts the server again on the same data and port, after stopping it
// if it runs, and returns when it accepts connections. ctx bounds the start only.
func (p *Postgres) Restart(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("restart PostgreSQL: it was stopped for good")
	}
	if err := p.halt(); err != nil {
		return fmt.Errorf("restart PostgreSQL: %w", err)
	}
	if err := p.cluster.settle(ctx); err != nil {
		return fmt.Errorf("restart PostgreSQL: %w", err)
	}
	if err := p.serve(ctx); err != nil {
		return fmt.Errorf("restart PostgreSQL: %w", err)
	}
	return nil
}
