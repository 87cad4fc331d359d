package onboard_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// recovery is what Kratos' courier asks for when somebody has forgotten the password of an address.
func recovery() extension.Notice {
	return extension.Notice{Kind: extension.NoticeRecovery, Address: address, Code: "123456"}
}

func TestWhoeverNeverHadAPasswordGetsTheInvitationAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, wait := range []time.Duration{0, onboard.RecoverCooldown - time.Second} {
		s.now = s.user(t).Facts.Sent.Add(wait)
		if err := s.Deliver(t.Context(), recovery()); err != nil || len(s.letters.again) > 0 {
			t.Errorf("after %s: %v, %v", wait, s.letters.again, err)
		}
	}
	s.now = s.user(t).Facts.Sent.Add(8 * 24 * time.Hour)
	if err := s.Deliver(t.Context(), recovery()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]extension.UserID{s.user(t).ID}, s.letters.again); diff != "" {
		t.Error(diff)
	}
	if by := s.letters.by[0]; by.Name != "Ada Admin" || by.Organisation != s.admin.Organisation || by.User != "" {
		t.Errorf("%+v", by)
	}
}

func TestWhoeverIsAtTheFormIsNotThrownOutByAskingForAPassword(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.now = s.now.Add(2 * time.Hour)
	s.started(t)
	s.now = s.now.Add(30 * time.Minute)
	if err := s.Deliver(t.Context(), recovery()); err != nil || len(s.letters.again) > 0 {
		t.Errorf("%v, %v", s.letters.again, err)
	}
}

func TestAnInvitationThatCannotBeSentNowIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.now = s.now.Add(2 * time.Hour)
	s.letters.err = extension.Invalid("", "It bounced.")
	if err := s.Deliver(t.Context(), recovery()); err != nil || len(s.letters.notices) > 0 {
		t.Errorf("%v, mailed %v", err, s.letters.notices)
	}
	s.kratos.before = func(string) error { return &extension.TroubleError{Sentence: "Ory Kratos does not answer."} }
	if err := s.Deliver(t.Context(), recovery()); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("Kratos would not ask again: %v", err)
	}
}

func TestCodesThatAnybodyCanAskForAreFewInAnHour(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.arrives(t)
	verification := recovery()
	verification.Kind = extension.NoticeVerification
	s.letters.err = &extension.TroubleError{Sentence: "The mail provider does not answer."}
	for range extension.NoticesPerWindow { // what was not mailed does not count: Kratos asks again
		if err := s.Deliver(t.Context(), recovery()); !errors.Is(err, extension.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	s.letters.err, s.letters.notices = nil, nil
	for range extension.NoticesPerWindow + 2 {
		if err := s.Deliver(t.Context(), recovery()); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.letters.notices) != extension.NoticesPerWindow {
		t.Errorf("%d codes were mailed, want %d", len(s.letters.notices), extension.NoticesPerWindow)
	}
	if err := s.Deliver(t.Context(), verification); err != nil || len(s.letters.notices) != extension.NoticesPerWindow+1 {
		t.Errorf("of another kind: %d, %v", len(s.letters.notices), err)
	}
	s.execute(t, "UPDATE code_sends SET sent_at = sent_at - interval '61 minutes'")
	if err := s.Deliver(t.Context(), recovery()); err != nil || len(s.letters.notices) != extension.NoticesPerWindow+2 {
		t.Errorf("after an hour: %d, %v", len(s.letters.notices), err)
	}
}

func TestACodeThatIsRefusedForGoodSaysSo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.arrives(t)
	s.letters.err = errors.New("no such mailbox")
	for _, kind := range []extension.NoticeKind{extension.NoticeSecondFactor, extension.NoticeRecovery} {
		notice := recovery()
		notice.Kind = kind
		if err := s.Deliver(t.Context(), notice); !errors.Is(err, onboard.ErrUndeliverable) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	s.letters.err = &extension.TroubleError{Sentence: "The mail provider does not answer."}
	if err := s.Deliver(t.Context(), recovery()); errors.Is(err, onboard.ErrUndeliverable) {
		t.Error(err)
	}
}

func TestACodeIsMailedInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.execute(t, "UPDATE organisations SET language = 'sv'")
	notice := extension.Notice{Kind: extension.NoticeSecondFactor, Address: address, Code: "123456", Minutes: 15, Key: "k"}
	stranger := notice
	stranger.Address = "nobody@example.com"
	for _, n := range []extension.Notice{notice, stranger} {
		if err := s.Deliver(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	notice.Language, notice.Organisation = "sv", "The north"
	if diff := cmp.Diff([]extension.Notice{notice, stranger}, s.letters.notices); diff != "" {
		t.Error(diff)
	}
	s.letters.err = &extension.TroubleError{Sentence: "The mail provider does not answer."}
	if err := s.Deliver(t.Context(), notice); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("Kratos would not ask again: %v", err)
	}
}

func TestARecoveryCodeGoesToThoseWhomItLetsIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bring   func(s *scene)
		mailed  int
		invited int
	}{
		"invited":           {func(*scene) {}, 0, 1},
		"started long ago":  {func(s *scene) { s.started(t); s.now = s.now.Add(time.Hour) }, 0, 1},
		"started":           {func(s *scene) { s.started(t) }, 0, 0},
		"has a password":    {func(s *scene) { s.started(t); s.registers() }, 1, 0},
		"lost the password": {func(s *scene) { s.arrives(t); s.kratos.identity.Registered = false }, 1, 0},
		"has an account":    {func(s *scene) { s.kratos.identity.Registered = true }, 1, 0},
	} {
		s := setup(t)
		s.now = s.now.Add(2 * time.Hour)
		c.bring(s)
		if err := s.Deliver(t.Context(), recovery()); err != nil || len(s.letters.notices) != c.mailed || len(s.letters.again) != c.invited {
			t.Errorf("%s: mailed %v, invited %v, %v", name, s.letters.notices, s.letters.again, err)
		}
	}
}
