package onboard_test

import (
	"errors"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

func TestAResetLeadsThroughSetUpAgain(t *testing.T) {
	t.Parallel()
	s := secured(t)
	form, _, err := s.TOTP(t.Context(), s.session(), extension.Browser{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EnrolTOTP(t.Context(), s.session(), extension.Browser{}, form.ID, s.door.code); err != nil {
		t.Fatal(err)
	}
	s.kratos.identity.Recovery, s.kratos.sessions = true, 1
	inviter := extension.Actor{Organisation: s.admin.Organisation, Right: extension.RightInviter}
	if err := s.ResetFactors(t.Context(), inviter, s.user(t).ID); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("an inviter: %v", err)
	}
	stranger := extension.System(extension.NewID[extension.OrganisationID](), "Eve")
	if err := s.ResetFactors(t.Context(), stranger, s.user(t).ID); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("an administrator of another organisation: %v", err)
	}
	s.kratos.before = func(call string) error {
		if call == "remove factors" {
			return errCrash
		}
		return nil
	}
	if err := s.ResetFactors(t.Context(), s.admin, s.user(t).ID); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	s.kratos.before = nil
	if err := s.ResetFactors(t.Context(), s.admin, s.user(t).ID); err != nil {
		t.Fatal(err)
	}
	if k := s.kratos; len(k.identity.Factors) > 0 || k.identity.Recovery || k.sessions != 0 || len(s.user(t).Factors) > 0 {
		t.Errorf("%+v with %d sessions; %v", k.identity, k.sessions, s.user(t).Factors)
	}
	if step := s.next(t); step != extension.StepSecure {
		t.Errorf("step %s, want secure", step)
	}
}

func TestOnlyTheOperatorResetsWhatSeveralOrganisationsShare(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.shows(t, extension.FactorEmail)
	_, charter := s.establish(t, "south", plan{})
	s.invite(t, charter)
	shared := func(want bool) {
		t.Helper()
		if got, err := s.SharedWithOthers(t.Context(), s.admin, s.user(t).ID); err != nil || got != want {
			t.Errorf("it is shared with others: %v, %v", got, err)
		}
	}
	shared(false) // another organisation has merely invited them
	if err := s.ResetFactors(t.Context(), s.admin, s.user(t).ID); err != nil || len(s.user(t).Factors) > 0 {
		t.Errorf("%v, %v", err, s.user(t).Factors)
	}
	s.signsIn()
	s.execute(t, `DELETE FROM code_sends`)
	s.shows(t, extension.FactorEmail)
	s.execute(t, `UPDATE users SET started_at = coalesce(started_at, now())`)
	shared(true)
	if err := s.ResetFactors(t.Context(), s.admin, s.user(t).ID); !errors.Is(err, extension.ErrConflict) || len(s.user(t).Factors) != 1 {
		t.Errorf("%v, %v", err, s.user(t).Factors)
	}
	if err := s.ResetFactorsEverywhere(t.Context(), s.admin, s.user(t).ID); err != nil || len(s.user(t).Factors) > 0 {
		t.Errorf("%v, %v", err, s.user(t).Factors)
	}
}

func TestAnIdentityThatIsGoneHasNothingToReset(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.kratos.deleted = true
	if err := s.ResetFactors(t.Context(), s.admin, s.user(t).ID); err != nil {
		t.Error(err)
	}
}

// taken is a scene in which the invitee was told that somebody else has their number.
func taken(t *testing.T) *scene {
	t.Helper()
	s := setup(t)
	s.started(t)
	s.kratos.holder = *account(false, true)
	s.door.takes = func() error {
		if s.kratos.identity.ID != "" && s.kratos.holder.Traits.Mobile == "+46701740606" {
			return kratosSays("", 4000007, "taken")
		}
		return nil
	}
	_, err := s.Register(t.Context(), s.session(), extension.Browser{}, details())
	if invalid, ok := errors.AsType[*extension.InvalidError](err); !ok || invalid.Fields[0] != (extension.FieldError{Field: "mobile", Message: onboard.StumbleNumberTaken}) {
		t.Fatal(err)
	}
	if stumble := s.user(t).Stumbled(s.now); stumble.Sentence != onboard.StumbleNumberTaken || stumble.Step != extension.StepRegister {
		t.Fatal(stumble)
	}
	return s
}

func details() onboard.Registration {
	return onboard.Registration{FirstName: "Bob", LastName: "Builder", Mobile: "+46701740606", Email: address, Password: "long enough by far"}
}

func TestANumberThatNobodyHasProvenIsFreed(t *testing.T) {
	t.Parallel()
	s := taken(t)
	if err := s.FreeMobile(t.Context(), s.admin, s.user(t).ID, "+46 70 174 06 06"); err != nil {
		t.Fatal(err)
	}
	if s.kratos.holder.Traits.Mobile != "" || len(s.db.noted) != 1 || s.db.noted[0].User != s.user(t).ID || s.db.noted[0].Actor != "Ada Admin" ||
		strings.Contains(s.db.noted[0].Detail, "46701740606") {
		t.Errorf("%+v, %+v", s.kratos.holder, s.db.noted)
	}
	if _, err := s.Register(t.Context(), s.session(), extension.Browser{}, details()); err != nil || s.next(t) != extension.StepAgree {
		t.Errorf("%v", err)
	}
}

func TestANumberStaysWhereItMayBelong(t *testing.T) {
	t.Parallel()
	s := taken(t)
	free := func(number string) error { return s.FreeMobile(t.Context(), s.admin, s.user(t).ID, number) }
	for number, words := range map[string]string{"+46701740607": "No account has", "0701740606": "Start with +"} {
		wantMobile(t, free(number), words)
	}
	holder := s.kratos.holder
	s.kratos.holder.Member = false
	wantMobile(t, free("+46701740606"), "another organisation or application")
	s.kratos.holder = holder
	s.kratos.holder.ID = s.kratos.identity.ID
	wantMobile(t, free("+46701740606"), "own account")
	s.kratos.holder = holder
	s.linksElsewhere(t, holder)
	wantMobile(t, free("+46701740606"), "another organisation or application")
	if err := s.FreeMobile(t.Context(), extension.Actor{Organisation: s.admin.Organisation}, s.user(t).ID, "+46701740606"); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("nobody: %v", err)
	}
	s.execute(t, `INSERT INTO factors (identity_id, kind, address, proven_at) VALUES ('`+string(holder.ID)+`', 'sms', '+46701740606', now())`)
	wantMobile(t, free("+46701740606"), "has proven it")
	if s.kratos.holder.Traits.Mobile == "" || len(s.db.noted) > 0 {
		t.Errorf("%+v, %+v", s.kratos.holder, s.db.noted)
	}
	other := setup(t)
	if err := other.FreeMobile(t.Context(), other.admin, other.user(t).ID, "+46701740606"); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("for somebody who was told nothing: %v", err)
	}
}

