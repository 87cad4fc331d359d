package gate_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/gate"
)

// kinds are what a session can have been confirmed with.
func kinds() [][]extension.Factor {
	return [][]extension.Factor{
		nil,
		{extension.FactorTOTP},
		{extension.FactorSMS},
		{extension.FactorEmail},
		{extension.FactorWebAuthn},
		{extension.FactorRecovery},
		{extension.FactorEmail, extension.FactorTOTP},
	}
}

func TestAProvenFactorIsChangedOnlyByASessionThatHasShownOne(t *testing.T) {
	t.Parallel()
	for _, factor := range append(extension.Ways(), extension.FactorWebAuthn) {
		for _, shown := range kinds() {
			for _, method := range extension.SettingsMethods() {
				for _, mobile := range []string{traits().Mobile, "+4915199999999", ""} {
					change := save(method)
					change.After.Mobile = mobile
					r := &rows{members: []extension.Member{secured("east", factor)}, proofs: proven(shown...)}
					id, trait := judged(t, r, &sessions{err: errors.New("Kratos was asked")}, change)

					counts := len(shown) > 0 && (shown[len(shown)-1] == factor || shown[0] == factor || shown[0] == extension.FactorRecovery)
					var want int64
					if !counts {
						want = gate.ObjectionFactor
					}
					moved := method == extension.MethodProfile && mobile != traits().Mobile
					if id != want || (trait == "phone") != (want != 0 && moved) {
						t.Errorf("%s to %q, of %s, shown %v: objection %d at %q, want %d", method, mobile, factor, shown, id, trait, want)
					}
					if want != 0 && len(r.proven) != 0 {
						t.Errorf("%s: a refused change proved %+v", method, r.proven)
					}
				}
			}
		}
	}
}

func TestAProofOfAnotherSessionIsWorthNothing(t *testing.T) {
	t.Parallel()
	change := save(extension.MethodTOTP)
	change.Session = elsewhere
	r := &rows{members: []extension.Member{secured("east", extension.FactorTOTP)}, proofs: proven(extension.FactorTOTP)}
	if id, _ := judged(t, r, &sessions{}, change); id != gate.ObjectionFactor || len(r.proven) != 0 {
		t.Errorf("objection %d, proofs %+v", id, r.proven)
	}
}

// The account is one and the same in all organisations: whoever could enter one by a weaker factor must not put their own in
// the place of the stronger one that another relies on.
func TestEveryOrganisationThatReliesOnAFactorIsShownOne(t *testing.T) {
	t.Parallel()
	const totp, email, recovery = extension.FactorTOTP, extension.FactorEmail, extension.FactorRecovery
	type factors = []extension.Factor
	for name, c := range map[string]struct {
		held    factors // east accepts an app, and west an email
		off     bool    // east requires none
		new     bool    // nobody has begun in east
		shown   factors
		refused bool
	}{
		"west's alone":                        {held: factors{email, totp}, shown: factors{email}, refused: true},
		"east's alone":                        {held: factors{email, totp}, shown: factors{totp}, refused: true},
		"each's own":                          {held: factors{email, totp}, shown: factors{email, totp}},
		"a recovery code":                     {held: factors{email, totp}, shown: factors{recovery}},
		"west's, and east has none yet":       {held: factors{email}, shown: factors{email}},
		"west's, and east requires none":      {held: factors{email, totp}, off: true, shown: factors{email}},
		"west's, and nobody began in east":    {held: factors{email, totp}, new: true, shown: factors{email}},
		"nothing, and nobody began in east":   {held: factors{email, totp}, new: true, refused: true},
		"none of theirs, with that of west's": {held: factors{totp}, shown: factors{email}, refused: true},
	} {
		east, west := secured("east", c.held...), secured("west", c.held...)
		east.Organisation.TwoFactor, west.Organisation.TwoFactor = extension.TwoFactorRequired, extension.TwoFactorRequired
		east.Organisation.Ways, west.Organisation.Ways = factors{totp}, factors{email}
		if c.off {
			east.Organisation.TwoFactor = extension.TwoFactorOff
		}
		if c.new {
			east.User.Facts = extension.Facts{Invited: noon()}
		}
		for _, method := range extension.SettingsMethods() {
			r := &rows{members: []extension.Member{east, west}, proofs: proven(c.shown...)}
			id, _ := judged(t, r, &sessions{}, save(method))
			if (id == gate.ObjectionFactor) != c.refused {
				t.Errorf("%s by %s: objection %d", name, method, id)
			}
		}
		r := &rows{members: []extension.Member{east, west}, proofs: proven(c.shown...)}
		objection, err := newGate(t, r, &sessions{}).Before(t.Context(), gate.Opening{Identity: person, Session: here})
		if err != nil || (objection != nil) != c.refused {
			t.Errorf("%s: opening settings: %+v, %v", name, objection, err)
		}
	}
}

