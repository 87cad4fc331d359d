package onboard_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// freed is a scene in which somebody who has begun loses their number: the invitee, who is told, is the holder of it.
func freed(t *testing.T) (s *scene, free func() error) {
	t.Helper()
	s = setup(t)
	s.started(t)
	s.kratos.identity.Traits.Mobile = "+46701740606"
	s.kratos.holder = s.kratos.identity
	_, charter := s.establish(t, "south", plan{})
	s.kratos.identity = extension.Identity{}
	s.invite(t, charter)
	other := s.userOf(t, extension.System(charter.Organisation.ID, "Sue"))
	s.kratos.identity = s.kratos.holder
	s.kratos.before = nil
	return s, func() error {
		return s.FreeMobileEverywhere(t.Context(), extension.System(charter.Organisation.ID, "Sue"), other.ID, "+46701740606")
	}
}

// tells sends the letter that is due, and fails unless there is one, or none.
func (s *scene) tells(t *testing.T, want bool) error {
	t.Helper()
	there, err := s.TellNext(t.Context())
	if there != want {
		t.Fatalf("there is a letter: %v, %v", there, err)
	}
	return err
}

func TestWhoeverLosesANumberIsToldOnceItIsGone(t *testing.T) {
	t.Parallel()
	s, free := freed(t)
	if err := s.tells(t, false); err != nil {
		t.Fatal(err)
	}
	s.kratos.dropped = func() { s.kratos.identity.Traits.Mobile = "" }
	if err := free(); err != nil {
		t.Fatal(err)
	}
	if err := s.tells(t, true); err != nil {
		t.Fatal(err)
	}
	want := []extension.News{{
		ID: s.letters.news[0].ID, Identity: s.kratos.identity.ID, Address: address, Language: "en", Organisation: "The north", Settings: "https://example.com/settings",
		Changes: []extension.AccountChange{{Kind: extension.ChangeMobileFreed, Address: "••• 606", At: s.now}},
	}}
	if diff := cmp.Diff(want, s.letters.news); diff != "" {
		t.Errorf("(-want +got): %s", diff)
	}
	if err := s.tells(t, false); err != nil {
		t.Error(err)
	}
}

func TestNobodyIsToldOfANumberThatTheyKept(t *testing.T) {
	t.Parallel()
	s, free := freed(t)
	s.kratos.fails = errCrash
	if err := free(); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	if err := s.tells(t, false); err != nil {
		t.Fatal(err)
	}
	s.execute(t, `UPDATE news SET try_at = now()`) // some minutes later
	s.kratos.before = func(string) error { return &extension.TroubleError{Sentence: "Kratos does not answer."} }
	if err := s.tells(t, true); err == nil || !strings.Contains(err.Error(), "waits") {
		t.Errorf("while Kratos is away: %v", err)
	}
	s.kratos.before = nil
	s.execute(t, `UPDATE news SET try_at = now()`)
	if err := s.tells(t, true); err != nil || len(s.letters.news) > 0 {
		t.Errorf("told %+v, %v", s.letters.news, err)
	}
	if err := s.tells(t, false); err != nil {
		t.Error(err)
	}
}

func TestALetterWaitsWhileItCannotBeSentAndIsGivenUpInTheEnd(t *testing.T) {
	t.Parallel()
	s := active(t)
	s.savesPassword(t, "one")
	s.letters.err = &extension.TroubleError{Sentence: "bob@example.com was not taken.", After: time.Hour}
	err := s.tells(t, true)
	if err == nil || !strings.Contains(err.Error(), "waits") || strings.Contains(err.Error(), address) {
		t.Errorf("it waits: %v", err)
	}
	if err := s.tells(t, false); err != nil {
		t.Error(err)
	}
	s.execute(t, `UPDATE news SET try_at = now(), tried_at = tried_at - interval '49 hours'`)
	err = s.tells(t, true)
	if err == nil || !strings.Contains(err.Error(), "given up") || strings.Contains(err.Error(), address) {
		t.Errorf("it is given up: %v", err)
	}
	s.savesPassword(t, "two")
	s.letters.err = errors.New("bob@example.com is unknown")
	err = s.tells(t, true)
	if err == nil || !strings.Contains(err.Error(), "given up") || strings.Contains(err.Error(), address) {
		t.Errorf("it is refused: %v", err)
	}
	if err := s.tells(t, false); err != nil || len(s.letters.news) != 3 || s.letters.news[0].ID != s.letters.news[1].ID {
		t.Errorf("%v, %+v", err, s.letters.news)
	}
}

func TestAReportTellsWhatBecameOfRecoveryCodes(t *testing.T) {
	t.Parallel()
	s := active(t)
	for i, test := range []struct {
		held bool
		want extension.ChangeKind
	}{{true, extension.ChangeAdded}, {false, extension.ChangeRemoved}} {
		s.kratos.identity.Recovery, s.kratos.identity.Factors = test.held, []extension.Factor{extension.FactorTOTP}
		report := onboard.Report{Identity: s.kratos.identity.ID, Method: extension.MethodLookupSecret, Change: string(test.want)}
		if err := s.Report(t.Context(), report); err != nil {
			t.Fatal(err)
		}
		if err := s.tells(t, true); err != nil {
			t.Fatal(err)
		}
		changes := s.letters.news[i].Changes
		if last := changes[len(changes)-1]; last.Kind != test.want || last.Factor != extension.FactorRecovery {
			t.Errorf("codes held: %v, told: %+v", test.held, changes)
		}
	}
}

// active is a scene whose user has been Active for an hour.
func active(t *testing.T) *scene {
	t.Helper()
	s := setup(t)
	s.started(t)
	s.execute(t, `UPDATE users SET registered_at = now(), activated_at = '2026-11-23T12:00:00Z'`)
	s.now = s.now.Add(time.Hour)
	return s
}

// savesPassword is Kratos' report of a new password.
func (s *scene) savesPassword(t *testing.T, change string) {
	t.Helper()
	if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID, Method: extension.MethodPassword, Change: change}); err != nil {
		t.Fatal(err)
	}
}
