package onboard_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// secured is a scene in which the organisation demands a second factor and the invitee has registered.
func secured(t *testing.T, ways ...extension.Factor) *scene {
	t.Helper()
	s := setupAs(t, plan{twoFactor: extension.TwoFactorRequired, ways: ways})
	s.started(t)
	s.registers()
	if step := s.next(t); step != extension.StepSecure {
		t.Fatalf("step %s, want secure", step)
	}
	return s
}

// shows sends a code and types it.
func (s *scene) shows(t *testing.T, way extension.Factor) {
	t.Helper()
	flow, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, way)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.confirms(t, way, flow, s.door.code); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) confirms(t *testing.T, way extension.Factor, flow, code string) (extension.Reply, error) {
	t.Helper()
	return s.Confirm(t.Context(), s.session(), extension.Browser{}, onboard.Confirmation{Way: way, Sent: flow, Code: code})
}

// rest lets the pause between two codes pass.
func (s *scene) rest(t *testing.T) {
	t.Helper()
	s.execute(t, "UPDATE code_sends SET sent_at = sent_at - interval '2 minutes'")
}

func (s *scene) ways(t *testing.T) []onboard.Way {
	t.Helper()
	ways, err := s.Ways(t.Context(), s.session(), s.place(t, onboard.Wish{}))
	if err != nil {
		t.Fatal(err)
	}
	return ways
}

func wantFault(t *testing.T, err error, words string) {
	t.Helper()
	invalid, ok := errors.AsType[*extension.InvalidError](err)
	if !ok || len(invalid.Fields) != 1 || invalid.Fields[0].Field != "code" || !strings.Contains(invalid.Fields[0].Message, words) {
		t.Errorf("%v, want %q at the code", err, words)
	}
}

func TestACodeSetsASecondFactorUpOnceAndIsAskedForAtEverySignIn(t *testing.T) {
	t.Parallel()
	s := secured(t)
	want := []onboard.Way{
		{Kind: extension.FactorTOTP}, {Kind: extension.FactorSMS, Masked: "••• 605"}, {Kind: extension.FactorEmail, Masked: "b•••@example.com"},
	}
	if diff := cmp.Diff(want, s.ways(t)); diff != "" {
		t.Error(diff)
	}
	flow, reply, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	if err != nil || flow == "" || len(reply.SetCookies) == 0 || !slices.Equal(s.door.sent, []string{"+46701740605"}) {
		t.Fatal(flow, reply, err, s.door.sent)
	}
	for range extension.GuessesPerWindow {
		_, err := s.confirms(t, extension.FactorSMS, flow, "000000")
		wantFault(t, err, "Type the newest one that you were sent")
	}
	if stumble := s.user(t).Stumble; stumble.Step != extension.StepSecure || !strings.Contains(stumble.Sentence, "code is not right") {
		t.Errorf("%+v", stumble)
	}
	_, err = s.confirms(t, extension.FactorSMS, flow, s.door.code)
	wantFault(t, err, "Wait fifteen minutes")
	s.execute(t, `UPDATE code_failures SET window_began = window_began - interval '16 minutes'`)
	_, err = s.confirms(t, extension.FactorSMS, flow, s.door.code)
	wantFault(t, err, "it cannot be told where it was sent")
	if step := s.next(t); step != extension.StepSecure {
		t.Errorf("step %s: a code of who knows where set a factor up", step)
	}
	s.rest(t)
	if flow, _, err = s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS); err != nil {
		t.Fatal(err)
	}
	if reply, err := s.confirms(t, extension.FactorSMS, flow, " 123-456 "); err != nil || len(reply.SetCookies) == 0 {
		t.Fatal(reply, err)
	}
	if step := s.next(t); step != extension.StepAgree {
		t.Errorf("step %s, want agree", step)
	}
	s.accepts(t)
	if step := s.next(t); step != extension.StepIn {
		t.Errorf("step %s, want in", step)
	}

	s.signsIn()
	if step := s.next(t); step != extension.StepConfirm {
		t.Errorf("step %s, want confirm", step)
	}
	ways := s.ways(t)
	if len(ways) != 1 || ways[0].Kind != extension.FactorSMS || !ways[0].Proven || ways[0].Next.IsZero() {
		t.Errorf("%+v", ways)
	}
	s.rest(t)
	s.shows(t, extension.FactorSMS)
	if step := s.next(t); step != extension.StepIn {
		t.Errorf("step %s, want in", step)
	}
}

