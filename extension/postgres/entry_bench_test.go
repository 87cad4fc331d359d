package postgres_test

import (
	"context"
	"testing"

	"paperplane/extension"
)

// door is an organisation of so many Active users, each with two versions of the terms accepted, a factor and a session
// that was confirmed with it.
func door(tb testing.TB, b bundle, people int) (identities []extension.IdentityID, session func(extension.IdentityID) extension.SessionID) {
	tb.Helper()
	crowd(tb, b, people)
	organisation := b.charter.Organisation.ID
	for _, statement := range []struct {
		text      string
		arguments []any
	}{
		{`UPDATE organisations SET two_factor = 'required'`, nil},
		{`INSERT INTO terms (id, organisation_id, version, title, body, sha256, published_at)
		  SELECT gen_random_uuid(), ?, 2, 'Terms', repeat('Be kind. ', 5000), repeat('0', 64), ?`, []any{organisation, noon()}},
		{`INSERT INTO identities (id, created_by_us, checked_at) SELECT id, true, now() FROM users`, nil},
		{`UPDATE users SET identity_id = id, first_name = 'Bob', last_name = 'Builder', mobile = '+46701234567',
		         started_at = ?, registered_at = ?, activated_at = ?`, []any{noon(), noon(), noon()}},
		{`UPDATE users u SET invitation_id = i.id, letter_id = i.id FROM invitations i WHERE i.user_id = u.id`, nil},
		{`INSERT INTO factors (identity_id, kind, address, proven_at) SELECT id, 'sms', '+46701234567', ? FROM identities`, []any{noon()}},
		{`INSERT INTO proofs (session_id, identity_id, kind, proven_at) SELECT id, id, 'sms', ? FROM identities`, []any{noon()}},
		{`INSERT INTO acceptances (user_id, terms_id, organisation_id, accepted_at, ip, user_agent, confirmed_at)
		  SELECT u.id, t.id, u.organisation_id, ?, '203.0.113.7', 'Browser', ? FROM users u, terms t`, []any{noon(), noon()}},
		{`VACUUM ANALYZE`, nil},
	} {
		if err := b.db.Exec(context.WithoutCancel(tb.Context()), statement.text, statement.arguments...); err != nil {
			tb.Fatalf("%s: %v", statement.text, err)
		}
	}
	if err := b.db.Read(tb.Context(), &identities, `SELECT id FROM identities TABLESAMPLE SYSTEM (5) LIMIT 1000`); err != nil {
		tb.Fatal(err)
	}
	return identities, func(id extension.IdentityID) extension.SessionID { return extension.SessionID(id) }
}

// BenchmarkEntryOf200000 times what the gate asks at every request, beside a statement that does nothing.
func BenchmarkEntryOf200000(b *testing.B) {
	scene := benchScene(b)
	identities, session := door(b, scene, 200_000)
	b.Run("Entry", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			id := identities[n%len(identities)]
			member, proofs, err := scene.db.Entry(b.Context(), id, session(id), "north")
			if err != nil || member.Next(proofs, noon()) != extension.StepIn {
				b.Fatal(member, proofs, err)
			}
		}
	})
	b.Run("Entry by many", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for n := 0; pb.Next(); n++ {
				id := identities[n%len(identities)]
				if _, _, err := scene.db.Entry(b.Context(), id, session(id), "north"); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("Nothing", func(b *testing.B) {
		for b.Loop() {
			if err := scene.db.Ping(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Members", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			if _, err := scene.db.Members(b.Context(), identities[n%len(identities)]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
