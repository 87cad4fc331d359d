package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
)

const (
	// streamsPerOwner is how many streams one owner may hold on this process: fewer than the six connections that a browser
	// opens to a host over HTTP/1.1, so that following in many windows never starves the pages themselves.
	streamsPerOwner = 4
	// heartbeat is how often a stream of events says that it is alive. A reader that has gone is noticed by the second
	// write after it went, and proxies cut what is silent, often after a minute.
	heartbeat = 10 * time.Second
	// flushTime is how long a reader may take to accept what is written. Behind it stands no timer of the server's:
	// that would count from the first byte.
	flushTime = 10 * time.Second
	// reconnect is after how many milliseconds a browser asks again for a stream that was cut.
	reconnect = 2000
)

// errStreams says that an owner holds as many streams as one may.
var errStreams = errors.New("too many streams")

// streams are the answers that are still being written.
type streams struct {
	mutex  sync.Mutex
	open   map[*Stream]context.CancelFunc
	owners map[string]int
	ended  bool
}

// Stream is an answer that is written little by little, after its handler has returned. It is one goroutine's.
type Stream struct {
	ctx   context.Context //nolint:containedctx // it is the stream's life, not a call's
	owner string
	out   *bufio.Writer
	conn  net.Conn
	beat  time.Duration
}

// Stream answers with what serve writes. The request's own time limit and its fiber.Ctx end with the handler, so serve
// gets everything it needs beforehand and works under Stream.Context, which ends when the process stops serving. An error
// of serve cuts the connection, so that half a body is never taken for a whole one. owner is whoever may hold only
// so many streams at once.
func (s *Shell) Stream(c *fiber.Ctx, owner string, serve func(stream *Stream) error) error {
	c.Set("X-Accel-Buffering", "no") // nginx passes on what is flushed
	if c.Method() == fiber.MethodHead {
		return nil
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.UserContext()))
	stream := &Stream{ctx: ctx, owner: owner, conn: c.Context().Conn(), beat: s.heartbeat}
	if err := s.streams.add(stream, cancel); err != nil {
		cancel()
		return err
	}
	id := requestID(c)
	c.Context().SetConnectionClose() // its write deadline would outlive the stream and cut what comes next
	c.Context().SetBodyStreamWriter(func(out *bufio.Writer) {
		defer s.streams.remove(stream)
		stream.out = out
		if err := s.guarded(stream, serve); err != nil {
			s.log.DebugContext(ctx, "stream cut", "error", err, "request_id", id)
			_ = stream.conn.Close() // the reader has gone, or must not take this for the end
		}
	})
	return nil
}

// guarded runs serve; a panic there would end the process, because no handler stands above it.
func (s *Shell) guarded(stream *Stream, serve func(*Stream) error) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			s.log.ErrorContext(stream.ctx, "panic", "reason", reason, "stack", string(debug.Stack()))
			err = fmt.Errorf("write stream: panic: %v", reason)
		}
	}()
	if err := serve(stream); err != nil {
		return err
	}
	return stream.Flush()
}

// Events answers with a stream of server-sent events (WHATWG HTML §9.2).
func (s *Shell) Events(c *fiber.Ctx, owner string, serve func(stream *Stream) error) error {
	c.Set(fiber.HeaderContentType, "text/event-stream; charset=utf-8")
	c.Set(fiber.HeaderCacheControl, "no-store, no-transform")
	return s.Stream(c, owner, func(stream *Stream) error {
		if _, err := fmt.Fprintf(stream, "retry: %d\n\n", reconnect); err != nil {
			return err
		}
		if err := stream.Flush(); err != nil { // the headers go out now, not with the first event
			return err
		}
		return serve(stream)
	})
}

// EndStreams ends every stream and refuses new ones, so that the server need not wait for them when it stops.
func (s *Shell) EndStreams() { s.streams.end() }

// Context is the stream's life: it ends when the process stops serving.
func (st *Stream) Context() context.Context { return st.ctx }

// Beat is how often Heartbeat should be called while nothing else is written.
func (st *Stream) Beat() time.Duration { return st.beat }

// Write buffers bytes of the body, and sends them when there are enough.
func (st *Stream) Write(body []byte) (int, error) {
	if err := st.hurry(); err != nil {
		return 0, err
	}
	return st.out.Write(body)
}

// Flush sends what is buffered. An error says that the reader has gone.
func (st *Stream) Flush() error {
	if err := st.hurry(); err != nil {
		return err
	}
	return st.out.Flush()
}

// Event sends an event with data as JSON.
func (st *Stream) Event(name string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", name, err)
	}
	if _, err := fmt.Fprintf(st, "event: %s\ndata: %s\n\n", name, body); err != nil {
		return err
	}
	return st.Flush()
}

// Heartbeat sends a comment, which shows whether the reader is still there.
func (st *Stream) Heartbeat() error {
	if _, err := st.Write([]byte(":\n\n")); err != nil {
		return err
	}
	return st.Flush()
}

func (st *Stream) hurry() error {
	if err := st.conn.SetWriteDeadline(time.Now().Add(flushTime)); err != nil {
		return fmt.Errorf("write stream: %w", err)
	}
	return nil
}

func (s *streams) add(stream *Stream, cancel context.CancelFunc) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case s.ended:
		return &extension.TroubleError{Sentence: "Paperplane is being stopped here."}
	case s.owners[stream.owner] >= streamsPerOwner:
		return errStreams
	}
	s.open[stream] = cancel
	s.owners[stream.owner]++
	return nil
}

func (s *streams) remove(stream *Stream) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.open[stream]()
	delete(s.open, stream)
	if s.owners[stream.owner]--; s.owners[stream.owner] == 0 {
		delete(s.owners, stream.owner)
	}
}

func (s *streams) end() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ended = true
	for _, cancel := range s.open {
		cancel()
	}
}