func TestNoCodeIsSentAgainWithinAMinute(t *testing.T) {
	t.Parallel()
	s := secured(t)
	if _, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorEmail); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorEmail)
	if cooldown, ok := errors.AsType[*extension.CooldownError](err); !ok || cooldown.Until.IsZero() || len(s.door.sent) != 1 {
		t.Errorf("%v, sent to %v", err, s.door.sent)
	}
	if _, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS); err != nil {
		t.Errorf("the other way: %v", err)
	}
}

func TestARightCodeCountsOnlyOnceWeHaveWitnessedIt(t *testing.T) {
	t.Parallel()
	s := secured(t)
	flow, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorEmail)
	if err != nil {
		t.Fatal(err)
	}
	s.door.unheard = true
	_, err = s.confirms(t, extension.FactorEmail, flow, s.door.code)
	wantFault(t, err, "cannot be told where it was sent")
	if step := s.next(t); step != extension.StepSecure {
		t.Errorf("step %s, want secure", step)
	}
}

func TestWhoKnowsOnlyThePasswordAddsAndChangesNoFactor(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.shows(t, extension.FactorEmail)
	s.accepts(t)
	s.signsIn()
	b := extension.Browser{}
	for name, do := range map[string]func() error{
		"another way": func() error { _, _, err := s.SendCode(t.Context(), s.session(), b, extension.FactorSMS); return err },
		"its code":    func() error { _, err := s.confirms(t, extension.FactorSMS, "flow", s.door.code); return err },
		"no factor":   func() error { _, err := s.confirms(t, extension.FactorTOTP, "", s.door.code); return err },
		"no page":     func() error { _, err := s.confirms(t, extension.FactorWebAuthn, "", "x"); return err },
		"app":         func() error { _, _, err := s.TOTP(t.Context(), s.session(), b, ""); return err },
		"app's code":  func() error { _, err := s.EnrolTOTP(t.Context(), s.session(), b, "flow", s.door.code); return err },
		"new codes":   func() error { _, _, _, err := s.RecoveryCodes(t.Context(), s.session(), b); return err },
		"kept codes":  func() error { _, err := s.KeepRecoveryCodes(t.Context(), s.session(), b, "flow"); return err },
		"terms":       func() error { _, err := s.Agree(t.Context(), s.session(), b, s.terms.ID); return err },
	} {
		wantStep(t, name, do(), extension.StepConfirm)
	}
	err := s.Witness(t.Context(), onboard.Witnessed{
		Identity: s.kratos.identity.ID, Session: s.session().ID, Method: "code", Codes: []string{"+46701740605"},
	})
	if err != nil || s.next(t) != extension.StepConfirm {
		t.Errorf("a code to a number that proves nothing let somebody in: %v", err)
	}
	s.rest(t)
	s.shows(t, extension.FactorEmail)
	s.shows(t, extension.FactorSMS)
	if factors := s.user(t).Factors; !slices.Equal(factors, []extension.Factor{extension.FactorEmail, extension.FactorSMS}) {
		t.Errorf("a confirmed session adds one: %v", factors)
	}
}

