package onboard_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// What was shown to Kratos itself counts only where the operator says so. A code of the app that is found there is as good as
// used all the same.
func TestASecondStepPastOurPagesDoesNotCount(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.shows(t, extension.FactorSMS)
	s.signsIn()
	strict := onboard.New(onboard.Options{Store: s.db, Identities: s.kratos, Secret: []byte("of another replica"), Now: s.clock})
	for name, w := range map[string]onboard.Witnessed{
		"app":          {Method: "totp"},
		"text message": {Method: "code", Codes: []string{"+46701740605"}},
		"on paper":     {Method: "lookup_secret"},
		"key":          {Method: "webauthn"},
		"unknown":      {Method: "code"},
	} {
		w.Identity, w.Session, w.Flow, w.Ticket = s.kratos.identity.ID, s.session().ID, "flow", "made up"
		if err := strict.Witness(t.Context(), w); !errors.Is(err, extension.ErrPastPages) {
			t.Errorf("%s: %v", name, err)
		}
	}
	proofs, err := s.db.Proofs(t.Context(), s.session().ID)
	if err != nil || len(proofs) > 0 {
		t.Errorf("proofs %v, %v", proofs, err)
	}
	another := onboard.Witnessed{Identity: s.kratos.identity.ID, Session: s.session().ID, Method: "totp", Flow: "another"}
	if err := s.Witness(t.Context(), another); !errors.Is(err, extension.ErrCodeUsed) {
		t.Errorf("right after it, another code of the app: %v", err)
	}
}

// A ticket is worth nothing in another flow, session or method, and neither is what the browser keeps of a code that was sent.
func TestATicketCountsWhereItWasMadeFor(t *testing.T) {
	t.Parallel()
	s := secured(t)
	s.shows(t, extension.FactorSMS)
	s.signsIn()
	s.rest(t)
	sending, _, err := s.SendCode(t.Context(), s.session(), extension.Browser{}, extension.FactorSMS)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.confirms(t, extension.FactorSMS, sending, "000000"); err == nil {
		t.Fatal("a wrong code is taken")
	}
	submitted := s.door.methods[len(s.door.methods)-1]
	ticket, flow := submitted[extension.TicketField], strings.TrimPrefix(submitted["csrf_token"], "token of ")
	if ticket == "" || ticket == sending {
		t.Fatal("the submit has no ticket of its own")
	}
	strict := onboard.New(onboard.Options{Store: s.db, Identities: s.kratos, Now: s.clock})
	right := onboard.Witnessed{
		Identity: s.kratos.identity.ID, Session: s.session().ID, Method: "code", Flow: flow, Ticket: ticket, Codes: []string{"+46701740605"},
	}
	for name, change := range map[string]func(*onboard.Witnessed){
		"another flow":              func(w *onboard.Witnessed) { w.Flow = "another" },
		"another session":           func(w *onboard.Witnessed) { w.Session = extension.NewID[extension.SessionID]() },
		"another method":            func(w *onboard.Witnessed) { w.Method = "lookup_secret" },
		"what the browser was told": func(w *onboard.Witnessed) { w.Ticket = sending },
		"none":                      func(w *onboard.Witnessed) { w.Ticket = "" },
	} {
		w := right
		change(&w)
		if err := strict.Witness(t.Context(), w); !errors.Is(err, extension.ErrPastPages) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := strict.Witness(t.Context(), right); err != nil {
		t.Errorf("in its own: %v", err)
	}
	if proofs, err := s.db.Proofs(t.Context(), s.session().ID); err != nil || !slices.Equal(proofs, []extension.Factor{extension.FactorSMS}) {
		t.Errorf("proofs %v, %v", proofs, err)
	}
}
