package mail

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

const hookSecret = "whsec_bWFpbC13ZWJob29rLXNlY3JldC0wMTIzNDU2Nzg5"

// signed gives the headers of a webhook as Svix writes them.
func signed(t *testing.T, secret string, at time.Time, body string) map[string]string {
	t.Helper()
	const id = "msg_1"
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "." + body))
	return map[string]string{
		"svix-id": id, "svix-timestamp": timestamp, "svix-signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	}
}

func from(headers map[string]string) func(string) string {
	return func(name string) string { return headers[name] }
}

func hook(kind, data string) string {
	return fmt.Sprintf(`{"type":%q,"created_at":"2026-11-22T23:41:12.126Z","data":{"email_id":"m-1","created_at":"2026-11-22 23:41:11.894719+00","to":["bob@example.org"]%s}}`, kind, data)
}

func TestEveryKindOfWebhookIsUnderstood(t *testing.T) {
	t.Parallel()
	tags := fmt.Sprintf(`,"tags":{"invitation":%q,"category":"x"}`, invitation)
	for name, c := range map[string]struct {
		body, detail string
		kind         extension.MailEventKind
		invitation   extension.InvitationID
	}{
		"sent":      {hook("email.sent", tags), "", extension.MailSent, invitation},
		"delivered": {hook("email.delivered", tags), "", extension.MailDelivered, invitation},
		"delayed":   {hook("email.delivery_delayed", tags), "", extension.MailDelayed, invitation},
		"complained": {
			hook("email.complained", tags), "", extension.MailComplained, invitation,
		},
		"bounced": {
			hook("email.bounced", tags+`,"bounce":{"type":"Permanent","subType":"General","message":"The recipient's email provider sent a hard bounce message."}`),
			"The recipient's email provider sent a hard bounce message.", extension.MailBounced, invitation,
		},
		"bounced, in the server's own words": {
			hook("email.bounced", tags+`,"bounce":{"type":"Permanent","message":"hard bounce","diagnosticCode":["smtp; 550 5.1.1 no such user here"]}`),
			"550 5.1.1 no such user here", extension.MailBounced, invitation,
		},
		"bounced, nobody knows why": {
			hook("email.bounced", tags+`,"bounce":{"type":"Undetermined"}`), "the recipient's server gave no reason.", extension.MailBounced, invitation,
		},
		"bounced for now": {
			hook("email.bounced", tags+`,"bounce":{"type":"Transient","subType":"MailboxFull","message":"The inbox was full."}`),
			"Given up for now: The inbox was full.", extension.MailDelayed, invitation,
		},
		"bounced for now by another name": {
			hook("email.bounced", tags+`,"bounce":{"type":"temporary","message":"The inbox was full."}`),
			"Given up for now: The inbox was full.", extension.MailDelayed, invitation,
		},
		"failed": {
			hook("email.failed", tags+`,"failed":{"reason":"reached_daily_quota"}`),
			"The mail provider could not send the message: reached_daily_quota", extension.MailFailed, invitation,
		},
		"suppressed": {
			hook("email.suppressed", tags+`,"suppressed":{"message":"It is on the list.","type":"OnAccountSuppressionList"}`),
			"It is on the list.", extension.MailBounced, invitation,
		},
		"tags as a list": {
			hook("email.sent", fmt.Sprintf(`,"tags":[{"name":"x","value":"y"},{"name":"invitation","value":%q}]`, invitation)),
			"", extension.MailSent, invitation,
		},
		"no tags":          {hook("email.sent", ""), "", extension.MailSent, ""},
		"other tags":       {hook("email.sent", `,"tags":{"category":"x"}`), "", extension.MailSent, ""},
		"tags of no shape": {hook("email.sent", `,"tags":7`), "", extension.MailSent, ""},
		"tags of null":     {hook("email.sent", `,"tags":null`), "", extension.MailSent, ""},
		"words that would mislead": {
			hook("email.bounced", tags+`,"bounce":{"type":"Permanent","message":"Gone\r\n\u202e see https://evil.example/i/secret?x=1 \u0000`+strings.Repeat("x", 300)+`"}`),
			"Gone see https://evil.example/… " + strings.Repeat("x", 167) + "…", extension.MailBounced, invitation,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := NewHooks(hookSecret).Event(from(signed(t, hookSecret, time.Now(), c.body)), []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			want := &extension.MailEvent{
				ID: "msg_1", Kind: c.kind, Message: "m-1", Invitation: c.invitation, Detail: c.detail,
				At: time.Date(2026, time.November, 22, 23, 41, 12, 126e6, time.UTC),
			}
			if diff := cmp.Diff(want, event); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWebhooksThatSayNothingOfADeliveryAreNoEvents(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		hook("email.opened", ""), hook("email.clicked", ""), hook("email.scheduled", ""), `{"type":"contact.created","data":{"id":"c"}}`,
		`{"type":"domain.updated","data":[]}`, `{"type":"something.new"}`, `{}`,
	} {
		event, err := NewHooks(hookSecret).Event(from(signed(t, hookSecret, time.Now(), body)), []byte(body))
		if event != nil || err != nil {
			t.Errorf("%s: %+v, %v", body, event, err)
		}
	}
}

func TestTheTimeOfAnEventIsThatOfItsSignatureAtLeast(t *testing.T) {
	t.Parallel()
	body := `{"type":"email.sent","created_at":"yesterday","data":{"email_id":"m-1"}}`
	now := time.Now()
	event, err := NewHooks(hookSecret).Event(from(signed(t, hookSecret, now, body)), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if !event.At.Equal(now.Truncate(time.Second)) {
		t.Errorf("at %v, signed at %v", event.At, now)
	}
}

func TestOnlyFreshWebhooksWithOurSignatureAreBelieved(t *testing.T) {
	t.Parallel()
	const other = "whsec_YW5vdGhlci1zZWNyZXQtMDEyMzQ1Njc4OTAxMjM0NTY="
	body := hook("email.delivered", "")
	good := func(t *testing.T) map[string]string {
		t.Helper()
		return signed(t, hookSecret, time.Now(), body)
	}
	with := func(t *testing.T, name, value string) map[string]string {
		t.Helper()
		headers := good(t)
		headers[name] = value
		return headers
	}
	for name, c := range map[string]struct {
		headers map[string]string
		body    string
	}{
		"another secret":           {signed(t, other, time.Now(), body), body},
		"a changed body":           {good(t), strings.Replace(body, "m-1", "m-2", 1)},
		"a body with a space more": {good(t), body + " "},
		"no body":                  {good(t), ""},
		"another id":               {with(t, "svix-id", "msg_2"), body},
		"no id":                    {with(t, "svix-id", ""), body},
		"no timestamp":             {with(t, "svix-timestamp", ""), body},
		"a timestamp of words":     {with(t, "svix-timestamp", "now"), body},
		"another timestamp":        {with(t, "svix-timestamp", strconv.FormatInt(time.Now().Unix()-60, 10)), body},
		"six minutes old":          {signed(t, hookSecret, time.Now().Add(-6*time.Minute), body), body},
		"six minutes ahead":        {signed(t, hookSecret, time.Now().Add(6*time.Minute), body), body},
		"no signature":             {with(t, "svix-signature", ""), body},
		"a signature without kind": {with(t, "svix-signature", strings.TrimPrefix(good(t)["svix-signature"], "v1,")), body},
		"an empty signature":       {with(t, "svix-signature", "v1,"), body},
		"no headers":               {nil, body},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, err := NewHooks(hookSecret).Event(from(c.headers), []byte(c.body))
			if event != nil || !errors.Is(err, extension.ErrForbidden) {
				t.Fatalf("event %+v, error %v", event, err)
			}
			if strings.Contains(err.Error(), "m-1") || strings.Contains(err.Error(), "msg_") || strings.Contains(err.Error(), hookSecret) {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
	if _, err := NewHooks("").Event(from(good(t)), []byte(body)); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("without a secret: %v", err)
	}
}

func TestOneOfSeveralSignaturesIsEnough(t *testing.T) {
	t.Parallel() // while the provider's secret is rotated
	const old = "whsec_YW5vdGhlci1zZWNyZXQtMDEyMzQ1Njc4OTAxMjM0NTY="
	body := hook("email.delivered", "")
	now := time.Now()
	headers := signed(t, hookSecret, now, body)
	headers["svix-signature"] = "v1a,bm90aGluZw== " + signed(t, old, now, body)["svix-signature"] + " " + headers["svix-signature"]
	if _, err := NewHooks(hookSecret).Event(from(headers), []byte(body)); err != nil {
		t.Error(err)
	}
}

func TestASignedWebhookThatCannotBeReadIsInvalid(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"not JSON", `[]`, `{"type":7}`, `{"type":"email.sent"`, `{"type":"email.sent"}`, `{"type":"email.sent","data":[]}`,
		`{"type":"email.sent","data":{"email_id":""}}`, `{"type":"email.bounced","data":{"email_id":"m","bounce":"x"}}`,
	} {
		event, err := NewHooks(hookSecret).Event(from(signed(t, hookSecret, time.Now(), body)), []byte(body))
		var invalid *extension.InvalidError
		if event != nil || !errors.As(err, &invalid) {
			t.Errorf("%s: event %+v, error %v", body, event, err)
		}
	}
}
