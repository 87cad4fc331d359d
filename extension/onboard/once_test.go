package onboard_test

import (
	"strings"
	"testing"

	"paperplane/extension"
)

// withApp is a scene whose invitee has set an authenticator app up a while ago, and signs in again.
func withApp(t *testing.T) *scene {
	t.Helper()
	s := secured(t)
	form, _, err := s.TOTP(t.Context(), s.session(), extension.Browser{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EnrolTOTP(t.Context(), s.session(), extension.Browser{}, form.ID, s.door.code); err != nil {
		t.Fatal(err)
	}
	s.execute(t, "UPDATE app_codes SET at = at - interval '90 seconds'")
	s.signsIn()
	return s
}

func TestACodeOfAnAppConfirmsOneSessionHoweverOftenItIsPressedThere(t *testing.T) {
	t.Parallel()
	s := withApp(t)
	for range 2 {
		if _, err := s.confirms(t, extension.FactorTOTP, "", s.door.code); err != nil {
			t.Fatal(err)
		}
	}
	s.signsIn()
	_, err := s.confirms(t, extension.FactorTOTP, "", s.door.code)
	wantFault(t, err, extension.CodeUsed)
	if step := s.next(t); step != extension.StepConfirm {
		t.Errorf("step %s: a code confirmed two sessions", step)
	}
	if sentence := s.user(t).Stumble.Sentence; !strings.Contains(sentence, "used before") {
		t.Errorf("the administrator reads %q", sentence)
	}
}

func TestACodeThatKratosHasNotTakenCanBeUsedOnceItIsRight(t *testing.T) {
	t.Parallel()
	s := withApp(t)
	s.door.code = "654321"
	_, err := s.confirms(t, extension.FactorTOTP, "", "123456")
	wantFault(t, err, "This code is not right")
	s.door.code = "123456"
	if _, err := s.confirms(t, extension.FactorTOTP, "", "123456"); err != nil {
		t.Errorf("a clock that was fast: %v", err)
	}
}