func TestTheOperatorFreesANumberThatAnotherOrganisationHas(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.kratos.holder = extension.Identity{ID: extension.NewID[extension.IdentityID](), Member: true, Active: true, Traits: extension.Traits{Email: "sue@example.com", Mobile: "+46701740606"}}
	free := func() error { return s.FreeMobileEverywhere(t.Context(), s.admin, s.user(t).ID, "+46 70 174 06 06") }
	s.linksElsewhere(t, s.kratos.holder)
	s.kratos.holder.Member = false
	wantMobile(t, free(), "another application")
	s.kratos.holder.Member = true
	s.execute(t, `INSERT INTO factors (identity_id, kind, address, proven_at) VALUES ('`+string(s.kratos.holder.ID)+`', 'sms', '+46701740606', now())`)
	wantMobile(t, free(), "has proven it")
	s.execute(t, `DELETE FROM factors`)
	if err := free(); err != nil { // the user was told nothing, and need not be
		t.Fatal(err)
	}
	if s.kratos.holder.Traits.Mobile != "" || len(s.db.noted) != 1 || s.db.noted[0].Organisation != s.admin.Organisation || s.db.noted[0].Actor != "Ada Admin" {
		t.Errorf("%+v, %+v", s.kratos.holder, s.db.noted)
	}
}

// linksElsewhere makes an identity a user's of another organisation.
func (s *scene) linksElsewhere(t *testing.T, identity extension.Identity) {
	t.Helper()
	invitee := s.kratos.identity
	s.kratos.identity = identity
	_, charter := s.establish(t, "south", plan{})
	s.invite(t, charter)
	s.kratos.identity = invitee
}

func wantMobile(t *testing.T, err error, words string) {
	t.Helper()
	invalid, ok := errors.AsType[*extension.InvalidError](err)
	if !ok || len(invalid.Fields) != 1 || invalid.Fields[0].Field != "mobile" || !strings.Contains(invalid.Fields[0].Message, words) {
		t.Errorf("%v, want %q at the mobile", err, words)
	}
}

func TestASocialSignInTakesThePlaceOfThePassword(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.started(t)
	typed := details()
	typed.Password, typed.LastName = "", ""
	if _, _, err := s.RegisterWith(t.Context(), s.session(), extension.Browser{}, typed, "google"); err == nil || s.door.linked != "" {
		t.Errorf("without a last name: %v", err)
	}
	typed.LastName = "Builder"
	location, reply, err := s.RegisterWith(t.Context(), s.session(), extension.Browser{}, typed, "google")
	if err != nil || location != "https://id.example.com/authorize" || s.door.linked != "google" || len(reply.SetCookies) == 0 {
		t.Fatal(location, reply, err)
	}
	if s.kratos.identity.Traits.Mobile != "+46701740606" || s.next(t) != extension.StepRegister {
		t.Errorf("%+v", s.kratos.identity.Traits)
	}
	s.kratos.identity.Registered = true // the browser has come back
	if step := s.next(t); step != extension.StepAgree {
		t.Errorf("step %s, want agree", step)
	}
	_, _, err = s.RegisterWith(t.Context(), s.session(), extension.Browser{}, typed, "google")
	wantStep(t, "twice", err, extension.StepAgree)
}
