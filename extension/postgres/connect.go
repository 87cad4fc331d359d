package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun/driver/pgdriver"
)

// newConnector reads the DSN with pgx' parser and hands the parts to pgdriver, so that one DSN means one thing. pgx
// tries TLS first and then plain text where the DSN does not say; pgdriver cannot, so without an explicit sslmode a
// connection is plain only to this machine, and none to another one ever falls back to plain text.
func newConnector(dsn string) (connector, error) {
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return connector{}, errors.New("read database DSN: it is not a PostgreSQL connection string") // the cause would quote the password
	}
	network, address := pgconn.NetworkAddress(c.Host, c.Port)
	options := []pgdriver.Option{
		pgdriver.WithNetwork(network), pgdriver.WithAddr(address),
		pgdriver.WithUser(c.User), pgdriver.WithPassword(c.Password), pgdriver.WithDatabase(c.Database),
		pgdriver.WithApplicationName("paperplane"),
		pgdriver.WithReadTimeout(time.Minute), pgdriver.WithWriteTimeout(time.Minute),
		pgdriver.WithResetSessionFunc(alive),
	}
	plain := c.TLSConfig == nil
	for _, fallback := range c.Fallbacks {
		plain = plain || fallback.TLSConfig == nil && (network == "unix" || c.Host == "localhost" || net.ParseIP(c.Host).IsLoopback())
	}
	if plain {
		options = append(options, pgdriver.WithInsecure(true))
	} else {
		options = append(options, pgdriver.WithTLSConfig(c.TLSConfig))
	}
	if c.ConnectTimeout > 0 {
		options = append(options, pgdriver.WithDialTimeout(c.ConnectTimeout))
	}
	return connector{Connector: pgdriver.NewConnector(options...), settings: c.RuntimeParams}, nil
}

// connector also makes the settings of a DSN, such as search_path, on every connection. pgdriver's own way of making them
// would take a list of schemas for the name of one.
type connector struct {
	*pgdriver.Connector
	settings map[string]string
}

// Connect opens a connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	for name, value := range c.settings {
		if err := set(ctx, conn, name, value); err != nil {
			return nil, errors.Join(fmt.Errorf("set %s: %w", name, err), conn.Close())
		}
	}
	return conn, nil
}

func set(ctx context.Context, conn driver.Conn, name, value string) error {
	executor, ok := conn.(driver.ExecerContext)
	if !ok {
		return driver.ErrSkip
	}
	_, err := executor.ExecContext(ctx, "SELECT set_config($1, $2, false)", []driver.NamedValue{{Ordinal: 1, Value: name}, {Ordinal: 2, Value: value}})
	return err
}
