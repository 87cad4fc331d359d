package postgres_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// setupAt is setup with the address of the database, for tests that meddle with it from outside.
func setupAt(t *testing.T) (b bundle, dsn string) {
	t.Helper()
	dsn = cluster.Migrated(t)
	db := cluster.OpenDSN(t, dsn)
	return bundle{db: db, charter: establish(t, db, "north")}.withAdmin(), dsn
}

// beside is another organisation in the same database.
func (b bundle) beside(t *testing.T, slug string) bundle {
	t.Helper()
	return bundle{db: b.db, charter: establish(t, b.db, slug)}.withAdmin()
}

// invited invites and mails one person.
func (b bundle) invited(t *testing.T, address string) extension.User {
	t.Helper()
	b.send(t, b.place(t, address))
	return b.user(t, address)
}

// record sets facts of a user at noon.
func (b bundle) record(t *testing.T, user extension.User, facts ...extension.Fact) {
	t.Helper()
	for _, fact := range facts {
		if fresh, err := b.db.Record(t.Context(), user, fact, noon()); err != nil || !fresh {
			t.Fatalf("record %s: %v, %v", fact, fresh, err)
		}
	}
}

func (b bundle) pause(t *testing.T, user extension.User) {
	t.Helper()
	if changed, err := b.db.SetPaused(t.Context(), b.admin, user.ID, noon(), noon()); err != nil || !changed {
		t.Fatalf("pause: %v, %v", changed, err)
	}
}

// share makes a user one of an identity that another user has already.
func (b bundle) share(t *testing.T, user extension.User, identity extension.IdentityID) {
	t.Helper()
	b.exec(t, `UPDATE users SET identity_id = ? WHERE id = ?`, identity, user.ID)
}

func (b bundle) exec(t *testing.T, statement string, arguments ...any) {
	t.Helper()
	if err := b.db.Exec(t.Context(), statement, arguments...); err != nil {
		t.Fatal(err)
	}
}

// read reads one value.
func read[T any](t *testing.T, db *postgres.DB, query string, arguments ...any) T {
	t.Helper()
	var value T
	if err := db.Read(t.Context(), &value, query, arguments...); err != nil {
		t.Fatal(err)
	}
	return value
}

// audited counts the audit rows of an action.
func (b bundle) audited(t *testing.T, action extension.Action, user extension.UserID) int {
	t.Helper()
	return read[int](t, b.db, `SELECT count(*) FROM audit WHERE action = ? AND user_id = ?`, string(action), user)
}

// publish publishes the next version of the organisation's terms.
func (b bundle) publish(t *testing.T, version int) extension.Terms {
	t.Helper()
	terms := extension.NewTerms(b.charter.Organisation.ID, "en", "Terms", "Be kinder.")
	terms.Version = version
	b.exec(t, `INSERT INTO terms (id, organisation_id, version, title, body, sha256, published_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		terms.ID, terms.Organisation, terms.Version, terms.Title, terms.Text, terms.SHA256, noon())
	return terms
}

// inviter acts in one area alone.
func (b bundle) inviter(area int) extension.Actor {
	return extension.Actor{
		User: extension.NewID[extension.UserID](), Organisation: b.charter.Organisation.ID, Name: "Ines",
		Right: extension.RightInviter, Areas: []extension.AreaID{b.charter.Areas[area].ID},
	}
}

// outsider connects to a database past the package.
func outsider(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
