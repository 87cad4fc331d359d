package extension_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"paperplane/extension"
)

func kinds() []error {
	return []error{
		extension.ErrNotFound, extension.ErrForbidden, extension.ErrConflict, extension.ErrUnavailable, extension.ErrNoSession,
		extension.ErrFlowExpired, extension.ErrStaleSession, extension.ErrDisabled,
	}
}

func TestEveryKindOfErrorIsItselfAlone(t *testing.T) {
	t.Parallel()
	for i, one := range kinds() {
		for j, other := range kinds() {
			if errors.Is(fmt.Errorf("find user: %w", one), other) != (i == j) {
				t.Errorf("%v is %v", one, other)
			}
		}
	}
}

func TestTroubleIsUnavailableAndKeepsItsCause(t *testing.T) {
	t.Parallel()
	trouble := &extension.TroubleError{Sentence: "Kratos does not answer.", After: time.Minute, Cause: context.DeadlineExceeded}
	for _, err := range []error{trouble, fmt.Errorf("deliver: %w", trouble), errors.Join(errors.New("first"), trouble)} {
		for _, kind := range kinds() {
			if got := errors.Is(err, kind); got != errors.Is(kind, extension.ErrUnavailable) {
				t.Errorf("%v is %v: %v", err, kind, got)
			}
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v has lost its cause", err)
		}
		var found *extension.TroubleError
		if !errors.As(err, &found) || found.After != time.Minute {
			t.Errorf("no trouble is found in %v", err)
		}
	}
	if got := trouble.Error(); got != "Kratos does not answer.: context deadline exceeded" {
		t.Errorf("the error says %q", got)
	}
	bare := &extension.TroubleError{Sentence: "Kratos does not answer."}
	if bare.Error() != bare.Sentence || bare.Unwrap() != nil || !errors.Is(bare, extension.ErrUnavailable) {
		t.Errorf("trouble without a cause says %q", bare)
	}
}

func TestInvalidInputNamesEveryField(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("send: %w", extension.Invalid("area", "Choose one of your service areas."))
	var invalid *extension.InvalidError
	if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Field != "area" {
		t.Fatalf("%v has the fields %+v", err, invalid)
	}
	invalid.Fields = append(invalid.Fields, extension.FieldError{Field: "role", Message: "Choose one of the roles."})
	if got := invalid.Error(); got != "invalid input: Choose one of your service areas.: Choose one of the roles." {
		t.Errorf("the error says %q", got)
	}
	for _, kind := range kinds() {
		if errors.Is(err, kind) {
			t.Errorf("invalid input is %v", kind)
		}
	}
}
