package web_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension/web"
	"paperplane/extension/web/webtest"
)

// listen serves the shell's app on a real port until the test ends.
func (b *bench) listen(t *testing.T) string {
	t.Helper()
	return b.Listen(t, b.shell.EndStreams)
}

func (b *bench) open(t *testing.T, address string) webtest.Streamed {
	t.Helper()
	response, err := b.Open(t, http.MethodGet, address)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func TestAStreamGoesOnAfterItsHandlerHasReturned(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	more := make(chan string)
	b.shell.App().Get("/stream", func(c *fiber.Ctx) error {
		return b.shell.Events(c, "anna", func(stream *web.Stream) error {
			for text := range more {
				if stream.Context().Err() != nil {
					return errors.New("the stream's life ended with the handler")
				}
				if err := stream.Event("told", text); err != nil {
					return err
				}
			}
			return stream.Heartbeat()
		})
	})
	response := b.open(t, b.listen(t)+"/stream")
	if response.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || response.Header.Get("X-Accel-Buffering") != "no" ||
		response.Header.Get("Content-Security-Policy") == "" || !response.Close {
		t.Errorf("headers %v", response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	read := func() string { lines.Scan(); return lines.Text() }
	if got := []string{read(), read()}; got[0] != "retry: 2000" || got[1] != "" {
		t.Errorf("it begins with %q", got)
	}
	for _, text := range []string{"one", "two"} {
		more <- text
		if got := []string{read(), read(), read()}; got[0] != "event: told" || got[1] != `data: "`+text+`"` || got[2] != "" {
			t.Errorf("%q", got)
		}
	}
	close(more)
	if read() != ":" || read() != "" || lines.Scan() || lines.Err() != nil {
		t.Errorf("after the heartbeat comes %q, %v", lines.Text(), lines.Err())
	}
}

func TestAStreamThatFailsIsNeverTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	for path, fail := range map[string]func() error{
		"/error": func() error { return errors.New("the database has gone") },
		"/panic": func() error { panic("at the disco") },
	} {
		b.shell.App().Get(path, func(c *fiber.Ctx) error {
			return b.shell.Stream(c, "anna", func(stream *web.Stream) error {
				if _, err := stream.Write([]byte("the first half")); err != nil {
					return err
				}
				if err := stream.Flush(); err != nil {
					return err
				}
				return fail()
			})
		})
	}
	server := b.listen(t)
	for _, path := range []string{"/error", "/panic", "/panic"} {
		response, err := b.Open(t, http.MethodGet, server+path)
		if err != nil {
			continue // cut before the first half went out
		}
		if body, err := io.ReadAll(response.Body); err == nil {
			t.Errorf("%s: %q is taken for a whole body", path, body)
		}
	}
	if log := b.log.String(); !strings.Contains(log, "panic") || !strings.Contains(log, "bytes=-1") {
		t.Errorf("the log says %s", log)
	}
	if response, err := b.Open(t, http.MethodHead, server+"/error"); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %+v, %v", response, err)
	}
}

func TestOneOwnerHoldsOnlySoManyStreamsAndAllEndAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Get("/stream/:owner", func(c *fiber.Ctx) error {
		c.Attachment("list.csv")
		return b.shell.Events(c, c.Params("owner"), func(stream *web.Stream) error {
			if err := stream.Heartbeat(); err != nil {
				return err
			}
			<-stream.Context().Done()
			return nil
		})
	})
	server := b.listen(t)
	for range 4 {
		if response := b.open(t, server+"/stream/anna"); response.StatusCode != http.StatusOK {
			t.Fatalf("%d", response.StatusCode)
		}
	}
	if response := b.open(t, server+"/stream/anna"); response.StatusCode != http.StatusTooManyRequests ||
		response.Header.Get("Content-Disposition") != "" {
		t.Errorf("a fifth: %d, saved as %q", response.StatusCode, response.Header.Get("Content-Disposition"))
	}
	last := b.open(t, server+"/stream/bo")
	if last.StatusCode != http.StatusOK {
		t.Errorf("another owner: %d", last.StatusCode)
	}
	b.shell.EndStreams()
	if _, err := io.ReadAll(last.Body); err != nil {
		t.Errorf("it did not end well: %v", err)
	}
	if response := b.open(t, server+"/stream/cid"); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the end: %d", response.StatusCode)
	}
	if err := b.shell.App().ShutdownWithTimeout(time.Minute); err != nil {
		t.Errorf("streams hold up the end: %v", err)
	}
}
