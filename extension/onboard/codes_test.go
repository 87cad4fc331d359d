package onboard_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

func (s *scene) reports(t *testing.T) {
	t.Helper()
	if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID}); err != nil {
		t.Fatal(err)
	}
}

func TestRecoveryCodesGoWithTheLastFactor(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.shows(t, extension.FactorEmail)
	s.kratos.identity.Factors, s.kratos.identity.Recovery = []extension.Factor{extension.FactorTOTP}, true
	s.reports(t)
	s.kratos.identity.Factors = nil
	s.reports(t)
	if !s.kratos.identity.Recovery {
		t.Error("they are gone although a factor is left")
	}
	s.execute(t, `DELETE FROM factors`)
	s.reports(t)
	if s.kratos.identity.Recovery {
		t.Error("they stay when no factor is left")
	}
}

func TestRecoveryCodesFromBeforeTheFirstFactorDoNotStandInForIt(t *testing.T) {
	t.Parallel()
	t.Run("that was shown", func(t *testing.T) {
		t.Parallel()
		s := secured(t)
		s.kratos.identity.Recovery = true
		s.shows(t, extension.FactorSMS)
		if s.kratos.identity.Recovery {
			t.Error("they stay")
		}
	})
	t.Run("that was set up", func(t *testing.T) {
		t.Parallel()
		s := secured(t)
		form, _, err := s.TOTP(t.Context(), s.session(), extension.Browser{}, "")
		if err != nil {
			t.Fatal(err)
		}
		s.kratos.identity.Recovery = true
		if _, err := s.EnrolTOTP(t.Context(), s.session(), extension.Browser{}, form.ID, s.door.code); err != nil {
			t.Fatal(err)
		}
		if s.kratos.identity.Recovery {
			t.Error("they stay")
		}
	})
}

func TestWhatKratosHeldBeforeAnybodyLookedStaysItsOwners(t *testing.T) {
	t.Parallel()
	for kind, c := range map[extension.Factor]struct {
		ended  int
		proofs []extension.Factor
	}{
		extension.FactorSMS:  {0, nil}, // is one more, which the password alone cannot add
		extension.FactorTOTP: {1, []extension.Factor{extension.FactorTOTP}},
	} {
		s := secured(t)
		s.kratos.identity.Factors, s.kratos.identity.Recovery = []extension.Factor{extension.FactorTOTP}, true
		w := onboard.Witnessed{Identity: s.kratos.identity.ID, Session: s.session().ID, Method: "totp"}
		if kind == extension.FactorSMS {
			w.Method, w.Codes = "code", []string{"+46701740605"}
		}
		if err := s.Witness(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		proofs, err := s.db.Proofs(t.Context(), w.Session)
		if err != nil || !slices.Equal(proofs, c.proofs) || s.kratos.ended() != c.ended || !s.kratos.identity.Recovery {
			t.Errorf("%s: proofs %v, %v; ended %d times; codes %t", kind, proofs, err, s.kratos.ended(), s.kratos.identity.Recovery)
		}
		if own := s.factors(t); !slices.Equal(own, []extension.Factor{extension.FactorTOTP}) {
			t.Errorf("%s: factors %v", kind, own)
		}
	}
}

func TestAFactorThatIsGoneIsNotAskedFor(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.kratos.identity.Factors = []extension.Factor{extension.FactorTOTP}
	s.reports(t)
	s.execute(t, `UPDATE users SET activated_at = now()`)
	if step := s.next(t); step != extension.StepConfirm {
		t.Errorf("step %s, want confirm", step)
	}
	s.kratos.identity.Factors = nil // and the report was lost
	if step := s.next(t); step == extension.StepConfirm || len(s.factors(t)) > 0 {
		t.Errorf("step %s, factors %v", step, s.factors(t))
	}
}

// Whoever has read Kratos before a reset must not write it down afterwards.
func TestKratosIsReadUnderTheLockUnderWhichItIsRecorded(t *testing.T) {
	t.Parallel()
	s := secured(t)
	lock := extension.IdentityLock(s.kratos.identity.ID)
	asked := 0
	s.kratos.before = func(call string) error {
		if call != "identity" {
			return nil
		}
		asked++
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := s.db.Exclusive(ctx, lock, func(context.Context) error { return nil }); err == nil {
			t.Error("somebody else can change what is read")
		}
		return nil
	}
	s.reports(t)
	w := onboard.Witnessed{Identity: s.kratos.identity.ID, Session: s.session().ID, Method: "code", Codes: []string{address}}
	if err := s.Witness(t.Context(), w); err != nil || asked < 2 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}
