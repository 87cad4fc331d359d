package mailbox

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

//go:embed pages/*.html pages/style.css
var pages embed.FS

// shown is how many messages the list shows; older ones are found with the filter.
const shown = 200

// The policies of the two kinds of document. The pages run and load nothing but their own style sheet. A letter is
// somebody's HTML: it keeps its own styles and nothing else, not even images, and sits in a sandbox whose only door is
// a link in a new tab. That tab must leave the sandbox, or the pages behind the link could not set cookies or take forms.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	letterCSP  = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

func (m *Mailbox) serveAPI(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, m.Messages(r.URL.Query().Get("to")))
}

// serveCount answers numbers alone, for whoever watches a hundred thousand messages come in.
func (m *Mailbox) serveCount(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, m.Count())
}

func (m *Mailbox) serveList(w http.ResponseWriter, r *http.Request) {
	to := strings.TrimSpace(r.URL.Query().Get("to"))
	found := m.Messages(to)
	total := len(found)
	slices.Reverse(found)
	writePage(w, http.StatusOK, "list.html", struct {
		To       string
		Total    int
		Messages []Message
	}{to, total, found[:min(total, shown)]})
}

func (m *Mailbox) serveMessage(w http.ResponseWriter, r *http.Request) {
	message, found := m.store.message(r.PathValue("id"))
	if !found {
		serveNothing(w, r)
		return
	}
	writePage(w, http.StatusOK, "message.html", struct {
		Message
		Pieces []piece
	}{message, pieces(message.Text)})
}

// serveLetter gives the HTML of a message as a document of its own. A srcdoc frame would inherit the page's policy and
// lose the letter's styles.
func (m *Mailbox) serveLetter(w http.ResponseWriter, r *http.Request) {
	message, found := m.store.message(r.PathValue("id"))
	if !found || message.HTML == "" {
		serveNothing(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", letterCSP)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(withNewTabs(message.HTML)) // the client is gone: there is nobody to tell
}

// headTag finds where a letter's head begins.
var headTag = regexp.MustCompile(`(?i)<head(\s[^>]*)?>`)

// withNewTabs makes every link of a letter open in a new tab: in the frame itself it would meet the frame-ancestors
// policy of the page behind it.
func withNewTabs(letter string) []byte {
	const base = `<base target="_blank">`
	if head := headTag.FindStringIndex(letter); head != nil {
		return []byte(letter[:head[1]] + base + letter[head[1]:])
	}
	return []byte(base + letter)
}

// piece is a part of a plain text: words, or an address of the web.
type piece struct {
	Text string
	Link bool
}

// webAddress finds addresses in plain text, without the punctuation that ends a sentence.
var webAddress = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?)\]]`)

func pieces(text string) []piece {
	var parts []piece
	rest := 0
	for _, at := range webAddress.FindAllStringIndex(text, -1) {
		parts = append(parts, piece{Text: text[rest:at[0]]}, piece{Text: text[at[0]:at[1]], Link: true})
		rest = at[1]
	}
	return append(parts, piece{Text: text[rest:]})
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, pages, "pages/style.css")
}

// serveNothing answers what there is not: people with a page, the provider's clients in the provider's shape.
func serveNothing(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		(&problem{http.StatusNotFound, "not_found", "The requested endpoint does not exist."}).write(w)
		return
	}
	writePage(w, http.StatusNotFound, "nothing.html", nil)
}

// writePage renders a page whole before a byte of it goes out, so that an error is never half a page.
func writePage(w http.ResponseWriter, status int, name string, data any) {
	parsed, err := template.ParseFS(pages, "pages/"+name)
	var body bytes.Buffer
	if err == nil {
		err = parsed.Execute(&body, data)
	}
	if err != nil {
		http.Error(w, "the page can't be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client is gone: there is nobody to tell
}
