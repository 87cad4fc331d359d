package onboard_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// registers does what the registration form does in Kratos.
func (s *scene) registers() {
	s.kratos.identity.Registered = true
	t := &s.kratos.identity.Traits
	t.FirstName, t.LastName, t.Mobile = "Bob", "Builder", "+46701740605"
}

// accepts does what pressing Accept does: evidence first, then the trait in Kratos.
func (s *scene) accepts(t *testing.T) {
	t.Helper()
	err := s.db.RecordAcceptance(t.Context(), extension.Acceptance{
		User: s.user(t).ID, Terms: s.terms.ID, At: s.now, IP: "192.0.2.7", UserAgent: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	s.kratos.identity.Traits.Terms = extension.AcceptedTerms{Version: s.terms.ID, Accepted: s.now}
}

func TestTheNextPageFindsWhatReportsDidNotTell(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.started(t)
	if step := s.next(t); step != extension.StepRegister {
		t.Errorf("step %s, want register", step)
	}
	s.registers()
	if step := s.next(t); step != extension.StepAgree {
		t.Errorf("step %s, want agree", step)
	}
	if name := s.user(t).Name(); name != "Bob Builder" {
		t.Errorf("name %q", name)
	}
	s.accepts(t)
	if step := s.next(t); step != extension.StepIn {
		t.Errorf("step %s, want in", step)
	}
	if s.user(t).Facts.Status(s.now) != extension.Active || len(s.kratos.published) != 1 {
		t.Errorf("%+v, published %+v", s.user(t).Facts, s.kratos.published)
	}
}

func TestReportsMayComeTwiceAndLate(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.started(t)
	s.registers()
	s.accepts(t)
	for range 3 {
		if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID, Evidence: onboard.Evidence{IP: "198.51.100.1"}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.user(t).Facts; got.Activated.IsZero() || !got.Accepted.Equal(s.now) {
		t.Errorf("%+v", got)
	}
}

func TestAReportAboutAStrangerIsNoneOfOurs(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if err := s.Report(t.Context(), onboard.Report{Identity: extension.NewID[extension.IdentityID]()}); err != nil {
		t.Error(err)
	}
}

func TestTheTraitAloneIsNoEvidence(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.started(t)
	s.registers()
	s.kratos.identity.Traits.Terms = extension.AcceptedTerms{Version: s.terms.ID, Accepted: s.now}
	if step := s.next(t); step != extension.StepAgree {
		t.Errorf("step %s, want agree: nobody has seen them accept", step)
	}
	report := onboard.Report{Identity: s.kratos.identity.ID, Evidence: onboard.Evidence{IP: "198.51.100.1", UserAgent: "their own page"}}
	if err := s.Report(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	if step := s.next(t); step != extension.StepIn {
		t.Errorf("step %s, want in: Kratos' report is evidence", step)
	}
}

func TestAnAcceptanceAfterTheInvitationRanOutCountsOnceInvitedAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.started(t)
	s.registers()
	if step := s.next(t); step != extension.StepAgree {
		t.Fatal(step)
	}
	s.now = s.now.Add(8 * 24 * time.Hour)
	s.accepts(t)
	if step := s.next(t); step != extension.StepExpired {
		t.Errorf("step %s, want expired", step)
	}
	if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID, Evidence: onboard.Evidence{IP: "198.51.100.1"}}); err != nil {
		t.Fatal(err)
	}
	if !s.user(t).Facts.Activated.IsZero() {
		t.Error("an expired invitation made somebody Active")
	}
	again := extension.Batch{
		ID: extension.NewID[extension.BatchID](), Organisation: s.admin.Organisation, Kind: extension.BatchResend, Pressed: s.now,
	}
	if err := s.db.Reissue(t.Context(), s.admin, again, []extension.UserID{s.user(t).ID}); err != nil {
		t.Fatal(err)
	}
	s.deliver(t, again.ID)
	if step := s.next(t); step != extension.StepIn {
		t.Errorf("step %s, want in", step)
	}
}

func TestAnActivationThatIsCutShortIsPublishedLater(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.started(t)
	s.registers()
	s.accepts(t)
	s.kratos.before = func(call string) error {
		if call == "publish" {
			return errCrash
		}
		return nil
	}
	if _, err := s.Next(t.Context(), s.session(), onboard.Wish{}); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	s.kratos.before = nil
	due, err := s.db.Misaligned(t.Context(), 10)
	if err != nil || !slices.Contains(due, s.kratos.identity.ID) {
		t.Errorf("to be aligned: %v, %v", due, err)
	}
}

func TestAPasswordWithoutTheDetailsLeadsBackToTheForm(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.started(t)
	s.registers()
	s.kratos.identity.Traits.Mobile = ""
	s.accepts(t)
	if step := s.next(t); step != extension.StepRegister {
		t.Errorf("step %s, want register: the mobile is missing", step)
	}
	if !s.user(t).Facts.Activated.IsZero() {
		t.Error("Active without a mobile")
	}
	s.registers()
	if step := s.next(t); step != extension.StepIn {
		t.Errorf("step %s, want in", step)
	}
}
