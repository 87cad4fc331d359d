package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"paperplane/config"
)

// healthTimeout is how long an answer may take: less than the interval at which container engines ask.
const healthTimeout = 5 * time.Second

// newHealthCommand makes the check that a container without a shell needs.
func newHealthCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the server on this machine whether it is alive",
		Long: `Ask /healthz of the public listener on this machine and fail unless it answers 200. Made for the health checks of
containers, which have no other program to ask with.`,
	}
	address := cmd.Flags().String("url", "", "ask this `address` instead, such as http://127.0.0.1:4457/")
	return withConfig(cmd, environ, func(cmd *cobra.Command, c config.Config) error {
		if *address != "" {
			return askHealth(cmd.Context(), *address, "")
		}
		return askHealth(cmd.Context(), "http://"+reachable(c.Public.Listen)+"/healthz", c.Public.URL.Host)
	})
}

// reachable turns the address of a listener into one that can be called: a listener on every address has none itself.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if address, err := netip.ParseAddr(host); host == "" || err == nil && address.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// askHealth fails unless the address answers 200. The host is what browsers would ask for, because the server sends
// requests for any other to the public address.
func askHealth(ctx context.Context, address, host string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	request.Host = host
	client := &http.Client{
		Timeout:       healthTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	err = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("%s answered %s", address, response.Status), err)
	}
	return err
}
