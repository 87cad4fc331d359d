package mail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer: a hundred ids are under ten kilobytes.
	maxAnswer = 1 << 20
	// maxAfter bounds how long an answer can make us wait. The provider forgets idempotency keys after 24 hours, so a
	// longer pause would turn messages that are known to be unsent into messages of unknown fate.
	maxAfter = time.Hour
)

// statusError is an answer outside 2xx. The library reduces those to a text and loses the status, so the transport
// turns them into this before the library sees them; url.Error wraps it and errors.As finds it.
type statusError struct {
	Status  int
	Name    string        // the provider's machine-readable name of the error; may be empty
	Message string        // the provider's sentence, cleaned; may be empty
	After   time.Duration // how long the provider asks to wait; zero when it does not say
}

// Error tells the status and the provider's own words, which hold neither the key nor a link.
func (e *statusError) Error() string {
	text := "mail provider answered HTTP " + strconv.Itoa(e.Status)
	if e.Name != "" {
		text += " " + e.Name
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// connections are made by a transport of our own, with limits on every phase.
func connections() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// transport gives errors a type, answers a bound and requests a body that can be sent twice.
type transport struct {
	next http.RoundTripper
	key  string // the API key, cut out of whatever the provider says
	pace *pace  // learns from every answer
}

// RoundTrip implements http.RoundTripper. Redirects end here as errors too, so that neither the key nor a letter
// follows one to another host.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	repeatable, err := withRepeatableBody(r)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	resp, err := t.call(repeatable)
	if err != nil {
		return nil, err
	}
	t.pace.hear(resp.StatusCode, resp.Header, began, time.Now())
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		resp.Body = boundedBody{Reader: io.LimitReader(resp.Body, maxAnswer), Closer: resp.Body}
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }() // it has been read, or it is not wanted
	status := t.statusError(resp)
	if status.Status == http.StatusTooManyRequests {
		t.pace.stop(status.After, status.sentence(), time.Now())
	}
	return nil, status
}

// call repeats a request once that a kept-alive connection lost: its bytes and its Idempotency-Key are the same, so
// the provider takes it once. net/http repeats some of these itself, but not one whose body was half written when the
// provider closed the connection.
func (t *transport) call(r *http.Request) (*http.Response, error) {
	var kept atomic.Bool
	traced := httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) { kept.Store(got.Reused) },
	})
	resp, err := t.next.RoundTrip(r.WithContext(traced))
	if err == nil || !kept.Load() || r.Context().Err() != nil {
		return resp, err
	}
	if r.GetBody != nil {
		if r.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	return t.next.RoundTrip(r)
}

type boundedBody struct {
	io.Reader
	io.Closer
}

// withRepeatableBody keeps the body's bytes, so that a call which ran into a kept-alive connection that the provider was
// just closing can be repeated.
func withRepeatableBody(r *http.Request) (*http.Request, error) {
	repeatable := r.Clone(r.Context())
	if r.Body == nil {
		return repeatable, nil
	}
	defer func() { _ = r.Body.Close() }() // it is in memory
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read request body: %w", err)
	}
	repeatable.ContentLength = int64(len(body))
	repeatable.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	repeatable.Body, err = repeatable.GetBody()
	return repeatable, err
}

// statusError reads the provider's error body: {statusCode, name, message}. A proxy's HTML page in its place leaves
// name and message empty.
func (t *transport) statusError(resp *http.Response) *statusError {
	status := &statusError{Status: resp.StatusCode, After: after(resp)}
	var body struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	}
	if json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&body) != nil {
		return status
	}
	status.Name = clean(t.withoutKey(body.Name))
	status.Message = clean(t.withoutKey(body.Message))
	return status
}

func (t *transport) withoutKey(text string) string {
	if t.key == "" {
		return text
	}
	return strings.ReplaceAll(text, t.key, "***")
}

// after reads how long the provider asks to wait: Retry-After in seconds or as a date (RFC 9110 §10.2.3), and for a
// rate limit without it, the seconds of ratelimit-reset. A date is measured against the answer's own Date, because the
// provider's clock need not be ours.
func after(resp *http.Response) time.Duration {
	wait := seconds(resp.Header.Get("Retry-After"))
	if wait == 0 {
		until, untilErr := http.ParseTime(resp.Header.Get("Retry-After"))
		now, nowErr := http.ParseTime(resp.Header.Get("Date"))
		if untilErr == nil && nowErr == nil {
			wait = until.Sub(now)
		}
	}
	if wait <= 0 && resp.StatusCode == http.StatusTooManyRequests {
		wait = seconds(resp.Header.Get("Ratelimit-Reset"))
	}
	return min(max(wait, 0), maxAfter)
}

func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
