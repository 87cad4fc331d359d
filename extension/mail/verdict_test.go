package mail

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/resend/resend-go/v2"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// answering makes a provider that always gives one answer.
func answering(status int, body string, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

func deliverTo(t *testing.T, handler http.Handler) ([]extension.Receipt, error) {
	t.Helper()
	sender := NewResend(ResendOptions{APIKey: apiKey, BaseURL: serve(t, handler), Timeout: 5 * time.Second})
	return NewPost(sender).Deliver(t.Context(), chunkTo("a@example.org", "b@example.org"), nil)
}

// failure is an error body in the provider's shape.
func failure(status int, name, message string) string {
	body, err := json.Marshal(map[string]any{"statusCode": status, "name": name, "message": message})
	if err != nil {
		panic(err) // a number and two strings can't fail to encode
	}
	return string(body)
}

func TestProvidersErrorsAreTroubleUntilSomebodyActs(t *testing.T) {
	t.Parallel()
	const refused, unsure = true, false
	for name, c := range map[string]struct {
		status   int
		body     string
		sentence string
		refused  bool // the provider certainly did nothing
	}{
		"missing key":        {401, failure(401, "missing_api_key", "Missing API key"), sentenceKey, refused},
		"restricted key":     {401, failure(401, "restricted_api_key", "Restricted"), sentenceKey, refused},
		"invalid key":        {403, failure(403, "invalid_api_key", "API key is invalid"), sentenceKey, refused},
		"unnamed 401":        {401, `{}`, sentenceKey, refused},
		"domain unverified":  {403, failure(403, "validation_error", "The example.org domain is not verified"), sentenceSender, refused},
		"bad sender":         {422, failure(422, "invalid_from_address", "Invalid `from` field"), sentenceSender, refused},
		"sending paused":     {403, failure(403, "restricted_account", "Sending is paused"), sentenceStopped, refused},
		"security":           {451, failure(451, "security_error", "We found a security issue"), sentenceStopped, refused},
		"unpaid":             {402, ``, sentenceStopped, refused},
		"daily quota":        {429, failure(429, "daily_quota_exceeded", "Quota"), sentenceQuota, refused},
		"monthly quota":      {429, failure(429, "monthly_quota_exceeded", "Quota"), sentenceQuota, refused},
		"rate":               {429, failure(429, "rate_limit_exceeded", "Too many"), sentenceRate, refused},
		"busy":               {409, failure(409, "concurrent_idempotent_requests", "Busy"), sentenceBusy, unsure},
		"other conflict":     {409, failure(409, "conflict", "Conflict"), sentenceUnexpected, unsure},
		"slow":               {408, ``, sentenceSlow, unsure},
		"elsewhere":          {302, ``, sentenceUnexpected, unsure},
		"internal":           {500, failure(500, "application_error", "Oops"), sentenceFault, unsure},
		"proxy page":         {502, `<html>Bad gateway</html>`, sentenceFault, unsure},
		"proxy's time-out":   {504, ``, sentenceFault, unsure},
		"wrong place":        {404, failure(404, "not_found", "No such endpoint"), sentenceUnexpected, refused},
		"proxy refuses":      {400, `<html>Bad request</html>`, sentenceUnexpected, refused},
		"too large":          {413, ``, sentenceUnexpected, refused},
		"bad key of ours":    {400, failure(400, "invalid_idempotency_key", "1-256"), sentenceUnexpected, refused},
		"not JSON":           {200, `<html>Welcome</html>`, sentenceGarbled, unsure},
		"cut JSON":           {200, `{"data":[{"id":"1"}`, sentenceGarbled, unsure},
		"nothing":            {200, ``, sentenceGarbled, unsure},
		"one id for two":     {200, `{"data":[{"id":"1"}]}`, sentenceGarbled, unsure},
		"three ids for two":  {200, `{"data":[{"id":"1"},{"id":"2"},{"id":"3"}]}`, sentenceGarbled, unsure},
		"an empty id":        {200, `{"data":[{"id":"1"},{"id":""}]}`, sentenceGarbled, unsure},
		"index out of range": {200, `{"data":[{"id":"1"}],"errors":[{"index":2,"message":"x"}]}`, sentenceGarbled, unsure},
		"negative index":     {200, `{"data":[{"id":"1"}],"errors":[{"index":-1,"message":"x"}]}`, sentenceGarbled, unsure},
		"same index twice":   {200, `{"data":[],"errors":[{"index":0,"message":"x"},{"index":0,"message":"y"}]}`, sentenceGarbled, unsure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receipts, err := deliverTo(t, answering(c.status, c.body))
			trouble := wantTrouble(t, err)
			if trouble.Sentence != c.sentence || receipts != nil {
				t.Errorf("trouble %q, want %q", trouble.Sentence, c.sentence)
			}
			if trouble.Refused != c.refused {
				t.Errorf("the provider certainly did nothing: %v, want %v", trouble.Refused, c.refused)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the call went to another host")
	}))
	for _, status := range []int{301, 302, 303, 307, 308} {
		_, err := deliverTo(t, answering(status, "", "Location", elsewhere.String()))
		if trouble := wantTrouble(t, err); trouble.Sentence != sentenceUnexpected || trouble.Refused {
			t.Errorf("trouble %q, certainly nothing done: %v", trouble.Sentence, trouble.Refused)
		}
	}
}

// What is wrong with a whole call is most likely what its messages share, and nobody's own address.
func TestValidationOfTheWholeCallIsNobodysRefusal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler http.Handler
		says    string
	}{
		"400":           {answering(400, failure(400, "validation_error", "The `reply_to`\r\nfield is \x00no\u200b mailbox.")), " It says: “The `reply_to` field is no mailbox.”"},
		"422":           {answering(422, failure(422, "missing_required_field", "See https://resend.com/docs/"+link)), " It says: “See https://resend.com/…”"},
		"a parameter":   {answering(422, failure(422, "invalid_parameter", "Your key "+apiKey+" is fine")), " It says: “Your key *** is fine”"},
		"without words": {answering(422, failure(422, "validation_error", "")), ""},
	} {
		receipts, err := deliverTo(t, c.handler)
		trouble := wantTrouble(t, err)
		want := "The mail provider refuses these messages as a whole." + c.says + " Nothing is lost: sending goes on once the operator has put it right. " +
			"The sender address (mail.from) and the organisation's reply-to address are what to check first."
		if diff := cmp.Diff(want, trouble.Sentence); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !trouble.Refused || receipts != nil {
			t.Errorf("%s: the provider certainly did nothing: %v; receipts %v", name, trouble.Refused, receipts)
		}
	}
}

