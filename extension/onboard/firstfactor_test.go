package onboard_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

const endOthers = "end other sessions"

// ended counts how often the other sessions were ended.
func (k *steppedKratos) ended() int {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	n := 0
	for _, call := range k.calls {
		if call == endOthers {
			n++
		}
	}
	return n
}

// failsTo makes one call of Kratos' fail, and gives what ends that.
func (k *steppedKratos) failsTo(call string) (mend func()) {
	set := func(before func(string) error) {
		k.mutex.Lock()
		defer k.mutex.Unlock()
		k.before = before
	}
	set(func(made string) error {
		if made == call {
			return extension.ErrUnavailable
		}
		return nil
	})
	return func() { set(nil) }
}

func (s *scene) factors(t *testing.T) []extension.Factor {
	t.Helper()
	proven, err := s.db.FactorsOf(t.Context(), s.kratos.identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []extension.Factor
	for _, factor := range proven {
		kinds = append(kinds, factor.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

func TestTheFirstFactorEndsEverySessionButTheOneThatHasShownIt(t *testing.T) {
	t.Parallel()
	t.Run("by a code that was sent", func(t *testing.T) {
		t.Parallel()
		s := secured(t)
		s.shows(t, extension.FactorSMS)
		if diff := cmp.Diff([]extension.SessionID{s.session().ID}, s.kratos.kept); diff != "" || s.kratos.ended() != 1 {
			t.Errorf("ended %d times, kept (-want +got):\n%s", s.kratos.ended(), diff)
		}
		s.shows(t, extension.FactorEmail)
		s.signsIn()
		s.rest(t)
		s.shows(t, extension.FactorSMS)
		if s.kratos.ended() != 1 {
			t.Errorf("later factors and proofs have ended sessions: %d times", s.kratos.ended())
		}
	})
	t.Run("by an app, in Kratos' settings", func(t *testing.T) {
		t.Parallel()
		s := secured(t)
		form, _, err := s.TOTP(t.Context(), s.session(), extension.Browser{}, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.EnrolTOTP(t.Context(), s.session(), extension.Browser{}, form.ID, s.door.code); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]extension.SessionID{s.session().ID}, s.kratos.kept); diff != "" || s.kratos.ended() != 1 {
			t.Errorf("ended %d times, kept (-want +got):\n%s", s.kratos.ended(), diff)
		}
		if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID}); err != nil || s.kratos.ended() != 1 {
			t.Errorf("a report that comes later has ended sessions: %v", err)
		}
	})
	t.Run("by an app that nobody has shown", func(t *testing.T) {
		t.Parallel()
		s := secured(t)
		s.kratos.identity.Factors = []extension.Factor{extension.FactorTOTP}
		if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID}); err != nil {
			t.Fatal(err)
		}
		if len(s.kratos.kept) != 0 || s.kratos.ended() != 1 {
			t.Errorf("ended %d times, kept %v", s.kratos.ended(), s.kratos.kept)
		}
	})
}

func TestAFactorCountsOnlyOnceTheOtherSessionsHaveEnded(t *testing.T) {
	t.Parallel()
	t.Run("by a code that was sent", func(t *testing.T) {
		t.Parallel()
		s := secured(t)
		mend := s.kratos.failsTo(endOthers)
		w := onboard.Witnessed{Identity: s.kratos.identity.ID, Session: s.session().ID, Method: "code", Codes: []string{address}}
		if err := s.Witness(t.Context(), w); !errors.Is(err, extension.ErrUnavailable) {
			t.Errorf("witnessing: %v", err)
		}
		if got := s.factors(t); len(got) > 0 {
			t.Errorf("factors: %v", got)
		}
		mend()
		if err := s.Witness(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]extension.Factor{extension.FactorEmail}, s.factors(t)); diff != "" {
			t.Errorf("factors (-want +got):\n%s", diff)
		}
	})
	t.Run("by an app, in Kratos' settings", func(t *testing.T) {
		t.Parallel()
		s := secured(t)
		mend := s.kratos.failsTo(endOthers)
		s.kratos.identity.Factors = []extension.Factor{extension.FactorTOTP}
		report := onboard.Report{Identity: s.kratos.identity.ID}
		if err := s.Report(t.Context(), report); !errors.Is(err, extension.ErrUnavailable) {
			t.Errorf("reporting: %v", err)
		}
		if got := s.factors(t); len(got) > 0 {
			t.Errorf("factors: %v", got)
		}
		mend()
		if err := s.Report(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]extension.Factor{extension.FactorTOTP}, s.factors(t)); diff != "" {
			t.Errorf("factors (-want +got):\n%s", diff)
		}
	})
}
