package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// checkpoint stands between two parts of a stack: what passes can be lost, held or looked at.
type checkpoint struct {
	mutex   sync.Mutex
	rules   []*rule
	passed  []passing
	answers int // that were lost
}

// rule is what happens to requests of one kind.
type rule struct {
	method, path string // path is a prefix
	left         int    // how many more requests it is for
	act          func(w http.ResponseWriter, r *http.Request, pass http.Handler)
}

// passing is a request that came to it.
type passing struct {
	method, path, body string
	header             http.Header
}

// start opens the checkpoint in front of a port and gives its address.
func (g *checkpoint) start(t *testing.T, port int) string {
	t.Helper()
	behind, err := url.Parse(fmt.Sprintf("http://127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(behind); r.Out.Host = r.In.Host },
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // as if nobody were there
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if rule := g.ruleFor(r, string(body)); rule != nil {
			rule.act(w, r, proxy)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (g *checkpoint) ruleFor(r *http.Request, body string) *rule {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.passed = append(g.passed, passing{method: r.Method, path: r.URL.Path, body: body, header: r.Header.Clone()})
	for _, rule := range g.rules {
		if rule.left != 0 && r.Method == rule.method && strings.HasPrefix(r.URL.Path, rule.path) {
			rule.left--
			return rule
		}
	}
	return nil
}

// on makes the next n requests of a kind act differently; n below zero means all.
func (g *checkpoint) on(method, path string, n int, act func(w http.ResponseWriter, r *http.Request, pass http.Handler)) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.rules = append(g.rules, &rule{method: method, path: path, left: n, act: act})
}

// clear lets everything pass again.
func (g *checkpoint) clear() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.rules = nil
}

// refuse closes the connection of every request of a kind before anything is read, as a part that is down does.
func (g *checkpoint) refuse(method, path string) {
	g.on(method, path, -1, func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
}

// lose lets the next n requests of a kind through and drops their answers.
func (g *checkpoint) lose(method, path string, n int) {
	g.on(method, path, n, func(_ http.ResponseWriter, r *http.Request, pass http.Handler) {
		pass.ServeHTTP(httptest.NewRecorder(), r)
		g.mutex.Lock()
		g.answers++
		g.mutex.Unlock()
		panic(http.ErrAbortHandler)
	})
}

// lost counts the answers that were dropped.
func (g *checkpoint) lost() int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.answers
}

// hold lets the next request of a kind through and keeps its answer until release is called. answered is closed when
// the answer has come to it.
func (g *checkpoint) hold(method, path string) (answered <-chan struct{}, release func()) {
	here, goOn := make(chan struct{}), make(chan struct{})
	g.on(method, path, 1, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		kept := httptest.NewRecorder()
		pass.ServeHTTP(kept, r)
		close(here)
		<-goOn
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
	})
	return here, sync.OnceFunc(func() { close(goOn) })
}

// of gives the requests of a kind that came to it, oldest first.
func (g *checkpoint) of(method, path string) []passing {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	var found []passing
	for _, p := range g.passed {
		if p.method == method && strings.HasPrefix(p.path, path) {
			found = append(found, p)
		}
	}
	return found
}