func TestAnAuthenticatorAppIsSetUpWithACodeOfItsOwn(t *testing.T) {
	t.Parallel()
	s := secured(t)
	b := extension.Browser{}
	s.door.expired = "old"
	form, _, err := s.TOTP(t.Context(), s.session(), b, "old")
	if err != nil || form.ID == "" || form.ID == "old" {
		t.Fatal(form, err)
	}
	_, err = s.EnrolTOTP(t.Context(), s.session(), b, form.ID, "")
	wantFault(t, err, "Enter the code")
	_, err = s.EnrolTOTP(t.Context(), s.session(), b, form.ID, "000000")
	wantFault(t, err, "clock")
	for _, flow := range []string{"", "old"} {
		if _, err := s.EnrolTOTP(t.Context(), s.session(), b, flow, s.door.code); !errors.Is(err, extension.ErrFlowExpired) {
			t.Errorf("flow %q: %v", flow, err)
		}
	}
	if _, err := s.EnrolTOTP(t.Context(), s.session(), b, form.ID, "123 456"); err != nil {
		t.Fatal(err)
	}
	if step := s.next(t); step != extension.StepAgree {
		t.Errorf("step %s, want agree", step)
	}
	flow, codes, _, err := s.RecoveryCodes(t.Context(), s.session(), b)
	if err != nil || len(codes) != 1 || s.kratos.identity.Recovery {
		t.Fatal(flow, codes, err)
	}
	if _, err := s.KeepRecoveryCodes(t.Context(), s.session(), b, ""); !errors.Is(err, extension.ErrFlowExpired) {
		t.Error(err)
	}
	if _, err := s.KeepRecoveryCodes(t.Context(), s.session(), b, flow); err != nil || !s.kratos.identity.Recovery {
		t.Fatal(err)
	}

	s.signsIn()
	if ways := s.ways(t); len(ways) != 2 || ways[0].Kind != extension.FactorTOTP || ways[1].Kind != extension.FactorRecovery {
		t.Errorf("%+v", ways)
	}
	_, err = s.confirms(t, extension.FactorTOTP, "", "000000")
	wantFault(t, err, "clock")
	_, err = s.confirms(t, extension.FactorRecovery, "", "00000000")
	wantFault(t, err, "none of your recovery codes")
	if _, err := s.confirms(t, extension.FactorRecovery, "old", "ABCD-1234"); err != nil {
		t.Errorf("in a flow that had run out: %v", err)
	}
	if step := s.next(t); step != extension.StepAgree {
		t.Errorf("step %s, want agree", step)
	}
	s.signsIn()
	s.execute(t, "UPDATE app_codes SET at = at - interval '90 seconds'")
	if _, err := s.confirms(t, extension.FactorTOTP, "old", s.door.code); err != nil || s.next(t) != extension.StepAgree {
		t.Errorf("by the app, in a flow that had run out: %v", err)
	}
	want := map[string]string{"method": "totp", "totp_code": "123456"}
	got := s.door.methods[len(s.door.methods)-1]
	delete(got, "csrf_token")
	delete(got, extension.TicketField)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestACodeThatIsSpentSaysSo(t *testing.T) {
	t.Parallel()
	s := secured(t)
	flow, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	if err != nil {
		t.Fatal(err)
	}
	s.door.wrong = 4000001
	_, err = s.confirms(t, extension.FactorSMS, flow, "000000")
	wantFault(t, err, "too many wrong ones")
}

func TestACodeThatWasSentDiesWithItsFlow(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.door.expired = "old"
	for _, flow := range []string{"", "old"} {
		if _, err := s.confirms(t, extension.FactorSMS, flow, s.door.code); !errors.Is(err, extension.ErrFlowExpired) {
			t.Errorf("flow %q: %v", flow, err)
		}
	}
	_, err := s.confirms(t, extension.FactorSMS, "flow", " - ")
	wantFault(t, err, "Enter the code")
}

func TestOnlyWaysThatTheOrganisationAllowsSatisfyIt(t *testing.T) {
	t.Parallel()
	s := secured(t, extension.FactorTOTP)
	if ways := s.ways(t); len(ways) != 1 || ways[0].Kind != extension.FactorTOTP {
		t.Errorf("%+v", ways)
	}
	_, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	wantStep(t, "a way that is not allowed", err, extension.StepSecure)
	if len(s.door.sent) > 0 {
		t.Errorf("sent to %v", s.door.sent)
	}
}

func TestAFactorOfOnesOwnIsShownBeforeAnotherIsSetUp(t *testing.T) {
	t.Parallel()
	s := secured(t, extension.FactorEmail)
	s.shows(t, extension.FactorEmail)
	s.accepts(t)
	s.execute(t, "UPDATE organisations SET two_factor_ways = '{totp}'")
	s.signsIn()
	if step := s.next(t); step != extension.StepConfirm {
		t.Fatalf("step %s, want confirm", step)
	}
	if ways := s.ways(t); len(ways) != 1 || ways[0].Kind != extension.FactorEmail {
		t.Errorf("%+v", ways)
	}
	s.rest(t)
	s.shows(t, extension.FactorEmail)
	if step := s.next(t); step != extension.StepSecure {
		t.Errorf("step %s, want secure", step)
	}
}

func TestWhoeverIsInSetsFactorsUpByThemselves(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.arrives(t)
	if ways := s.ways(t); len(ways) != 3 || ways[0].Proven {
		t.Errorf("%+v", ways)
	}
	form, _, err := s.TOTP(t.Context(), s.session(), extension.Browser{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EnrolTOTP(t.Context(), s.session(), extension.Browser{}, form.ID, s.door.code); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := s.RecoveryCodes(t.Context(), s.session(), extension.Browser{}); err != nil {
		t.Error(err)
	}
	s.signsIn() // no second factor is demanded, but this one protects itself
	_, _, err = s.TOTP(t.Context(), s.session(), extension.Browser{}, "")
	wantStep(t, "password alone", err, extension.StepIn)
	s.execute(t, "UPDATE app_codes SET at = at - interval '90 seconds'")
	if _, err := s.confirms(t, extension.FactorTOTP, "", s.door.code); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.TOTP(t.Context(), s.session(), extension.Browser{}, ""); err != nil {
		t.Error(err)
	}
}

func TestSomebodyWithoutANumberChoosesAnotherWay(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.arrives(t)
	s.kratos.identity.Traits.Mobile = ""
	if err := s.Report(t.Context(), onboard.Report{Identity: s.kratos.identity.ID}); err != nil {
		t.Fatal(err)
	}
	if ways := s.ways(t); slices.ContainsFunc(ways, func(w onboard.Way) bool { return w.Kind == extension.FactorSMS }) {
		t.Errorf("%+v", ways)
	}
	_, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	if _, ok := errors.AsType[*extension.InvalidError](err); !ok || len(s.door.sent) > 0 {
		t.Errorf("%v", err)
	}
}

func TestWhoeverIsKeptOutShowsNothing(t *testing.T) {
	t.Parallel()
	for step, change := range map[extension.Step]func(s *scene){
		extension.StepPaused: func(s *scene) {
			if _, err := s.db.SetPaused(t.Context(), s.admin, s.user(t).ID, s.now, s.now); err != nil {
				t.Fatal(err)
			}
		},
		extension.StepExpired: func(s *scene) { s.now = s.now.Add(8 * 24 * time.Hour) },
	} {
		s := secured(t)
		change(s)
		_, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
		wantStep(t, "send", err, step)
		_, err = s.confirms(t, extension.FactorSMS, "flow", s.door.code)
		wantStep(t, "confirm", err, step)
		_, _, err = s.TOTP(t.Context(), s.session(), extension.Browser{}, "")
		wantStep(t, "app", err, step)
	}
}

// otherPerson is the settings of somebody else, who has signed in in the same browser meanwhile.
type otherPerson struct{ *door }

func (otherPerson) SettingsForm(context.Context, extension.Browser, string) (extension.Form, extension.Reply, error) {
	return extension.Form{ID: "theirs", Identity: extension.NewID[extension.IdentityID]()}, extension.Reply{}, nil
}

func TestABrowserThatHasChangedHandsChangesNothing(t *testing.T) {
	t.Parallel()
	s := secured(t)
	other := s.with(otherPerson{s.door})
	if _, _, err := other.TOTP(t.Context(), s.session(), extension.Browser{}, ""); !errors.Is(err, extension.ErrNoSession) {
		t.Error(err)
	}
	if _, err := other.EnrolTOTP(t.Context(), s.session(), extension.Browser{}, "flow", s.door.code); !errors.Is(err, extension.ErrNoSession) {
		t.Error(err)
	}
	if len(s.kratos.identity.Factors) > 0 {
		t.Errorf("%v", s.kratos.identity.Factors)
	}
}
