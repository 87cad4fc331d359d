package config_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun/driver/pgdriver"

	"paperplane/config"
)

func TestBothDriversReadTheSameFromADSN(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		dsn       string
		encrypted bool
	}{
		"on this machine":         {"postgres://paperplane@localhost/people", false},
		"on an address":           {"postgres://paperplane:p%40ss%2Fword@[::1]:6432/people?application_name=pp", false},
		"over a network":          {"postgresql://paperplane:secret@DB.example.com/people?sslmode=verify-full&connect_timeout=3", true},
		"with a name to be coded": {"postgres://paperplane:secret@127.0.0.1/our%20people?search_path=people", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loaded, err := config.Load(config.Sources{Environ: required("PAPERPLANE_DATABASE_DSN=" + c.dsn)})
			if err != nil {
				t.Fatal(err)
			}
			dsn := loaded.Database.DSN.Reveal()
			pages := pgdriver.NewConnector(pgdriver.WithDSN(dsn)).Config()
			jobs, err := pgconn.ParseConfig(dsn)
			if err != nil {
				t.Fatal(err)
			}
			if address := pgconnAddress(jobs); pages.Addr != address || pages.User != jobs.User || pages.Password != jobs.Password || pages.Database != jobs.Database {
				t.Errorf("pgdriver reads %s %s %s, pgx %s %s %s", pages.Addr, pages.User, pages.Database, address, jobs.User, jobs.Database)
			}
			if (pages.TLSConfig != nil) != c.encrypted || (jobs.TLSConfig != nil) != c.encrypted {
				t.Errorf("encrypted: pgdriver %v, pgx %v, want %v", pages.TLSConfig != nil, jobs.TLSConfig != nil, c.encrypted)
			}
			if c.encrypted && (pages.TLSConfig.InsecureSkipVerify || jobs.TLSConfig.InsecureSkipVerify) {
				t.Error("the server is not verified")
			}
			if len(jobs.Fallbacks) > 0 {
				t.Error("pgx would fall back to another way of connecting")
			}
		})
	}
}

func pgconnAddress(c *pgconn.Config) string {
	_, address := pgconn.NetworkAddress(c.Host, c.Port)
	return address
}
