package mail

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

const apiKey = "re_secret_of_the_operator"

// provider is the stand-in behind its real HTTP contract, and a sender that speaks to it.
type provider struct {
	box    *mailbox.Mailbox
	sender *Resend

	mu     sync.Mutex
	bodies []string // as they came, in order
}

func startProvider(t *testing.T, options mailbox.Options) *provider {
	t.Helper()
	options.APIKey = apiKey
	box, err := mailbox.New(options)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{box: box}
	p.sender = NewResend(ResendOptions{APIKey: apiKey + "\n", BaseURL: serve(t, p), Timeout: 5 * time.Second})
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.bodies = append(p.bodies, string(body))
	p.mu.Unlock()
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	p.box.ServeHTTP(w, r)
}

// came gives the bodies that have come so far.
func (p *provider) came() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.bodies)
}

func serve(t *testing.T, handler http.Handler) *url.URL {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

func chunkTo(addresses ...string) extension.Chunk {
	chunk := extension.Chunk{ID: extension.NewID[extension.ChunkID](), Letter: sampleLetter()}
	for _, address := range addresses {
		recipient := sampleRecipient()
		recipient.Invitation, recipient.Address = extension.NewID[extension.InvitationID](), address
		chunk.Recipients = append(chunk.Recipients, recipient)
	}
	return chunk
}

func deliver(t *testing.T, sender Sender, chunk extension.Chunk) []extension.Receipt {
	t.Helper()
	receipts, err := NewPost(sender).Deliver(t.Context(), chunk, nil)
	if err != nil {
		t.Fatalf("deliver: %v", err)
	}
	return receipts
}

func wantTrouble(t *testing.T, err error) *extension.TroubleError {
	t.Helper()
	var trouble *extension.TroubleError
	if !errors.As(err, &trouble) || !errors.Is(err, extension.ErrUnavailable) {
		t.Fatalf("error is %v, want trouble", err)
	}
	if strings.Contains(err.Error(), apiKey) {
		t.Errorf("the error tells the key: %v", err)
	}
	return trouble
}

func TestEveryPersonGetsOneMessageOfTheirOwn(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	addresses := make([]string, BatchLimit)
	for i := range addresses {
		addresses[i] = "person" + string(rune('a'+i/26)) + string(rune('a'+i%26)) + "@example.org"
	}
	chunk := chunkTo(addresses...)
	receipts := deliver(t, p.sender, chunk)
	caught := p.box.Messages("")
	if len(caught) != BatchLimit || len(p.bodies) != 1 {
		t.Fatalf("%d messages in %d calls, want %d in 1", len(caught), len(p.bodies), BatchLimit)
	}
	for i, message := range caught {
		if diff := cmp.Diff([]string{addresses[i]}, message.To); diff != "" {
			t.Errorf("message %d is addressed to (-want +got):\n%s", i, diff)
		}
		want := extension.Receipt{Invitation: chunk.Recipients[i].Invitation, MessageID: message.ID}
		if diff := cmp.Diff(want, receipts[i]); diff != "" {
			t.Errorf("receipt %d (-want +got):\n%s", i, diff)
		}
		if message.IdempotencyKey != string(chunk.ID) || message.Headers["X-Entity-Ref-ID"] != string(want.Invitation) {
			t.Errorf("message %d carries key %q and headers %v", i, message.IdempotencyKey, message.Headers)
		}
	}
}

func TestOneMessageGoesTheSameWay(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	receipts := deliver(t, p.sender, chunkTo("bob@example.org"))
	got := p.box.Messages("bob@example.org")
	if len(got) != 1 || receipts[0].MessageID != got[0].ID || !strings.HasPrefix(p.bodies[0], "[") {
		t.Errorf("receipts %v, caught %d", receipts, len(got))
	}
	if got[0].From != sampleLetter().Sender || got[0].Subject != "Your invitation to join Northwind Health" {
		t.Errorf("from %q, subject %q", got[0].From, got[0].Subject)
	}
}

func TestRefusalsFindTheRightPeople(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	p.box.RefuseAddress("a@example.org", "First is on the suppression list.")
	p.box.RefuseAddress("d@example.org", "See\r\nhttps://resend.com/docs/x\x00 for more.")
	chunk := chunkTo("a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@example.org")
	receipts := deliver(t, p.sender, chunk)
	for i, want := range []string{"First is on the suppression list.", "", "", "See https://resend.com/… for more.", ""} {
		if receipts[i].Refused != want {
			t.Errorf("receipt %d is refused with %q, want %q", i, receipts[i].Refused, want)
		}
		var id string
		if caught := p.box.Messages(chunk.Recipients[i].Address); len(caught) == 1 {
			id = caught[0].ID
		}
		if receipts[i].MessageID != id {
			t.Errorf("receipt %d has id %q, the message %q", i, receipts[i].MessageID, id)
		}
	}
}

func TestNobodyIsAcceptedWhenAllAreRefused(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	p.box.RefuseAddress("a@example.org", "No.")
	if receipts := deliver(t, p.sender, chunkTo("a@example.org")); receipts[0].Refused != "No." || receipts[0].MessageID != "" {
		t.Errorf("receipt %+v", receipts[0])
	}
}

func TestRepeatedCallHasTheSameBytesAndSendsNothingTwice(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	chunk := chunkTo("a@example.org", "b@example.org")
	first := deliver(t, p.sender, chunk)
	for range 5 {
		if diff := cmp.Diff(first, deliver(t, p.sender, chunk)); diff != "" {
			t.Errorf("receipts changed (-first +again):\n%s", diff)
		}
	}
	for _, body := range p.bodies[1:] {
		if body != p.bodies[0] {
			t.Error("a repeated call has other bytes")
		}
	}
	if n := len(p.box.Messages("")); n != 2 {
		t.Errorf("%d messages were sent, want 2", n)
	}
}

func TestTroublePassesAndSendsEverythingOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault    mailbox.Fault
		sentence string
		after    time.Duration
		refused  bool
	}{
		"too many requests": {mailbox.FaultTooMany, sentenceRate, time.Second, true},
		"a fault":           {mailbox.FaultError, sentenceFault, 0, false},
		"a cut answer":      {mailbox.FaultTruncated, sentenceGarbled, 0, false},
		"a lost answer":     {mailbox.FaultLost, sentenceFault, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startProvider(t, mailbox.Options{})
			p.box.Fail(2, c.fault)
			chunk := chunkTo("a@example.org", "b@example.org", "c@example.org")
			for range 2 {
				_, err := NewPost(p.sender).Deliver(t.Context(), chunk, nil)
				trouble := wantTrouble(t, err)
				if trouble.Sentence != c.sentence || trouble.After != c.after || trouble.Refused != c.refused {
					t.Errorf("trouble %q after %v, certainly nothing done: %v", trouble.Sentence, trouble.After, trouble.Refused)
				}
			}
			for _, receipt := range deliver(t, p.sender, chunk) {
				if receipt.MessageID == "" {
					t.Errorf("receipt %+v", receipt)
				}
			}
			if n := len(p.box.Messages("")); n != 3 {
				t.Errorf("%d messages were sent, want 3", n)
			}
		})
	}
}

