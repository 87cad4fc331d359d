package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"paperplane/tools/local"
)

// fleet is Paperplane as an operator runs it: the program itself, once or several times on one database, told by its
// environment what to do, restarted by a supervisor when it dies and reached through a balancer. PostgreSQL and Kratos
// are real. The Paperplane within this process is only wired, not served: it founds the organisation and looks things up.
type fleet struct {
	*testStack
	program  string
	replicas []*replica
}

// build makes the program. With the race detector, if the test has it.
func build(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "paperplane")
	arguments := []string{"build", "-o", program}
	if raceDetected() {
		arguments = append(arguments, "-race")
	}
	if out, err := exec.CommandContext(t.Context(), "go", append(arguments, ".")...).CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return program
}

// raceDetected tells whether this test was built with the race detector.
func raceDetected() bool {
	info, _ := debug.ReadBuildInfo()
	for _, setting := range info.Settings {
		if setting.Key == "-race" {
			return setting.Value == "true"
		}
	}
	return false
}

// newFleet starts all parts but the replicas and the stand-in for the mail provider.
func newFleet(t testing.TB, change func(*stackOptions)) *fleet {
	t.Helper()
	s, _ := openTestStack(t, "", change)
	return &fleet{testStack: s, program: build(t)}
}

// catchMail serves the stand-in for the mail provider from this process.
func (f *fleet) catchMail(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serveMailbox(ctx, f.mailListener, f.mailbox) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve mailbox: %v", err)
		}
	})
}

// serve runs so many replicas, several of them behind a balancer, and founds the demonstration organisation. settings
// gives those that a replica alone has.
func (f *fleet) serve(t testing.TB, n int, settings func(number int) []string) {
	t.Helper()
	for i := range n {
		r := &replica{
			name: fmt.Sprintf("replica %d", i+1), program: f.program, log: f.log,
			public: f.server.config.Public.Listen, internal: f.server.config.Internal.Listen,
		}
		if n > 1 {
			ports := freePorts(t)
			r.public, r.internal = fmt.Sprintf("127.0.0.1:%d", ports.public), fmt.Sprintf("127.0.0.1:%d", ports.internal)
		}
		r.environ = append(append([]string{}, f.environ...), "PAPERPLANE_PUBLIC_LISTEN="+r.public, "PAPERPLANE_INTERNAL_LISTEN="+r.internal)
		if settings != nil {
			r.environ = append(r.environ, settings(i)...)
		}
		f.replicas = append(f.replicas, r)
		r.keepAlive(t)
	}
	if n > 1 {
		f.balance(t, f.server.config.Public.Listen, func(r *replica) string { return r.public })
		f.balance(t, f.server.config.Internal.Listen, func(r *replica) string { return r.internal })
	}
	for _, r := range f.replicas {
		r.awaitReady(t)
	}
	if err := seed(t.Context(), f.server, f.password); err != nil {
		t.Fatal(err)
	}
}

// balance opens a balancer in front of all replicas.
func (f *fleet) balance(t testing.TB, address string, of func(*replica) string) {
	t.Helper()
	listener, err := listen(t.Context(), address, "the balancer")
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "replica"})
			r.Out.Host = r.In.Host
		},
		Transport:    &balancer{fleet: f, address: of, next: http.DefaultTransport},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	front := &http.Server{Handler: proxy, ReadHeaderTimeout: recovery}
	go func() { _ = front.Serve(listener) }() // ends with Close
	t.Cleanup(func() { _ = front.Close() })
}

// balancer gives each request to the next replica that can be connected to, as balancers do: one that was begun is never
// begun again.
type balancer struct {
	fleet   *fleet
	address func(*replica) string
	next    http.RoundTripper
	turn    atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	var err error
	if request.Body != nil {
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
	}
	first := int(b.turn.Add(1))
	for i := range b.fleet.replicas {
		attempt := request.Clone(request.Context())
		attempt.URL.Host = b.address(b.fleet.replicas[(first+i)%len(b.fleet.replicas)])
		attempt.Body = io.NopCloser(bytes.NewReader(body))
		var response *http.Response
		if response, err = b.next.RoundTrip(attempt); err == nil || !errors.Is(err, syscall.ECONNREFUSED) {
			return response, err
		}
	}
	return nil, err
}

// replica is one process that serves.
type replica struct {
	name             string
	program          string
	environ          []string
	public, internal string // where it listens
	log              *testLog

	mutex   sync.Mutex
	running *local.Program
	begun   time.Time // when it was started last
	starts  int
}

// restartPause is how long the supervisor waits before it starts a replica again.
const restartPause = 100 * time.Millisecond

// keepAlive starts the replica, and again whenever it ends, until the test does.
func (r *replica) keepAlive(t testing.TB) {
	t.Helper()
	if err := r.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.supervise(ctx, t)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := r.now().Stop(); err != nil {
			t.Errorf("stop %s: %v", r.name, err)
		}
	})
}

func (r *replica) supervise(ctx context.Context, t testing.TB) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.now().Done():
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(restartPause):
		}
		if err := r.start(ctx); err != nil {
			t.Errorf("start %s again: %v", r.name, err)
			return
		}
	}
}

func (r *replica) start(ctx context.Context) error {
	begun := time.Now()
	running, err := local.StartProgram(ctx, local.ProgramOptions{Path: r.program, Arguments: []string{"serve"}, Env: r.environ, Log: r.log})
	if err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.running, r.begun = running, begun
	r.starts++
	return nil
}

func (r *replica) now() *local.Program {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.running
}

// started tells when it was started last, and how often so far.
func (r *replica) started() (last time.Time, times int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.begun, r.starts
}

// restart kills the replica and waits for the next one. It tells how long that took from its start to ready.
func (r *replica) restart(t testing.TB) time.Duration {
	t.Helper()
	_, before := r.started()
	r.kill(t)
	var begun time.Time
	within(t, recovery, r.name+" is started again", func() bool {
		last, times := r.started()
		begun = last
		return times > before
	})
	r.awaitReady(t)
	return time.Since(begun)
}

// kill ends the replica with SIGKILL and waits until it is gone. The supervisor starts it again.
func (r *replica) kill(t testing.TB) {
	t.Helper()
	if err := r.now().Kill(); err != nil {
		t.Fatalf("kill %s: %v", r.name, err)
	}
}

// awaitReady waits until the replica says that it can work.
func (r *replica) awaitReady(t testing.TB) {
	t.Helper()
	within(t, recovery, r.name+" is ready", func() bool { return r.ready(t.Context()) })
}

func (r *replica) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.public+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	response, err := fresh().RoundTrip(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// fresh makes connections that are used once: a kept one may lead to a process that is dead.
func fresh() *http.Transport {
	return &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: time.Second}).DialContext}
}

// within waits for a condition, looking again and again.
func within(t testing.TB, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	if !came(t, limit, condition) {
		t.Fatalf("it did not come about within %s that %s", limit, what)
	}
}

// came tells whether a condition came about in time.
func came(t testing.TB, limit time.Duration, condition func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
