package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// evidence is everything that was accepted of a version.
func (b bundle) evidence(t *testing.T) []extension.Evidence {
	t.Helper()
	var all []extension.Evidence
	err := b.db.EachEvidence(t.Context(), b.admin, 1, func(e extension.Evidence) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEvidenceOutlivesTheUserUnderAPseudonym(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	if err := b.db.RecordProfile(t.Context(), extension.Identity{ID: user.Identity, Mark: user.ID, Traits: extension.Traits{FirstName: "Bob", LastName: "Builder", Mobile: "+46701234567"}}); err != nil {
		t.Fatal(err)
	}
	b.accept(t, user, b.charter.Terms.ID, noon())
	want := extension.Evidence{
		Acceptance: extension.Acceptance{User: user.ID, Terms: b.charter.Terms.ID, At: noon(), IP: "203.0.113.7", UserAgent: "Browser"},
		Number:     1, Version: 1, Language: "en", Title: "Terms", SHA256: b.charter.Terms.SHA256, Confirmed: noon(), Address: "bob@example.com", Name: "Bob Builder",
	}
	compare := func() {
		t.Helper()
		mine, err := b.db.EvidenceOf(t.Context(), b.admin, user.ID)
		if diff := cmp.Diff([]extension.Evidence{want}, mine); err != nil || diff != "" {
			t.Errorf("%v, (-want +got): %s", err, diff)
		}
		if diff := cmp.Diff([]extension.Evidence{want}, b.evidence(t)); diff != "" {
			t.Errorf("(-want +got): %s", diff)
		}
	}
	compare()
	b.exec(t, `DELETE FROM users WHERE id = ?`, user.ID)
	want.Address, want.Name = "", ""
	compare()
}

func TestEvidenceIsSeenByWhoeverMaySeeTheUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	user := b.invited(t, "bob@example.com")
	b.accept(t, user, b.charter.Terms.ID, noon())
	for name, c := range map[string]struct {
		actor extension.Actor
		want  int
	}{
		"an administrator": {b.admin, 1}, "an inviter of the area": {b.inviter(0), 1}, "an inviter of another area": {b.inviter(1), 0},
		"an administrator of another organisation": {south.admin, 0},
	} {
		mine, err := b.db.EvidenceOf(t.Context(), c.actor, user.ID)
		n := 0
		err = errors.Join(err, b.db.EachEvidence(t.Context(), c.actor, 1, func(extension.Evidence) error { n++; return nil }))
		if err != nil || len(mine) != c.want || n != c.want {
			t.Errorf("%s sees %d and %d, %v", name, len(mine), n, err)
		}
	}
	if err := b.db.EachEvidence(t.Context(), b.admin, 2, func(extension.Evidence) error { return nil }); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("a version that is none: %v", err)
	}
	mine := errors.New("mine")
	if err := b.db.EachEvidence(t.Context(), b.admin, 1, func(extension.Evidence) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("the reader's error became %v", err)
	}
}

func TestEvidenceIsNeverChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.accept(t, user, b.charter.Terms.ID, noon())
	for _, statement := range []string{
		`UPDATE acceptances SET confirmed_at = now()`, `UPDATE acceptances SET confirmed_at = NULL`, `UPDATE acceptances SET ip = '198.51.100.1'`,
		`UPDATE acceptances SET accepted_at = now()`, `UPDATE acceptances SET user_id = gen_random_uuid()`, `DELETE FROM acceptances`, `TRUNCATE acceptances`,
		`TRUNCATE terms CASCADE`,
	} {
		if err := b.db.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	b.exec(t, `UPDATE acceptances SET disowned_at = now()`)
	if err := b.db.Exec(t.Context(), `UPDATE acceptances SET disowned_at = NULL`); err == nil {
		t.Error("what was disowned is somebody's again")
	}
}

func TestWhoGetsACorrectedAddressAcceptsForThemselves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@exampel.com")
	session := sessionID()
	b.record(t, user, extension.FactStarted)
	b.witness(t, witnessed(user, session, extension.FactorEmail, "bob@exampel.com"))
	b.accept(t, user, b.charter.Terms.ID, noon())
	if err := b.db.Decline(t.Context(), user.ID, b.charter.Terms.ID, noon()); err != nil {
		t.Fatal(err)
	}
	order := b.correction(user.ID)
	if err := b.db.Readdress(t.Context(), b.admin, order); err != nil {
		t.Fatal(err)
	}
	b.shows(t, user, nil, session, nil)
	b.accept(t, user, b.charter.Terms.ID, noon().Add(time.Minute)) // a submit of the old address' that was under way
	if got := b.user(t, "bob@example.com"); !got.Facts.Accepted.IsZero() || !got.Declined.IsZero() || !got.Facts.Secured.IsZero() {
		t.Errorf("what somebody else did is the user's: %+v", got)
	}
	if all := b.evidence(t); len(all) != 1 {
		t.Errorf("before the identity is cleared, %+v was accepted", all)
	}
	b.provision(t, order.Batch.ID)
	b.accept(t, user, b.charter.Terms.ID, noon().Add(time.Hour))
	if got := b.user(t, "bob@example.com").Facts.Accepted; !got.Equal(noon().Add(time.Hour)) {
		t.Errorf("accepted at %s", got)
	}
	all := b.evidence(t)
	if len(all) != 2 || all[0].Address != "" || all[0].Disowned.IsZero() || all[1].Address != "bob@example.com" || !all[1].Disowned.IsZero() {
		t.Errorf("evidence %+v", all)
	}
}

// However many have accepted, a page of them is read at once: memory does not grow with them.
func TestEvidenceOf100000IsReadInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.issue(t, 0, "en", "de")
	const people = 50_000 // in each language
	b.exec(t, `INSERT INTO acceptances (user_id, terms_id, organisation_id, accepted_at, ip, user_agent)
		SELECT gen_random_uuid(), t.id, t.organisation_id, ?::timestamptz + make_interval(secs => n / 7), '203.0.113.7', 'Browser'
		  FROM terms t, generate_series(1, ?) AS n WHERE t.version = 2`, noon(), people)
	seen := map[string]bool{}
	inOrder := true
	last := int64(0)
	statements, err := b.db.Recorded(func(db *postgres.DB) error {
		return db.EachEvidence(t.Context(), b.admin, 2, func(e extension.Evidence) error {
			inOrder = inOrder && e.Number > last
			last = e.Number
			seen[string(e.User)] = true
			return nil
		})
	})
	if err != nil || len(seen) != 2*people || !inOrder {
		t.Fatalf("%d of %d, in order %v, %v", len(seen), 2*people, inOrder, err)
	}
	for _, statement := range statements[1:] {
		if !strings.Contains(statement, "LIMIT 1000") {
			t.Fatalf("unbounded: %s", statement)
		}
	}
	b.exec(t, `ANALYZE acceptances`)
	if blocks, err := b.db.Blocks(t.Context(), statements[len(statements)-2]); err != nil || blocks > 6000 {
		t.Errorf("the last page looks at %d blocks, %v", blocks, err)
	}
}
