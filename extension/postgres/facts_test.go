package postgres_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestAFactIsSetOnceAndItsFirstTimeStands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	for fact, c := range map[extension.Fact]struct {
		action extension.Action
		read   func(f extension.Facts) time.Time
	}{
		extension.FactStarted:    {extension.ActionUserStarted, func(f extension.Facts) time.Time { return f.Started }},
		extension.FactRegistered: {extension.ActionUserRegistered, func(f extension.Facts) time.Time { return f.Registered }},
		extension.FactActivated:  {extension.ActionUserActivated, func(f extension.Facts) time.Time { return f.Activated }},
	} {
		var fresh atomic.Int64
		var group sync.WaitGroup
		if first, err := b.db.Record(t.Context(), user, fact, noon()); err != nil || !first {
			t.Errorf("%s: fresh %v, %v", fact, first, err)
		}
		for range 8 {
			group.Go(func() {
				again, err := b.db.Record(t.Context(), user, fact, noon().Add(-time.Hour))
				if err != nil {
					t.Error(err)
				}
				if again {
					fresh.Add(1)
				}
			})
		}
		group.Wait()
		if fresh.Load() != 0 || b.audited(t, c.action, user.ID) != 1 {
			t.Errorf("%s: %d times fresh again, %d audit rows", fact, fresh.Load(), b.audited(t, c.action, user.ID))
		}
		if got := c.read(b.user(t, "bob@example.com").Facts); !got.Equal(noon()) {
			t.Errorf("%s: %s, want the first time", fact, got)
		}
	}
}

func TestAFactThatManyRecordAtOnceIsFreshOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	var fresh atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if first, err := b.db.Record(t.Context(), user, extension.FactActivated, noon()); err != nil {
				t.Error(err)
			} else if first {
				fresh.Add(1)
			}
		})
	}
	group.Wait()
	if fresh.Load() != 1 || b.audited(t, extension.ActionUserActivated, user.ID) != 1 {
		t.Errorf("%d times fresh, %d audit rows", fresh.Load(), b.audited(t, extension.ActionUserActivated, user.ID))
	}
}

func TestAFactOfNobodyAndAFactThatIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	if _, err := b.db.Record(t.Context(), user, "paused", noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("a fact that is none: %v", err)
	}
	nobody := extension.User{ID: extension.NewID[extension.UserID](), Organisation: b.charter.Organisation.ID}
	if fresh, err := b.db.Record(t.Context(), nobody, extension.FactStarted, noon()); err != nil || fresh {
		t.Errorf("a fact of nobody: %v, %v", fresh, err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM audit WHERE user_id = ?`, nobody.ID); n != 0 {
		t.Errorf("nobody has %d audit rows", n)
	}
}

func TestTheFirstOpeningOfALinkStands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	for i := range 3 {
		if err := b.db.RecordOpened(t.Context(), user.Invitation, noon().Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	facts := b.user(t, "bob@example.com").Facts
	if !facts.Opened.Equal(noon()) || facts.Status(noon()) != extension.Pending || !facts.Started.IsZero() {
		t.Errorf("facts %+v", facts)
	}
}

func TestAProfileIsKeptForEveryUserOfAnIdentityWhoHasTakenItOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	user, other, stranger := b.invited(t, "bob@example.com"), south.invited(t, "bob@example.com"), b.invited(t, "eve@example.com")
	south.share(t, other, user.Identity)
	if err := b.db.RecordProfile(t.Context(), extension.Identity{ID: user.Identity, Mark: user.ID, Traits: extension.Traits{FirstName: "Zoë"}}); err != nil {
		t.Fatal(err)
	}
	if ours, theirs := b.user(t, "bob@example.com"), south.user(t, "bob@example.com"); ours.FirstName != "Zoë" || theirs.FirstName != "" {
		t.Errorf("whoever has merely invited learns %q", theirs.FirstName)
	}
	b.exec(t, `UPDATE users SET started_at = now() WHERE id = ?`, other.ID)
	if err := b.db.RecordProfile(t.Context(), extension.Identity{ID: user.Identity, Mark: user.ID, Traits: extension.Traits{FirstName: "Åsa"}}); err != nil {
		t.Fatal(err)
	}
	if ours, theirs := b.user(t, "bob@example.com"), south.user(t, "bob@example.com"); ours.FirstName != "Zoë" || theirs.FirstName != "Åsa" {
		t.Errorf("whoever was the first to invite learns %q of somebody who has begun elsewhere, and those learn %q", ours.FirstName, theirs.FirstName)
	}
	b.record(t, user, extension.FactStarted)
	for _, traits := range []extension.Traits{
		{FirstName: "Zoë", LastName: "O'Brien-Ñandú", Mobile: "+46701234567"}, {FirstName: "'; DROP TABLE users; --", LastName: `\`, Mobile: "?"}, {},
	} {
		if err := b.db.RecordProfile(t.Context(), extension.Identity{ID: user.Identity, Mark: user.ID, Traits: traits}); err != nil {
			t.Fatal(err)
		}
		for _, got := range []extension.User{b.user(t, "bob@example.com"), south.user(t, "bob@example.com")} {
			if got.FirstName != traits.FirstName || got.LastName != traits.LastName || got.Mobile != traits.Mobile {
				t.Errorf("kept %+v of %+v", got, traits)
			}
		}
	}
	if got := b.user(t, "eve@example.com"); got.Identity != stranger.Identity || got.FirstName != "" {
		t.Errorf("a stranger became %+v", got)
	}
}

func TestTheFirstEvidenceOfAnAcceptanceStandsAndCountsOnceConfirmed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	terms := b.charter.Terms.ID
	accepted := func() time.Time { return b.user(t, "bob@example.com").Facts.Accepted }

	if err := b.db.ConfirmAcceptance(t.Context(), user, terms, noon()); err != nil {
		t.Fatal(err)
	}
	if !accepted().IsZero() || b.audited(t, extension.ActionUserAccepted, user.ID) != 0 {
		t.Error("terms without evidence were confirmed")
	}
	first := extension.Acceptance{User: user.ID, Terms: terms, At: noon(), IP: "203.0.113.7", UserAgent: "Browser/1 \xff\u00e9 '"}
	later := extension.Acceptance{User: user.ID, Terms: terms, At: noon().Add(time.Hour), IP: "198.51.100.1", UserAgent: "Other/2"}
	for _, a := range []extension.Acceptance{first, later, first} {
		if err := b.db.RecordAcceptance(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if !accepted().IsZero() {
		t.Error("a claim that Kratos has not taken counts")
	}
	for i := range 3 {
		if err := b.db.ConfirmAcceptance(t.Context(), user, terms, noon().Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if got := accepted(); !got.Equal(noon()) {
		t.Errorf("accepted at %s, want when Accept was pressed", got)
	}
	if n := b.audited(t, extension.ActionUserAccepted, user.ID); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	var rows []struct {
		IP          string
		UserAgent   string
		ConfirmedAt time.Time
	}
	if err := b.db.Read(t.Context(), &rows, `SELECT ip, user_agent, confirmed_at FROM acceptances WHERE user_id = ?`, user.ID); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 || rows[0].IP != first.IP || rows[0].UserAgent != "Browser/1 \ufffdé '" || !rows[0].ConfirmedAt.Equal(noon()) {
		t.Errorf("evidence %+v", rows)
	}
}

func TestOldTermsDoNotCountOnceThereAreNewOnes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	accept := func(terms extension.TermsID) {
		t.Helper()
		err := b.db.RecordAcceptance(t.Context(), extension.Acceptance{User: user.ID, Terms: terms, At: noon(), IP: "203.0.113.7"})
		if err = errors.Join(err, b.db.ConfirmAcceptance(t.Context(), user, terms, noon())); err != nil {
			t.Fatal(err)
		}
	}
	accept(b.charter.Terms.ID)
	newer := b.publish(t, 2)
	if got := b.user(t, "bob@example.com").Facts.Accepted; !got.IsZero() {
		t.Errorf("the old acceptance counts for the new terms: %s", got)
	}
	accept(newer.ID)
	if got := b.user(t, "bob@example.com").Facts.Accepted; !got.Equal(noon()) {
		t.Errorf("the new acceptance does not count: %s", got)
	}
}

func TestTermsOfAnotherOrganisationCannotBeAccepted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	user := b.invited(t, "bob@example.com")
	for name, terms := range map[string]extension.TermsID{"another organisation's": south.charter.Terms.ID, "unknown": extension.NewID[extension.TermsID]()} {
		err := b.db.RecordAcceptance(t.Context(), extension.Acceptance{User: user.ID, Terms: terms, At: noon()})
		if !errors.Is(err, extension.ErrConflict) {
			t.Errorf("%s terms: %v", name, err)
		}
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM acceptances`); n != 0 {
		t.Errorf("%d acceptances", n)
	}
}

func TestTermsAndAuditAreNeverChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := read[int](t, b.db, `SELECT count(*) FROM audit`)
	for _, statement := range []string{
		`UPDATE terms SET body = 'Be evil.'`, `UPDATE terms SET title = title`, `DELETE FROM terms`, `UPDATE audit SET actor_name = 'Eve'`, `DELETE FROM audit`,
	} {
		if err := b.db.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s was obeyed", statement)
		}
	}
	if after := read[int](t, b.db, `SELECT count(*) FROM audit`); after != before || before == 0 {
		t.Errorf("%d audit rows, then %d", before, after)
	}
	if body := read[string](t, b.db, `SELECT body FROM terms`); body != b.charter.Terms.Text {
		t.Errorf("the terms say %q", body)
	}
}

func TestFactorsAreThoseThatKratosHolds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	user, other := b.invited(t, "bob@example.com"), south.invited(t, "bob@example.com")
	south.share(t, other, user.Identity)
	west := b.beside(t, "west") // which has merely invited
	third := west.invited(t, "bob@example.com")
	west.share(t, third, user.Identity)
	b.record(t, user, extension.FactStarted)
	south.record(t, other, extension.FactStarted)
	proven, removed := 0, 0
	kinds := extension.KratosFactors()
	set := func(at time.Time, factors ...extension.Factor) {
		t.Helper()
		for range 2 { // reports come twice
			if err := b.db.SetFactors(t.Context(), user.Identity, factors, at); err != nil {
				t.Fatal(err)
			}
		}
		for _, u := range []extension.User{user, other} {
			if p, r := b.audited(t, extension.ActionFactorProven, u.ID), b.audited(t, extension.ActionFactorRemoved, u.ID); p != proven || r != removed {
				t.Errorf("%d proven and %d removed in the audit, want %d and %d", p, r, proven, removed)
			}
		}
		got := read[[]extension.Factor](t, b.db, `SELECT kind FROM factors WHERE identity_id = ? ORDER BY kind`, user.Identity)
		slices.Sort(factors)
		if diff := cmp.Diff(factors, got); diff != "" && len(factors)+len(got) > 0 {
			t.Errorf("factors (-want +got): %s", diff)
		}
	}
	set(noon())
	proven = 1
	set(noon(), kinds[0])
	proven = len(kinds)
	set(noon().Add(time.Hour), kinds...)
	if got := south.user(t, "bob@example.com").Facts.Secured; !got.Equal(noon()) {
		t.Errorf("secured at %s, want the first factor's time", got)
	}
	if got := west.user(t, "bob@example.com"); !got.Facts.Secured.IsZero() || len(got.Factors) > 0 || west.audited(t, extension.ActionFactorProven, third.ID) > 0 {
		t.Errorf("whoever has merely invited learns %+v", got)
	}
	removed = 1
	set(noon().Add(2*time.Hour), kinds[1:]...)
	removed = len(kinds)
	set(noon().Add(3 * time.Hour))
	if got := b.user(t, "bob@example.com").Facts.Secured; !got.IsZero() {
		t.Errorf("secured at %s by nothing", got)
	}
	if err := b.db.SetFactors(t.Context(), extension.NewID[extension.IdentityID](), kinds[:1], noon()); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("a factor of nobody: %v", err)
	}
	if err := b.db.SetFactors(t.Context(), user.Identity, []extension.Factor{"dance"}, noon()); err == nil {
		t.Error("a dance was taken for a factor")
	}
}
