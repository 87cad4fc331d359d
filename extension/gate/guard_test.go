package gate_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/gate"
)

// save is a change that saves the traits as they were.
func save(method extension.SettingsMethod, level extension.AAL) gate.Change {
	return gate.Change{Method: method, Identity: person, Before: traits(), After: traits(), AAL: level}
}

// judged gives the id and the trait of an objection, 0 for none.
func judged(t *testing.T, r *rows, s *sessions, change gate.Change) (id int64, trait string) {
	t.Helper()
	objection, err := newGate(t, r, s).Guard(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	if objection == nil {
		return 0, ""
	}
	if objection.Sentence == "" {
		t.Errorf("objection %d has no words", objection.ID)
	}
	return objection.ID, objection.Trait
}

func TestTheAddressCannotBeChanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		email string
		free  bool
	}{
		"the same":                      {"ada@example.com", true},
		"another spelling of one":       {"Ada@EXAMPLE.com", true},
		"another":                       {"eve@example.com", false},
		"taken away":                    {"", false},
		"with a space":                  {" ada@example.com", false},
		"with a zero-width space":       {"ada\u200b@example.com", false},
		"with a tag":                    {"ada+x@example.com", false},
		"with a Cyrillic a":             {"аda@example.com", false},
		"with an accent made of two":    {"a\u0301da@example.com", false},
		"with more behind it":           {"ada@example.com.evil.example", false},
		"with an invalid byte":          {"ada@example.com\xff", false},
		"with a second one":             {"ada@example.com,eve@example.com", false},
		"with another top-level domain": {"ada@example.co", false},
	} {
		for _, method := range extension.SettingsMethods() {
			change := save(method, extension.AAL2)
			change.After.Email = c.email
			id, trait := judged(t, &rows{members: []extension.Member{member("east", active())}}, &sessions{}, change)
			if c.free && id != 0 || !c.free && (id != gate.ObjectionEmail || trait != "email") {
				t.Errorf("%s by %s: objection %d at %q", name, method, id, trait)
			}
		}
	}
}

func TestAnAddressIsComparedAsKratosComparesIt(t *testing.T) {
	t.Parallel()
	// Kratos lower-cases identifiers; Unicode's folding would take ſ for s, which is another mailbox.
	change := save(extension.MethodProfile, extension.AAL2)
	change.Before.Email, change.After.Email = "sam@example.com", "ſam@example.com"
	if id, _ := judged(t, &rows{members: []extension.Member{member("east", active())}}, &sessions{}, change); id != gate.ObjectionEmail {
		t.Errorf("ſam for sam: objection %d", id)
	}
	change.Before.Email, change.After.Email = "ÜNAL@example.com", "ünal@example.com"
	if id, _ := judged(t, &rows{members: []extension.Member{member("east", active())}}, &sessions{}, change); id != 0 {
		t.Errorf("ünal for ÜNAL: objection %d", id)
	}
}

func TestOnlyWhoIsPausedEverywhereCanChangeNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members []extension.Member
		want    int64
	}{
		"active":            {[]extension.Member{member("east", active())}, 0},
		"paused":            {[]extension.Member{member("east", paused())}, gate.ObjectionPaused},
		"paused in one":     {[]extension.Member{member("east", paused()), member("west", active())}, 0},
		"paused in both":    {[]extension.Member{member("east", paused()), member("west", paused())}, gate.ObjectionPaused},
		"half-way in other": {[]extension.Member{member("east", paused()), member("west", extension.Facts{Started: noon()})}, 0},
	} {
		for _, method := range extension.SettingsMethods() {
			change := save(method, extension.AAL1)
			change.After.FirstName = "Augusta"
			if id, trait := judged(t, &rows{members: c.members}, &sessions{}, change); id != c.want || trait != "" {
				t.Errorf("%s by %s: objection %d at %q, want %d", name, method, id, trait, c.want)
			}
		}
	}
}

func TestOnlyCurrentTermsCanBeAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, after extension.TermsID
		want          int64
	}{
		"the current ones":         {stale, current, 0},
		"the first acceptance":     {"", current, 0},
		"older ones":               {"", stale, gate.ObjectionTerms},
		"back to older ones":       {current, stale, gate.ObjectionTerms},
		"another organisation's":   {"", "99999999-0000-4000-8000-000000000009", gate.ObjectionTerms},
		"garbage":                  {"", "'; DROP TABLE terms", gate.ObjectionTerms},
		"a version of our own":     {"", "2026-11", gate.ObjectionTerms},
		"another spelling":         {"", "00000000-0000-4000-8000-00000000000F", gate.ObjectionTerms},
		"taken away":               {current, "", 0},
		"not touched":              {stale, stale, 0},
		"none, as before":          {"", "", 0},
		"garbage that was before":  {"2024-01", "2024-01", 0},
		"current, and was already": {current, current, 0},
	} {
		change := save(extension.MethodProfile, extension.AAL1)
		change.Before.Terms.Version, change.After.Terms.Version = c.before, c.after
		r := &rows{members: []extension.Member{member("east", active())}, terms: []extension.TermsID{current}}
		id, trait := judged(t, r, &sessions{}, change)
		if id != c.want || c.want != 0 && trait != "terms/version" {
			t.Errorf("%s: objection %d at %q, want %d", name, id, trait, c.want)
		}
	}
}

