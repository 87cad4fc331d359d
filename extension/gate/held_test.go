package gate_test

import (
	"errors"
	"slices"
	"testing"

	"paperplane/extension"
	"paperplane/extension/gate"
)

// Kratos checks no code when there is a factor of the kind already: it takes the factor away, or does nothing.
func TestAFactorThatKratosHoldsAlreadyIsNotSetUp(t *testing.T) {
	t.Parallel()
	for method, kind := range map[extension.SettingsMethod]extension.Factor{
		extension.MethodTOTP: extension.FactorTOTP, extension.MethodWebAuthn: extension.FactorWebAuthn,
	} {
		s := &sessions{held: []extension.Factor{kind}}
		unknown := &rows{members: []extension.Member{member("east", active())}}
		if id, _ := judged(t, unknown, s, save(method)); id != gate.ObjectionFactor || len(unknown.proven) > 0 || !slices.Equal(slices.Compact(unknown.learnt), s.held) {
			t.Errorf("%s: objection %d, proofs %+v, learnt %v", method, id, unknown.proven, unknown.learnt)
		}
		known := &rows{members: []extension.Member{secured("east", kind, extension.FactorEmail)}, proofs: proven(extension.FactorEmail)}
		if id, _ := judged(t, known, s, save(method)); id != 0 || len(known.proven) > 0 || len(known.learnt) > 0 {
			t.Errorf("%s, confirmed: objection %d, proofs %+v, learnt %v", method, id, known.proven, known.learnt)
		}
	}
}

func TestAFactorThatOnlyKratosKnowsProtectsAllTheSame(t *testing.T) {
	t.Parallel()
	s := &sessions{held: []extension.Factor{extension.FactorTOTP}}
	for _, method := range []extension.SettingsMethod{extension.MethodPassword, extension.MethodLookupSecret, extension.MethodOIDC} {
		r := &rows{members: []extension.Member{member("east", active())}}
		if id, _ := judged(t, r, s, save(method)); id != gate.ObjectionFactor || !slices.Equal(slices.Compact(r.learnt), s.held) {
			t.Errorf("%s: objection %d, learnt %v", method, id, r.learnt)
		}
	}
	r := &rows{members: []extension.Member{member("east", active())}}
	objection, err := newGate(t, r, s).Before(t.Context(), gate.Opening{Identity: person, Session: here})
	if err != nil || objection == nil || len(r.opened) > 0 || !slices.Equal(slices.Compact(r.learnt), s.held) {
		t.Errorf("opening: %+v, %v; opened %v, learnt %v", objection, err, r.opened, r.learnt)
	}
	r.proofs = proven(extension.FactorTOTP) // its report is on its way
	objection, err = newGate(t, r, s).Before(t.Context(), gate.Opening{Identity: person, Session: here})
	if err != nil || objection != nil {
		t.Errorf("by whoever has set it up: %+v, %v", objection, err)
	}
}

func TestNothingIsJudgedWhileKratosDoesNotTellWhatItHolds(t *testing.T) {
	t.Parallel()
	s := &sessions{silent: &extension.TroubleError{Sentence: "Kratos does not answer."}}
	r := &rows{members: []extension.Member{member("east", active())}}
	if _, err := newGate(t, r, s).Guard(t.Context(), save(extension.MethodTOTP)); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("a change: %v", err)
	}
	if _, err := newGate(t, r, s).Before(t.Context(), gate.Opening{Identity: person, Session: here}); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("settings: %v", err)
	}
	r.members = []extension.Member{member("east", extension.Facts{Invited: noon()})}
	if _, err := newGate(t, r, s).Guard(t.Context(), save(extension.MethodPassword)); !errors.Is(err, extension.ErrUnavailable) {
		t.Errorf("whom it was made for: %v", err)
	}
}

// Somebody may own an account with an address long before that address is invited.
func TestAnInvitationThatNobodyHasAcceptedBindsNoAccount(t *testing.T) {
	t.Parallel()
	halted := extension.Facts{Invited: noon(), Paused: noon()}
	merely := member("east", halted)
	merely.User.Address, merely.User.Factors = traits().Email, []extension.Factor{extension.FactorSMS}
	r := &rows{members: []extension.Member{merely}}
	for _, method := range extension.SettingsMethods() {
		change := save(method)
		change.After.FirstName, change.After.Mobile = "", "+4915199999999"
		if id, _ := judged(t, r, &sessions{}, change); id != 0 || len(r.proven) > 0 || len(r.learnt) > 0 {
			t.Errorf("a stranger's %s: objection %d, proofs %+v, learnt %v", method, id, r.proven, r.learnt)
		}
	}
	objection, err := newGate(t, r, &sessions{}).Before(t.Context(), gate.Opening{Identity: person, Session: here})
	if err != nil || objection != nil || len(r.opened) > 0 {
		t.Errorf("a stranger's settings: %+v, %v; %v", objection, err, r.opened)
	}
	merely.User.Factors = nil
	r.members = []extension.Member{merely}
	if id, _ := judged(t, r, &sessions{mark: merely.User.ID}, save(extension.MethodPassword)); id != gate.ObjectionPaused {
		t.Errorf("an account that was made for them: objection %d", id)
	}
	r.members = append(r.members, member("west", paused()))
	if id, _ := judged(t, r, &sessions{}, save(extension.MethodPassword)); id != gate.ObjectionPaused {
		t.Errorf("paused wherever they are, invited elsewhere: objection %d", id)
	}
}

// Whoever takes a factor away and goes on at once must not be asked to show it.
func TestAFactorThatGoesWhileItIsAskedForRefusesNobody(t *testing.T) {
	t.Parallel()
	going := func() *rows {
		return &rows{members: []extension.Member{secured("east", extension.FactorTOTP)}, proofs: proven(extension.FactorTOTP), after: "proofs"}
	}
	r := going()
	objection, err := newGate(t, r, &sessions{}).Before(t.Context(), gate.Opening{Identity: person, Session: here})
	if err != nil || objection != nil || !slices.Equal(r.opened, []extension.SessionID{here}) {
		t.Errorf("opening: %+v, %v; opened %v", objection, err, r.opened)
	}
	if id, _ := judged(t, going(), &sessions{}, save(extension.MethodPassword)); id != 0 {
		t.Errorf("a change: objection %d", id)
	}
}
