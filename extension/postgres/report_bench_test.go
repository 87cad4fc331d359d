package postgres_test

import (
	"context"
	"testing"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// crowd is a batch of so many people: one in fifty bounced, one in ten was refused at the press, a fifth is waiting.
func crowd(tb testing.TB, b bundle, people int) extension.BatchID {
	tb.Helper()
	id, organisation := extension.NewID[extension.BatchID](), b.charter.Organisation.ID
	area, role := b.charter.Areas[0].ID, b.charter.Roles[1].ID
	for _, statement := range []struct {
		text      string
		arguments []any
	}{
		{`INSERT INTO batches (id, organisation_id, kind, area_id, role_id, actor_name, pressed_at, starts_at, recognised, duplicates)
		  VALUES (?, ?, 'invite', ?, ?, 'Ada Admin', ?, ?, ?, 0)`, []any{id, organisation, area, role, noon(), noon(), people}},
		{`CREATE UNLOGGED TABLE made (n integer, u uuid, i uuid)`, nil},
		{`INSERT INTO made SELECT n, gen_random_uuid(), gen_random_uuid() FROM generate_series(0, ? - 1) AS n`, []any{people}},
		{`INSERT INTO users (id, organisation_id, address, address_key, invited_at, invitation_id, letter_id)
		  SELECT u, ?, 'p' || n || '@d' || n % 500 || '.example', 'p' || n || '@d' || n % 500 || '.example', ?, NULL, NULL FROM made`, []any{organisation, noon()}},
		{`INSERT INTO assignments (organisation_id, user_id, area_id, role_id) SELECT ?, u, ?, ? FROM made WHERE n % 20 <> 0`, []any{organisation, area, role}},
		{`INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names, sent_at, delivered_at, bounced_at)
		  SELECT i, ?, u, ?, 'East', 'Nurse', CASE WHEN n % 5 <> 0 THEN ?::timestamptz END, CASE WHEN n % 5 > 1 THEN ?::timestamptz END,
		         CASE WHEN n % 50 = 1 THEN ?::timestamptz END FROM made WHERE n % 10 <> 0`, []any{organisation, id, noon(), noon(), noon()}},
		{`INSERT INTO batch_entries (batch_id, position, organisation_id, text, address, outcome, user_id, invitation_id)
		  SELECT ?, n, ?, u.address, u.address, CASE WHEN n % 10 <> 0 THEN 'queued' ELSE 'already_pending' END, u.id, CASE WHEN n % 10 <> 0 THEN i END
		    FROM made JOIN users u ON u.id = made.u`, []any{id, organisation}},
		{`DROP TABLE made`, nil},
		{`ANALYZE`, nil},
	} {
		if err := b.db.Exec(context.WithoutCancel(tb.Context()), statement.text, statement.arguments...); err != nil {
			tb.Fatalf("%s: %v", statement.text, err)
		}
	}
	return id
}

// BenchmarkBatchOf100000 times what a batch's page asks for: Follow comes every second while somebody looks.
func BenchmarkBatchOf100000(b *testing.B) {
	scene := benchScene(b)
	id := crowd(b, scene, 100_000)
	for name, ask := range map[string]func(ctx context.Context, db *postgres.DB) error{
		"Follow": func(ctx context.Context, db *postgres.DB) error {
			_, _, err := db.Follow(ctx, scene.admin, id)
			return err
		},
		"Report": func(ctx context.Context, db *postgres.DB) error {
			_, err := db.Report(ctx, scene.admin, id)
			return err
		},
		"Entries in the middle": func(ctx context.Context, db *postgres.DB) error {
			_, err := db.Entries(ctx, scene.admin, id, extension.EntryFilter{Group: extension.EntriesSent, From: 50_000, Limit: extension.MaxPage})
			return err
		},
		"Entries that bounced": func(ctx context.Context, db *postgres.DB) error {
			_, err := db.Entries(ctx, scene.admin, id, extension.EntryFilter{Group: extension.EntriesBounced, Limit: extension.MaxPage})
			return err
		},
		"Entries of a group without any": func(ctx context.Context, db *postgres.DB) error {
			_, err := db.Entries(ctx, scene.admin, id, extension.EntryFilter{Group: extension.EntriesComplained, Limit: extension.MaxPage})
			return err
		},
		"Batches": func(ctx context.Context, db *postgres.DB) error {
			_, err := db.Batches(ctx, scene.admin, nil, 20)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := ask(b.Context(), scene.db); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchScene(b *testing.B) bundle {
	b.Helper()
	db := cluster.Open(b)
	charter := newCharter("north")
	if err := db.Establish(b.Context(), extension.System(charter.Organisation.ID, "test"), charter, noon()); err != nil {
		b.Fatal(err)
	}
	return bundle{db: db, charter: charter}.withAdmin()
}
