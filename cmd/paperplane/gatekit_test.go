package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"paperplane/tools/local"
)

// gated is a stack with an application behind the gate: the real nginx with the configuration of docs/gate in front of a
// server that tells what has reached it. Kratos and its administration are reached through checkpoints.
type gated struct {
	*testStack
	application   *httptest.Server
	public, admin *checkpoint
	ports         []int // of fronts, which are origins that people may come back to
	output        *heard
}

// front is one nginx, in front of the application for one organisation.
type front struct {
	address string // scheme, host and port
	output  *heard
}

// newGated starts the stack and the application.
func newGated(t *testing.T, binary string, change func(*stackOptions)) *gated {
	t.Helper()
	g := &gated{public: &checkpoint{}, admin: &checkpoint{}, output: &heard{}, application: httptest.NewServer(http.HandlerFunc(echo))}
	t.Cleanup(g.application.Close)
	ports := freePorts(t)
	g.ports = []int{ports.public, ports.internal, ports.mailbox}
	g.testStack = startTestStack(t, binary, func(o *stackOptions) {
		var origins []string
		for _, port := range g.ports {
			origins = append(origins, fmt.Sprintf("http://127.0.0.1:%d", port))
		}
		direct(o) // programs show their second factor at Kratos itself
		o.output = g.output
		o.settings = append(o.settings,
			"PAPERPLANE_KRATOS_PUBLIC_URL="+g.public.start(t, o.ports.kratosPublic),
			"PAPERPLANE_KRATOS_ADMIN_URL="+g.admin.start(t, o.ports.kratosAdmin),
			"PAPERPLANE_PUBLIC_TRUSTED_PROXIES=127.0.0.1/32",
			"PAPERPLANE_PUBLIC_RETURN_ORIGINS="+strings.Join(origins, ","))
		if change != nil {
			change(o)
		}
	})
	return g
}

// front runs nginx for an organisation.
func (g *gated) front(t testing.TB, slug string) *front {
	t.Helper()
	if len(g.ports) == 0 {
		t.Fatal("no port is left for another front")
	}
	listen := fmt.Sprintf("127.0.0.1:%d", g.ports[0])
	g.ports = g.ports[1:]
	f := &front{address: "http://" + listen, output: &heard{}}
	runNginx(t, f.output, map[string]string{
		"GATE_LISTEN": listen, "GATE_PAPERPLANE": g.server.config.Public.Listen, "GATE_ORGANISATION": slug,
		"GATE_APPLICATION": strings.TrimPrefix(g.application.URL, "http://"),
	})
	return f
}

// runNginx runs nginx with the configuration of docs/gate, filled in as that says, until the test ends.
func runNginx(t testing.TB, output io.Writer, names map[string]string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "gate", "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	filled := string(content)
	for name, value := range names {
		filled = strings.ReplaceAll(filled, "${"+name+"}", value)
	}
	folder := t.TempDir()
	// nginx' workers are another user when we are root.
	if err := os.Chmod(filepath.Dir(folder), 0o711); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "nginx.conf")
	if err := os.WriteFile(file, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary = "/usr/sbin/nginx" // where Debian has it, off a user's path
	}
	nginx, err := local.StartProgram(t.Context(), local.ProgramOptions{
		Path: binary, Arguments: []string{"-e", "stderr", "-p", folder, "-c", file, "-g", "daemon off;"}, Log: output,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nginx.Stop(); err != nil {
			t.Errorf("stop nginx: %v", err)
		}
	})
	if err := nginx.Await(t.Context(), func(ctx context.Context) error {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", names["GATE_LISTEN"])
		if err != nil {
			return err
		}
		return connection.Close()
	}); err != nil {
		t.Fatal(err)
	}
}

// echoed is what reached the application.
type echoed struct {
	Method, URI, Host, Sum string
	Length                 int
	Header                 http.Header
}

// echo is the application. It repeats lines over whatever a connection is upgraded to.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "" {
		echoUpgraded(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	sum := sha256.Sum256(body)
	told, err := json.Marshal(echoed{
		Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header, Length: len(body), Sum: hex.EncodeToString(sum[:]),
	})
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Echo", string(told)) // an answer to HEAD has no body
	_, _ = w.Write(told)
}

