package onboard_test

import (
	"context"
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
	wantFault(t, err, "Type the newest one that you were sent")
	s.execute(t, `UPDATE code_failures SET in_a_row = 100, in_window = 1`)
	s.rest(t)
	_, _, err = s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	if invalid, ok := errors.AsType[*extension.InvalidError](err); !ok || !strings.Contains(invalid.Error(), "ask your administrator") {
		t.Errorf("a code would be sent: %v", err)
	}
	for range 2 {
		_, err = s.confirms(t, extension.FactorSMS, flow, s.door.code)
		wantFault(t, err, "ask your administrator to have your second factor reset")
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
	s.rest(t)
	sending, _, err := s.SendCode(t.Context(), s.session(), b, extension.FactorSMS)
	if err != nil {
		t.Fatal(err)
	}
	// Whoever reads the mailbox alone has Kratos send a code there, in the same flow, and types it as if it were of the telephone.
	if _, _, err := s.door.SendCode(t.Context(), b, extension.FactorEmail, address, ""); err != nil {
		t.Fatal(err)
	}
	for n := range extension.GuessesPerWindow {
		_, err := s.confirms(t, extension.FactorSMS, sending, s.door.code)
		wantFault(t, err, "cannot be told where it was sent")
		if step := s.next(t); step != extension.StepConfirm {
			t.Fatalf("guess %d: step %s", n, step)
		}
		_, err = s.confirms(t, extension.FactorSMS, sending, "000000")
		wantFault(t, err, "This code is not right")
	}
	_, err = s.confirms(t, extension.FactorSMS, sending, s.door.code)
	wantFault(t, err, "Wait fifteen minutes")
}

func TestOnlyWhatKratosHasRefusedCountsAsAWrongCode(t *testing.T) {
	t.Parallel()
	down := &extension.TroubleError{Sentence: "Kratos does not answer."}
	slow := &extension.TroubleError{Sentence: "Kratos does not answer.", Cause: context.DeadlineExceeded}
	for name, c := range map[string]struct {
		err     error
		counted int
	}{
		"an outage":            {down, 0},
		"an old form":          {extension.ErrFlowExpired, 0},
		"one that goes on":     {slow, 1}, // and may yet be taken
		"a refusal":            {kratosSays("totp_code", 4000008, "wrong"), 1},
		"one not written down": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := withApp(t)
			s.door.unheard = true
			s.door.during = func() error { return c.err }
			for range 2 {
				if _, err := s.confirms(t, extension.FactorTOTP, "", s.door.code); err == nil {
					t.Fatal("it counts as right")
				}
			}
			var counted int
			s.read(t, &counted, `SELECT coalesce(sum(in_window), 0)::int FROM code_failures`)
			if counted != 2*c.counted {
				t.Errorf("%d of 2 count as wrong", counted)
			}
		})
	}
}

func TestNoCodeIsSentByAWayThatIsShutForNow(t *testing.T) {
	t.Parallel()
	s := secured(t)
	flow, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	if err != nil {
		t.Fatal(err)
	}
	for range extension.GuessesPerWindow {
		_, err := s.confirms(t, extension.FactorSMS, flow, "000000")
		wantFault(t, err, "This code is not right")
	}
	s.rest(t)
	_, _, err = s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	if invalid, ok := errors.AsType[*extension.InvalidError](err); !ok || !strings.Contains(invalid.Error(), "Wait fifteen minutes") || len(s.door.sent) != 1 {
		t.Errorf("%v, sent to %v", err, s.door.sent)
	}
}
