package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/webhooks"
)

// TestAStopWaitsForNobodyWhoSaysNothing opens connections ahead of need, as browsers and Kratos do, and then stops.
func TestAStopWaitsForNobodyWhoSaysNothing(t *testing.T) {
	t.Parallel()
	for name, app := range map[string]*fiber.App{
		"pages": fiber.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: time.Hour}),
		"hooks": webhooks.New(webhooks.Options{Key: strings.Repeat("k", 32), Log: slog.New(slog.DiscardHandler)}).App(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, goOn := make(chan struct{}), make(chan struct{})
			app.Get("/slow", func(c *fiber.Ctx) error {
				close(began)
				<-goOn
				return c.SendString("answered")
			})
			address, ended := serves(t, app)
			unused := dials(t, address)
			answer := make(chan string, 1)
			go func() { answer <- gets(t, "http://"+address+"/slow") }()
			<-began
			kept := dials(t, address)
			says(t, kept, "GET /nothing HTTP/1.1\r\nHost: example.com\r\n\r\n")

			ctx, cancel := context.WithTimeout(t.Context(), recovery)
			defer cancel()
			stopped := make(chan error, 1)
			go func() { stopped <- app.ShutdownWithContext(ctx) }()
			for name, connection := range map[string]net.Conn{"unused": unused, "kept": kept} {
				_ = connection.SetReadDeadline(time.Now().Add(recovery))
				if rest, err := io.ReadAll(connection); err != nil || len(rest) > 0 {
					t.Errorf("the connection %s ends with %q, %v", name, rest, err)
				}
			}
			close(goOn)
			if err := <-stopped; err != nil {
				t.Errorf("stopping: %v", err)
			}
			if got := <-answer; got != "answered" {
				t.Errorf("the request under way is answered with %q", got)
			}
			if err := <-ended; err != nil {
				t.Errorf("serving: %v", err)
			}
		})
	}
}

// serves serves an application at an address of its own.
func serves(t *testing.T, app *fiber.App) (address string, ended <-chan error) {
	t.Helper()
	opened, err := listen(t.Context(), "127.0.0.1:0", "listen")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(opened) }()
	return opened.Addr().String(), served
}

// dials opens a connection and says nothing.
func dials(t *testing.T, address string) net.Conn {
	t.Helper()
	var dialer net.Dialer
	connection, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// says makes a request and takes the answer, which ends with what stands in the place of the page.
func says(t *testing.T, connection net.Conn, request string) {
	t.Helper()
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
}

// gets is the body of an answer, or what went wrong.
func gets(t *testing.T, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		return err.Error()
	}
	response, err := (&http.Client{Transport: &http.Transport{}}).Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
