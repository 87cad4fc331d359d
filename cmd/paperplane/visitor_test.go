package main

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// visitor is somebody with a browser of their own that runs no JavaScript: it keeps cookies, follows redirects, and
// submits forms as HTML says. Every cookie that it is given is a secret that the log must not hold.
type visitor struct {
	stack     *testStack
	client    *http.Client
	languages string // that the browser asks for (Accept-Language); none when empty

	mutex sync.Mutex
	seen  []answer
}

// answer is one answer as it went over the wire, redirects included.
type answer struct {
	method, address string
	status          int
	header          http.Header
	body            string
}

// visitor makes somebody whom nobody knows yet.
func (s *testStack) visitor(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{stack: s}
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	v.client = &http.Client{Jar: jar, Timeout: recovery, Transport: recorder{visitor: v, next: wire}}
	return v
}

// sharing makes a second tab of the same browser.
func (v *visitor) sharing(t testing.TB) *visitor {
	t.Helper()
	tab := v.stack.visitor(t)
	tab.client.Jar = v.client.Jar
	return tab
}

// recorder keeps every answer.
type recorder struct {
	visitor *visitor
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	for _, cookie := range response.Cookies() {
		r.visitor.stack.log.mustNotHold(cookie.Value)
	}
	r.visitor.mutex.Lock()
	defer r.visitor.mutex.Unlock()
	r.visitor.seen = append(r.visitor.seen, answer{
		method: request.Method, address: request.URL.String(), status: response.StatusCode, header: response.Header, body: string(body),
	})
	return response, nil
}

// answers gives everything that was answered so far.
func (v *visitor) answers() []answer {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return append([]answer(nil), v.seen...)
}

// open loads a page and follows redirects. An address without a host is one of Paperplane's.
func (v *visitor) open(t testing.TB, address string) page {
	t.Helper()
	return v.do(t, v.request(t, http.MethodGet, address, http.NoBody))
}

// once makes one request of a browser and follows no redirect.
func (v *visitor) once(t testing.TB, method, address string) page {
	t.Helper()
	return v.do(t, v.request(t, method, address, http.NoBody).WithContext(withoutRedirects(t.Context())))
}

func (v *visitor) request(t testing.TB, method, address string, body io.Reader) *http.Request {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.stack.page(address)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
	request.Header.Set("User-Agent", "visitor")
	if v.languages != "" {
		request.Header.Set("Accept-Language", v.languages)
	}
	return request
}

// do sends a request as it is.
func (v *visitor) do(t testing.TB, request *http.Request) page {
	t.Helper()
	client := *v.client
	if request.Context().Value(noRedirects{}) != nil {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return newPage(t, response, string(body))
}

// press presses the button or follows the link with this name. typed are pairs of a field and what is typed or chosen
// there; everything else in the form stays as the page has it.
func (v *visitor) press(t testing.TB, p page, name string, typed ...string) page {
	t.Helper()
	control := p.control(t, name)
	if address, ok := attribute(control, "href"); ok {
		return v.open(t, p.resolve(t, address))
	}
	return v.do(t, v.submission(t, p, p.formOf(t, control, typed...)))
}

// submission is the request by which a browser submits a form.
func (v *visitor) submission(t testing.TB, p page, f form) *http.Request {
	t.Helper()
	if f.method == http.MethodGet {
		return v.request(t, http.MethodGet, f.action+"?"+f.values().Encode(), http.NoBody)
	}
	body, kind := f.encode(t)
	request := v.request(t, http.MethodPost, f.action, body)
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Origin", p.address.Scheme+"://"+p.address.Host)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return request
}

// form is a form as it would be submitted.
type form struct {
	method, action string
	multipart      bool
	fields         []string // pairs of a name and a value
}

func (f form) values() url.Values {
	values := url.Values{}
	for i := 0; i < len(f.fields); i += 2 {
		values.Add(f.fields[i], f.fields[i+1])
	}
	return values
}

func (f form) encode(t testing.TB) (body io.Reader, kind string) {
	t.Helper()
	if !f.multipart {
		return strings.NewReader(f.values().Encode()), "application/x-www-form-urlencoded"
	}
	var parts bytes.Buffer
	writer := multipart.NewWriter(&parts)
	for i := 0; i < len(f.fields); i += 2 {
		if err := writer.WriteField(f.fields[i], f.fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return &parts, writer.FormDataContentType()
}

// cookie is the value of a cookie that the visitor would send to a path; empty when there is none.
func (v *visitor) cookie(t testing.TB, path, name string) string {
	t.Helper()
	for _, cookie := range v.client.Jar.Cookies(v.address(t, path)) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// takeCookie plants a cookie.
func (v *visitor) takeCookie(t testing.TB, path, name, value string) {
	t.Helper()
	v.client.Jar.SetCookies(v.address(t, path), []*http.Cookie{{Name: name, Value: value, Path: path}})
}

func (v *visitor) address(t testing.TB, path string) *url.URL {
	t.Helper()
	address, err := url.Parse(v.stack.page(path))
	if err != nil {
		t.Fatal(err)
	}
	return address
}
