package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"syscall"
)

// host is where everything listens: one address, the same in every URL, because
// cookies tell 127.0.0.1 from localhost.
const host = "127.0.0.1"

// Free ports are taken from this range, which lies below the one that Linux
// (32768) and macOS (49152) use for outgoing connections: a port from there can be gone
// again before its program listens on it.
const (
	lowestFreePort  = 20000
	highestFreePort = 29999
)

// PortInUseError says that a port that was asked for belongs to another program.
type PortInUseError struct {
	Port    int    // The port on 127.0.0.1.
	Program string // What was to listen there, such as "PostgreSQL".
	Setting string // The setting that chooses the port, such as "--postgres-port"; empty if there is none.
}

// Error is one sentence for the developer: which port, and what to do.
func (e *PortInUseError) Error() string {
	sentence := fmt.Sprintf("port %d on %s, where %s should listen, is already in use: stop the program that holds it", e.Port, host, e.Program)
	if e.Setting == "" {
		return sentence
	}
	return sentence + " or choose another port with " + e.Setting
}

// CheckPort returns a *PortInUseError if something listens on the port already
// on 127.0.0.1, and any other error of listening there as it is. Port 0, which asks for a free one, is always in order.
func CheckPort(ctx context.Context, port int, program, setting string) error {
	if port == 0 {
		return nil
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return &PortInUseError{Port: port, Program: program, Setting: setting}
	}
	if err != nil {
		return fmt.Errorf("check port for %s: %w", program, err)
	}
	return listener.Close()
}

// FreePort returns a port on 127.0.0.1 on which nothing listens now. Nobody
// keeps it free: take it soon.
func FreePort(ctx context.Context) (int, error) {
	const tries = 100
	for range tries {
		offset, err := rand.Int(rand.Reader, big.NewInt(highestFreePort-lowestFreePort+1))
		if err != nil {
			return 0, fmt.Errorf("choose port: %w", err)
		}
		port := lowestFreePort + int(offset.Int64())
		err = CheckPort(ctx, port, "a test", "")
		if taken := (*PortInUseError)(nil); errors.As(err, &taken) {
			continue
		}
		return port, err
	}
	return 0, fmt.Errorf("no free port between %d and %d on %s", lowestFreePort, highestFreePort, host)
}