func TestProviderThatHangsIsLeftAfterTheTimeout(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	impatient := NewResend(ResendOptions{APIKey: apiKey, BaseURL: serve(t, p), Timeout: 100 * time.Millisecond})
	p.box.Fail(1, mailbox.FaultHang)
	chunk := chunkTo("a@example.org")
	_, err := NewPost(impatient).Deliver(t.Context(), chunk, nil)
	if trouble := wantTrouble(t, err); trouble.Sentence != sentenceSlow || trouble.Refused {
		t.Errorf("trouble %q, certainly nothing done: %v", trouble.Sentence, trouble.Refused)
	}
}

func TestDeadlineOfTheCallerIsTroubleToo(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	p.box.Fail(1, mailbox.FaultHang)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := NewPost(p.sender).Deliver(ctx, chunkTo("a@example.org"), nil)
	if trouble := wantTrouble(t, err); trouble.Sentence != sentenceSlow || trouble.Refused {
		t.Errorf("trouble %q, certainly nothing done: %v", trouble.Sentence, trouble.Refused)
	}
}

func TestStoppingIsNobodysTrouble(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := NewPost(p.sender).Deliver(ctx, chunkTo("a@example.org"), nil)
	if !errors.Is(err, context.Canceled) || errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}

func TestProviderThatIsDownIsTrouble(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	_, err = NewPost(NewResend(ResendOptions{APIKey: apiKey, BaseURL: base})).Deliver(t.Context(), chunkTo("a@example.org"), nil)
	if trouble := wantTrouble(t, err); trouble.Sentence != sentenceUnreachable || trouble.Refused {
		t.Errorf("trouble %q, certainly nothing done: %v", trouble.Sentence, trouble.Refused)
	}
}

