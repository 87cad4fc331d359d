package kratos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	ory "github.com/ory/client-go"

	"paperplane/extension"
)

// silent is what administrators read while Kratos cannot be reached or cannot do its work.
const silent = "The sign-in service (Ory Kratos) does not answer."

// forgetful is what they read when Kratos said that it had written a change, and has not.
const forgetful = "Ory Kratos does not keep what is written to an account."

// failure is the part of Kratos' error body that decides what went wrong. Everything else in it may quote what a person
// typed, so it goes no further.
type failure struct {
	Error struct {
		ID      string `json:"id"`
		Code    int    `json:"code"`
		Message string `json:"message"`
		Reason  string `json:"reason"`
		Details struct {
			ContinueWith []struct{} `json:"continue_with"`
		} `json:"details"`
	} `json:"error"`
}

// guardRefused is how both versions say, with status 500, that the guard before the settings has refused them. One that
// is down is said otherwise.
const guardRefused = "a webhook target returned an error"

// keySpent is how both versions say, with status 500, that a flow has no key of an authenticator app any more: Kratos drops it
// with the first right code, also when the guard was down or has refused it.
const keySpent = "TOTP key in the internal context"

// answered and relayed wrap the calls of the Ory client, which reads and closes every body itself. answered is for calls
// in our own name.
func answered[T any](value T, response *http.Response, err error) (T, error) {
	return value, translate(err, response)
}

// relayed is for calls about a self-service flow of a browser, whose cookies count even when there is an error.
func relayed[T any](value T, response *http.Response, err error) (T, extension.Reply, error) {
	return value, reply(response), translateFlow(err, response)
}

// translate turns the outcome of a call of the Ory client into our kinds of error. It never keeps the client's error:
// its text may hold the request's URL or parts of the body.
func translate(err error, response *http.Response) error {
	if err == nil {
		return nil
	}
	refused, ok := errors.AsType[*ory.GenericOpenAPIError](err)
	if !ok || response == nil {
		return unreachable(err)
	}
	var f failure
	_ = json.Unmarshal(refused.Body(), &f) // a proxy's page is no JSON: then the status alone tells
	if kind := f.kind(response.StatusCode); kind != nil {
		return kind
	}
	return fmt.Errorf("unexpected answer from Kratos: status %d, id %q", response.StatusCode, f.Error.ID)
}

// translateFlow does the same for calls about a self-service flow. A flow that is not there was forgotten by Kratos or
// never was this browser's, and a refused form comes back with its messages.
func translateFlow(err error, response *http.Response) error {
	if err == nil {
		return nil
	}
	if refused, ok := errors.AsType[*ory.GenericOpenAPIError](err); ok {
		if form, ok := refusedForm(refused.Model()); ok {
			return &extension.RefusedError{Form: form}
		}
	}
	err = translate(err, response)
	if errors.Is(err, extension.ErrNotFound) {
		return extension.ErrFlowExpired
	}
	return err
}

// kind tells what an error answer means, or nil when it means nothing that we know. The ids are Kratos' own
// (text/message_error.go in its source) and the same in both versions.
func (f failure) kind(status int) error {
	switch f.Error.ID {
	case "session_refresh_required":
		return extension.ErrStaleSession
	case "self_service_flow_expired", "self_service_flow_replaced", "security_csrf_violation", "security_identity_mismatch":
		return extension.ErrFlowExpired
	case "session_aal2_required":
		return extension.ErrNoSession
	case "session_already_available":
		return extension.ErrConflict
	}
	switch {
	case strings.Contains(f.Error.Message, guardRefused):
		return extension.ErrForbidden
	case strings.Contains(f.Error.Reason, keySpent):
		return extension.ErrFlowExpired
	// A web hook that is down makes Kratos answer 400 with a 500 inside.
	case status >= http.StatusInternalServerError, f.Error.Code >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
		return &extension.TroubleError{Sentence: silent, Cause: fmt.Errorf("status %d, code %d", status, f.Error.Code)}
	case status == http.StatusUnauthorized && f.Error.Message == "identity is disabled":
		return extension.ErrDisabled
	case status == http.StatusUnauthorized:
		return extension.ErrNoSession
	case status == http.StatusForbidden:
		return extension.ErrForbidden
	case status == http.StatusNotFound:
		return extension.ErrNotFound
	case status == http.StatusConflict:
		return extension.ErrConflict
	// Kratos has begun another flow in the place of this one: after too many wrong recovery codes.
	case status == http.StatusGone, len(f.Error.Details.ContinueWith) > 0:
		return extension.ErrFlowExpired
	}
	return nil
}

// unreachable says that no answer came, or only a part of one. The cause leaves out the request's URL, which may hold a
// token or an address. A caller that gave up is no trouble of Kratos'.
func unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	if transport, ok := errors.AsType[*url.Error](err); ok {
		err = transport.Err
	}
	return &extension.TroubleError{Sentence: silent, Cause: err}
}
