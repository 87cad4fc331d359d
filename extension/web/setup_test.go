package web_test

import (
	"bytes"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"paperplane/extension/web"
	"paperplane/extension/web/webtest"
)

// sessionCookie is the name of Kratos' session cookie in these tests.
const sessionCookie = "ory_kratos_session"

// bench is a shell with a client, a log to read and a clock to turn.
type bench struct {
	*webtest.Client
	shell *web.Shell
	log   *journal
	now   time.Time
}

// journal is a log that may be written and read at once.
type journal struct {
	mutex sync.Mutex
	lines bytes.Buffer
}

func (j *journal) Write(line []byte) (int, error) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.lines.Write(line)
}

func (j *journal) String() string {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return j.lines.String()
}

// setup makes a shell under a public URL. The proxies are networks in CIDR notation; in tests every connection comes
// from 0.0.0.0.
func setup(t *testing.T, publicURL string, proxies ...string) *bench {
	t.Helper()
	public, err := url.Parse(publicURL)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{log: &journal{}, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	options := web.Options{
		PublicURL: public, Secret: []byte(strings.Repeat("s", web.MinSecret)), SessionCookie: sessionCookie,
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return b.now },
	}
	for _, proxy := range proxies {
		options.TrustedProxies = append(options.TrustedProxies, netip.MustParsePrefix(proxy))
	}
	if b.shell, err = web.New(options); err != nil {
		t.Fatal(err)
	}
	b.Client = &webtest.Client{App: b.shell.App(), Origin: publicURL, Cookies: map[string]string{}}
	return b
}
