package mailbox

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCourierMessagesAreCaught(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	status, _, body := ask(t, box, http.MethodPost, "/courier/email",
		`{"channel":"email","template":"recovery_code_valid","to":"Bob@example.org","subject":"Code","text":"371428","html":"<b>371428</b>","identity_id":"i-1"}`,
		"Authorization", "Bearer "+courierKey)
	if status != http.StatusNoContent {
		t.Fatalf("status %d: %s", status, body)
	}
	want := []Message{{
		Channel: Email, To: []string{"Bob@example.org"}, Subject: "Code", Text: "371428", HTML: "<b>371428</b>",
		Template: "recovery_code_valid", Identity: "i-1",
	}}
	if diff := cmp.Diff(want, box.Messages("bob@example.org"), cmpopts.IgnoreFields(Message{}, "ID", "At")); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

func TestCourierCallsThatAreNotKratosAreRefused(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	sms := `{"channel":"sms","template":"t","to":"+44","subject":"","text":"x","html":null,"identity_id":null}`
	for name, c := range map[string]struct {
		path, body, key string
		status          int
	}{
		"no key":        {"/courier/sms", sms, "", 401},
		"wrong key":     {"/courier/sms", sms, "x", 401},
		"wrong channel": {"/courier/email", sms, courierKey, 400},
		"unknown field": {"/courier/sms", `{"channel":"sms","to":"+44","code":"1"}`, courierKey, 400},
		"nobody":        {"/courier/sms", `{"channel":"sms","to":""}`, courierKey, 400},
		"no JSON":       {"/courier/sms", `{`, courierKey, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, _, _ := ask(t, box, http.MethodPost, c.path, c.body, "Authorization", "Bearer "+c.key); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
		})
	}
}
