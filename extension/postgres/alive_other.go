//go:build !unix

package postgres

import (
	"context"

	"github.com/uptrace/bun/driver/pgdriver"
)

// alive cannot look at a socket here: a connection that PostgreSQL has closed shows at its next query.
func alive(context.Context, *pgdriver.Conn) error { return nil }
