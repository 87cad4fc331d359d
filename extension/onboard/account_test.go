package onboard_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// account is somebody's account with the invited address.
func account(verified, registered bool) *extension.Identity {
	return &extension.Identity{
		ID: extension.NewID[extension.IdentityID](), Active: true, Member: true, Verified: verified, Registered: registered,
		Traits: extension.Traits{Email: address, FirstName: "Eve", LastName: "Dropper", Mobile: "+46701740606"},
	}
}

func TestTheHolderOfAnAccountSignsInToAccept(t *testing.T) {
	t.Parallel()
	s := setupAs(t, plan{account: account(true, true)})
	s.kratos.identity.Factors, s.kratos.sessions = []extension.Factor{extension.FactorTOTP}, 1
	before := s.kratos.identity
	for _, session := range []extension.Session{{}, {ID: "x", Identity: extension.NewID[extension.IdentityID](), Email: address}} {
		_, err := s.Start(t.Context(), s.token(t), session, extension.Browser{})
		wantLink(t, err, onboard.LinkAccount)
	}
	if step := s.next(t); step != extension.StepStart {
		t.Errorf("step %s, want start: nothing was accepted", step)
	}
	if user := s.user(t); !user.Facts.Registered.IsZero() || user.Name() != address || len(user.Factors) > 0 || user.Stumble.Sentence != "" {
		t.Errorf("the inviter learns of the account: %+v", user)
	}

	reply, err := s.Start(t.Context(), s.token(t), s.session(), extension.Browser{})
	if err != nil || len(reply.SetCookies) > 0 {
		t.Fatal(reply, err)
	}
	if s.kratos.sessions != 1 || s.kratos.identity.Traits != before.Traits || !s.kratos.identity.Registered || slices.Contains(s.kratos.calls, "admit") {
		t.Errorf("the account was touched: %+v, %v", s.kratos.identity, s.kratos.calls)
	}
	if step := s.next(t); step != extension.StepConfirm {
		t.Errorf("step %s, want confirm: the app was never shown here", step)
	}
	if user := s.user(t); user.Facts.Registered.IsZero() || user.Name() != "Eve Dropper" {
		t.Errorf("%+v", user)
	}
	_, err = s.start(t)
	wantLink(t, err, onboard.LinkSignIn)
}

func TestAnAccountWithAnUnprovenAddressIsClearedBeforeItsOwnerIsLetIn(t *testing.T) {
	t.Parallel()
	for _, registered := range []bool{true, false} {
		s := setupAs(t, plan{account: account(false, registered)})
		s.kratos.identity.Factors, s.kratos.identity.Recovery, s.kratos.sessions = []extension.Factor{extension.FactorTOTP}, true, 2
		reply, err := s.start(t)
		if err != nil || len(reply.SetCookies) == 0 || s.kratos.sessions != 1 {
			t.Fatal(reply, err, s.kratos.sessions)
		}
		got := s.kratos.identity
		if got.Registered || len(got.Factors) > 0 || got.Recovery || got.Traits.Mobile != "" || got.Traits.FirstName != "" || !got.Verified {
			t.Errorf("something was left: %+v", got)
		}
		if step := s.next(t); step != extension.StepRegister {
			t.Errorf("step %s, want register", step)
		}
		s.registers()
		if step := s.next(t); step != extension.StepAgree {
			t.Errorf("step %s, want agree", step)
		}
		_, err = s.start(t)
		wantLink(t, err, onboard.LinkSignIn)
	}
}

func TestWhoeverPlantedAnAccountLearnsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := setupAs(t, plan{account: account(false, true), twoFactor: extension.TwoFactorRequired})
	squatter := s.session()
	place, err := s.Next(t.Context(), squatter, onboard.Wish{})
	if err != nil || place.Step != extension.StepStart {
		t.Fatal(place.Step, err)
	}
	report := onboard.Report{Identity: squatter.Identity, Evidence: onboard.Evidence{IP: "198.51.100.1"}}
	if err := s.Report(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	err = s.Witness(t.Context(), onboard.Witnessed{
		Identity: squatter.Identity, Session: squatter.ID, Method: "code", Codes: []string{"+46701740606"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if user := s.user(t); user.Name() != address || user.Mobile != "" || len(user.Factors) > 0 || !user.Facts.Registered.IsZero() {
		t.Errorf("taken from the squatter: %+v", user)
	}
	for name, do := range map[string]func() error{
		"agree":   func() error { _, err := s.Agree(t.Context(), squatter, extension.Browser{}, s.terms.ID); return err },
		"decline": func() error { return s.Decline(t.Context(), squatter, s.terms.ID) },
		"code": func() error {
			_, _, err := s.SendCode(t.Context(), squatter, extension.Browser{}, extension.FactorSMS)
			return err
		},
		"app": func() error { _, _, err := s.TOTP(t.Context(), squatter, extension.Browser{}, ""); return err },
		"details": func() error {
			_, err := s.Register(t.Context(), squatter, extension.Browser{}, onboard.Registration{})
			return err
		},
	} {
		wantStep(t, name, do(), extension.StepStart)
	}
}

func wantStep(t *testing.T, name string, err error, step extension.Step) {
	t.Helper()
	if due, ok := errors.AsType[*onboard.StepError](err); !ok || due.Step != step || !errors.Is(err, extension.ErrConflict) {
		t.Errorf("%s: %v, want the step %s to be due", name, err, step)
	}
}

func TestAStartThatClearsCanBeCutShortAnywhere(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"identity", "clear", "end sessions", "admit"} {
		s := setupAs(t, plan{account: account(false, true)})
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
		if !s.user(t).Facts.Started.IsZero() {
			t.Errorf("at %s: started, so a credential of whoever was there would be taken for the invitee's", at)
		}
		if _, err := s.start(t); err != nil || s.kratos.identity.Registered || s.kratos.sessions != 1 {
			t.Errorf("at %s, again: %v, %+v with %d sessions", at, err, s.kratos.identity, s.kratos.sessions)
		}
	}
}

func TestAPasswordThatComesBackWhileAnAccountIsClearedLetsNobodyIn(t *testing.T) {
	t.Parallel()
	for at, reason := range map[string]onboard.LinkReason{"end sessions": onboard.LinkAccount, "admit": onboard.LinkAccount} {
		s := setupAs(t, plan{account: account(false, true)})
		s.kratos.before = func(call string) error {
			if call == at { // a save that was under way
				s.kratos.identity.Registered = true
			}
			return nil
		}
		_, err := s.start(t)
		wantLink(t, err, reason)
		if s.kratos.sessions != 0 || !s.user(t).Facts.Started.IsZero() || !s.user(t).Facts.Registered.IsZero() {
			t.Errorf("at %s: %d sessions, %+v", at, s.kratos.sessions, s.user(t).Facts)
		}
	}
	s := setupAs(t, plan{account: account(false, true)})
	looks := 0
	s.kratos.before = func(call string) error {
		if call == "identity" {
			looks++
			s.kratos.identity.Registered = true
		}
		return nil
	}
	if _, err := s.start(t); !errors.Is(err, extension.ErrConflict) || s.kratos.sessions != 0 || looks != 2 {
		t.Errorf("right after it was cleared: %v, %d sessions", err, s.kratos.sessions)
	}
}

func TestAnAccountWhoseSignInCannotBeDeletedIsNobodysByALink(t *testing.T) {
	t.Parallel()
	s := setupAs(t, plan{account: account(false, true)})
	s.kratos.before = func(call string) error {
		if call == "clear" { // a passkey is left
			return extension.ErrConflict
		}
		return nil
	}
	_, err := s.start(t)
	wantLink(t, err, onboard.LinkOccupied)
	if stumble := s.user(t).Stumble; !strings.Contains(stumble.Sentence, "cannot delete, such as a passkey") || !s.user(t).Facts.Started.IsZero() || s.kratos.identity.Verified {
		t.Errorf("the administrator is told %q", stumble.Sentence)
	}
}

func TestAnAccountThatNobodyCanSignInToIsLetInByItsProvenAddress(t *testing.T) {
	t.Parallel()
	s := setupAs(t, plan{account: account(true, false)})
	s.kratos.sessions = 3
	if _, err := s.start(t); err != nil || s.kratos.sessions != 1 || slices.Contains(s.kratos.calls, "clear") {
		t.Errorf("%v, %d sessions, %v", err, s.kratos.sessions, s.kratos.calls)
	}
	if step := s.next(t); step != extension.StepRegister {
		t.Errorf("step %s, want register", step)
	}
}

func TestAnAccountThatOthersSwitchedOffStaysOff(t *testing.T) {
	t.Parallel()
	for _, verified := range []bool{true, false} {
		for _, registered := range []bool{true, false} {
			s := setupAs(t, plan{account: account(verified, registered)})
			s.kratos.identity.Active = false
			_, err := s.start(t)
			wantLink(t, err, onboard.LinkDisabled)
			if s.kratos.identity.Active || slices.Contains(s.kratos.calls, "clear") {
				t.Errorf("%+v", s.kratos.identity)
			}
		}
	}
}

// arrives brings the invitee to where nothing is left to do.
func (s *scene) arrives(t *testing.T) {
	t.Helper()
	s.started(t)
	s.registers()
	if s.next(t) != extension.StepAgree {
		t.Fatal(s.next(t))
	}
	s.accepts(t)
	if s.next(t) != extension.StepIn {
		t.Fatal(s.next(t))
	}
}

func TestSomebodyActiveElsewhereAcceptsBySigningIn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.arrives(t)
	south, charter := s.establish(t, "south", plan{})
	s.invite(t, charter)
	token := s.tokenOf(t, s.userOf(t, south))
	_, err := s.Start(t.Context(), token, extension.Session{}, extension.Browser{})
	wantLink(t, err, onboard.LinkAccount)
	if err := s.Report(t.Context(), onboard.Report{Identity: s.session().Identity}); err != nil {
		t.Fatal(err)
	}
	if facts := s.userOf(t, south).Facts; !facts.Registered.IsZero() {
		t.Errorf("the account of another organisation slipped past Start: %+v", facts)
	}
	if place := s.place(t, onboard.Wish{}); place.Step != extension.StepIn || place.Organisation.Slug != "north" || len(place.Standings) != 2 {
		t.Errorf("%+v", place)
	}
	begunIn := func(want string) {
		t.Helper()
		var begun []string
		for _, standing := range s.place(t, onboard.Wish{}).Standings {
			if standing.Begun {
				begun = append(begun, standing.Organisation.Slug)
			}
		}
		if got := strings.Join(begun, " "); got != want {
			t.Errorf("they have begun in %q, want %q", got, want)
		}
	}
	begunIn("north")

	if _, err := s.Start(t.Context(), token, s.session(), extension.Browser{}); err != nil {
		t.Fatal(err)
	}
	begunIn("north south")
	place := s.place(t, onboard.Wish{})
	if place.Step != extension.StepAgree || place.Organisation.Slug != "south" || place.Terms.ID != charter.Terms.ID {
		t.Errorf("what is due comes first: %+v", place)
	}
	if wished := s.place(t, onboard.Wish{Slug: "north"}); wished.Step != extension.StepIn || wished.Organisation.Slug != "north" {
		t.Errorf("%+v", wished)
	}
	if _, err := s.Agree(t.Context(), s.session(), extension.Browser{IP: "192.0.2.7"}, charter.Terms.ID); err != nil {
		t.Fatal(err)
	}
	for _, standing := range s.place(t, onboard.Wish{Slug: "nowhere"}).Standings {
		if standing.Step != extension.StepIn || standing.Status != extension.Active {
			t.Errorf("%+v", standing)
		}
	}
}

func TestWhoeverIsPausedElsewhereCanSignInToAccept(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.arrives(t)
	south, charter := s.establish(t, "south", plan{})
	s.invite(t, charter)
	if _, err := s.db.SetPaused(t.Context(), s.admin, s.user(t).ID, s.now, s.now); err != nil {
		t.Fatal(err)
	}
	s.kratos.identity.Active = false
	if err := s.db.SetLeftInactive(t.Context(), s.kratos.identity.ID, s.now); err != nil {
		t.Fatal(err)
	}
	token := s.tokenOf(t, s.userOf(t, south))
	_, err := s.Start(t.Context(), token, extension.Session{}, extension.Browser{})
	wantLink(t, err, onboard.LinkAccount)
	if !s.kratos.identity.Active || s.kratos.sessions != 0 {
		t.Errorf("%+v with %d sessions", s.kratos.identity, s.kratos.sessions)
	}
	if place := s.place(t, onboard.Wish{}); place.Step != extension.StepAgree || place.Organisation.Slug != "south" {
		t.Errorf("%+v", place)
	}
}

func TestAnIdentityThatWasMadeForAnotherOrganisationIsStartedByEither(t *testing.T) {
	t.Parallel()
	s := setup(t)
	south, charter := s.establish(t, "south", plan{})
	s.invite(t, charter)
	if _, err := s.Start(t.Context(), s.tokenOf(t, s.userOf(t, south)), extension.Session{}, extension.Browser{}); err != nil {
		t.Fatal(err)
	}
	if !s.kratos.identity.Active || s.kratos.sessions != 1 {
		t.Errorf("%+v with %d sessions", s.kratos.identity, s.kratos.sessions)
	}
	s.registers()
	if place := s.place(t, onboard.Wish{}); place.Step != extension.StepAgree {
		t.Errorf("step %s, want agree", place.Step)
	}
}

func TestTwoStartsAtOnceLeaveOneSession(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*scene{
		"made":    setup(t),
		"planted": setupAs(t, plan{account: account(false, true)}),
	} {
		var wait sync.WaitGroup
		token, failed := s.token(t), make([]error, 2)
		for i := range failed {
			wait.Go(func() {
				_, failed[i] = s.Start(t.Context(), token, extension.Session{}, extension.Browser{})
			})
		}
		wait.Wait()
		if err := errors.Join(failed...); err != nil || s.kratos.sessions != 1 || s.kratos.identity.Registered {
			t.Errorf("%s: %v, %d sessions", name, err, s.kratos.sessions)
		}
	}
}

func TestALinkThatRanOutOrWasPausedStartsNoAccountEither(t *testing.T) {
	t.Parallel()
	s := setupAs(t, plan{account: account(true, true)})
	token := s.token(t)
	if _, err := s.db.SetPaused(t.Context(), s.admin, s.user(t).ID, s.now, s.now); err != nil {
		t.Fatal(err)
	}
	_, err := s.Start(t.Context(), token, s.session(), extension.Browser{})
	wantLink(t, err, onboard.LinkPaused)
	if _, err := s.db.SetPaused(t.Context(), s.admin, s.user(t).ID, time.Time{}, s.now); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(8 * 24 * time.Hour)
	_, err = s.Start(t.Context(), token, s.session(), extension.Browser{})
	wantLink(t, err, onboard.LinkExpired)
	if !s.user(t).Facts.Started.IsZero() {
		t.Error("started")
	}
}
