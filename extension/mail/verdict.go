package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"paperplane/extension"
)

// The sentences that administrators read while the provider gives trouble: what happened, what is safe, what to do.
const (
	sentenceUnreachable = "The mail provider can't be reached. Nothing is lost: sending goes on by itself."
	sentenceSlow        = "The mail provider did not answer in time. Nothing is lost: sending goes on by itself, and nobody gets a second message."
	sentenceGarbled     = "The mail provider's answer was cut off or could not be understood. Sending goes on by itself, and nobody gets a second message."
	sentenceRate        = "The mail provider asks us to send more slowly. Sending goes on by itself."
	sentenceQuota       = "The sending quota at the mail provider is used up. Sending goes on by itself once the provider allows more; the operator can raise the quota there."
	sentenceFault       = "The mail provider has a fault on its side. Nothing is lost: sending goes on by itself."
	sentenceBusy        = "The mail provider is still working on these messages. Sending goes on by itself."
	sentenceKey         = "The mail provider does not accept Paperplane's API key. Nothing is lost: sending goes on once the operator has put a valid key into the configuration."
	sentenceSender      = "The mail provider does not send from Paperplane's sender address. Nothing is lost: sending goes on once the operator has verified its domain there or changed the address."
	sentenceStopped     = "The mail provider has stopped sending for this account. Nothing is lost: sending goes on once the operator has settled this with the provider."
	sentenceUnexpected  = "The mail provider gave an answer that Paperplane does not expect. Nothing is lost: the operator should check the provider's address and key in the configuration."
)

// sentenceAsAWhole is what administrators read when the provider will not take any of a call's messages. says is the
// provider's own reason, cleaned; it may be empty.
func sentenceAsAWhole(says string) string {
	if says != "" {
		says = " It says: “" + says + "”"
	}
	return "The mail provider refuses these messages as a whole." + says + " Nothing is lost: sending goes on once the operator has put it right. " +
		"The sender address (mail.from) and the organisation's reply-to address are what to check first."
}

// judge decides what a failed call with this many messages means: a refusal of its one message, or an error. Trouble is
// the answer whenever in doubt, because a repeated call is safe under the same key and a refusal is final.
func judge(ctx context.Context, err error, messages int) (refused string, failure error) {
	var (
		status  *statusError
		network *url.Error
		timeout net.Error
	)
	switch {
	case errors.As(err, &status):
		return status.judge(messages)
	case errors.Is(ctx.Err(), context.Canceled):
		return "", err // we are stopping: that is nobody's trouble
	case errors.As(err, &timeout) && timeout.Timeout():
		return "", &extension.TroubleError{Sentence: sentenceSlow, Cause: err}
	case errors.As(err, &network):
		return "", &extension.TroubleError{Sentence: sentenceUnreachable, Cause: err}
	default:
		return "", &extension.TroubleError{Sentence: sentenceGarbled, Cause: err}
	}
}

// judge reads the statuses and names of https://resend.com/docs/api-reference/errors. Validation is permissive, so a bad
// address refuses its own message and not the call: a call of many that is refused nevertheless is wrong in what its
// messages share, the sender above all, and that is nobody's own refusal.
func (e *statusError) judge(messages int) (refused string, failure error) {
	sentence := e.sentence()
	switch {
	case e.Name == "invalid_idempotent_request":
		return "", fmt.Errorf("%w: %w", ErrBytesChanged, e)
	case e.aboutMessages() && messages == 1:
		return reason(e.Message), nil
	case e.aboutMessages():
		sentence = sentenceAsAWhole(e.Message)
	}
	return "", &extension.TroubleError{Sentence: sentence, After: e.After, Refused: e.didNothing(), Cause: e}
}

// didNothing tells whether the answer says for certain that no message was accepted: a request that is faulty or not
// allowed is not carried out (RFC 9110 §15.5). Not so a conflict, where an earlier call under the same key may be under
// way, and not a time-out.
func (e *statusError) didNothing() bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusConflict && e.Status != http.StatusRequestTimeout
}

// aboutMessages tells whether the provider judged what the messages hold. Every other 400 or 422, such as one that names
// our sender address or comes from a proxy in between, says by itself what is wrong.
func (e *statusError) aboutMessages() bool {
	if e.Status != http.StatusBadRequest && e.Status != http.StatusUnprocessableEntity {
		return false
	}
	switch e.Name {
	case "validation_error", "missing_required_field", "invalid_parameter":
		return true
	default:
		return false
	}
}

func (e *statusError) sentence() string {
	switch e.Name {
	case "missing_api_key", "restricted_api_key", "invalid_api_key", "suspended_api_key":
		return sentenceKey
	case "daily_quota_exceeded", "monthly_quota_exceeded":
		return sentenceQuota
	case "invalid_from_address":
		return sentenceSender
	case "concurrent_idempotent_requests":
		return sentenceBusy
	}
	switch {
	case e.Status == http.StatusUnauthorized:
		return sentenceKey
	case e.Status == http.StatusForbidden && e.Name == "validation_error": // the domain is not verified
		return sentenceSender
	case e.Status == http.StatusForbidden, e.Status == http.StatusUnavailableForLegalReasons, e.Status == http.StatusPaymentRequired:
		return sentenceStopped
	case e.Status == http.StatusTooManyRequests:
		return sentenceRate
	case e.Status == http.StatusRequestTimeout:
		return sentenceSlow
	case e.Status >= http.StatusInternalServerError:
		return sentenceFault
	default:
		return sentenceUnexpected
	}
}
