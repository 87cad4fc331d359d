package onboard_test

import (
	"errors"
	"strings"
	"testing"

	"paperplane/extension"
)

func TestTooManyWrongCodesInARowCloseTheSecondStepUntilItIsReset(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.shows(t, extension.FactorSMS)
	s.signsIn()
	s.rest(t)
	flow, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.confirms(t, extension.FactorSMS, flow, "000000")
	wantFault(t, err, "Ask for a new one")
	s.execute(t, `UPDATE code_failures SET in_a_row = 100, in_window = 1`)
	s.rest(t)
	_, _, err = s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	if invalid, ok := errors.AsType[*extension.InvalidError](err); !ok || !strings.Contains(invalid.Error(), "ask your administrator") {
		t.Errorf("a code would be sent: %v", err)
	}
	for range 2 {
		_, err = s.confirms(t, extension.FactorSMS, flow, s.door.code)
		wantFault(t, err, "ask your administrator to reset your second factor")
	}
	if err := s.ResetFactors(t.Context(), s.admin, s.user(t).ID); err != nil {
		t.Fatal(err)
	}
	s.signsIn()
	s.shows(t, extension.FactorSMS)
	if step := s.next(t); step != extension.StepAgree {
		t.Errorf("step %s, want agree", step)
	}
}

func TestACodeThatProvesNothingDoesNotAllowMoreGuesses(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.shows(t, extension.FactorSMS)
	s.signsIn()
	b := extension.Browser{}
	// Whoever reads the mailbox alone has Kratos send a code there, past the pages, and types it as if it were of the telephone.
	form, _, err := s.door.SendCode(t.Context(), b, extension.FactorEmail, address, "")
	if err != nil {
		t.Fatal(err)
	}
	for n := range extension.GuessesPerWindow {
		_, err := s.confirms(t, extension.FactorSMS, form.ID, s.door.code)
		wantFault(t, err, "cannot be told where it was sent")
		if step := s.next(t); step != extension.StepConfirm {
			t.Fatalf("guess %d: step %s", n, step)
		}
	}
	_, err = s.confirms(t, extension.FactorSMS, form.ID, s.door.code)
	wantFault(t, err, "Wait fifteen minutes")
}
