package mailbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const (
	apiKey = "re_test"
	smsKey = "sms-test"
	good   = `{"from":"Paperplane <p@example.org>","to":["bob@example.org"],"subject":"Hello","html":"<p>Hi</p>","text":"Hi"}`
)

func open(t *testing.T, options Options) *Mailbox {
	t.Helper()
	if options.APIKey == "" {
		options.APIKey, options.SMSKey = apiKey, smsKey
	}
	box, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// ask makes one call over a real connection.
func ask(t *testing.T, handler http.Handler, method, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+apiKey)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return response.StatusCode, response.Header, "cut: " + err.Error()
	}
	return response.StatusCode, response.Header, string(answer)
}

func wantProblem(t *testing.T, status int, body string, want problem) {
	t.Helper()
	var got problem
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("answer %q: %v", body, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(problem{}, "Message")); diff != "" || status != want.StatusCode || got.Message == "" {
		t.Errorf("status %d, problem (-want +got):\n%s", status, diff)
	}
}

func TestSingleMessageIsCaught(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	box := open(t, Options{Now: func() time.Time { return now }})
	status, _, body := ask(t, box, http.MethodPost, "/emails", `{"from":"p@example.org","to":"Bob <Bob@Example.org>","reply_to":"help@example.org",
		"subject":"Hello","text":"Hi","headers":{"X-A":"b"},"tags":[{"name":"invitation","value":"i-1"}]}`, "Idempotency-Key", "k")
	var answer accepted
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK || answer.ID == "" {
		t.Fatalf("status %d, answer %s, %v", status, body, err)
	}
	want := []Message{{
		ID: answer.ID, Channel: Email, At: now, From: "p@example.org", To: []string{"Bob <Bob@Example.org>"},
		ReplyTo: []string{"help@example.org"}, Subject: "Hello", Text: "Hi", Headers: map[string]string{"X-A": "b"},
		Tags: []Tag{{Name: "invitation", Value: "i-1"}}, IdempotencyKey: "k",
	}}
	for _, to := range []string{"", "bob@example.org", "BOB@EXAMPLE.ORG", "Robert <bob@example.org>"} {
		if diff := cmp.Diff(want, box.Messages(to)); diff != "" {
			t.Errorf("messages to %q (-want +got):\n%s", to, diff)
		}
	}
	if found := box.Messages("ob@example.org"); len(found) != 0 {
		t.Errorf("part of an address finds %v", found)
	}
}

func TestOnlyTheKeyOpensTheDoor(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	for _, path := range []string{"/emails", "/emails/batch"} {
		status, _, body := ask(t, box, http.MethodPost, path, good, "Authorization", "")
		wantProblem(t, status, body, problem{StatusCode: 401, Name: "missing_api_key"})
		status, _, body = ask(t, box, http.MethodPost, path, good, "Authorization", "Bearer re_other")
		wantProblem(t, status, body, problem{StatusCode: 403, Name: "invalid_api_key"})
	}
	closed, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range []string{"", "Bearer", "Bearer x"} {
		if status, _, _ := ask(t, closed, http.MethodPost, "/emails", good, "Authorization", header); status < 400 {
			t.Errorf("a mailbox without a key let %q in", header)
		}
	}
	if status, _, _ := ask(t, closed, http.MethodPost, "/sms", `{}`, "Authorization", ""); status != http.StatusUnauthorized {
		t.Errorf("a mailbox without a key for text messages answered %d", status)
	}
}

func TestMessagesAreValidatedAsTheProviderDoes(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	for name, c := range map[string]struct {
		body   string
		status int
		name   string
	}{
		"no JSON":           {`{`, 400, "validation_error"},
		"no from":           {`{"to":"b@example.org","subject":"s","text":"t"}`, 422, "missing_required_field"},
		"no to":             {`{"from":"a@example.org","to":[],"subject":"s","text":"t"}`, 422, "missing_required_field"},
		"no subject":        {`{"from":"a@example.org","to":"b@example.org","text":"t"}`, 422, "missing_required_field"},
		"no body":           {`{"from":"a@example.org","to":"b@example.org","subject":"s"}`, 422, "missing_required_field"},
		"bad from":          {`{"from":"a","to":"b@example.org","subject":"s","text":"t"}`, 422, "invalid_from_address"},
		"bad to":            {`{"from":"a@example.org","to":"b","subject":"s","text":"t"}`, 422, "validation_error"},
		"bad second to":     {`{"from":"a@example.org","to":["b@example.org","c"],"subject":"s","text":"t"}`, 422, "validation_error"},
		"bad reply":         {`{"from":"a@example.org","to":"b@example.org","reply_to":"c","subject":"s","text":"t"}`, 422, "validation_error"},
		"too many to":       {`{"from":"a@example.org","to":["b@example.org"` + strings.Repeat(`,"b@example.org"`, 50) + `],"subject":"s","text":"t"}`, 422, "validation_error"},
		"line in subject":   {`{"from":"a@example.org","to":"b@example.org","subject":"s\nBcc: x","text":"t"}`, 422, "validation_error"},
		"line in header":    {`{"from":"a@example.org","to":"b@example.org","subject":"s","text":"t","headers":{"X-A":"b\r\nBcc: x"}}`, 422, "validation_error"},
		"name of no header": {`{"from":"a@example.org","to":"b@example.org","subject":"s","text":"t","headers":{"X A":"b"}}`, 422, "validation_error"},
		"bad tag":           {`{"from":"a@example.org","to":"b@example.org","subject":"s","text":"t","tags":[{"name":"a b","value":"c"}]}`, 422, "validation_error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, _, body := ask(t, box, http.MethodPost, "/emails", c.body)
			wantProblem(t, status, body, problem{StatusCode: c.status, Name: c.name})
		})
	}
	t.Cleanup(func() {
		if n := len(box.Messages("")); n != 0 {
			t.Errorf("%d refused messages were caught", n)
		}
	})
}

