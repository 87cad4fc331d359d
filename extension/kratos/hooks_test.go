package kratos_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"paperplane/extension"
	"paperplane/extension/kratos"
)

// hookServer stands in for Paperplane's internal listener and for a gateway of text messages: it keeps what Kratos tells
// it and answers hooks as a test has asked for one identity. Everything else is let through.
type hookServer struct {
	*httptest.Server

	mu      sync.Mutex
	calls   []hookCall
	answers map[answered]hookAnswer
}

// hookCall is one request of Kratos.
type hookCall struct {
	path string
	key  string
	body map[string]any
	raw  string
}

// answered names a kind of hook about one identity, by the beginning of its path.
type answered struct {
	id   extension.IdentityID
	path string
}

// hookAnswer is what a hook says about one identity.
type hookAnswer struct {
	status int
	body   string
}

func newHookServer() *hookServer {
	s := &hookServer{answers: map[answered]hookAnswer{}}
	s.Server = httptest.NewServer(s)
	return s
}

func (s *hookServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	call := hookCall{path: r.URL.Path, key: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), raw: string(raw)}
	if r.URL.Path == "/sms" {
		call.key = r.Header.Get("X-Gateway-Key")
	}
	if err != nil || json.Unmarshal(raw, &call.body) != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	answer, ok := s.answerTo(call)
	if !ok {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

func (s *hookServer) answerTo(call hookCall) (hookAnswer, bool) {
	for asked, answer := range s.answers {
		if asked.id == call.identity() && strings.HasPrefix(call.path, asked.path) {
			return answer, true
		}
	}
	return hookAnswer{}, false
}

func (c hookCall) identity() extension.IdentityID {
	identity, _ := c.body["identity"].(map[string]any)
	id, _ := identity["id"].(string)
	return extension.IdentityID(id)
}

// answer decides what guards say about an identity from now on.
func (s *hookServer) answer(id extension.IdentityID, status int, body string) {
	s.answerAt(id, kratos.GuardPath, status, body)
}

// answerAt decides what the hooks of a path say about an identity from now on.
func (s *hookServer) answerAt(id extension.IdentityID, path string, status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[answered{id, path}] = hookAnswer{status: status, body: body}
}

// of returns what Kratos told a path about an identity, oldest first.
func (s *hookServer) of(id extension.IdentityID, path string) []hookCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	var calls []hookCall
	for _, call := range s.calls {
		if call.path == path && call.identity() == id {
			calls = append(calls, call)
		}
	}
	return calls
}

// messages returns what was sent to an address, oldest first.
func (s *hookServer) messages(to string) []hookCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	var calls []hookCall
	for _, call := range s.calls {
		if recipient, _ := call.body["to"].(string); strings.EqualFold(recipient, to) {
			calls = append(calls, call)
		}
	}
	return calls
}

// code waits for the n-th code that is sent to an address.
func (s *hookServer) code(t *testing.T, to string, n int) string {
	t.Helper()
	var sent []hookCall
	eventually(t, "a code is sent", func() bool {
		sent = s.messages(to)
		return len(sent) >= n
	})
	code, _ := sent[n-1].body["code"].(string)
	return code
}
