package webtest

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Streamed is an answer whose body is read as it comes. It is closed with the test.
type Streamed struct{ *http.Response }

// Listen serves the pages on a real port until the test ends, because a stream is more than one answer, and gives the
// server's origin. endStreams lets it stop although streams are open.
func (b *Client) Listen(t *testing.T, endStreams func()) string {
	t.Helper()
	var opening net.ListenConfig
	listener, err := opening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.App.Listener(listener) }()
	t.Cleanup(func() {
		endStreams()
		if err := b.App.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

// Open asks a server that Listen started as a browser at the public URL would, on a connection of its own. The error says
// that no answer began.
func (b *Client) Open(t *testing.T, method, address string) (Streamed, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	public, err := url.Parse(b.Origin)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = public.Host
	b.dress(request)
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	response, err := wire.RoundTrip(request)
	if err == nil {
		t.Cleanup(func() { _ = response.Body.Close() })
	}
	return Streamed{response}, err
}
