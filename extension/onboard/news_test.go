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
	tells := func(cause error, fate string) {
		t.Helper()
		s.letters.err = cause
		if err := s.tells(t, true); !errors.Is(err, cause) || !strings.Contains(err.Error(), fate) || strings.Contains(err.Error(), address) {
			t.Errorf("after %q: %v, want that it %s", cause, err, fate)
		}
	}
	s.savesPassword(t, "one")
	tells(&extension.TroubleError{Sentence: "The provider is away.", After: time.Hour}, "waits")
	if err := s.tells(t, false); err != nil {
		t.Error(err)
	}
	s.execute(t, `UPDATE news SET try_at = now()`)
	ours := errors.New("mail.from is no mailbox")
	tells(ours, "waits") // until somebody has put it right
	s.execute(t, `UPDATE news SET try_at = now(), tried_at = tried_at - interval '49 hours'`)
	tells(ours, "is given up after 48h")
	s.savesPassword(t, "two")
	tells(extension.ErrRefused, "is given up: ")
	if err := s.tells(t, false); err != nil || len(s.letters.news) != 4 || s.letters.news[0].ID != s.letters.news[1].ID {
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

// Kratos v1.3.1 reports every save of a form in the same words.
func TestASecondSaveOfTheSameFormIsToldToo(t *testing.T) {
	t.Parallel()
	s := active(t)
	for i := range 2 {
		s.kratos.identity.Saved = s.now.Add(time.Duration(i) * time.Microsecond)
		for range 2 { // the report comes again
			s.savesPassword(t, "the same")
		}
		if err := s.tells(t, true); err != nil {
			t.Fatal(err)
		}
		if err := s.tells(t, false); err != nil || len(s.letters.news) != i+1 || len(s.letters.news[i].Changes) != 1 {
			t.Errorf("after save %d: %v, %+v", i+1, err, s.letters.news)
		}
	}
}

func TestAFreedNumberIsToldOnceHoweverOftenItIsPressed(t *testing.T) {
	t.Parallel()
	s, free := freed(t)
	s.kratos.fails = errCrash
	if err := free(); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	s.kratos.fails, s.kratos.dropped = nil, func() { s.kratos.identity.Traits.Mobile = "" }
	if err := free(); err != nil {
		t.Fatal(err)
	}
	s.execute(t, `UPDATE news SET try_at = now()`)
	if err := s.tells(t, true); err != nil || len(s.letters.news[0].Changes) != 1 {
		t.Errorf("%v, told %+v", err, s.letters.news)
	}
	if err := s.tells(t, false); err != nil {
		t.Error(err)
	}
}

func TestANumberThatIsGoneIsForgottenHereAlsoWhenNobodyCanBeToldNow(t *testing.T) {
	t.Parallel()
	s, free := freed(t)
	if err := s.db.RecordProfile(t.Context(), s.kratos.identity); err != nil || s.user(t).Mobile == "" {
		t.Fatal(err)
	}
	s.kratos.dropped = func() { s.kratos.identity.Traits.Mobile = "" }
	s.db.tells = func() error { return errCrash }
	if err := free(); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	if mobile := s.user(t).Mobile; mobile != "" {
		t.Errorf("the number is still %s here", mobile)
	}
	s.execute(t, `UPDATE news SET try_at = now()`) // some minutes later
	if err := s.tells(t, true); err != nil {
		t.Error(err)
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
