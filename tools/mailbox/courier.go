package mailbox

import (
	"encoding/json"
	"net/http"
)

// maxCourierBody bounds what Kratos sends: one rendered message.
const maxCourierBody = 1 << 20

// courierBody is what courier.jsonnet makes of Kratos' context. Its html and identity_id may be null.
type courierBody struct {
	Channel  Channel `json:"channel"`
	Template string  `json:"template"`
	To       string  `json:"to"`
	Subject  string  `json:"subject"`
	Text     string  `json:"text"`
	HTML     string  `json:"html"`
	Identity string  `json:"identity_id"`
}

// serveCourier takes one message from Kratos' HTTP courier. Kratos delivers at least once and gives no id, so a message
// may show twice. Its errors are plain text, which Kratos keeps with the message.
func (m *Mailbox) serveCourier(channel Channel) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !sameKey(bearer(r), m.options.CourierKey) {
			http.Error(w, "wrong or missing key", http.StatusUnauthorized)
			return
		}
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCourierBody))
		decoder.DisallowUnknownFields() // a jsonnet that says more than we read is a mistake to be seen at once
		var body courierBody
		if err := decoder.Decode(&body); err != nil {
			http.Error(w, "body is not what courier.jsonnet writes", http.StatusBadRequest)
			return
		}
		if body.Channel != channel || body.To == "" {
			http.Error(w, "channel does not fit the path, or there is no recipient", http.StatusBadRequest)
			return
		}
		now := m.options.Now().UTC()
		err := m.store.add(call{At: now, Messages: []Message{{
			ID:       newID(),
			Channel:  channel,
			At:       now,
			To:       []string{body.To},
			Subject:  body.Subject,
			HTML:     body.HTML,
			Text:     body.Text,
			Template: body.Template,
			Identity: body.Identity,
		}}})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}
