package mailbox

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestTextMessagesAreCaught(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	status, _, body := ask(t, box, http.MethodPost, "/sms",
		`{"channel":"sms","template":"login_code_valid","to":"+46701740605","text":"Your code is 371428"}`, "Authorization", "Bearer "+smsKey)
	if status != http.StatusNoContent {
		t.Fatalf("status %d: %s", status, body)
	}
	want := []Message{{Channel: SMS, To: []string{"+46701740605"}, Text: "Your code is 371428", Template: "login_code_valid"}}
	if diff := cmp.Diff(want, box.Messages("+46701740605"), cmpopts.IgnoreFields(Message{}, "ID", "At")); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

func TestTextMessagesThatAreNotKratosAreRefused(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	sms := `{"channel":"sms","template":"t","to":"+44","text":"x"}`
	for name, c := range map[string]struct {
		body, key string
		status    int
	}{
		"no key":        {sms, "", 401},
		"wrong key":     {sms, "x", 401},
		"wrong channel": {`{"channel":"email","to":"bob@example.org"}`, smsKey, 400},
		"unknown field": {`{"channel":"sms","to":"+44","code":"1"}`, smsKey, 400},
		"nobody":        {`{"channel":"sms","to":""}`, smsKey, 400},
		"no JSON":       {`{`, smsKey, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, _, _ := ask(t, box, http.MethodPost, "/sms", c.body, "Authorization", "Bearer "+c.key); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
		})
	}
}
