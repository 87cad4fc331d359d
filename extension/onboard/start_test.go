package onboard_test

import (
	"errors"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

func wantLink(t *testing.T, err error, reason onboard.LinkReason) {
	t.Helper()
	if link, ok := errors.AsType[*onboard.LinkError](err); !ok || link.Reason != reason {
		t.Errorf("%v, want a link that is %s", err, reason)
	}
}

func TestStartCutShortAnywhereCanBeRepeatedAndIsSweptAfterExpiry(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"identity", "enable", "end sessions", "admit"} {
		t.Run("at "+at, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.kratos.before = func(call string) error {
				if call == at {
					return errCrash
				}
				return nil
			}
			if _, err := s.start(t); !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
			s.kratos.before = nil
			reply, err := s.start(t)
			if err != nil || len(reply.SetCookies) == 0 || !s.kratos.identity.Active || s.kratos.sessions != 1 {
				t.Fatalf("again: %+v, %v, %d sessions", reply, err, s.kratos.sessions)
			}

			s.now = s.now.Add(8 * 24 * time.Hour)
			s.unask(t)
			if err := s.Reconcile(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
			if s.kratos.identity.Active || s.kratos.sessions != 0 {
				t.Errorf("after the week: active %v, %d sessions", s.kratos.identity.Active, s.kratos.sessions)
			}
		})
	}
}

func TestASwitchedOnIdentityIsSweptEvenIfStartNeverEnded(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.kratos.before = func(call string) error {
		if call == "end sessions" { // the identity is on by now
			return errCrash
		}
		return nil
	}
	if _, err := s.start(t); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	s.kratos.before = nil
	s.now = s.now.Add(8 * 24 * time.Hour)
	s.unask(t)
	if err := s.Reconcile(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if s.kratos.identity.Active {
		t.Error("an identity without a credential stayed on")
	}
}

func TestAPasswordThatIsSetWhileStartRunsWins(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.kratos.before = func(call string) error {
		if call == "admit" {
			s.kratos.identity.Registered = true // by another browser, after we looked
		}
		return nil
	}
	_, err := s.start(t)
	wantLink(t, err, onboard.LinkSignIn)
	if s.kratos.sessions != 0 {
		t.Errorf("%d sessions of a registered identity were handed out by a link", s.kratos.sessions)
	}
	if s.user(t).Facts.Registered.IsZero() {
		t.Error("the registration was not recorded")
	}
}

func TestStartLeavesAloneWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *scene)
		reason onboard.LinkReason
	}{
		"off, and made for nobody here": {func(s *scene) { s.kratos.identity.Mark = extension.NewID[extension.UserID]() }, onboard.LinkDisabled},
		"off, and not marked":           {func(s *scene) { s.kratos.identity.Mark = "" }, onboard.LinkDisabled},
		"of another kind":               {func(s *scene) { s.kratos.identity.Member = false }, onboard.LinkForeign},
		"with another address":          {func(s *scene) { s.kratos.identity.Traits.Email = "eve@example.com" }, onboard.LinkForeign},
		"registered already":            {func(s *scene) { s.kratos.identity.Registered = true }, onboard.LinkSignIn},
		"deleted in Kratos":             {func(s *scene) { s.kratos.deleted = true }, onboard.LinkDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			c.change(s)
			_, err := s.start(t)
			wantLink(t, err, c.reason)
			if s.kratos.identity.Active || s.kratos.sessions != 0 {
				t.Errorf("%+v with %d sessions", s.kratos.identity, s.kratos.sessions)
			}
		})
	}
}

func TestAnIdentityThatSomebodyElseSwitchedOffStaysOff(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if _, err := s.start(t); err != nil {
		t.Fatal(err)
	}
	s.kratos.identity.Active = false
	_, err := s.start(t)
	wantLink(t, err, onboard.LinkDisabled)
	if s.kratos.identity.Active {
		t.Error("it was switched on again")
	}
}
