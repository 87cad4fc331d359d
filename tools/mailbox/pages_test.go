package mailbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const nasty = `{"from":"\"<script>alert(1)</script>\" <p@example.org>","to":["bob@example.org"],"subject":"<script>alert(2)</script>",
	"html":"<!doctype html><html><HEAD lang=en><title>t</title></head><body><script>alert(3)</script><a href='https://p.example/join/x'>Go</a></body></html>",
	"text":"See https://p.example/join/x?a=1&b=2. Or javascript:alert(4) <b>bold</b>"}`

func TestListShowsNewestFirstAndFilters(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	_, _, empty := ask(t, box, http.MethodGet, "/", "")
	wantText(t, empty, "No messages yet")
	ask(t, box, http.MethodPost, "/emails", strings.ReplaceAll(good, "Hello", "Older"))
	ask(t, box, http.MethodPost, "/emails", strings.ReplaceAll(strings.ReplaceAll(good, "Hello", "Newer"), "bob@", "eve@"))

	_, header, page := ask(t, box, http.MethodGet, "/", "")
	if newer, older := strings.Index(page, "Newer"), strings.Index(page, "Older"); newer < 0 || older < newer {
		t.Errorf("newer stands at %d, older at %d", newer, older)
	}
	if header.Get("Content-Security-Policy") != pagePolicy || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", header)
	}
	_, _, filtered := ask(t, box, http.MethodGet, "/?to=EVE@example.org", "")
	if strings.Contains(filtered, "Older") || !strings.Contains(filtered, "Newer") {
		t.Error("the filter does not filter")
	}
	_, _, nobody := ask(t, box, http.MethodGet, "/?to=%3Cscript%3E", "")
	wantText(t, nobody, "No message to &lt;script&gt; yet")
}

func TestMessagePageEscapesEverythingAndFramesTheLetter(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	ask(t, box, http.MethodPost, "/emails", nasty)
	id := box.Messages("")[0].ID
	status, header, page := ask(t, box, http.MethodGet, "/messages/"+id, "")
	if status != http.StatusOK || header.Get("Content-Security-Policy") != pagePolicy {
		t.Errorf("status %d, headers %v", status, header)
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "<b>bold") || strings.Contains(page, `href="javascript`) {
		t.Errorf("the page lets markup through:\n%s", page)
	}
	wantText(t, page, `sandbox="allow-popups allow-popups-to-escape-sandbox"`)
	wantText(t, page, `<a href="https://p.example/join/x?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">`)

	_, header, letter := ask(t, box, http.MethodGet, "/messages/"+id+"/letter", "")
	policy := header.Get("Content-Security-Policy")
	if policy != letterCSP || strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") {
		t.Errorf("the letter's policy is %q", policy)
	}
	wantText(t, letter, `<HEAD lang=en><base target="_blank"><title>`)
}

func TestWhatThereIsNotIsSaidPlainly(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	ask(t, box, http.MethodPost, "/emails", strings.ReplaceAll(good, `"html":"<p>Hi</p>",`, ""))
	for _, path := range []string{"/messages/none", "/messages/" + box.Messages("")[0].ID + "/letter", "/nowhere"} {
		status, _, page := ask(t, box, http.MethodGet, path, "")
		if status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, status)
		}
		wantText(t, page, "There is nothing here")
	}
	status, _, body := ask(t, box, http.MethodPost, "/emails/other", "{}")
	wantProblem(t, status, body, problem{StatusCode: 404, Name: "not_found"})
}

func TestAPIListsMessagesOldestFirst(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	if _, _, none := ask(t, box, http.MethodGet, "/api/messages?to=bob@example.org", ""); none != "[]" {
		t.Errorf("nothing is %q", none)
	}
	ask(t, box, http.MethodPost, "/emails", strings.ReplaceAll(good, "Hello", "1"))
	ask(t, box, http.MethodPost, "/emails", strings.ReplaceAll(good, "Hello", "2"))
	_, header, body := ask(t, box, http.MethodGet, "/api/messages?to=bob@example.org", "")
	var found []Message
	if err := json.Unmarshal([]byte(body), &found); err != nil || len(found) != 2 || found[0].Subject != "1" {
		t.Errorf("%v: %s", err, body)
	}
	if !strings.HasPrefix(header.Get("Content-Type"), "application/json") {
		t.Errorf("content type %q", header.Get("Content-Type"))
	}
}

func TestStyleSheetIsServed(t *testing.T) {
	t.Parallel()
	status, header, _ := ask(t, open(t, Options{}), http.MethodGet, "/style.css", "")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/css") {
		t.Errorf("status %d, type %q", status, header.Get("Content-Type"))
	}
}

func TestTextIsCutAtItsAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                                  {},
		"no link":                           {},
		"(see https://a.example/b).":        {"https://a.example/b"},
		"https://a.example/ http://b.c/d-_": {"https://a.example/", "http://b.c/d-_"},
		"<https://a.example/x>":             {"https://a.example/x"},
	} {
		var all strings.Builder
		links := []string{}
		for _, p := range pieces(text) {
			all.WriteString(p.Text)
			if p.Link {
				links = append(links, p.Text)
			}
		}
		if all.String() != text || strings.Join(links, " ") != strings.Join(want, " ") {
			t.Errorf("pieces(%q) has links %q", text, links)
		}
	}
}

func wantText(t *testing.T, page, want string) {
	t.Helper()
	if !strings.Contains(page, want) {
		t.Errorf("the page does not have %q:\n%s", want, page)
	}
}
