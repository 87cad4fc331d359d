package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/gate"
)

func TestADecisionNamesTheLevelThatWeHaveWitnessed(t *testing.T) {
	t.Parallel()
	off := secured("east", extension.FactorTOTP)
	off.Organisation.TwoFactor = extension.TwoFactorOff
	weak := secured("east", extension.FactorEmail, extension.FactorTOTP)
	weak.Organisation.Ways = []extension.Factor{extension.FactorTOTP}
	for name, c := range map[string]struct {
		member extension.Member
		proofs []extension.Factor
		step   extension.Step
		aal    extension.AAL
	}{
		"nothing shown, nothing asked":   {off, nil, extension.StepIn, extension.AAL1},
		"shown where it is not asked":    {off, []extension.Factor{extension.FactorTOTP}, extension.StepIn, extension.AAL2},
		"nothing shown where it is":      {secured("east", extension.FactorTOTP), nil, extension.StepConfirm, extension.AAL1},
		"shown where it is":              {secured("east", extension.FactorTOTP), []extension.Factor{extension.FactorTOTP}, extension.StepIn, extension.AAL2},
		"a recovery code":                {secured("east", extension.FactorTOTP), []extension.Factor{extension.FactorRecovery}, extension.StepIn, extension.AAL2},
		"a way that is not accepted":     {weak, []extension.Factor{extension.FactorEmail}, extension.StepConfirm, extension.AAL1},
		"a kind that is not the user's":  {secured("east", extension.FactorTOTP), []extension.Factor{extension.FactorSMS}, extension.StepConfirm, extension.AAL1},
		"a proof of a factor that went":  {member("east", active()), []extension.Factor{extension.FactorTOTP}, extension.StepIn, extension.AAL1},
		"Kratos' word is not asked here": {off, nil, extension.StepIn, extension.AAL1},
	} {
		r := &rows{members: []extension.Member{c.member}, proofs: proven(c.proofs...)}
		session := extension.Session{ID: here, Identity: person, AAL: extension.AAL2}
		decision, err := newGate(t, r, &sessions{}).Decide(t.Context(), session, "east")
		if err != nil || decision.Step != c.step || decision.AAL != c.aal || decision.Allowed() != (c.step == extension.StepIn) {
			t.Errorf("%s: step %s, %s, %v; want %s, %s", name, decision.Step, decision.AAL, err, c.step, c.aal)
		}
		if diff := cmp.Diff([]string{"entry"}, r.asked); diff != "" {
			t.Errorf("%s: not one query: %s", name, diff)
		}
	}
}

func browser(value string) gate.Caller {
	return gate.Caller{Browser: extension.Browser{Cookies: "theme=dark; " + cookieKey + "=" + value + "; " + cookieKey + "=second"}}
}

func TestEveryRequestAsksKratosAndTheDatabase(t *testing.T) {
	t.Parallel()
	for name, caller := range map[string]gate.Caller{"a browser": browser(cookie), "a token": {Token: "ory_st_x"}, "a token beside cookies": {Browser: browser(cookie).Browser, Token: "ory_st_x"}} {
		r := &rows{members: []extension.Member{member("east", active())}}
		s := &sessions{session: extension.Session{ID: here, Identity: person}}
		g := newGate(t, r, s)
		for n := 1; n <= 3; n++ {
			decision, err := g.Admit(t.Context(), caller, "east")
			if err != nil || !decision.Allowed() || len(r.asked) != n || len(s.asked)+len(s.tokens) != n {
				t.Fatalf("%s, request %d: %+v, %v; the database was asked %d times, Kratos %d", name, n, decision, err, len(r.asked), len(s.asked)+len(s.tokens))
			}
		}
		if tokens := len(s.tokens) == 3; tokens != (caller.Token != "") {
			t.Errorf("%s: Kratos was asked about %d tokens", name, len(s.tokens))
		}
	}
}

func TestAPauseTakesEffectOnTheVeryNextRequest(t *testing.T) {
	t.Parallel()
	r := &rows{members: []extension.Member{member("east", active())}}
	g := newGate(t, r, &sessions{session: extension.Session{ID: here, Identity: person}})
	for range 2 {
		if decision, err := g.Admit(t.Context(), browser(cookie), "east"); err != nil || !decision.Allowed() {
			t.Fatalf("before: %+v, %v", decision, err)
		}
	}
	r.members = []extension.Member{member("east", paused())}
	if decision, err := g.Admit(t.Context(), browser(cookie), "east"); err != nil || decision.Step != extension.StepPaused {
		t.Errorf("after: %+v, %v", decision, err)
	}
}

