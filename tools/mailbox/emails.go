package mailbox

import (
	"encoding/json"
	"io"
	"net/http"
)

const (
	maxBody  = 40 << 20 // bytes of a call: the provider takes 40 MB a message
	maxBatch = 100      // messages of a batch call
)

// problem is an error in the provider's shape (Resend, "Errors").
type problem struct {
	StatusCode int    `json:"statusCode"`
	Name       string `json:"name"`
	Message    string `json:"message"`
}

func (p *problem) write(w http.ResponseWriter) { writeJSON(w, p.StatusCode, p) }

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "answer can't be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: there is nobody to tell
}

// accepted is what the provider answers about one message; a batch answers with a list of them.
type accepted struct {
	ID string `json:"id"`
}

type rejected struct {
	Index   int    `json:"index"`
	Message string `json:"message"`
}

type batchAnswer struct {
	Data   []accepted `json:"data"`
	Errors []rejected `json:"errors,omitempty"`
}

// judgement is what an endpoint makes of a body: messages and the answer about them, or a problem.
type judgement func(r *http.Request, body []byte) (messages []Message, answer any, trouble *problem)

func (m *Mailbox) serveEmail(w http.ResponseWriter, r *http.Request) { m.serveCall(w, r, m.judgeEmail) }

func (m *Mailbox) serveBatch(w http.ResponseWriter, r *http.Request) { m.serveCall(w, r, m.judgeBatch) }

// serveCall is the way of every call to the provider: key, rate, idempotency, faults, validation, acceptance, answer.
func (m *Mailbox) serveCall(w http.ResponseWriter, r *http.Request, judge judgement) {
	body, trouble := m.admit(w, r)
	if trouble != nil {
		trouble.write(w)
		return
	}
	now := m.options.Now().UTC()
	fault := m.faults.take()
	key, mark := r.Header.Get("Idempotency-Key"), fingerprint(r, body)
	earlier, trouble := m.keys.begin(key, mark, now)
	if trouble != nil {
		trouble.write(w)
		return
	}
	if earlier == nil {
		defer m.keys.end(key)
	}
	if fault.before(w, r) {
		return
	}
	if earlier == nil {
		earlier, trouble = m.accept(r, call{At: now, Key: key, Fingerprint: mark, forgotten: fault == FaultForget}, body, judge)
	}
	if trouble != nil {
		trouble.write(w)
		return
	}
	fault.answer(w, earlier)
}

// admit checks who calls and how often, and reads the body.
func (m *Mailbox) admit(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	switch token := bearer(r); {
	case token == "":
		return nil, &problem{http.StatusUnauthorized, "missing_api_key", "Missing API key in the authorization header."}
	case !sameKey(token, m.options.APIKey):
		return nil, &problem{http.StatusForbidden, "invalid_api_key", "API key is invalid."}
	}
	if !m.rate.take(w, m.options.Now()) {
		return nil, tooMany()
	}
	body, err := readBody(http.MaxBytesReader(w, r.Body, maxBody), r.ContentLength)
	if err != nil {
		return nil, &problem{http.StatusRequestEntityTooLarge, "validation_error", "The request body is too large or was cut off."}
	}
	return body, nil
}

// readBody reads a body in one piece where its length is known.
func readBody(body io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > maxBody {
		return io.ReadAll(body)
	}
	whole := make([]byte, length)
	_, err := io.ReadFull(body, whole)
	return whole, err
}

// accept keeps a call's messages and remembers its answer under its key.
func (m *Mailbox) accept(r *http.Request, c call, body []byte, judge judgement) ([]byte, *problem) {
	if m.options.Lean {
		body = withoutLongStrings(body)
	}
	messages, verdict, trouble := judge(r, body)
	if trouble != nil {
		return nil, trouble
	}
	answer, err := json.Marshal(verdict)
	if err != nil {
		return nil, broken()
	}
	for i := range messages {
		messages[i].At, messages[i].IdempotencyKey = c.At, c.Key
	}
	c.Answer, c.Messages = answer, messages
	if c.forgotten {
		return answer, nil
	}
	if err := m.store.add(c); err != nil {
		return nil, &problem{http.StatusInternalServerError, "application_error", err.Error()}
	}
	m.keys.remember(c)
	if err := m.hooks.add(messages); err != nil {
		return nil, broken()
	}
	return answer, nil
}

func (m *Mailbox) judgeEmail(_ *http.Request, body []byte) ([]Message, any, *problem) {
	message, trouble := m.judgeOne(body)
	if trouble != nil {
		return nil, nil, trouble
	}
	return []Message{message}, accepted{ID: message.ID}, nil
}

// judgeBatch validates a batch. Strict refuses the whole call with the first problem; permissive accepts the good
// messages and lists the bad ones by their index, so data holds the accepted ones alone.
func (m *Mailbox) judgeBatch(r *http.Request, body []byte) ([]Message, any, *problem) {
	permissive, trouble := validationMode(r)
	if trouble != nil {
		return nil, nil, trouble
	}
	var drafts []json.RawMessage
	if json.Unmarshal(body, &drafts) != nil || drafts == nil {
		return nil, nil, invalid("The `request.body` field must be an `array`.")
	}
	if len(drafts) == 0 || len(drafts) > maxBatch {
		return nil, nil, invalid("A batch must have between 1 and 100 emails.")
	}
	answer := batchAnswer{Data: []accepted{}}
	messages := make([]Message, 0, len(drafts))
	for i, draft := range drafts {
		message, trouble := m.judgeOne(draft)
		switch {
		case trouble != nil && permissive:
			answer.Errors = append(answer.Errors, rejected{Index: i, Message: trouble.Message})
		case trouble != nil:
			return nil, nil, trouble
		default:
			messages = append(messages, message)
			answer.Data = append(answer.Data, accepted{ID: message.ID})
		}
	}
	return messages, answer, nil
}

func validationMode(r *http.Request) (permissive bool, trouble *problem) {
	switch r.Header.Get("X-Batch-Validation") {
	case "", "strict":
		return false, nil
	case "permissive":
		return true, nil
	default:
		return false, invalid("The `x-batch-validation` header must be `strict` or `permissive`.")
	}
}
