package kratos_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// hookServer stands in for Paperplane's internal listener: it keeps what Kratos tells it and answers guards as a test
// has asked for one identity. Every other guard is let through. What Kratos' courier hands over goes on to a mailbox.
type hookServer struct {
	*httptest.Server
	mailbox *mailbox.Mailbox

	mu      sync.Mutex
	calls   []hookCall
	answers map[extension.IdentityID]hookAnswer
}

// hookCall is one request of Kratos.
type hookCall struct {
	path string
	key  string
	body map[string]any
	raw  string
}

// hookAnswer is what a guard says about one identity.
type hookAnswer struct {
	status int
	body   string
}

func newHookServer() (*hookServer, error) {
	box, err := mailbox.New(mailbox.Options{CourierKey: courierKey})
	if err != nil {
		return nil, err
	}
	s := &hookServer{mailbox: box, answers: map[extension.IdentityID]hookAnswer{}}
	s.Server = httptest.NewServer(s)
	return s, nil
}

func (s *hookServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	call := hookCall{path: r.URL.Path, key: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), raw: string(raw)}
	if err != nil || json.Unmarshal(raw, &call.body) != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	if strings.HasPrefix(r.URL.Path, "/courier/") {
		r.Body = io.NopCloser(bytes.NewReader(raw))
		s.mailbox.ServeHTTP(w, r)
		return
	}
	answer, ok := s.answers[call.identity()]
	if !ok {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.status)
	_, _ = io.WriteString(w, answer.body)
}

func (c hookCall) identity() extension.IdentityID {
	identity, _ := c.body["identity"].(map[string]any)
	id, _ := identity["id"].(string)
	return extension.IdentityID(id)
}

// answer decides what guards say about an identity from now on.
func (s *hookServer) answer(id extension.IdentityID, status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[id] = hookAnswer{status: status, body: body}
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
