//go:build unix

package postgres

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/uptrace/bun/driver/pgdriver"
)

// alive is asked before a pooled connection is used again. One that PostgreSQL has closed meanwhile, because it was
// restarted, is a bad connection, so database/sql opens another. Without it every connection of the pool would fail one
// person's request after PostgreSQL is back. An idle connection has nothing to read: whatever is there is an end or the
// announcement of one.
func alive(_ context.Context, connection *pgdriver.Conn) error {
	socket := connection.Conn()
	if encrypted, ok := socket.(*tls.Conn); ok {
		socket = encrypted.NetConn()
	}
	raw, ok := socket.(syscall.Conn)
	if !ok {
		return nil
	}
	idle, err := nothingToRead(socket, raw)
	if err != nil || !idle {
		return driver.ErrBadConn
	}
	return nil
}

// nothingToRead looks at a socket without waiting.
func nothingToRead(socket net.Conn, raw syscall.Conn) (bool, error) {
	if err := socket.SetReadDeadline(time.Time{}); err != nil { // the last query's has passed long ago
		return false, err
	}
	descriptor, err := raw.SyscallConn()
	if err != nil {
		return false, err
	}
	idle := false
	err = descriptor.Read(func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), make([]byte, 1)) // sockets of Go never block
		idle = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return idle, err
}
