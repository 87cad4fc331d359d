package main

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// noRedirects marks a request whose redirects are not followed.
type noRedirects struct{}

func withoutRedirects(ctx context.Context) context.Context {
	return context.WithValue(ctx, noRedirects{}, true)
}

// page is what a visitor sees.
type page struct {
	address *url.URL
	status  int
	header  http.Header
	body    string
	root    *html.Node
}

func newPage(t testing.TB, response *http.Response, body string) page {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return page{address: response.Request.URL, status: response.StatusCode, header: response.Header, body: body, root: root}
}

// path is where the visitor is.
func (p page) path() string { return p.address.Path }

// text is what the page says, in one line.
func (p page) text() string { return textOf(p.root) }

// says fails the test unless the page has this status and all of these words.
func (p page) says(t testing.TB, status int, words ...string) {
	t.Helper()
	text := p.text()
	if p.status != status {
		t.Fatalf("%s answered %d, want %d:\n%s", p.path(), p.status, status, text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not say %q:\n%s", p.path(), w, text)
		}
	}
}

// lacks fails the test if the page has any of these words.
func (p page) lacks(t testing.TB, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(p.text(), w) {
			t.Errorf("%s says %q:\n%s", p.path(), w, p.text())
		}
	}
}

// value is what stands in the field with this name: of a select the chosen option's label.
func (p page) value(t testing.TB, name string) string {
	t.Helper()
	for node := range p.elements("input", "textarea", "select") {
		if got, _ := attribute(node, "name"); got != name {
			continue
		}
		if node.Data == "select" {
			return textOf(chosen(node))
		}
		return valueOf(node)
	}
	t.Fatalf("%s has no field %s:\n%s", p.path(), name, p.text())
	return ""
}

// options are the labels that a select offers.
func (p page) options(name string) []string {
	var labels []string
	for node := range p.elements("select") {
		if got, _ := attribute(node, "name"); got == name {
			for option := range elementsIn(node, "option") {
				if value, _ := attribute(option, "value"); value != "" {
					labels = append(labels, textOf(option))
				}
			}
		}
	}
	return labels
}

// faults are the sentences at the fields.
func (p page) faults() map[string]string {
	faults := map[string]string{}
	for node := range p.elements("p") {
		id, _ := attribute(node, "id")
		if name, ok := strings.CutSuffix(strings.TrimPrefix(id, "field-"), "-error"); ok {
			faults[name] = strings.TrimPrefix(textOf(node), "Problem: ")
		}
	}
	return faults
}

// faultsAre fails the test unless exactly these fields have a sentence.
func (p page) faultsAre(t testing.TB, fields ...string) {
	t.Helper()
	slices.Sort(fields)
	if got := slices.Sorted(maps.Keys(p.faults())); !slices.Equal(got, fields) {
		t.Errorf("faults are at %q, want %q: %v", got, fields, p.faults())
	}
}

// row is the row of a table that has this text in one of its cells; empty when there is none.
func (p page) row(text string) string {
	for row := range p.elements("tr") {
		for cell := range elementsIn(row, "td") {
			if textOf(cell) == text {
				return textOf(row)
			}
		}
	}
	return ""
}

// has tells whether there is a button or link with this name.
func (p page) has(name string) bool { return p.find(name) != nil }

func (p page) control(t testing.TB, name string) *html.Node {
	t.Helper()
	node := p.find(name)
	if node == nil {
		t.Fatalf("%s (%d) has nothing to press named %q:\n%s", p.path(), p.status, name, p.text())
	}
	return node
}

func (p page) find(name string) *html.Node {
	for node := range p.elements("button", "a") {
		if textOf(node) == name {
			return node
		}
	}
	return nil
}

func (p page) resolve(t testing.TB, address string) string {
	t.Helper()
	resolved, err := p.address.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return resolved.String()
}

// formWith is the form of a button, with typed pairs in the place of what the page has.
func (p page) formWith(t testing.TB, button string, typed ...string) form {
	t.Helper()
	return p.formOf(t, p.control(t, button), typed...)
}

func (p page) formOf(t testing.TB, button *html.Node, typed ...string) form {
	t.Helper()
	node := button
	for node.Data != "form" {
		if node = node.Parent; node == nil {
			t.Fatalf("the button %q is in no form", textOf(button))
		}
	}
	action, _ := attribute(node, "action")
	method, _ := attribute(node, "method")
	kind, _ := attribute(node, "enctype")
	f := form{method: strings.ToUpper(method), action: p.resolve(t, action), multipart: kind == "multipart/form-data"}
	if f.method == "" {
		f.method = http.MethodGet
	}
	for control := range elementsIn(node, "input", "textarea", "select") {
		name, _ := attribute(control, "name")
		if value, ok := successful(control, typed); ok {
			f.fields = append(f.fields, name, value)
		}
	}
	if name, ok := attribute(button, "name"); ok {
		value, _ := attribute(button, "value")
		f.fields = append(f.fields, name, value)
	}
	return f
}

// successful gives the value with which a control is submitted (HTML, "constructing the entry list").
func successful(control *html.Node, typed []string) (string, bool) {
	name, _ := attribute(control, "name")
	kind, _ := attribute(control, "type")
	if name == "" || kind == "submit" {
		return "", false
	}
	value := valueOf(control)
	if control.Data == "select" {
		value, _ = attribute(chosen(control), "value")
	}
	_, checked := attribute(control, "checked")
	for i := 0; i < len(typed); i += 2 {
		if typed[i] == name {
			value, checked = typed[i+1], true
		}
	}
	if control.Data == "select" {
		for option := range elementsIn(control, "option") {
			if textOf(option) == value {
				value, _ = attribute(option, "value")
				break
			}
		}
	}
	if control.Data == "textarea" {
		value = strings.ReplaceAll(value, "\n", "\r\n")
	}
	return value, kind != "checkbox" || checked
}

// valueOf is what stands in an input or a textarea.
func valueOf(control *html.Node) string {
	if control.Data != "textarea" {
		value, _ := attribute(control, "value")
		return value
	}
	var text strings.Builder
	for child := range control.ChildNodes() {
		text.WriteString(child.Data)
	}
	return text.String()
}

// chosen is the option that a select shows: the chosen one, or else the first.
func chosen(control *html.Node) *html.Node {
	var first *html.Node
	for option := range elementsIn(control, "option") {
		if _, ok := attribute(option, "selected"); ok {
			return option
		}
		if first == nil {
			first = option
		}
	}
	return first
}

func (p page) elements(names ...string) func(func(*html.Node) bool) {
	return elementsIn(p.root, names...)
}

// elementsIn gives the elements with these names below a node, in the order of the page.
func elementsIn(root *html.Node, names ...string) func(func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		for node := range root.Descendants() {
			if node.Type == html.ElementNode && slices.Contains(names, node.Data) && !yield(node) {
				return
			}
		}
	}
}

func attribute(node *html.Node, name string) (string, bool) {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

// textOf is what stands in a node, with single spaces. Only elements within a line are joined without one.
func textOf(node *html.Node) string {
	var text strings.Builder
	for part := range node.Descendants() {
		switch {
		case part.Type == html.TextNode:
			text.WriteString(part.Data)
		case part.Type == html.ElementNode && !slices.Contains([]string{"a", "bdi", "span", "strong", "code", "time", "path"}, part.Data):
			text.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(text.String()), " ")
}
