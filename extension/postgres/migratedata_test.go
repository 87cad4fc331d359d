package postgres_test

import (
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/postgres"
	"paperplane/migrations"
)

// migratedTo is a database with the migrations of these names, each way.
func migratedTo(t *testing.T, names ...string) *postgres.DB {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range names {
		text, err := fs.ReadFile(migrations.Files, name+".tx.up.sql")
		if err != nil {
			t.Fatal(err)
		}
		files[name+".tx.up.sql"] = &fstest.MapFile{Data: text}
	}
	db := cluster.OpenDSN(t, cluster.DSN(t))
	if _, err := db.MigrateFiles(t.Context(), files); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestBulkIsTakenBackFromADatabaseInUse goes down and up with rows of everything that only bulk knows.
func TestBulkIsTakenBackFromADatabaseInUse(t *testing.T) {
	t.Parallel()
	db := migratedTo(t, "0001_foundation")
	before := schema(t, db)
	if _, err := db.MigrateUp(t.Context(), nothing); err != nil {
		t.Fatal(err)
	}
	after := schema(t, db)
	b := bundle{db: db, charter: establish(t, db, "north")}.withAdmin()
	batches := b.useBulk(t)

	if undone, err := db.MigrateDown(t.Context()); err != nil || !slices.Equal(undone, []string{"0002_bulk", "0003_door"}) {
		t.Fatalf("down: %v, %v", undone, err)
	}
	if diff := cmp.Diff(before, schema(t, db)); diff != "" {
		t.Errorf("down leaves another schema: %s", diff)
	}
	if n := read[int](t, db, `SELECT count(*) FROM batches WHERE kind = 'reminder'`); n != 0 {
		t.Errorf("%d batches of reminders are left", n)
	}
	got := map[string]string{}
	for name, batch := range batches {
		got[name] = read[string](t, db, `SELECT a.name || ' ' || r.name FROM batches b JOIN areas a ON a.id = b.area_id JOIN roles r ON r.id = b.role_id WHERE b.id = ?`, batch)
	}
	if diff := cmp.Diff(map[string]string{"of rows": "West Administrator", "of people": "East Nurse", "of nobody": "East Nurse"}, got); diff != "" {
		t.Errorf("places of batches without a pick (-want +got):\n%s", diff)
	}
	if refused := read[string](t, db, `SELECT i.refused FROM users u JOIN invitations i ON i.id = u.invitation_id WHERE u.address = 'gone@example.com'`); refused != "superseded" {
		t.Errorf("the withdrawn user's invitation is %s", refused)
	}
	if kept := read[int](t, db, `SELECT count(identity_id) FROM users WHERE address = 'bob@example.com'`); kept != 0 {
		t.Error("an identity with the address from before a correction is kept")
	}

	if _, err := db.MigrateUp(t.Context(), nothing); err != nil {
		t.Fatalf("up again: %v", err)
	}
	if diff := cmp.Diff(after, schema(t, db)); diff != "" {
		t.Errorf("up after down makes something else: %s", diff)
	}
	b.send(t, b.place(t, "gone@example.com", "bob@example.com"))
	if gone := b.user(t, "gone@example.com"); gone.Letter.Sent.IsZero() {
		t.Error("a user who had been withdrawn is not invited again")
	}
}

// useBulk makes a reminder, a cancelled batch, a corrected address and the news of messages, and gives batches that have
// no place of their own by where their people's come from.
func (b bundle) useBulk(t *testing.T) map[string]extension.BatchID {
	t.Helper()
	b.remindOn(t, "{3}")
	b.send(t, b.place(t, "ann@example.com"))
	if got := b.remind(t, 3*day); len(got) != 1 {
		t.Fatalf("reminded %v", got)
	}
	b.sendAt(t, 3*day)
	b.cancel(t, b.place(t, "gone@example.com"))
	wrong := b.invited(t, "bob@exampel.com")
	b.tell(t, told(extension.MailBounced, messageOf(wrong), 1))
	if err := b.db.Readdress(t.Context(), b.admin, b.correction(wrong.ID)); err != nil {
		t.Fatal(err)
	}
	table := func(entries ...extension.Entry) extension.BatchID {
		p := b.placement()
		p.Batch.Area, p.Batch.Role, p.Entries = extension.ServiceArea{}, extension.Role{}, entries
		if err := b.db.Place(t.Context(), b.admin, p); err != nil {
			t.Fatal(err)
		}
		return p.Batch.ID
	}
	row := func(address string) extension.Entry {
		return extension.Entry{Text: address, Address: address, Key: address, Outcome: extension.OutcomeQueued}
	}
	placed, unplaced := row("cid@example.com"), row("dan@example.com")
	placed.Area, placed.Role = b.charter.Areas[1], b.charter.Roles[0]
	unplaced.Outcome = extension.OutcomeInvalid
	return map[string]extension.BatchID{
		"of rows": table(unplaced, placed), "of people": table(row("ann@example.com")), "of nobody": table(unplaced),
	}
}
