package mailbox

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// maxKey is how long an idempotency key may be (Resend, "Idempotency Keys").
const maxKey = 256

// keys is the provider's memory of idempotency keys. Only accepted calls are remembered: a refused one has sent
// nothing, so it may be put right and made again under its key.
type keys struct {
	memory time.Duration

	mu    sync.Mutex
	known map[string]known
	busy  map[string]bool
}

type known struct {
	at          time.Time
	fingerprint string
	answer      []byte
}

func newKeys(memory time.Duration) *keys {
	return &keys{memory: memory, known: map[string]known{}, busy: map[string]bool{}}
}

// fingerprint tells calls apart: the same key on another endpoint, in another validation mode or with one other byte
// is another request.
func fingerprint(r *http.Request, body []byte) string {
	hash := sha256.New()
	hash.Write([]byte(r.URL.Path + "\x00" + r.Header.Get("X-Batch-Validation") + "\x00"))
	hash.Write(body)
	return hex.EncodeToString(hash.Sum(nil))
}

// begin starts a call. It returns the answer of an earlier call that was the same, or the problem that forbids this
// one. If it returns neither, the key is busy until end. Without a key every call is a new one.
func (k *keys) begin(key, mark string, now time.Time) (answer []byte, trouble *problem) {
	if key == "" {
		return nil, nil
	}
	if len(key) > maxKey {
		return nil, &problem{http.StatusBadRequest, "invalid_idempotency_key", "The key must be between 1-256 chars."}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.busy[key] {
		return nil, &problem{
			http.StatusConflict, "concurrent_idempotent_requests",
			"Same idempotency key used while original request is still in progress.",
		}
	}
	earlier, found := k.known[key]
	switch {
	case found && now.Sub(earlier.at) < k.memory && earlier.fingerprint == mark:
		return earlier.answer, nil
	case found && now.Sub(earlier.at) < k.memory:
		return nil, &problem{
			http.StatusConflict, "invalid_idempotent_request",
			"Same idempotency key used with a different request payload.",
		}
	}
	k.busy[key] = true
	return nil, nil
}

// end makes a key free again, whatever became of its call.
func (k *keys) end(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.busy, key)
}

func (k *keys) remember(c call) {
	if c.Key == "" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[c.Key] = known{at: c.At, fingerprint: c.Fingerprint, answer: c.Answer}
}
