package gate_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/gate"
)

// save is a change that saves the traits as they were.
func save(method extension.SettingsMethod) gate.Change {
	return gate.Change{Method: method, Identity: person, Before: traits(), After: traits(), Session: here}
}

// confirmed are the rows of somebody Active in these organisations, whose session has shown the factor.
func confirmed(members ...extension.Member) *rows {
	for i := range members {
		members[i].User.Factors = []extension.Factor{extension.FactorTOTP}
	}
	return &rows{members: members, proofs: proven(extension.FactorTOTP)}
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
			change := save(method)
			change.After.Email = c.email
			id, trait := judged(t, confirmed(member("east", active())), &sessions{}, change)
			if c.free && id != 0 || !c.free && (id != gate.ObjectionEmail || trait != "email") {
				t.Errorf("%s by %s: objection %d at %q", name, method, id, trait)
			}
		}
	}
}

func TestAnAddressIsComparedAsKratosComparesIt(t *testing.T) {
	t.Parallel()
	// Kratos lower-cases identifiers; Unicode's folding would take ſ for s, which is another mailbox.
	change := save(extension.MethodProfile)
	change.Before.Email, change.After.Email = "sam@example.com", "ſam@example.com"
	if id, _ := judged(t, confirmed(member("east", active())), &sessions{}, change); id != gate.ObjectionEmail {
		t.Errorf("ſam for sam: objection %d", id)
	}
	change.Before.Email, change.After.Email = "ÜNAL@example.com", "ünal@example.com"
	if id, _ := judged(t, confirmed(member("east", active())), &sessions{}, change); id != 0 {
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
			change := save(method)
			change.After.FirstName = "Augusta"
			if id, trait := judged(t, confirmed(c.members...), &sessions{}, change); id != c.want || trait != "" {
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
		change := save(extension.MethodProfile)
		change.Before.Terms.Version, change.After.Terms.Version = c.before, c.after
		r := &rows{members: []extension.Member{member("east", active())}, terms: []extension.TermsID{current}}
		id, trait := judged(t, r, &sessions{}, change)
		if id != c.want || c.want != 0 && trait != "terms/version" {
			t.Errorf("%s: objection %d at %q, want %d", name, id, trait, c.want)
		}
	}
}

func TestIdentitiesThatAreNotOursMaySaveAnything(t *testing.T) {
	t.Parallel()
	for _, method := range extension.SettingsMethods() {
		change := gate.Change{Method: method, Identity: stranger, Before: traits(), Malformed: errors.New("another schema")}
		change.After.Email, change.After.Terms.Version = "new@example.com", "garbage"
		r, s := &rows{members: []extension.Member{secured("east", extension.FactorTOTP)}}, &sessions{}
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
	change := save(extension.MethodPassword)
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
		"members": save(extension.MethodPassword), "terms": save(extension.MethodProfile), "proofs": save(extension.MethodTOTP), "prove": save(extension.MethodTOTP),
	} {
		if part == "terms" {
			change.After.Terms.Version = current
		}
		r := confirmed(member("east", active()))
		r.terms, r.fails = []extension.TermsID{current}, map[string]error{part: down}
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
			if id, _ := judged(t, confirmed(c.members...), &sessions{mark: registered.User.ID}, save(method)); id != c.want {
				t.Errorf("%s by %s: objection %d, want %d", name, method, id, c.want)
			}
		}
	}
}
