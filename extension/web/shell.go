// Package web is the shell around every page: the Fiber app with its security headers, canonical host, cross-site check,
// access log and error pages; cookies, form tokens and one-time notices; the layout, the components and the static files.
// It knows no verb and decides nothing about users: pages hand it data.
package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// MinSecret is how many bytes of secret the shell asks for: the size of the hash that it keys (RFC 2104 §3).
const MinSecret = 32

// Options are what a Shell is made of.
type Options struct {
	// PublicURL is the origin that browsers see: scheme and host, with a port where it is not the scheme's own.
	PublicURL *url.URL
	// TrustedProxies are the networks whose X-Forwarded-For and X-Forwarded-Host are believed.
	TrustedProxies []netip.Prefix
	// Secret keys form tokens and notices; at least MinSecret bytes, the same on every replica.
	Secret []byte
	Log    *slog.Logger
	// SessionCookie is the name of Kratos' session cookie, to which form tokens are bound.
	SessionCookie string
	Now           func() time.Time
	// Checks are asked by /readyz, one after the other.
	Checks []Check
	// Heartbeat is how often a stream of events says that it is alive; zero is ten seconds.
	Heartbeat time.Duration
}

// Check tells whether a part that every page needs is there. Its name is public; its error only goes to the log.
type Check struct {
	Name string
	Ask  func(ctx context.Context) error
}

// Shell is what all pages stand in.
type Shell struct {
	app           *fiber.App
	scheme        string
	host          string // lower case, without the scheme's own port
	proxies       []netip.Prefix
	secret        []byte
	log           *slog.Logger
	sessionCookie string
	now           func() time.Time
	checks        []Check
	assets        assets
	heartbeat     time.Duration
	streams       streams
	received      map[string]bool // paths to which programs post; written before the app serves
}

// New makes a Shell, or tells everything that is wrong with the options at once.
func New(o Options) (*Shell, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("make web shell: %w", err)
	}
	files, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("make web shell: %w", err)
	}
	s := &Shell{
		scheme: o.PublicURL.Scheme, host: bareHost(o.PublicURL.Scheme, o.PublicURL.Host), proxies: o.TrustedProxies,
		secret: o.Secret, log: o.Log, sessionCookie: o.SessionCookie, now: o.Now, checks: o.Checks, assets: files,
		heartbeat: cmp.Or(o.Heartbeat, heartbeat), received: map[string]bool{},
		streams: streams{open: map[*Stream]context.CancelFunc{}, owners: map[string]int{}},
	}
	s.app = s.newApp()
	return s, nil
}

func (o Options) validate() error {
	var wrong []error
	if u := o.PublicURL; u == nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		wrong = append(wrong, errors.New("the public URL must be http:// or https:// with a host"))
	} else if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		wrong = append(wrong, errors.New("the public URL must be an origin, without path, query or user"))
	}
	if len(o.Secret) < MinSecret {
		wrong = append(wrong, fmt.Errorf("the secret must have at least %d bytes", MinSecret))
	}
	if o.Log == nil || o.Now == nil {
		wrong = append(wrong, errors.New("a log and a clock are needed"))
	}
	if o.SessionCookie == "" {
		wrong = append(wrong, errors.New("the name of the session cookie is needed"))
	}
	return errors.Join(wrong...)
}

// App is the Fiber app that pages mount their routes on.
func (s *Shell) App() *fiber.App { return s.app }

// Receive mounts what another program, and no page of ours, posts to: exactly this path, by POST alone, is exempt from
// the cross-site check and may come under any host name. So it must not look at cookies, and must prove by itself who is
// there, for instance by a signature.
func (s *Shell) Receive(path string, receive fiber.Handler) {
	s.received[path] = true
	s.app.Post(path, receive)
}

// Now is the present time by the application's clock.
func (s *Shell) Now() time.Time { return s.now() }

// secure tells whether browsers reach us over TLS.
func (s *Shell) secure() bool { return s.scheme == "https" }