// What was known of a credential makes an answer quicker and never different.
func TestAGuessThatNoLongerHoldsDecidesNothing(t *testing.T) {
	t.Parallel()
	down := &extension.TroubleError{Sentence: "Kratos does not answer."}
	for name, c := range map[string]struct {
		later sessions
		fails error
		step  extension.Step
	}{
		"the session ended":          {sessions{err: extension.ErrNoSession}, extension.ErrNoSession, ""},
		"Kratos is down":             {sessions{err: down}, extension.ErrUnavailable, ""},
		"it is another's now":        {sessions{session: extension.Session{ID: here, Identity: stranger}}, extension.ErrNotFound, ""},
		"it is another session":      {sessions{session: extension.Session{ID: elsewhere, Identity: person}}, nil, extension.StepConfirm},
		"it still is the very same":  {sessions{session: extension.Session{ID: here, Identity: person}}, nil, extension.StepIn},
		"it has lost its session id": {sessions{session: extension.Session{Identity: person}}, nil, extension.StepConfirm},
	} {
		r := &rows{members: []extension.Member{secured("east", extension.FactorTOTP)}, proofs: proven(extension.FactorTOTP)}
		s := &sessions{session: extension.Session{ID: here, Identity: person}}
		g := newGate(t, r, s)
		if decision, err := g.Admit(t.Context(), browser(cookie), "east"); err != nil || !decision.Allowed() {
			t.Fatalf("%s, before: %+v, %v", name, decision, err)
		}
		*s = c.later
		decision, err := g.Admit(t.Context(), browser(cookie), "east")
		if !errors.Is(err, c.fails) || decision.Step != c.step {
			t.Errorf("%s: %+v, %v; want %q, %v", name, decision, err, c.step, c.fails)
		}
	}
}

func TestTheGateIsShutWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	r := &rows{members: []extension.Member{member("east", active())}}
	g := newGate(t, r, &sessions{session: extension.Session{ID: here, Identity: person}})
	if _, err := g.Admit(t.Context(), browser(cookie), "east"); err != nil {
		t.Fatal(err)
	}
	r.fails = map[string]error{"entry": &extension.TroubleError{Sentence: "The database does not answer."}}
	for _, caller := range []gate.Caller{browser(cookie), browser("another"), {Token: "ory_st_x"}} {
		if decision, err := g.Admit(t.Context(), caller, "east"); !errors.Is(err, extension.ErrUnavailable) || decision.Allowed() {
			t.Errorf("%+v, %v", decision, err)
		}
	}
}

func TestManyCredentialsAreGuessedAtWithoutEnd(t *testing.T) {
	t.Parallel()
	s := &sessions{session: extension.Session{ID: here, Identity: person}}
	g := newGate(t, &rows{members: []extension.Member{member("east", active())}}, s)
	for i := range 40_000 {
		if _, err := g.Admit(t.Context(), gate.Caller{Token: fmt.Sprint("ory_st_", i)}, "east"); err != nil {
			t.Fatal(err)
		}
		s.tokens = nil
	}
	if most := g.Seen(); most > 16384 {
		t.Errorf("%d sessions are kept", most)
	}
}

func TestNoErrorOfTheGateQuotesACredential(t *testing.T) {
	t.Parallel()
	g := newGate(t, &rows{}, &sessions{err: extension.ErrNoSession})
	for _, caller := range []gate.Caller{browser("secret"), {Token: "secret"}} {
		if _, err := g.Admit(t.Context(), caller, "east"); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

// instant answers as a database in no time would, so that what the gate itself costs is measured.
type instant struct {
	gate.Store
	member extension.Member
}

func (i instant) Entry(context.Context, extension.IdentityID, extension.SessionID, string) (extension.Member, []extension.Factor, error) {
	return i.member, []extension.Factor{extension.FactorTOTP}, nil
}

func BenchmarkDecide(b *testing.B) {
	g := gate.New(instant{member: secured("east", extension.FactorTOTP)}, nil, cookieKey, noon)
	session := extension.Session{ID: here, Identity: person}
	b.ReportAllocs()
	for b.Loop() {
		if decision, err := g.Decide(b.Context(), session, "east"); err != nil || !decision.Allowed() {
			b.Fatal(decision, err)
		}
	}
}

// named answers as a Kratos in no time would.
type named struct{}

func (named) Session(context.Context, extension.Browser) (extension.Session, error) {
	return extension.Session{ID: here, Identity: person}, nil
}

func (named) Identity(context.Context, extension.IdentityID) (extension.Identity, error) {
	return extension.Identity{}, nil
}

func (named) SessionOfToken(context.Context, string) (extension.Session, error) {
	return extension.Session{ID: here, Identity: person}, nil
}

func BenchmarkAdmit(b *testing.B) {
	g := gate.New(instant{member: secured("east", extension.FactorTOTP)}, named{}, cookieKey, noon)
	b.ReportAllocs()
	for b.Loop() {
		if decision, err := g.Admit(b.Context(), browser(cookie), "east"); err != nil || !decision.Allowed() {
			b.Fatal(decision, err)
		}
	}
}
