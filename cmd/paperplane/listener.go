package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// firstWordTime is how long a connection on which nothing has arrived yet may live on when its listener closes: a request
// may be on its way.
const firstWordTime = 500 * time.Millisecond

// listener knows which of its connections have sent nothing yet, and ends those when it is closed. Browsers and Go's HTTP
// client open connections ahead of need; fasthttp counts one as busy from its first moment on, and a stop would wait for a
// request that nobody makes.
type listener struct {
	net.Listener

	mutex  sync.Mutex
	silent map[*connection]struct{}
	closed bool
}

// listen opens a listener, or says which setting names an address that is taken.
func listen(ctx context.Context, address, setting string) (net.Listener, error) {
	var opening net.ListenConfig
	opened, err := opening.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: the address is in use or not of this machine; set %s to another one: %w", address, setting, err)
	}
	return &listener{Listener: opened, silent: map[*connection]struct{}{}}, nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.closed { // nobody would end it
		return nil, fmt.Errorf("accept: %w", errors.Join(net.ErrClosed, accepted.Close()))
	}
	c := &connection{Conn: accepted, listener: l}
	l.silent[c] = struct{}{}
	return c, nil
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if !l.closed {
		l.closed = true
		time.AfterFunc(firstWordTime, l.endSilent)
	}
	return l.Listener.Close()
}

func (l *listener) endSilent() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for c := range l.silent {
		_ = c.Conn.Close() // whoever reads from it is told
	}
}

// connection tells its listener when something has arrived on it.
type connection struct {
	net.Conn

	listener *listener
	counted  sync.Once
}

// Read implements net.Conn.
func (c *connection) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if n > 0 {
		c.forget()
	}
	return n, err
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.forget()
	return c.Conn.Close()
}

func (c *connection) forget() {
	c.counted.Do(func() {
		c.listener.mutex.Lock()
		defer c.listener.mutex.Unlock()
		delete(c.listener.silent, c)
	})
}
