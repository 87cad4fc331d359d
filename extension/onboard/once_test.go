package onboard_test

import (
	"errors"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/onboard"
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

// pressesTwice lets a button be pressed again while Kratos is being shown the code of the first press.
func (s *scene) pressesTwice(t *testing.T, press func() error) {
	t.Helper()
	asked, second := make(chan struct{}, 100), make(chan error, 1)
	s.db.reserves = func() { asked <- struct{}{} }
	s.door.during = func() error {
		go func() { second <- press() }()
		for range 3 { // the first press, the second, and the second once more
			select {
			case <-asked:
			case err := <-second: // too early
				second <- err
				return nil
			}
		}
		return nil
	}
	if err := press(); err != nil {
		t.Errorf("the first press: %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the second press: %v", err)
	}
	s.db.reserves, s.door.during = nil, nil
}

func TestARightCodeOfAnAppThatIsPressedTwiceAtOnceIsRightBothTimes(t *testing.T) {
	t.Parallel()
	t.Run("to confirm", func(t *testing.T) {
		t.Parallel()
		s := withApp(t)
		session := s.session()
		s.pressesTwice(t, func() error {
			_, err := s.Confirm(t.Context(), session, extension.Browser{}, onboard.Confirmation{Way: extension.FactorTOTP, Code: s.door.code})
			return err
		})
	})
	t.Run("to set it up", func(t *testing.T) {
		t.Parallel()
		s := secured(t)
		form, _, err := s.TOTP(t.Context(), s.session(), extension.Browser{}, "")
		if err != nil {
			t.Fatal(err)
		}
		session := s.session()
		s.pressesTwice(t, func() error {
			_, err := s.EnrolTOTP(t.Context(), session, extension.Browser{}, form.ID, s.door.code)
			return err
		})
	})
}

func TestAnAppThatKratosHasSavedIsSetUpWhateverComesAfter(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.db.takes = func() error { return errors.New("no database") }
	form, _, err := s.TOTP(t.Context(), s.session(), extension.Browser{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EnrolTOTP(t.Context(), s.session(), extension.Browser{}, form.ID, s.door.code); err != nil {
		t.Error(err)
	}
	s.signsIn()
	_, err = s.confirms(t, extension.FactorTOTP, "", s.door.code)
	wantFault(t, err, extension.CodeUsed)
}
