package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
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
	path, body string
	header     http.Header
}

// start opens the checkpoint in front of a port and gives its address.
func (c *checkpoint) start(t *testing.T, port int) string {
	t.Helper()
	behind, err := url.Parse(fmt.Sprintf("http://127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(behind); r.Out.Host = r.In.Host },
		ErrorLog:     log.New(io.Discard, "", 0),                                                      // losing an answer is what it is for
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // as if nobody were there
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if rule := c.ruleFor(r, string(body)); rule != nil {
			rule.act(w, r, proxy)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func (c *checkpoint) ruleFor(r *http.Request, body string) *rule {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.passed = append(c.passed, passing{path: r.URL.Path, body: body, header: r.Header.Clone()})
	for _, rule := range c.rules {
		if rule.left != 0 && r.Method == rule.method && strings.HasPrefix(r.URL.Path, rule.path) {
			rule.left--
			return rule
		}
	}
	return nil
}

// on makes the next n requests of a kind act differently; n below zero means all.
func (c *checkpoint) on(method, path string, n int, act func(w http.ResponseWriter, r *http.Request, pass http.Handler)) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.rules = append(c.rules, &rule{method: method, path: path, left: n, act: act})
}

// clear lets everything pass again.
func (c *checkpoint) clear() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.rules = nil
}

// refuse closes the connection of every request of a kind before anything is read, as a part that is down does.
func (c *checkpoint) refuse(method, path string) {
	c.on(method, path, -1, func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) })
}

// lose lets the next request of a kind through and drops its answer.
func (c *checkpoint) lose(method, path string) {
	c.on(method, path, 1, func(_ http.ResponseWriter, r *http.Request, pass http.Handler) {
		pass.ServeHTTP(httptest.NewRecorder(), r)
		c.mutex.Lock()
		c.answers++
		c.mutex.Unlock()
		panic(http.ErrAbortHandler)
	})
}

// onSecond loses the answer to the second request of a kind from now on.
func (c *checkpoint) onSecond(method, path string) {
	c.on(method, path, 1, func(w http.ResponseWriter, r *http.Request, pass http.Handler) { pass.ServeHTTP(w, r) })
	c.lose(method, path)
}

// lost counts the answers that were dropped.
func (c *checkpoint) lost() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.answers
}

// hold lets the next request of a kind through and keeps its answer until release is called. answered is closed when
// the answer has come to it.
func (c *checkpoint) hold(method, path string) (answered <-chan struct{}, release func()) {
	here, goOn := make(chan struct{}), make(chan struct{})
	c.on(method, path, 1, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		kept := httptest.NewRecorder()
		pass.ServeHTTP(kept, r)
		close(here)
		<-goOn
		maps.Copy(w.Header(), kept.Header())
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
	})
	return here, sync.OnceFunc(func() { close(goOn) })
}

// holdLetters holds every call with letters before it reaches the mail provider. let lets so many pass, held already or
// still to come, and release all.
func (c *checkpoint) holdLetters() (let func(n int), release func()) {
	permits, released := make(chan struct{}, 10), make(chan struct{}) // more than a test lets pass
	c.on(http.MethodPost, "/emails/batch", -1, func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		select {
		case <-permits:
		case <-released:
		case <-r.Context().Done():
			return
		}
		pass.ServeHTTP(w, r)
	})
	let = func(n int) {
		for range n {
			permits <- struct{}{}
		}
	}
	return let, sync.OnceFunc(func() { close(released) })
}

// of gives the requests to a path that came to it, oldest first. path is a prefix.
func (c *checkpoint) of(path string) []passing {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var found []passing
	for _, p := range c.passed {
		if strings.HasPrefix(p.path, path) {
			found = append(found, p)
		}
	}
	return found
}