func TestAProvenFactorIsChangedOnlyByASessionThatProvedIt(t *testing.T) {
	t.Parallel()
	for _, proven := range []bool{false, true} {
		for _, level := range []extension.AAL{"aal0", extension.AAL1, extension.AAL2} {
			for _, method := range extension.SettingsMethods() {
				for _, mobile := range []string{traits().Mobile, "+4915199999999", ""} {
					change := save(method, level)
					change.After.Mobile = mobile
					r := &rows{members: []extension.Member{member("east", active())}, proven: proven}
					id, trait := judged(t, r, &sessions{err: errors.New("Kratos was asked")}, change)

					touched := method != extension.MethodPassword && (method != extension.MethodProfile || mobile != traits().Mobile)
					var want int64
					if touched && proven && level != extension.AAL2 {
						want = gate.ObjectionFactor
					}
					if id != want || (trait == "phone") != (want != 0 && method == extension.MethodProfile) {
						t.Errorf("%s to %q at %s, proven %v: objection %d at %q, want %d", method, mobile, level, proven, id, trait, want)
					}
				}
			}
		}
	}
}

// Kratos v1.3.1 does not say at which level a session is, so its cookie is asked about.
func TestTheLevelOfASessionIsAskedOfKratosWhenTheHookDoesNotTell(t *testing.T) {
	t.Parallel()
	down := &extension.TroubleError{Sentence: "Kratos does not answer."}
	for name, c := range map[string]struct {
		sessions sessions
		want     int64
		fails    error
	}{
		"at aal2":                      {sessions{session: extension.Session{Identity: person, AAL: extension.AAL2}}, 0, nil},
		"at aal1":                      {sessions{session: extension.Session{Identity: person, AAL: extension.AAL1}}, gate.ObjectionFactor, nil},
		"somebody else's at aal2":      {sessions{session: extension.Session{Identity: stranger, AAL: extension.AAL2}}, gate.ObjectionFactor, nil},
		"of nobody at aal2":            {sessions{session: extension.Session{AAL: extension.AAL2}}, gate.ObjectionFactor, nil},
		"none":                         {sessions{err: extension.ErrNoSession}, gate.ObjectionFactor, nil},
		"none, but an answer of aal2":  {sessions{session: extension.Session{Identity: person, AAL: extension.AAL2}, err: extension.ErrNoSession}, gate.ObjectionFactor, nil},
		"no answer from Kratos":        {sessions{err: down}, 0, extension.ErrUnavailable},
		"somebody else's and no level": {sessions{session: extension.Session{Identity: stranger}}, gate.ObjectionFactor, nil},
		"without a level":              {sessions{session: extension.Session{Identity: person}}, gate.ObjectionFactor, nil},
	} {
		change := save(extension.MethodTOTP, "")
		change.Cookie = cookie
		r := &rows{members: []extension.Member{member("east", active())}, proven: true}
		objection, err := newGate(t, r, &c.sessions).Guard(t.Context(), change)
		if !errors.Is(err, c.fails) {
			t.Errorf("%s: %v, want %v", name, err, c.fails)
		}
		if got := objection != nil; got != (c.want != 0) || got && objection.ID != c.want {
			t.Errorf("%s: objection %+v, want %d", name, objection, c.want)
		}
		want := []extension.Browser{{Cookies: cookieKey + "=" + cookie}}
		if diff := cmp.Diff(want, c.sessions.asked); diff != "" {
			t.Errorf("%s: Kratos was asked (-want +got):\n%s", name, diff)
		}
	}
}