func TestBatchesAreStrictUnlessAskedOtherwise(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	box.RefuseAddress("dead@example.org", "This address is suppressed.")
	batch := "[" + good + `,{"from":"a@example.org","to":"nobody","subject":"s","text":"t"},` +
		strings.ReplaceAll(good, "bob@", "Dead@") + "," + strings.ReplaceAll(good, "bob@", "eve@") + "]"

	for _, mode := range []string{"", "strict"} {
		status, _, body := ask(t, box, http.MethodPost, "/emails/batch", batch, "X-Batch-Validation", mode)
		wantProblem(t, status, body, problem{StatusCode: 422, Name: "validation_error"})
	}
	if n := len(box.Messages("")); n != 0 {
		t.Fatalf("a strict batch sent %d messages", n)
	}

	status, _, body := ask(t, box, http.MethodPost, "/emails/batch", batch, "X-Batch-Validation", "permissive")
	var answer batchAnswer
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %s, %v", status, body, err)
	}
	caught := box.Messages("")
	want := batchAnswer{
		Data:   []accepted{{caught[0].ID}, {caught[1].ID}},
		Errors: []rejected{{1, badAddress("to")}, {2, "This address is suppressed."}},
	}
	if diff := cmp.Diff(want, answer); diff != "" || len(caught) != 2 || caught[1].To[0] != "eve@example.org" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	box.RefuseAddress("dead@example.org", "")
	if status, _, _ := ask(t, box, http.MethodPost, "/emails/batch", "["+strings.ReplaceAll(good, "bob@", "dead@")+"]"); status != http.StatusOK {
		t.Errorf("an address that is accepted again gives %d", status)
	}
}

func TestBatchesAreBounded(t *testing.T) {
	t.Parallel()
	box := open(t, Options{})
	for name, body := range map[string]string{
		"an object": good,
		"null":      "null",
		"empty":     "[]",
		"101":       "[" + good + strings.Repeat(","+good, 100) + "]",
	} {
		status, _, answer := ask(t, box, http.MethodPost, "/emails/batch", body)
		t.Log(name)
		wantProblem(t, status, answer, problem{StatusCode: 422, Name: "validation_error"})
	}
	if status, _, _ := ask(t, box, http.MethodPost, "/emails/batch", "["+good+strings.Repeat(","+good, 99)+"]"); status != http.StatusOK {
		t.Errorf("100 messages give %d", status)
	}
	status, _, answer := ask(t, box, http.MethodPost, "/emails/batch", "["+good+"]", "X-Batch-Validation", "lax")
	wantProblem(t, status, answer, problem{StatusCode: 422, Name: "validation_error"})
}

func TestFaultsHappenAsOftenAsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault    Fault
		status   int
		accepted int
	}{
		"too many":  {FaultTooMany, 429, 0},
		"error":     {FaultError, 500, 0},
		"truncated": {FaultTruncated, 200, 1},
		"lost":      {FaultLost, 500, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box := open(t, Options{})
			box.Fail(2, c.fault)
			for range 2 {
				status, header, body := ask(t, box, http.MethodPost, "/emails", good, "Idempotency-Key", "k")
				if status != c.status || (c.fault == FaultTruncated) != strings.HasPrefix(body, "cut") {
					t.Errorf("status %d, body %s", status, body)
				}
				if c.fault == FaultTooMany && header.Get("Retry-After") != "1" {
					t.Error("it does not say how long to wait")
				}
			}
			if n := len(box.Messages("")); n != c.accepted {
				t.Errorf("%d messages, want %d", n, c.accepted)
			}
			status, _, _ := ask(t, box, http.MethodPost, "/emails", good, "Idempotency-Key", "k")
			if status != http.StatusOK || len(box.Messages("")) != 1 {
				t.Errorf("healed: status %d, %d messages", status, len(box.Messages("")))
			}
		})
	}
}

func TestRateLimitCountsTheCallsOfASecond(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	box := open(t, Options{CallsPerSecond: 2, Now: func() time.Time { return now }})
	for i, want := range []int{200, 200, 429} {
		status, header, _ := ask(t, box, http.MethodPost, "/emails", good)
		if status != want || header.Get("Ratelimit-Limit") != "2" || header.Get("Ratelimit-Remaining") == "" || header.Get("Ratelimit-Reset") != "1" {
			t.Errorf("call %d: status %d, headers %v", i, status, header)
		}
		if (header.Get("Retry-After") != "") != (want == 429) {
			t.Errorf("call %d: Retry-After %q", i, header.Get("Retry-After"))
		}
	}
	now = now.Add(time.Second)
	if status, _, _ := ask(t, box, http.MethodPost, "/emails", good); status != http.StatusOK {
		t.Errorf("a second later: %d", status)
	}
}