func TestKnownKeyWithOtherBytesIsAConflict(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	chunk := chunkTo("a@example.org")
	deliver(t, p.sender, chunk)
	chunk.Letter.Inviter = "Somebody Else"
	_, err := NewPost(p.sender).Deliver(t.Context(), chunk, nil)
	if !errors.Is(err, ErrBytesChanged) || !errors.Is(err, extension.ErrConflict) || errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if n := len(p.box.Messages("")); n != 1 {
		t.Errorf("%d messages were sent, want 1", n)
	}
}

func TestRateLimitIsReadFromTheProvider(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{CallsPerSecond: 1, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	deliver(t, p.sender, chunkTo("a@example.org"))
	_, err := NewPost(p.sender).Deliver(t.Context(), chunkTo("b@example.org"), nil)
	if trouble := wantTrouble(t, err); trouble.Sentence != sentenceRate || trouble.After != time.Second {
		t.Errorf("trouble %q after %v", trouble.Sentence, trouble.After)
	}
}

func TestKeyOfTheOperatorIsAskedForAndNeverTold(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	for _, key := range []string{"", "re_wrong"} {
		sender := NewResend(ResendOptions{APIKey: key, BaseURL: serve(t, p)})
		_, err := NewPost(sender).Deliver(t.Context(), chunkTo("a@example.org"), nil)
		trouble := wantTrouble(t, err)
		if trouble.Sentence != sentenceKey || key != "" && strings.Contains(err.Error(), key) {
			t.Errorf("key %q: %v", key, err)
		}
	}
}

func TestCallsThatCanNotBeRightAreNotMade(t *testing.T) {
	t.Parallel()
	p := startProvider(t, mailbox.Options{})
	message := write(t, sampleLetter(), sampleRecipient())
	if _, err := p.sender.Send(t.Context(), "", []Message{message}, nil); err == nil {
		t.Error("a call without a key was made")
	}
	if _, err := p.sender.Send(t.Context(), "key", make([]Message, BatchLimit+1), nil); err == nil {
		t.Error("a call with too many messages was made")
	}
	if results, err := p.sender.Send(t.Context(), "key", nil, nil); err != nil || len(results) != 0 {
		t.Errorf("nothing to send: %v, %v", results, err)
	}
	if len(p.bodies) != 0 {
		t.Errorf("%d calls were made", len(p.bodies))
	}
}

func TestBaseURLKeepsItsPath(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                           "https://api.resend.com/",
		"http://127.0.0.1:4437":      "http://127.0.0.1:4437/",
		"https://relay.example/mail": "https://relay.example/mail/",
		"https://relay.example/m/":   "https://relay.example/m/",
	} {
		var base *url.URL
		if given != "" {
			var err error
			if base, err = url.Parse(given); err != nil {
				t.Fatal(err)
			}
		}
		if got := baseURL(base).String(); got != want {
			t.Errorf("baseURL(%q) = %q, want %q", given, got, want)
		}
	}
}