func echoUpgraded(w http.ResponseWriter, r *http.Request) {
	connection, stream, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	_, _ = fmt.Fprintf(stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nEcho-User: %s\r\n\r\n",
		r.Header.Get("Upgrade"), r.Header.Get("Paperplane-User"))
	_ = stream.Flush()
	line, err := stream.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return
	}
	_, _ = stream.WriteString(line)
	_ = stream.Flush()
}

// echoedIn reads what the application has told.
func echoedIn(t testing.TB, p page) echoed {
	t.Helper()
	var told echoed
	if err := json.Unmarshal([]byte(p.header.Get("Echo")), &told); err != nil {
		t.Fatalf("%s (%d) is no answer of the application: %s", p.address, p.status, p.text())
	}
	return told
}

// claims are the Paperplane-* headers that reached the application.
func (e echoed) claims() map[string]string {
	claims := map[string]string{}
	for name, values := range e.Header {
		if strings.HasPrefix(strings.ReplaceAll(name, "_", "-"), "Paperplane-") {
			claims[name] = strings.Join(values, "\n")
		}
	}
	return claims
}

// problem is a refusal as a program reads it.
type problem struct {
	Type, Title, Detail, Step, Location string
	Status                              int
}

func problemIn(t testing.TB, p page) problem {
	t.Helper()
	var told problem
	if err := json.Unmarshal([]byte(p.body), &told); err != nil || p.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%s (%d, %s) is no problem: %s", p.address, p.status, p.header.Get("Content-Type"), p.text())
	}
	return told
}

// isRefused fails the test unless an answer is a refusal for this reason.
func (p page) isRefused(t testing.TB, status int, reason string) {
	t.Helper()
	if p.status != status {
		t.Fatalf("%s answered %d, want %d for %s: %s", p.address, p.status, status, reason, p.text())
	}
	if got := problemIn(t, p); got.Type != "tag:paperplane,2026:gate/"+reason || got.Status != status {
		t.Errorf("%s is refused as %+v, want %s", p.address, got, reason)
	}
	if p.header.Get("Echo") != "" {
		t.Errorf("%s reached the application", p.address)
	}
}

// isUnavailable fails the test unless an answer says that nobody can be let in now.
func (p page) isUnavailable(t testing.TB) {
	t.Helper()
	p.isRefused(t, http.StatusServiceUnavailable, "unavailable")
	if p.header.Get("Retry-After") == "" {
		t.Errorf("%s does not say when to try again", p.address)
	}
}

// asProgram asks as a program does that reads no pages. headers are pairs.
func (v *visitor) asProgram(t testing.TB, method, address string, headers ...string) page {
	t.Helper()
	request := v.request(t, method, address, http.NoBody).WithContext(withoutRedirects(t.Context()))
	request.Header.Set("Accept", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	return v.do(t, request)
}

// goesBack follows the page that leads to another site, as a browser does by itself.
func (v *visitor) goesBack(t testing.TB, p page) page {
	t.Helper()
	_, address, found := strings.Cut(p.header.Get("Refresh"), "url=")
	if !found {
		t.Fatalf("%s (%d) does not lead on: %s", p.address, p.status, p.text())
	}
	return v.open(t, address)
}

// isAt fails the test unless the application has answered at exactly this address.
func (p page) isAt(t testing.TB, address string) {
	t.Helper()
	if p.status != http.StatusOK || p.address.String() != address {
		t.Fatalf("%d at %s, want %s: %s", p.status, p.address, address, p.text())
	}
	_ = echoedIn(t, p)
}

// upgrades opens a websocket's connection and says a line over it; it gives whom the application was told of,
// and what comes back.
func (v *visitor) upgrades(t testing.TB, address, line string) (status int, user, back string) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	var cookies []string
	for _, cookie := range v.client.Jar.Cookies(at) {
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
	}
	_, err = fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: %s\r\n\r\n", at.RequestURI(), at.Host, strings.Join(cookies, "; "))
	if err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReader(connection)
	head, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer head.Body.Close()
	if head.StatusCode != http.StatusSwitchingProtocols {
		return head.StatusCode, "", ""
	}
	if _, err := io.WriteString(connection, line+"\n"); err != nil {
		t.Fatal(err)
	}
	back, err = reader.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return head.StatusCode, head.Header.Get("Echo-User"), strings.TrimSuffix(back, "\n")
}

// heard keeps what programs print.
type heard struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (h *heard) Write(text []byte) (int, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.text.Write(text)
}

// holds tells whether these words were printed.
func (h *heard) holds(words string) bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return strings.Contains(h.text.String(), words)
}
