package extension_test

import (
	"testing"
	"time"

	"paperplane/extension"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// situation is one combination of everything that decides a user's standing. Its methods say the user guide's rules a
// second time, in another way than the code does.
type situation struct {
	paused, activated, started, registered, secured, accepted bool
	expires                                                   time.Duration // from now; 0 exactly now
	undelivered                                               bool          // no letter has gone out, so nothing expires
	policy                                                    extension.TwoFactor
	confirmed                                                 bool // the session was proven with the factor
}

// member is a user in this situation, with a second factor that the organisation allows if there is one.
func (s situation) member() extension.Member {
	m := extension.Member{
		Organisation: extension.Organisation{TwoFactor: s.policy, Ways: []extension.Factor{extension.FactorSMS}},
		User:         extension.User{FirstName: "Ada", LastName: "Lovelace", Mobile: "+46701740620", Facts: s.facts()},
	}
	if s.secured {
		m.User.Factors = []extension.Factor{extension.FactorSMS}
	}
	return m
}

// next is the step of a session in this situation.
func (s situation) next() extension.Step {
	if s.confirmed {
		return s.member().Next([]extension.Factor{extension.FactorSMS}, noon())
	}
	return s.member().Next(nil, noon())
}

func (s situation) facts() extension.Facts {
	at := func(happened bool) time.Time {
		if happened {
			return noon().Add(-time.Hour)
		}
		return time.Time{}
	}
	f := extension.Facts{
		Invited: noon().Add(-2 * time.Hour), Paused: at(s.paused), Activated: at(s.activated), Started: at(s.started),
		Registered: at(s.registered), Secured: at(s.secured), Accepted: at(s.accepted),
	}
	if !s.undelivered {
		f.Expires = noon().Add(s.expires)
	}
	return f
}

func (s situation) status() extension.Status {
	verdict := extension.Pending
	if !s.undelivered && s.expires <= 0 {
		verdict = extension.Expired
	}
	if s.activated {
		verdict = extension.Active
	}
	if s.paused {
		verdict = extension.Inactive
	}
	return verdict
}

// step walks backwards from the end: the earliest thing that is missing wins.
func (s situation) step() extension.Step {
	step := extension.StepIn
	if !s.accepted {
		step = extension.StepAgree
	}
	if s.policy == extension.TwoFactorRequired && !s.secured {
		step = extension.StepSecure
	}
	if !s.registered {
		step = extension.StepRegister
	}
	// Settings are protected in every organisation, entry only where it demands a factor.
	if s.secured && !s.confirmed && (step != extension.StepIn || s.policy == extension.TwoFactorRequired) {
		step = extension.StepConfirm
	}
	if !s.registered && !s.started {
		step = extension.StepStart
	}
	switch s.status() {
	case extension.Expired:
		step = extension.StepExpired
	case extension.Inactive:
		step = extension.StepPaused
	case extension.Active, extension.Pending:
	}
	return step
}

func (s situation) complete() bool {
	needs := []bool{s.registered, s.accepted}
	if s.policy == extension.TwoFactorRequired {
		needs = append(needs, s.secured)
	}
	for _, met := range needs {
		if !met {
			return false
		}
	}
	return true
}

func (s situation) need() extension.Need {
	inTime := s.undelivered || s.expires > 0
	switch {
	case !s.paused && (s.activated || s.registered):
		return extension.NeedOn
	case !s.paused && s.started && inTime:
		return extension.NeedHeld
	}
	return extension.NeedOff
}

func everySituation() []situation {
	var all []situation
	for bits := range 1 << 9 {
		bit := func(n int) bool { return bits>>n&1 == 1 }
		for _, expires := range []time.Duration{-time.Hour, -1, 0, 1, time.Hour} {
			s := situation{
				paused: bit(0), activated: bit(1), started: bit(2), registered: bit(3), secured: bit(4), accepted: bit(5),
				undelivered: bit(6), expires: expires, policy: extension.TwoFactorOff, confirmed: bit(8),
			}
			if bit(7) {
				s.policy = extension.TwoFactorRequired
			}
			all = append(all, s)
		}
	}
	return all
}

func TestFactsDecideAsTheUserGuideSays(t *testing.T) {
	t.Parallel()
	for _, s := range everySituation() {
		f := s.facts()
		if got := f.Status(noon()); got != s.status() {
			t.Errorf("status %s, want %s of %+v", got, s.status(), s)
		}
		if got := s.next(); got != s.step() {
			t.Errorf("next %s, want %s of %+v", got, s.step(), s)
		}
		if got := f.Complete(s.policy); got != s.complete() {
			t.Errorf("complete %v, want %v of %+v", got, s.complete(), s)
		}
		if got := f.Need(noon()); got != s.need() {
			t.Errorf("need %v, want %v of %+v", got, s.need(), s)
		}
	}
}

func TestOnlyTheCompleteAreIn(t *testing.T) {
	t.Parallel()
	for _, s := range everySituation() {
		f := s.facts()
		if s.next() == extension.StepIn && !f.Complete(s.policy) {
			t.Errorf("in without being complete: %+v", s)
		}
		if s.next() == extension.StepIn && f.Need(noon()) != extension.NeedOn {
			t.Errorf("in with the identity switched off: %+v", s)
		}
	}
}

func TestWhatDecidesNothingDecidesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range everySituation() {
		plain := s.facts()
		opened := plain
		opened.Opened, opened.Sent = noon(), noon() // perhaps a mail scanner
		member := s.member()
		before := member.Next(nil, noon())
		member.User.Facts = opened
		same := opened.Status(noon()) == plain.Status(noon()) && member.Next(nil, noon()) == before &&
			opened.Need(noon()) == plain.Need(noon()) && opened.Complete(s.policy) == plain.Complete(s.policy)
		if !same {
			t.Errorf("an opened link changes %+v", s)
		}
	}
}

func TestEveryStatusIsOffered(t *testing.T) {
	t.Parallel()
	seen := map[extension.Status]bool{}
	for _, s := range everySituation() {
		seen[s.facts().Status(noon())] = true
	}
	offered := extension.Statuses()
	if len(offered) != len(seen) {
		t.Errorf("%v are offered, %v exist", offered, seen)
	}
	for _, status := range offered {
		if !seen[status] {
			t.Errorf("%s is offered and does not exist", status)
		}
	}
}

func TestWhoHasTakenAnInvitationOnHasBegun(t *testing.T) {
	t.Parallel()
	then := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		facts extension.Facts
		begun bool
	}{
		"invited":                           {extension.Facts{Invited: then, Sent: then, Opened: then, Secured: then}, false},
		"started":                           {extension.Facts{Started: then}, true},
		"registered by an older invitation": {extension.Facts{Registered: then}, true},
		"paused":                            {extension.Facts{Registered: then, Activated: then, Paused: then}, true},
	} {
		if c.facts.Begun() != c.begun {
			t.Errorf("%s: begun is %t", name, !c.begun)
		}
	}
}
