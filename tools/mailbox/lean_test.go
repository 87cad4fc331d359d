package mailbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// letters is a call with as many messages, each with a letter of a realistic size.
func letters(tb testing.TB, people ...string) string {
	tb.Helper()
	drafts := make([]draft, len(people))
	for i, address := range people {
		drafts[i] = draft{
			From: "P <p@example.org>", To: addresses{address}, Subject: "Hello",
			HTML: strings.Repeat(`<p class="a">It's \ "here"</p>`, 200), Text: strings.Repeat("It's \\ \"here\".\n", 60),
			Tags: []Tag{{Name: "invitation", Value: "i"}},
		}
	}
	body, err := json.Marshal(drafts)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(string(body), `"cc":null,`, ""), `"bcc":null,`, ""), `"reply_to":null,`, "")
}

func TestALeanMailboxCountsAndKeepsNothingElse(t *testing.T) {
	t.Parallel()
	box := open(t, Options{Lean: true})
	body := letters(t, "a@example.org", "b@example.org", "no address", "c@example.org")
	var answers []string
	for range 2 { // the second is answered from memory
		status, _, answer := ask(t, box, http.MethodPost, "/emails/batch", body, "Idempotency-Key", "k", "X-Batch-Validation", "permissive")
		if status != http.StatusOK {
			t.Fatalf("status %d: %s", status, answer)
		}
		answers = append(answers, answer)
	}
	var answer batchAnswer
	if err := json.Unmarshal([]byte(answers[0]), &answer); err != nil || answers[0] != answers[1] {
		t.Errorf("answers %q, %v", answers, err)
	}
	if len(answer.Data) != 3 || len(answer.Errors) != 1 || answer.Errors[0].Index != 2 {
		t.Errorf("answer %+v", answer)
	}
	ask(t, box, http.MethodPost, "/emails/batch", letters(t, "A@example.org"), "Idempotency-Key", "other")
	status, _, problem := ask(t, box, http.MethodPost, "/emails/batch", strings.Replace(body, "It's", "It is", 1), "Idempotency-Key", "k", "X-Batch-Validation", "permissive")
	if status != http.StatusConflict || !strings.Contains(problem, "invalid_idempotent_request") {
		t.Errorf("one other byte under a known key: %d %s", status, problem)
	}
	want := Count{Messages: 4, Addresses: 3, Last: box.Count().Last, Again: map[string]int{"a@example.org": 2}}
	if want.Last.IsZero() {
		t.Error("nobody knows when the last message came")
	}
	if diff := cmp.Diff(want, box.Count()); diff != "" {
		t.Errorf("count (-want +got):\n%s", diff)
	}
	if n := len(box.Messages("")); n != 0 {
		t.Errorf("%d messages were kept", n)
	}
	_, _, counted := ask(t, box, http.MethodGet, "/api/count", "")
	if want := `{"messages":4,"addresses":3,"last":"` + want.Last.Format(time.RFC3339Nano) + `","again":{"a@example.org":2}}`; counted != want {
		t.Errorf("counted %s, want %s", counted, want)
	}
	if _, err := New(Options{Lean: true, Folder: t.TempDir()}); err == nil {
		t.Error("a lean mailbox took a folder")
	}
}

func TestLongStringsAreLeftOutAndNothingElse(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(`x\"y\\`, longString)
	for given, want := range map[string]string{
		``: ``, `{}`: `{}`, `["a", {"b\"":1}]`: `["a", {"b\"":1}]`, `{"a":"` + long + `","b":"c"}`: `{"a":"…","b":"c"}`,
		`{"a":"` + long + `"`: `{"a":"…"`, `{"a":"` + long: `{"a":"` + long, `"\\"`: `"\\"`, `"\\\"`: `"\\\"`,
	} {
		if got := string(withoutLongStrings([]byte(given))); got != want {
			t.Errorf("%.40q became %.80q, want %.80q", given, got, want)
		}
	}
}

func BenchmarkACallOfAHundredLetters(b *testing.B) {
	people := make([]string, maxBatch)
	for i := range people {
		people[i] = fmt.Sprintf("person%d@example.org", i)
	}
	body := letters(b, people...)
	for name, lean := range map[string]bool{"kept": false, "lean": true} {
		b.Run(name, func(b *testing.B) {
			box, err := New(Options{APIKey: apiKey, Lean: lean})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(body)))
			for key := 0; b.Loop(); key++ {
				request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/emails/batch", strings.NewReader(body))
				request.Header.Set("Authorization", "Bearer "+apiKey)
				request.Header.Set("Idempotency-Key", strconv.Itoa(key))
				answer := httptest.NewRecorder()
				if box.ServeHTTP(answer, request); answer.Code != http.StatusOK {
					b.Fatal(answer.Body)
				}
			}
		})
	}
}