func TestWhatWasJustSetUpNeedsNotBeConfirmed(t *testing.T) {
	t.Parallel()
	for method, want := range map[extension.SettingsMethod][]extension.Proof{
		extension.MethodTOTP:         {{Session: here, Identity: person, Kind: extension.FactorTOTP, At: noon()}},
		extension.MethodWebAuthn:     {{Session: here, Identity: person, Kind: extension.FactorWebAuthn, At: noon()}},
		extension.MethodPassword:     nil,
		extension.MethodProfile:      nil,
		extension.MethodLookupSecret: nil,
		extension.MethodPasskey:      nil,
		extension.MethodOIDC:         nil,
	} {
		for name, r := range map[string]*rows{
			"the first factor": {members: []extension.Member{member("east", active())}, proofs: proven(extension.FactorEmail)},
			"one more":         {members: []extension.Member{secured("east", extension.FactorEmail)}, proofs: proven(extension.FactorEmail)},
		} {
			early := name == "the first factor" && method == extension.MethodLookupSecret
			if id, _ := judged(t, r, &sessions{}, save(method)); (id != 0) != early {
				t.Errorf("%s by %s: objection %d", name, method, id)
			}
			if diff := cmp.Diff(want, r.proven); diff != "" {
				t.Errorf("%s by %s: proofs (-want +got):\n%s", name, method, diff)
			}
		}
	}
}

// They stand in for a factor, so a password thief could lay them by before there is one.
func TestRecoveryCodesWaitForASecondFactor(t *testing.T) {
	t.Parallel()
	r := &rows{members: []extension.Member{member("east", active())}}
	if id, trait := judged(t, r, &sessions{}, save(extension.MethodLookupSecret)); id != gate.ObjectionFactor || trait != "" {
		t.Errorf("objection %d at %q", id, trait)
	}
	r.proofs = proven(extension.FactorTOTP) // set up a moment ago and not yet reported
	for _, held := range [][]extension.Factor{nil, {extension.FactorTOTP}} {
		if id, _ := judged(t, r, &sessions{held: held}, save(extension.MethodLookupSecret)); id != gate.ObjectionFactor {
			t.Errorf("before the factor is on record: objection %d", id)
		}
	}
	r.members = []extension.Member{secured("east", extension.FactorTOTP)}
	if id, _ := judged(t, r, &sessions{}, save(extension.MethodLookupSecret)); id != 0 {
		t.Errorf("after the factor: objection %d", id)
	}
	r.proofs = proven(extension.FactorEmail) // is no factor of theirs
	if id, _ := judged(t, r, &sessions{}, save(extension.MethodLookupSecret)); id != gate.ObjectionFactor {
		t.Errorf("by a proof that does not count: objection %d", id)
	}
}

// asked is what Kratos answers when it is asked for the session of a hook's cookie.
type asked struct {
	sessions sessions
	refused  bool
	fails    error
}

func answers() map[string]asked {
	down := &extension.TroubleError{Sentence: "Kratos does not answer."}
	return map[string]asked{
		"the session that showed it":     {sessions{session: extension.Session{ID: here, Identity: person}}, false, nil},
		"another of the person's":        {sessions{session: extension.Session{ID: elsewhere, Identity: person}}, true, nil},
		"at aal2, by Kratos' word":       {sessions{session: extension.Session{ID: elsewhere, Identity: person, AAL: extension.AAL2}}, true, nil},
		"somebody else's":                {sessions{session: extension.Session{ID: here, Identity: stranger}}, true, nil},
		"of nobody":                      {sessions{session: extension.Session{ID: here}}, true, nil},
		"none":                           {sessions{err: extension.ErrNoSession}, true, nil},
		"none, but an answer":            {sessions{session: extension.Session{ID: here, Identity: person}, err: extension.ErrNoSession}, true, nil},
		"no answer from Kratos":          {sessions{err: down}, false, extension.ErrUnavailable},
		"somebody else's without an id":  {sessions{session: extension.Session{Identity: stranger}}, true, nil},
		"the person's, without an id":    {sessions{session: extension.Session{Identity: person}}, true, nil},
		"an error that nobody foresaw":   {sessions{err: extension.ErrDisabled}, false, extension.ErrDisabled},
		"the person's, half an identity": {sessions{session: extension.Session{ID: here, Identity: person[:8]}}, true, nil},
	}
}

// Kratos v1.3.1 does not say which session a hook is about, so its cookie is asked about.
func TestTheSessionIsAskedOfKratosWhenTheHookDoesNotNameIt(t *testing.T) {
	t.Parallel()
	for name, c := range answers() {
		r := &rows{members: []extension.Member{secured("east", extension.FactorTOTP)}, proofs: proven(extension.FactorTOTP)}
		change := save(extension.MethodTOTP)
		change.Session, change.Cookie = "", cookie
		guarded, before := c.sessions, c.sessions
		for part, judge := range map[string]func() (*gate.Objection, error){
			"guard": func() (*gate.Objection, error) { return newGate(t, r, &guarded).Guard(t.Context(), change) },
			"before": func() (*gate.Objection, error) {
				return newGate(t, r, &before).Before(t.Context(), gate.Opening{Identity: person, Cookie: cookie})
			},
		} {
			objection, err := judge()
			if !errors.Is(err, c.fails) || (objection != nil) != c.refused {
				t.Errorf("%s of %s: %+v, %v; want refused %v, error %v", part, name, objection, err, c.refused, c.fails)
			}
		}
		want := []extension.Browser{{Cookies: cookieKey + "=" + cookie}}
		for _, got := range [][]extension.Browser{guarded.asked, before.asked} {
			if diff := cmp.Diff(want, slices.Compact(got)); diff != "" { // a refusal asks twice
				t.Errorf("%s: Kratos was asked (-want +got):\n%s", name, diff)
			}
		}
	}
}

