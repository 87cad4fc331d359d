package mailbox

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"
)

// defaultKeyMemory is how long the provider remembers an idempotency key (Resend, "Idempotency Keys").
const defaultKeyMemory = 24 * time.Hour

// Options say how a mailbox behaves. An empty key closes its door: no call is let in.
type Options struct {
	Folder         string           // where calls are kept, one JSON file each; empty keeps them in memory alone
	APIKey         string           // the bearer key of the provider's endpoints
	SMSKey         string           // the bearer token of Kratos' text messages
	KeyMemory      time.Duration    // how long idempotency keys are remembered; zero for 24 hours
	CallsPerSecond int              // the provider's rate limit, answered with 429 above it; zero for none
	Webhook        Webhook          // where the news of messages goes, while Report runs
	Lean           bool             // for a hundred thousand messages: count them, and keep nothing else of them
	Now            func() time.Time // the clock; nil for the system's
}

// Mailbox is an http.Handler that catches messages. It is safe for concurrent use.
type Mailbox struct {
	options Options
	routes  http.Handler
	store   *store
	keys    *keys
	rate    *rate
	faults  *faults
	hooks   *hooks
}

// New opens a mailbox and reads what its folder holds, messages and idempotency keys alike. Its errors are about the
// folder, one that can't be made or a file in it that is not of a mailbox, and about options that don't go together.
func New(options Options) (*Mailbox, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.KeyMemory == 0 {
		options.KeyMemory = defaultKeyMemory
	}
	m := &Mailbox{
		options: options,
		keys:    newKeys(options.KeyMemory),
		rate:    &rate{limit: options.CallsPerSecond},
		faults:  newFaults(),
	}
	if options.Lean && options.Folder != "" {
		return nil, errors.New("open mailbox: a lean one keeps no messages, so it takes no folder")
	}
	store, calls, err := openStore(options.Folder)
	if err != nil {
		return nil, err
	}
	store.lean = options.Lean
	m.store = store
	if m.hooks, err = newHooks(options.Webhook); err != nil {
		return nil, err
	}
	for _, call := range calls {
		m.keys.remember(call)
	}
	m.routes = m.mux()
	return m, nil
}

func (m *Mailbox) mux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /emails", m.serveEmail)
	mux.HandleFunc("POST /emails/batch", m.serveBatch)
	mux.HandleFunc("POST /sms", m.serveTextMessage)
	mux.HandleFunc("GET /api/messages", m.serveAPI)
	mux.HandleFunc("GET /api/count", m.serveCount)
	mux.HandleFunc("GET /{$}", m.serveList)
	mux.HandleFunc("GET /messages/{id}", m.serveMessage)
	mux.HandleFunc("GET /messages/{id}/letter", m.serveLetter)
	mux.HandleFunc("GET /style.css", serveStyle)
	mux.HandleFunc("/", serveNothing)
	return mux
}

// ServeHTTP implements http.Handler.
func (m *Mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	m.routes.ServeHTTP(w, r)
}

// Messages returns the caught messages to an address or telephone number, in the order in which they were accepted.
// Display names and upper case make no difference, and the empty address means all.
func (m *Mailbox) Messages(to string) []Message { return m.store.messages(to) }

// Wait returns the messages to an address as soon as there are n of them. It gives up with the context, and then
// returns what there is and an error that tells how many were missing.
func (m *Mailbox) Wait(ctx context.Context, to string, n int) ([]Message, error) {
	return m.store.wait(ctx, to, n)
}

// Catch keeps a message that came another way than by the provider's contract, such as SMTP. It gets a time and, where it
// has none, an id. Nobody is told what became of it. Its error is about the folder.
func (m *Mailbox) Catch(message Message) error {
	message.At = m.options.Now().UTC()
	if message.ID == "" {
		message.ID = newID()
	}
	return m.store.add(call{At: message.At, Messages: []Message{message}})
}

// Count tells how many messages were accepted, also by a lean mailbox.
func (m *Mailbox) Count() Count { return m.store.count() }

// Fail makes the next n calls to the provider's endpoints fail in one way. It replaces what an earlier Fail left over;
// n = 0 heals the provider. Calls with a wrong key do not count.
func (m *Mailbox) Fail(n int, fault Fault) { m.faults.set(n, fault) }

// RefuseAddress makes the provider refuse every message to an address with a reason, as it does with an address that
// it knows to be dead. An empty reason accepts the address again.
func (m *Mailbox) RefuseAddress(address, reason string) { m.faults.refuse(address, reason) }

// sameKey compares secrets in constant time; an unset secret is the same as nothing.
func sameKey(given, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1
}

// bearer gives the token of an Authorization header (RFC 6750 §2.1).
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
