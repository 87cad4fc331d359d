package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// beforeTheDoor is a database of the release before, with a Swedish organisation, two versions of its terms, and a user
// who has accepted the second.
func beforeTheDoor(t *testing.T) (db *postgres.DB, organisation extension.OrganisationID, user extension.UserID) {
	t.Helper()
	db = migratedTo(t, "0001_foundation", "0002_bulk")
	organisation, user = extension.NewID[extension.OrganisationID](), extension.NewID[extension.UserID]()
	b := bundle{db: db}
	b.exec(t, `INSERT INTO organisations (id, slug, name, link_lifetime, language, created_at) VALUES (?, 'old', 'Old', 3600, 'sv', ?)`, organisation, noon())
	b.exec(t, `INSERT INTO areas (id, organisation_id, name) VALUES (gen_random_uuid(), ?, 'East')`, organisation)
	for version, hash := range []string{"a", "b"} {
		b.exec(t, `INSERT INTO terms (id, organisation_id, version, title, body, sha256, published_at) VALUES (gen_random_uuid(), ?, ?, 'T', 'B', repeat(?, 64), ?)`,
			organisation, version+1, hash, noon())
	}
	b.exec(t, `INSERT INTO audit (at, organisation_id, actor_name, action, detail) VALUES (?, ?, 'Ada Admin', 'terms.published', 'version 1, SHA-256 ' || repeat('a', 64))`,
		noon(), organisation)
	b.exec(t, `INSERT INTO users (id, organisation_id, address, address_key, invited_at) VALUES (?, ?, 'old@example.com', 'old@example.com', ?)`,
		user, organisation, noon())
	b.exec(t, `INSERT INTO acceptances (user_id, terms_id, organisation_id, accepted_at, ip, user_agent, confirmed_at)
		SELECT ?0, id, organisation_id, ?1, '203.0.113.7', 'Browser', ?1 FROM terms WHERE version = 2`, user, noon())
	return db, organisation, user
}

func TestTheDoorIsPutIntoADatabaseInUse(t *testing.T) {
	t.Parallel()
	db, organisation, user := beforeTheDoor(t)
	if _, err := db.MigrateUp(t.Context(), nothing); err != nil {
		t.Fatal(err)
	}
	actor := extension.System(organisation, "Ada Admin")
	versions, err := db.TermsVersions(t.Context(), actor)
	if err != nil || len(versions) != 2 {
		t.Fatalf("versions %+v, %v", versions, err)
	}
	if newest := versions[0]; newest.Texts[0].Language != "sv" || newest.By != "" || newest.Accepted != 1 || versions[1].By != "Ada Admin" {
		t.Errorf("versions %+v", versions)
	}
	if evidence, err := db.EvidenceOf(t.Context(), actor, user); err != nil || len(evidence) != 1 || evidence[0].Address != "old@example.com" {
		t.Errorf("evidence %+v, %v", evidence, err)
	}
	if held, err := db.Organisation(t.Context(), organisation); err != nil || held.TwoFactor != extension.TwoFactorOff || !slices.Equal(held.Ways, extension.Ways()) {
		t.Errorf("organisation %+v, %v", held, err)
	}
	if err := db.Exec(t.Context(), `UPDATE terms SET title = 'X'`); err == nil {
		t.Error("terms can be changed after the migration")
	}
}

// TestTheDoorIsTakenOutOfADatabaseInUse goes down and up with rows of everything that only the door knows.
func TestTheDoorIsTakenOutOfADatabaseInUse(t *testing.T) {
	t.Parallel()
	db, _, _ := beforeTheDoor(t)
	before := schema(t, db)
	if _, err := db.MigrateUp(t.Context(), nothing); err != nil {
		t.Fatal(err)
	}
	after := schema(t, db)
	b := bundle{db: db, charter: establish(t, db, "north")}.withAdmin()
	active, foreign := b.useDoor(t)

	if undone, err := db.MigrateDown(t.Context()); err != nil || !slices.Equal(undone, []string{"0003_door"}) {
		t.Fatalf("down: %v, %v", undone, err)
	}
	if diff := cmp.Diff(before, schema(t, db)); diff != "" {
		t.Errorf("down leaves another schema: %s", diff)
	}
	titles := read[[]string](t, db, `SELECT version || ' ' || title FROM terms WHERE organisation_id = ? ORDER BY version`, b.charter.Organisation.ID)
	if !slices.Equal(titles, []string{"1 Terms", "2 Terms de", "3 Terms fr", "4 Terms en"}) {
		t.Errorf("terms %v: want the organisation's own language last", titles)
	}
	kept := read[[]string](t, db, `SELECT u.address FROM acceptances a JOIN users u ON u.id = a.user_id ORDER BY 1`)
	if !slices.Equal(kept, []string{"active@example.com", "old@example.com"}) {
		t.Errorf("evidence of %v is kept", kept)
	}
	if identity := read[string](t, db, `SELECT coalesce(identity_id::text, '') FROM users WHERE id = ?`, foreign.ID); identity != "" {
		t.Error("the older program would switch somebody's account off")
	}
	if identity := read[string](t, db, `SELECT identity_id FROM users WHERE id = ?`, active.ID); identity != string(active.Identity) {
		t.Error("an Active user has lost their identity")
	}
	if factors := read[[]string](t, db, `SELECT kind FROM factors`); !slices.Equal(factors, []string{"totp"}) {
		t.Errorf("factors %v", factors)
	}

	if _, err := db.MigrateUp(t.Context(), nothing); err != nil {
		t.Fatalf("up again: %v", err)
	}
	if diff := cmp.Diff(after, schema(t, db)); diff != "" {
		t.Errorf("up after down makes something else: %s", diff)
	}
	if version := b.issue(t, 0, "en", "sv"); version != 5 {
		t.Errorf("the next version is %d", version)
	}
}

// useDoor makes rows of everything that the door has: a policy, factors, proofs, codes, drafts, versions in languages,
// evidence of somebody who is gone and of somebody whose address was corrected, somebody who declined, a linked account.
func (b bundle) useDoor(t *testing.T) (active, foreign extension.User) {
	t.Helper()
	required := b.charter.Organisation
	required.TwoFactor = extension.TwoFactorRequired
	if err := b.db.SetSecurity(t.Context(), b.admin, required, noon()); err != nil {
		t.Fatal(err)
	}
	b.issue(t, time.Hour, "de", "en", "fr")
	b.draft(t, "sv")
	active = b.invited(t, "active@example.com")
	b.record(t, active, extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	b.accept(t, active, b.text(t, 2, "de").ID, noon())
	session := sessionID()
	b.witness(t, witnessed(active, session, extension.FactorTOTP, ""))
	b.witness(t, witnessed(active, session, extension.FactorSMS, "+46701234567"))
	if err := b.db.AllowCode(t.Context(), active.Identity, extension.FactorSMS); err != nil {
		t.Fatal(err)
	}
	if err := b.db.Decline(t.Context(), active.ID, b.text(t, 2, "en").ID, noon()); err != nil {
		t.Fatal(err)
	}
	gone := b.invited(t, "gone@example.com")
	b.accept(t, gone, b.text(t, 2, "en").ID, noon())
	b.exec(t, `DELETE FROM users WHERE id = ?`, gone.ID)
	wrong := b.invited(t, "bob@exampel.com")
	b.accept(t, wrong, b.text(t, 2, "en").ID, noon())
	if err := b.db.Readdress(t.Context(), b.admin, b.correction(wrong.ID)); err != nil {
		t.Fatal(err)
	}
	return active, b.linked(t, "foreign@example.com", extension.NewID[extension.IdentityID]())
}
