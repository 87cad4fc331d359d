package onboard_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// publish makes the next version of the terms in English and Swedish.
func (s *scene) publish(t *testing.T, grace time.Duration) {
	t.Helper()
	for _, draft := range []extension.TermsDraft{
		{Language: "en", Title: "Terms", Text: "Be kinder."}, {Language: "sv", Title: "Villkor", Text: "Var snällare."},
	} {
		draft.Updated, draft.By = s.now, "Ada Admin"
		if err := s.db.SaveDraft(t.Context(), s.admin, draft); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.db.PublishTerms(t.Context(), s.admin, grace, s.now); err != nil {
		t.Fatal(err)
	}
}

func TestTermsAreReadAndAcceptedInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.publish(t, 0)
	s.started(t)
	s.registers()
	for language, title := range map[string]string{"": "Terms", "en": "Terms", "sv": "Villkor", "sv-FI": "Villkor", "de": "Terms"} {
		if place := s.place(t, onboard.Wish{Language: language}); place.Terms.Title != title || place.Terms.Version != 2 {
			t.Errorf("in %q: %+v", language, place.Terms)
		}
	}
	languages, err := s.TermsLanguages(t.Context(), s.place(t, onboard.Wish{Language: "sv"}))
	if diff := cmp.Diff([]string{"en", "sv"}, languages); diff != "" || err != nil {
		t.Error(diff, err)
	}
	swedish := s.place(t, onboard.Wish{Language: "sv"}).Terms.ID
	if _, err := s.Agree(t.Context(), s.session(), extension.Browser{IP: "192.0.2.7", UserAgent: "test"}, swedish); err != nil {
		t.Fatal(err)
	}
	if step := s.next(t); step != extension.StepIn {
		t.Errorf("step %s, want in", step)
	}
	evidence, err := s.db.EvidenceOf(t.Context(), s.admin, s.user(t).ID)
	if err != nil || len(evidence) != 1 || evidence[0].Language != "sv" || evidence[0].IP != "192.0.2.7" || evidence[0].Confirmed.IsZero() {
		t.Errorf("%+v, %v", evidence, err)
	}
}

func TestALanguageAcceptedOnOtherPagesCountsByTheReport(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.publish(t, 0)
	s.started(t)
	s.registers()
	swedish := s.place(t, onboard.Wish{Language: "sv"}).Terms.ID
	for version, want := range map[extension.TermsID]extension.Step{
		s.terms.ID: extension.StepAgree, "no id": extension.StepAgree, extension.NewID[extension.TermsID](): extension.StepAgree, swedish: extension.StepIn,
	} {
		if want == extension.StepIn {
			continue // below, because it changes what the others mean
		}
		s.kratos.identity.Traits.Terms.Version = version
		if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID, Evidence: onboard.Evidence{IP: "192.0.2.7"}}); err != nil {
			t.Fatal(err)
		}
		if step := s.next(t); step != want {
			t.Errorf("%s: step %s, want %s", version, step, want)
		}
	}
	s.kratos.identity.Traits.Terms.Version = swedish
	if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID, Evidence: onboard.Evidence{IP: "192.0.2.7"}}); err != nil {
		t.Fatal(err)
	}
	if step := s.next(t); step != extension.StepIn {
		t.Errorf("step %s, want in", step)
	}
}

func TestTermsThatHaveChangedAreReadAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.started(t)
	_, err := s.Agree(t.Context(), s.session(), extension.Browser{}, s.terms.ID)
	wantStep(t, "before registration", err, extension.StepRegister)
	s.registers()
	s.publish(t, 0)
	for _, terms := range []extension.TermsID{s.terms.ID, "garbage", extension.NewID[extension.TermsID]()} {
		_, err := s.Agree(t.Context(), s.session(), extension.Browser{}, terms)
		declined := s.Decline(t.Context(), s.session(), terms)
		for _, err := range []error{err, declined} {
			if _, ok := errors.AsType[*extension.InvalidError](err); !ok {
				t.Errorf("%s: %v", terms, err)
			}
		}
	}
	if stumble := s.user(t).Stumble; stumble.Step != extension.StepAgree {
		t.Errorf("%+v", stumble)
	}
}

func TestDecliningIsSeenAndMayBeTakenBack(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.started(t)
	s.registers()
	if err := s.Decline(t.Context(), s.session(), s.terms.ID); err != nil {
		t.Fatal(err)
	}
	if user := s.user(t); !user.Declined.Equal(s.now) || s.next(t) != extension.StepAgree {
		t.Errorf("%+v", user)
	}
	if _, err := s.Agree(t.Context(), s.session(), extension.Browser{}, s.terms.ID); err != nil {
		t.Fatal(err)
	}
	if user := s.user(t); s.next(t) != extension.StepIn || !s.user(t).Declined.IsZero() {
		t.Errorf("%+v", user)
	}
	wantStep(t, "declined once in", s.Decline(t.Context(), s.session(), s.terms.ID), extension.StepIn)
	_, err := s.Agree(t.Context(), s.session(), extension.Browser{}, s.terms.ID)
	wantStep(t, "accepted twice", err, extension.StepIn)
}

func TestANewVersionCanBeAcceptedBeforeItMustBe(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.arrives(t)
	s.now = s.now.Add(time.Hour)
	s.publish(t, 24*time.Hour)
	if step := s.next(t); step != extension.StepIn {
		t.Fatalf("step %s, want in", step)
	}
	terms := s.place(t, onboard.Wish{}).Terms.ID
	if err := s.Decline(t.Context(), s.session(), terms); err != nil {
		t.Error(err)
	}
	s.now = s.now.Add(24 * time.Hour)
	if step := s.next(t); step != extension.StepAgree {
		t.Fatalf("step %s, want agree", step)
	}
	s.now = s.now.Add(-time.Hour)
	if _, err := s.Agree(t.Context(), s.session(), extension.Browser{IP: "192.0.2.7"}, terms); err != nil {
		t.Fatal(err)
	}
	// Nothing is half-way now, so it is Kratos' report that tells.
	if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID}); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(24 * time.Hour)
	if step := s.next(t); step != extension.StepIn {
		t.Errorf("step %s, want in", step)
	}
}