func TestKratosIsAskedOnlyWhenTheLevelDecides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		proven bool
		change gate.Change
	}{
		"no proven factor":        {false, save(extension.MethodTOTP, "")},
		"a password":              {true, save(extension.MethodPassword, "")},
		"a name":                  {true, save(extension.MethodProfile, "")},
		"the hook tells at aal2":  {true, save(extension.MethodTOTP, extension.AAL2)},
		"the hook tells at aal1":  {true, save(extension.MethodTOTP, extension.AAL1)},
		"a refusal for the email": {true, gate.Change{Method: extension.MethodTOTP, Identity: person, Before: traits()}},
	} {
		s := &sessions{err: errors.New("Kratos was asked")}
		r := &rows{members: []extension.Member{member("east", active())}, proven: c.proven}
		if _, err := newGate(t, r, s).Guard(t.Context(), c.change); err != nil || len(s.asked) != 0 {
			t.Errorf("%s: Kratos was asked %d times, %v", name, len(s.asked), err)
		}
	}
}

func TestIdentitiesThatAreNotOursMaySaveAnything(t *testing.T) {
	t.Parallel()
	for _, method := range extension.SettingsMethods() {
		change := gate.Change{Method: method, Identity: stranger, Before: traits(), Malformed: errors.New("another schema")}
		change.After.Email, change.After.Terms.Version = "new@example.com", "garbage"
		r, s := &rows{members: []extension.Member{member("east", paused())}, proven: true}, &sessions{}
		if id, _ := judged(t, r, s, change); id != 0 {
			t.Errorf("%s: objection %d", method, id)
		}
		if diff := cmp.Diff([]string{"members"}, r.asked); diff != "" || len(s.asked) != 0 {
			t.Errorf("%s: more was asked than needed: %s", method, diff)
		}
	}
}

func TestTraitsThatCannotBeReadAreJudgedForNobodyOfOurs(t *testing.T) {
	t.Parallel()
	change := save(extension.MethodPassword, extension.AAL2)
	change.Malformed = errors.New("another schema")
	objection, err := newGate(t, &rows{members: []extension.Member{member("east", active())}}, &sessions{}).Guard(t.Context(), change)
	if !errors.Is(err, change.Malformed) || objection != nil {
		t.Errorf("%+v, %v", objection, err)
	}
}

func TestNoChangeIsLetThroughWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	down := &extension.TroubleError{Sentence: "The database does not answer."}
	for part, change := range map[string]gate.Change{
		"members": save(extension.MethodPassword, extension.AAL1), "terms": save(extension.MethodProfile, extension.AAL1), "factor": save(extension.MethodTOTP, extension.AAL2),
	} {
		if part == "terms" {
			change.After.Terms.Version = current
		}
		r := &rows{members: []extension.Member{member("east", active())}, terms: []extension.TermsID{current}, fails: map[string]error{part: down}}
		objection, err := newGate(t, r, &sessions{}).Guard(t.Context(), change)
		if !errors.Is(err, extension.ErrUnavailable) || objection != nil {
			t.Errorf("%s: %+v, %v", part, objection, err)
		}
	}
}

func TestEveryMethodAndObjectionIsItself(t *testing.T) {
	t.Parallel()
	seen := map[extension.SettingsMethod]bool{}
	for _, m := range extension.SettingsMethods() {
		seen[m] = true
	}
	if len(seen) != 7 {
		t.Errorf("%d methods, want Kratos' seven", len(seen))
	}
	ids := map[int64]bool{gate.ObjectionEmail: true, gate.ObjectionPaused: true, gate.ObjectionTerms: true, gate.ObjectionFactor: true}
	for id := range ids {
		if id < 9000000 { // Kratos' own messages end with 5 million
			t.Errorf("%d lies among Kratos' ids", id)
		}
	}
	if len(ids) != 4 {
		t.Errorf("objections share ids: %v", ids)
	}
}

func TestWhoeverHoldsAnAddressThatWasCorrectedSavesNothing(t *testing.T) {
	t.Parallel()
	pending := func(address string) extension.Member {
		m := member("east", extension.Facts{})
		m.User.Address = address
		return m
	}
	registered := pending("ada@example.net")
	registered.User.Facts.Registered = noon()
	for name, c := range map[string]struct {
		members []extension.Member
		want    int64
	}{
		"the invited address":                      {[]extension.Member{pending("Ada@example.com")}, 0},
		"a corrected one":                          {[]extension.Member{pending("ada@example.net")}, gate.ObjectionEmail},
		"corrected in one organisation of two":     {[]extension.Member{pending("ada@example.net"), pending("ada@example.com")}, 0},
		"corrected in both":                        {[]extension.Member{pending("ada@example.net"), pending("ada@example.org")}, gate.ObjectionEmail},
		"registered, and changed by somebody else": {[]extension.Member{registered}, 0},
	} {
		for _, method := range extension.SettingsMethods() {
			if id, _ := judged(t, &rows{members: c.members}, &sessions{}, save(method, extension.AAL2)); id != c.want {
				t.Errorf("%s by %s: objection %d, want %d", name, method, id, c.want)
			}
		}
	}
}