func TestValidationOfACallWithOneMessageRefusesThatPerson(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.Handler{
		"400": answering(400, failure(400, "validation_error", "We found an error\r\nwith \x00one\u200b field.")),
		"422": answering(422, failure(422, "missing_required_field", "We found an error with one field.")),
	} {
		sender := NewResend(ResendOptions{APIKey: apiKey, BaseURL: serve(t, handler), Timeout: 5 * time.Second})
		for _, receipt := range deliver(t, sender, chunkTo("a@example.org")) {
			if receipt.Refused != "We found an error with one field." || receipt.MessageID != "" {
				t.Errorf("%s: receipt %+v", name, receipt)
			}
		}
	}
}

func TestProviderThatSaysTheKeyBackDoesNotGiveItAway(t *testing.T) {
	t.Parallel()
	_, err := deliverTo(t, answering(403, failure(403, "invalid_api_key", "API key "+apiKey+" is invalid")))
	trouble := wantTrouble(t, err)
	if !strings.Contains(trouble.Cause.Error(), "API key *** is invalid") {
		t.Errorf("cause %v", trouble.Cause)
	}
}

func TestWaitIsReadFromEveryFormOfHeader(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		header []string
		want   time.Duration
	}{
		"seconds":             {429, []string{"Retry-After", "7"}, 7 * time.Second},
		"date":                {503, []string{"Date", "Mon, 30 Nov 2026 14:00:00 GMT", "Retry-After", "Mon, 30 Nov 2026 14:00:30 GMT"}, 30 * time.Second},
		"past date":           {503, []string{"Date", "Mon, 30 Nov 2026 14:00:00 GMT", "Retry-After", "Mon, 30 Nov 2026 13:00:30 GMT"}, 0},
		"reset":               {429, []string{"Ratelimit-Reset", "3"}, 3 * time.Second},
		"both":                {429, []string{"Ratelimit-Reset", "3", "Retry-After", "5"}, 5 * time.Second},
		"reset of no limit":   {500, []string{"Ratelimit-Reset", "3"}, 0},
		"more than an hour":   {429, []string{"Retry-After", "86400"}, time.Hour},
		"nonsense":            {429, []string{"Retry-After", "soon"}, 0},
		"negative":            {429, []string{"Retry-After", "-5"}, 0},
		"more than an int":    {429, []string{"Retry-After", "99999999999999999999"}, 0},
		"nonsense with reset": {429, []string{"Retry-After", "soon", "Ratelimit-Reset", "2"}, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := deliverTo(t, answering(c.status, "{}", c.header...))
			if trouble := wantTrouble(t, err); trouble.After != c.want {
				t.Errorf("after %v, want %v", trouble.After, c.want)
			}
		})
	}
}

func TestConnectionThatTheProviderJustClosedIsNoTrouble(t *testing.T) {
	t.Parallel()
	box, err := mailbox.New(mailbox.Options{APIKey: apiKey})
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	base := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 2 {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
			return
		}
		box.ServeHTTP(w, r)
	}))
	sender := NewResend(ResendOptions{APIKey: apiKey, BaseURL: base})
	deliver(t, sender, chunkTo("a@example.org"))
	deliver(t, sender, chunkTo(people(BatchLimit)...)) // so much that its connection may break while it is written
	if calls.Load() != 3 || len(box.Messages("")) != 1+BatchLimit {
		t.Errorf("%d calls, %d messages", calls.Load(), len(box.Messages("")))
	}
}

func TestEndlessAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	_, err := deliverTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"data":[`))
		for range 3 * maxAnswer / 1024 {
			if _, err := w.Write([]byte(`{"id":"` + strings.Repeat("x", 1012) + `"},`)); err != nil {
				return
			}
		}
	}))
	if trouble := wantTrouble(t, err); trouble.Sentence != sentenceGarbled || trouble.Refused {
		t.Errorf("trouble %q, certainly nothing done: %v", trouble.Sentence, trouble.Refused)
	}
}

func TestAnswersAreMatchedByWalkingPastTheRefused(t *testing.T) {
	t.Parallel()
	got, err := match(&resend.BatchEmailResponse{
		Data:   []resend.SendEmailResponse{{Id: "one"}, {Id: "three"}},
		Errors: []resend.BatchError{{Index: 4, Message: ""}, {Index: 0, Message: "no"}, {Index: 2, Message: "nor this"}},
	}, 5)
	want := []Result{
		{Refused: "no"},
		{MessageID: "one"},
		{Refused: "nor this"},
		{MessageID: "three"},
		{Refused: "The mail provider refused the message and gave no reason."},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
