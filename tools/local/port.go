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
	"time"
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

// A program that is being started holds a copy of every socket of ours until it has begun, so a port that was let go
// can seem in use for some milliseconds. It is tried this often, this far apart.
const (
	portTries = 20
	portPause = 10 * time.Millisecond
)

// CheckPort returns a *PortInUseError if something listens on the port already
// on 127.0.0.1, and any other error of listening there as it is. Port 0, which asks for a free one, is always in order.
func CheckPort(ctx context.Context, port int, program, setting string) error {
	if port == 0 {
		return nil
	}
	pause := time.NewTicker(portPause)
	defer pause.Stop()
	for range portTries {
		err := tryPort(ctx, port)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("check port for %s: %w", program, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("check port for %s: %w", program, ctx.Err())
		case <-pause.C:
		}
	}
	return &PortInUseError{Port: port, Program: program, Setting: setting}
}

// tryPort listens on a port of 127.0.0.1 and lets it go.
func tryPort(ctx context.Context, port int) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return err
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
		err = tryPort(ctx, port)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("choose port: %w", err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("no free port between %d and %d on %s", lowestFreePort, highestFreePort, host)
}