func TestKratosIsAskedOnlyWhenTheSessionDecides(t *testing.T) {
	t.Parallel()
	byCookie := func(method extension.SettingsMethod) gate.Change {
		change := save(method)
		change.Session, change.Cookie = "", cookie
		return change
	}
	email := byCookie(extension.MethodTOTP)
	email.After.Email = "eve@example.com"
	bare := byCookie(extension.MethodTOTP)
	bare.Cookie = ""
	for name, c := range map[string]struct {
		member extension.Member
		change gate.Change
	}{
		"a password without a factor": {member("east", active()), byCookie(extension.MethodPassword)},
		"a mobile without a factor":   {member("east", active()), byCookie(extension.MethodProfile)},
		"a name without a factor":     {member("east", active()), byCookie(extension.MethodProfile)},
		"the hook names the session":  {secured("east", extension.FactorTOTP), save(extension.MethodTOTP)},
		"there is no cookie":          {secured("east", extension.FactorTOTP), bare},
		"a refusal for the email":     {secured("east", extension.FactorTOTP), email},
	} {
		s := &sessions{err: errors.New("Kratos was asked")}
		r := &rows{members: []extension.Member{c.member}}
		if _, err := newGate(t, r, s).Guard(t.Context(), c.change); err != nil || len(s.asked) != 0 {
			t.Errorf("%s: Kratos was asked %d times, %v", name, len(s.asked), err)
		}
	}
}

func TestSettingsOpenOnlyForASessionThatHasShownTheFactor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members []extension.Member
		proofs  []extension.Factor
		refused bool
	}{
		"without a factor":                  {[]extension.Member{member("east", active())}, nil, false},
		"half-way, without a factor":        {[]extension.Member{member("east", extension.Facts{Started: noon()})}, nil, false},
		"with a factor, not shown":          {[]extension.Member{secured("east", extension.FactorTOTP)}, nil, true},
		"shown":                             {[]extension.Member{secured("east", extension.FactorTOTP)}, []extension.Factor{extension.FactorTOTP}, false},
		"by a recovery code":                {[]extension.Member{secured("east", extension.FactorTOTP)}, []extension.Factor{extension.FactorRecovery}, false},
		"another kind shown":                {[]extension.Member{secured("east", extension.FactorTOTP)}, []extension.Factor{extension.FactorEmail}, true},
		"invited to another organisation":   {[]extension.Member{secured("east", extension.FactorSMS), secured("west", extension.FactorSMS)}, nil, true},
		"shown, accepted by none of theirs": {[]extension.Member{secured("east", extension.FactorWebAuthn)}, []extension.Factor{extension.FactorWebAuthn}, false},
	} {
		s := &sessions{err: errors.New("Kratos was asked")}
		r := &rows{members: c.members, proofs: proven(c.proofs...)}
		objection, err := newGate(t, r, s).Before(t.Context(), gate.Opening{Identity: person, Session: here})
		if err != nil || (objection != nil) != c.refused || len(s.asked) != 0 {
			t.Errorf("%s: %+v, %v; want refused %v", name, objection, err, c.refused)
		}
		if objection != nil && (objection.ID != gate.ObjectionFactor || objection.Sentence == "" || objection.Trait != "") {
			t.Errorf("%s: %+v", name, objection)
		}
	}
}

func TestSettingsOfIdentitiesThatAreNotOursOpenWithoutAnyWork(t *testing.T) {
	t.Parallel()
	r, s := &rows{members: []extension.Member{secured("east", extension.FactorTOTP)}}, &sessions{}
	objection, err := newGate(t, r, s).Before(t.Context(), gate.Opening{Identity: stranger, Cookie: cookie})
	if err != nil || objection != nil {
		t.Errorf("%+v, %v", objection, err)
	}
	if diff := cmp.Diff([]string{"members"}, r.asked); diff != "" || len(s.asked) != 0 {
		t.Errorf("more was asked than needed: %s", diff)
	}
}

func TestNoSettingsOpenWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	down := &extension.TroubleError{Sentence: "The database does not answer."}
	for _, part := range []string{"members", "proofs"} {
		r := &rows{members: []extension.Member{secured("east", extension.FactorTOTP)}, proofs: proven(extension.FactorTOTP), fails: map[string]error{part: down}}
		objection, err := newGate(t, r, &sessions{}).Before(t.Context(), gate.Opening{Identity: person, Session: here})
		if !errors.Is(err, extension.ErrUnavailable) || objection != nil {
			t.Errorf("%s: %+v, %v", part, objection, err)
		}
	}
}
