package mailbox

import (
	"encoding/json"
	"net/http"
)

// maxTextMessage bounds what Kratos sends: one rendered message.
const maxTextMessage = 1 << 20

// textMessage is what the jsonnet of Kratos' text messages makes of its context.
type textMessage struct {
	Channel  Channel `json:"channel"`
	Template string  `json:"template"`
	To       string  `json:"to"`
	Text     string  `json:"text"`
}

// serveTextMessage is the gateway that Kratos hands its text messages to. Kratos delivers at least once and gives no id,
// so a message may show twice. Its errors are plain text, which Kratos keeps with the message.
func (m *Mailbox) serveTextMessage(w http.ResponseWriter, r *http.Request) {
	if !sameKey(bearer(r), m.options.SMSKey) {
		http.Error(w, "wrong or missing key", http.StatusUnauthorized)
		return
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxTextMessage))
	decoder.DisallowUnknownFields() // a jsonnet that says more than we read is a mistake to be seen at once
	var body textMessage
	if err := decoder.Decode(&body); err != nil {
		http.Error(w, "body is not what sms.jsonnet writes", http.StatusBadRequest)
		return
	}
	if body.Channel != SMS || body.To == "" {
		http.Error(w, "not a text message, or there is no recipient", http.StatusBadRequest)
		return
	}
	now := m.options.Now().UTC()
	err := m.store.add(call{At: now, Messages: []Message{{
		ID: newID(), Channel: SMS, At: now, To: []string{body.To}, Text: body.Text, Template: body.Template,
	}}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
