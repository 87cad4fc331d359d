package mail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/resend/resend-go/v2"

	"paperplane/extension"
)

const (
	// BatchLimit is how many messages one call takes at most (Resend, "Send Batch Emails").
	BatchLimit = 100
	// defaultTimeout bounds one call, from the connection to the last byte of the answer.
	defaultTimeout = 30 * time.Second
)

// ResendOptions say how Resend is reached.
type ResendOptions struct {
	APIKey  string        // a key with the right to send; it never reaches an error or a log
	BaseURL *url.URL      // of the API, with or without a path; nil for the provider's own
	Timeout time.Duration // of one call; zero for 30 seconds
}

// Resend is the Sender that speaks to Resend's batch endpoint. It is safe for concurrent use.
type Resend struct {
	batch resend.BatchSvc
	pace  *pace
}

// NewResend makes the sender. It makes no call, so a wrong key shows at the first Send.
func NewResend(options ResendOptions) *Resend {
	key := strings.TrimSpace(options.APIKey) // a key read from a file ends in a newline, which no header may hold
	timeout := options.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	pace := newPace()
	client := resend.NewCustomClient(&http.Client{
		Transport: &transport{next: connections(), key: key, pace: pace},
		Timeout:   timeout,
	}, key)
	client.BaseURL = baseURL(options.BaseURL)
	return &Resend{batch: client.Batch, pace: pace}
}

// baseURL always gives an address of our own, because the library's default is read from the environment; and one that
// ends in a slash, because the library resolves its paths against it and would drop the last segment.
func baseURL(configured *url.URL) *url.URL {
	if configured == nil {
		return &url.URL{Scheme: "https", Host: "api.resend.com", Path: "/"}
	}
	return configured.JoinPath("/")
}

// Send implements Sender with one call to the batch endpoint, also for a single message, so that there is one path to
// test. Validation is permissive: one bad address refuses one message and not its ninety-nine neighbours. Before the call
// it waits for its turn within the provider's rate limit, for a few seconds at most; a longer wait is trouble that
// certainly sent nothing.
func (r *Resend) Send(ctx context.Context, key extension.ChunkID, messages []Message, _ extension.Mark) ([]Result, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	if len(messages) > BatchLimit {
		return nil, fmt.Errorf("send chunk %s: %d messages are more than the %d of one call", key, len(messages), BatchLimit)
	}
	if key == "" {
		return nil, errors.New("send chunk: no id, so a retry could send twice")
	}
	requests := make([]*resend.SendEmailRequest, len(messages))
	for i, m := range messages {
		requests[i] = request(m)
	}
	if err := r.pace.enter(ctx); err != nil {
		return nil, fmt.Errorf("send chunk %s: %w", key, err)
	}
	defer r.pace.leave()
	answer, err := r.batch.SendWithOptions(ctx, requests, &resend.BatchSendEmailOptions{
		IdempotencyKey:  string(key),
		BatchValidation: resend.BatchValidationPermissive,
	})
	if err != nil {
		refused, failure := judge(ctx, err, len(messages))
		if failure != nil {
			return nil, fmt.Errorf("send chunk %s: %w", key, failure)
		}
		return []Result{{Refused: refused}}, nil
	}
	results, err := match(answer, len(messages))
	if err != nil {
		return nil, fmt.Errorf("send chunk %s: %w", key, &extension.TroubleError{Sentence: sentenceGarbled, Cause: err})
	}
	return results, nil
}

// keyMemory is how long Resend remembers an idempotency key (24 hours, "Idempotency Keys"), with an hour to spare for
// clocks and for calls that take long.
const keyMemory = 23 * time.Hour

// Memory implements Sender.
func (r *Resend) Memory() time.Duration { return keyMemory }

// request turns a message into the provider's shape. The bytes it is encoded to depend on nothing but the message:
// encoding/json writes map keys in order.
func request(m Message) *resend.SendEmailRequest {
	tags := make([]resend.Tag, len(m.Tags))
	for i, tag := range m.Tags {
		tags[i] = resend.Tag{Name: tag.Name, Value: tag.Value}
	}
	return &resend.SendEmailRequest{
		From:    m.From,
		To:      []string{m.To},
		ReplyTo: m.ReplyTo,
		Subject: m.Subject,
		Html:    m.HTML,
		Text:    m.Text,
		Headers: m.Headers,
		Tags:    tags,
	}
}

// match maps the answer back to people. Errors name the index of their message; Data holds the accepted ones alone, in
// the order of the messages. An answer that does not account for every message exactly once is not believed, because a
// guess would write one person's id at another person's name.
func match(answer *resend.BatchEmailResponse, count int) ([]Result, error) {
	if len(answer.Data)+len(answer.Errors) != count {
		return nil, fmt.Errorf("answer accounts for %d accepted and %d refused of %d messages",
			len(answer.Data), len(answer.Errors), count)
	}
	results := make([]Result, count)
	for _, e := range answer.Errors {
		if e.Index < 0 || e.Index >= count || results[e.Index].Refused != "" {
			return nil, fmt.Errorf("answer refuses message %d of %d, or refuses it twice", e.Index, count)
		}
		results[e.Index].Refused = reason(e.Message)
	}
	accepted := answer.Data
	for i := range results {
		if results[i].Refused != "" {
			continue
		}
		if accepted[0].Id == "" {
			return nil, fmt.Errorf("answer accepts message %d without an id", i)
		}
		results[i].MessageID = accepted[0].Id
		accepted = accepted[1:]
	}
	return results, nil
}
