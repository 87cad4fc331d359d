package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension/web"
)

// send posts to /change with the given headers; a header without value is left out.
func (b *bench) send(t *testing.T, origin string, headers map[string]string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+"/change", strings.NewReader("a=b"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	return b.Do(t, request).Status
}

func TestChangesAreTakenFromOurOwnPagesOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Post("/change", func(c *fiber.Ctx) error { return c.SendStatus(http.StatusNoContent) })
	for name, test := range map[string]struct {
		headers map[string]string
		want    int
	}{
		"a page of ours":                {map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "https://paperplane.test"}, http.StatusNoContent},
		"an old browser":                {map[string]string{"Origin": "https://paperplane.test"}, http.StatusNoContent},
		"another site":                  {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"}, http.StatusForbidden},
		"a sibling host":                {map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://evil.paperplane.test"}, http.StatusForbidden},
		"another site, lying origin":    {map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://paperplane.test"}, http.StatusForbidden},
		"a typed address":               {map[string]string{"Sec-Fetch-Site": "none"}, http.StatusForbidden},
		"an old browser, other origin":  {map[string]string{"Origin": "https://evil.test"}, http.StatusForbidden},
		"an old browser, other scheme":  {map[string]string{"Origin": "http://paperplane.test"}, http.StatusForbidden},
		"an opaque origin":              {map[string]string{"Origin": "null"}, http.StatusForbidden},
		"neither header":                {nil, http.StatusForbidden},
		"a compressed body, our origin": {map[string]string{"Sec-Fetch-Site": "same-origin", "Content-Encoding": "gzip"}, http.StatusUnsupportedMediaType},
	} {
		if got := b.send(t, b.Origin, test.headers); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestProgramsPostToExactlyWhatReceivesThem(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	taken := func(c *fiber.Ctx) error { return c.SendStatus(http.StatusNoContent) }
	b.shell.Receive("/hooks/mail", taken)
	b.shell.App().All("/hooks/*", taken)    // whatever else there is below stays as protected as everything
	const inside = "http://paperplane:4455" // how a program on our own network knows us
	for name, test := range map[string]struct {
		method, path string
		headers      map[string]string
		want         int
	}{
		"a program":           {http.MethodPost, "/hooks/mail", nil, http.StatusNoContent},
		"with a query":        {http.MethodPost, "/hooks/mail?a=b", nil, http.StatusNoContent},
		"another method":      {http.MethodPut, "/hooks/mail", nil, http.StatusForbidden},
		"another path":        {http.MethodPost, "/hooks/other", nil, http.StatusForbidden},
		"a path below":        {http.MethodPost, "/hooks/mail/x", nil, http.StatusForbidden},
		"with a slash":        {http.MethodPost, "/hooks/mail/", nil, http.StatusForbidden},
		"in capitals":         {http.MethodPost, "/hooks/MAIL", nil, http.StatusForbidden},
		"a path that is bent": {http.MethodPost, "/hooks/x/../mail/x", nil, http.StatusForbidden},
		"a compressed body":   {http.MethodPost, "/hooks/mail", map[string]string{"Content-Encoding": "gzip"}, http.StatusUnsupportedMediaType},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, b.Origin+test.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		for header, value := range test.headers {
			request.Header.Set(header, value)
		}
		if got := b.Do(t, request).Status; got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	for path, want := range map[string]int{
		"/hooks/mail": http.StatusNoContent, "/hooks/other": http.StatusBadRequest, "/hooks/mail/": http.StatusBadRequest, "/change": http.StatusBadRequest,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, inside+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Do(t, request).Status; got != want {
			t.Errorf("%s under another host: %d, want %d", path, got, want)
		}
	}
	b.Origin = inside
	if got := b.Get(t, "/hooks/mail").Status; got != http.StatusPermanentRedirect {
		t.Errorf("reading under another host: %d", got)
	}
}

func TestOtherHostsAreSentToThePublicOne(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Get("/page", func(c *fiber.Ctx) error { return c.SendString("page") })

	b.Origin = "https://other.test"
	if got := b.Get(t, "/page?a=b"); got.Status != http.StatusPermanentRedirect || got.Location() != "https://paperplane.test/page?a=b" {
		t.Errorf("reading under another host: %d to %q", got.Status, got.Location())
	}
	if got := b.Get(t, "//evil.test/x"); got.Location() != "https://paperplane.test" {
		t.Errorf("a path that reads as a host leads to %q", got.Location())
	}
	if got := b.send(t, b.Origin, map[string]string{"Sec-Fetch-Site": "same-origin"}); got != http.StatusBadRequest {
		t.Errorf("changing under another host: %d", got)
	}
	for _, same := range []string{"https://paperplane.test:443", "https://PAPERPLANE.test"} {
		if b.Origin = same; b.Get(t, "/page").Status != http.StatusOK {
			t.Errorf("%s is not taken for the public host", same)
		}
	}
}

func TestTheForwardedHostIsBelievedFromTrustedProxiesOnly(t *testing.T) {
	t.Parallel()
	for proxy, want := range map[string]int{"0.0.0.0/32": http.StatusOK, "10.0.0.0/8": http.StatusPermanentRedirect} {
		b := setup(t, "https://paperplane.test", proxy)
		b.shell.App().Get("/page", func(c *fiber.Ctx) error { return c.SendString("page") })
		b.Origin, b.Header = "http://backend:4000", http.Header{"X-Forwarded-Host": {"paperplane.test"}}
		if got := b.Get(t, "/page").Status; got != want {
			t.Errorf("from %s: %d, want %d", proxy, got, want)
		}
	}
}

func TestTheClientAddressCannotBeForged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		proxies   []string
		forwarded []string
		want      string
	}{
		"no proxy is trusted":         {nil, []string{"203.0.113.9"}, "0.0.0.0"},
		"one proxy":                   {[]string{"0.0.0.0/32"}, []string{"203.0.113.9"}, "203.0.113.9"},
		"the client wrote one itself": {[]string{"0.0.0.0/32"}, []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		"two lines":                   {[]string{"0.0.0.0/32"}, []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		"two proxies":                 {[]string{"0.0.0.0/32", "10.0.0.0/8"}, []string{"198.51.100.1, 203.0.113.9, 10.1.1.1"}, "203.0.113.9"},
		"all are proxies":             {[]string{"0.0.0.0/0"}, []string{"198.51.100.1, 10.1.1.1"}, "198.51.100.1"},
		"rubbish before the proxy":    {[]string{"0.0.0.0/32", "10.0.0.0/8"}, []string{"<script>, 10.1.1.1"}, "10.1.1.1"},
		"with a port":                 {[]string{"0.0.0.0/32"}, []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"IPv6":                        {[]string{"0.0.0.0/32"}, []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		"IPv4 in IPv6":                {[]string{"0.0.0.0/32"}, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"nothing":                     {[]string{"0.0.0.0/32"}, nil, "0.0.0.0"},
	} {
		b := setup(t, "https://paperplane.test", test.proxies...)
		b.shell.App().Get("/ip", func(c *fiber.Ctx) error { return c.SendString(b.shell.Browser(c).IP) })
		b.Header = http.Header{}
		if test.forwarded != nil {
			b.Header["X-Forwarded-For"] = test.forwarded
		}
		if got := b.Get(t, "/ip").Body; got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestABodyOverTheLimitIsRefusedInPlainWords(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go b.shell.App().Listener(listener)
	t.Cleanup(func() {
		if err := b.shell.App().Shutdown(); err != nil {
			t.Error(err)
		}
	})
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	// The answer comes before the body is read, so that is left out.
	fmt.Fprintf(connection, "POST /change HTTP/1.1\r\nHost: paperplane.test\r\nContent-Length: %d\r\n\r\n", web.BodyLimit+1)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(page), "up to 8 MB") {
		t.Errorf("the answer is %d %v: %s", response.StatusCode, err, page)
	}
	if response.Header.Get("Content-Security-Policy") == "" {
		t.Error("the page has no security headers")
	}
}

func TestOnlyPathsOfOursAreRedirectedTo(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	for address, want := range map[string]string{
		"/o/x/users?q=a%20b":            "/o/x/users?q=a%20b",
		"/":                             "/",
		"https://paperplane.test":       "/",
		"https://paperplane.test/next":  "/next",
		"https://paperplane.test.evil/": "",
		"https://paperplane.test@evil/": "",
		"https://evil.test/":            "",
		"//evil.test/":                  "",
		"https://paperplane.test//evil": "",
		`/\evil.test/`:                  "",
		"/\t/evil.test":                 "",
		"javascript:alert(1)":           "",
		"next":                          "",
		"":                              "",
	} {
		if got := b.shell.LocalPath(address); got != want {
			t.Errorf("%q leads to %q, want %q", address, got, want)
		}
	}
}
