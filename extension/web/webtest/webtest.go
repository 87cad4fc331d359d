// Package webtest asks pages as a browser would and reads the HTML that comes back. It is for tests only.
package webtest

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/net/html"
)

// Client is a browser without JavaScript: it sends what a browser sends along and keeps cookies by their names.
type Client struct {
	App     *fiber.App
	Origin  string // of the public URL, such as https://paperplane.test
	Cookies map[string]string
	Header  http.Header // added to every request
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	root   *html.Node
}

// Get asks for a page.
func (b *Client) Get(t *testing.T, path string) Answer {
	t.Helper()
	return b.Do(t, b.request(t, http.MethodGet, path, nil))
}

// Post sends a form from a page of the same origin.
func (b *Client) Post(t *testing.T, path string, form url.Values) Answer {
	t.Helper()
	request := b.request(t, http.MethodPost, path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.Do(t, request)
}

func (b *Client) request(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.Origin+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", "text/html")
	return request
}

// Do sends any request with the client's cookies and headers.
func (b *Client) Do(t *testing.T, request *http.Request) Answer {
	t.Helper()
	b.dress(request)
	response, err := b.App.Test(request, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it is in memory
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range response.Cookies() {
		if b.Cookies == nil {
			b.Cookies = map[string]string{}
		}
		if b.Cookies[cookie.Name] = cookie.Value; cookie.MaxAge < 0 {
			delete(b.Cookies, cookie.Name)
		}
	}
	answer := Answer{Status: response.StatusCode, Header: response.Header, Body: string(body)}
	if answer.root, err = html.Parse(strings.NewReader(answer.Body)); err != nil {
		t.Fatal(err)
	}
	return answer
}

// dress gives a request the client's cookies and headers.
func (b *Client) dress(request *http.Request) {
	for name, value := range b.Cookies {
		request.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // the attributes go from server to browser
	}
	maps.Copy(request.Header, b.Header)
}

// Location is where the answer redirects to.
func (a Answer) Location() string { return a.Header.Get("Location") }

// All gives the elements that a selector names: steps of tag, #id, .class, [attribute] and [attribute=value], each a
// descendant of the one before.
func (a Answer) All(selector string) []Element {
	found := []*html.Node{a.root}
	for step := range strings.FieldsSeq(selector) {
		var next []*html.Node
		for _, node := range found {
			for child := range node.Descendants() {
				if child.Type == html.ElementNode && matches(child, step) {
					next = append(next, child)
				}
			}
		}
		found = next
	}
	elements := make([]Element, 0, len(found))
	for _, node := range found {
		elements = append(elements, Element{node})
	}
	return elements
}

// One gives the only element that a selector names.
func (a Answer) One(t *testing.T, selector string) Element {
	t.Helper()
	all := a.All(selector)
	if len(all) != 1 {
		t.Fatalf("%d elements are %q, want one, in:\n%s", len(all), selector, a.Body)
	}
	return all[0]
}

// Has tells whether a selector names anything.
func (a Answer) Has(selector string) bool { return len(a.All(selector)) > 0 }

// Text is what a reader sees of the page, in one line.
func (a Answer) Text() string { return Element{a.root}.Text() }

// Element is one element of a page.
type Element struct{ node *html.Node }

// Attr is the value of an attribute, empty when there is none.
func (e Element) Attr(name string) string {
	value, _ := attribute(e.node, name)
	return value
}

// Text is what stands in the element, with single spaces.
func (e Element) Text() string {
	var text strings.Builder
	for node := range e.node.Descendants() {
		if node.Type == html.TextNode {
			text.WriteString(node.Data)
		} else if !inline(node.Data) {
			text.WriteByte(' ') // it begins a line or a cell of its own
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// inline tells whether an element stands within a line.
func inline(tag string) bool {
	switch tag {
	case "a", "b", "bdi", "code", "em", "span", "strong":
		return true
	}
	return false
}

func attribute(node *html.Node, name string) (string, bool) {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// matches reads one step of a selector from its end, where each part begins with #, . or [.
func matches(node *html.Node, step string) bool {
	for {
		at := strings.LastIndexAny(step, "#.[")
		if at < 0 {
			return step == "" || node.Data == step
		}
		if bracket := strings.LastIndex(step, "["); strings.HasSuffix(step, "]") {
			at = bracket
		}
		if !fits(node, step[at], strings.TrimSuffix(step[at+1:], "]")) {
			return false
		}
		step = step[:at]
	}
}

func fits(node *html.Node, kind byte, value string) bool {
	switch kind {
	case '#':
		id, _ := attribute(node, "id")
		return id == value
	case '.':
		classes, _ := attribute(node, "class")
		return strings.Contains(" "+classes+" ", " "+value+" ")
	}
	name, want, compare := strings.Cut(value, "=")
	got, ok := attribute(node, name)
	return ok && (!compare || got == want)
}
