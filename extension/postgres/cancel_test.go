package postgres_test

import (
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// The statistics are those of an empty table, as right after a large paste.
func TestALargeBatchIsTakenBackInTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, addresses(11_000)...)
	b.cancel(t, batch)
	refused := func() int { return read[int](t, b.db, `SELECT count(*) FROM invitations WHERE refused = 'cancelled'`) }
	if n := refused(); n == 0 || n == 11_000 {
		t.Errorf("the press took %d back", n)
	}
	var statements []string
	turns := 0
	for finished := false; !finished; turns++ {
		if n, err := b.db.CountCancelled(t.Context(), b.admin, batch); err != nil || n != 11_000 {
			t.Errorf("%d are cancelled, %v", n, err)
		}
		turn, err := b.db.NextTurn(t.Context(), 100, noon())
		if err != nil || turn.Step != extension.BatchFinish {
			t.Fatalf("turn %+v, %v", turn, err)
		}
		ran, err := b.db.Recorded(func(db *postgres.DB) (err error) {
			finished, err = db.Finish(t.Context(), batch, noon())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		statements = append(statements, ran...)
	}
	if listed := read[int](t, b.db, `SELECT count(*) FROM users WHERE withdrawn_at IS NULL`); turns < 2 || refused() != 11_000 || listed != 0 {
		t.Errorf("%d turns, %d cancelled, %d are listed", turns, refused(), listed)
	}
	if b.step(t) {
		t.Error("there is more to do")
	}
	changes := 0
	for _, statement := range statements {
		switch strings.Fields(statement)[0] {
		case "UPDATE", "WITH":
		default:
			continue
		}
		changes++
		if missed := b.missed(t, statement); missed > 200_000 { // of 11,000 rows and 5,000 people
			t.Errorf("%d rows were compared in vain: %.300s", missed, statement)
		}
	}
	if changes < 7*turns {
		t.Errorf("%d changes in %d turns", changes, turns)
	}
}

func TestTakingBackWaitsForNobodyWhoWritesBatches(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	batch := b.place(t, "bob@example.com")
	letGo := held(t, dsn, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "batches of "+string(b.charter.Organisation.ID))
	b.cancel(t, batch)
	if b.step(t) {
		t.Error("a hand is given what it would have to wait for")
	}
	letGo()
	b.exec(t, `UPDATE batches SET rests_until = NULL`)
	if n, err := b.db.CountCancelled(t.Context(), b.admin, batch); err != nil || n != 1 {
		t.Errorf("%d are cancelled, %v", n, err)
	}
	for b.step(t) {
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM batches WHERE finished_at IS NOT NULL`); n != 1 {
		t.Error("the batch is not finished")
	}
}

func TestACallInDoubtOfACancelledBatchHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, addresses(150)...)
	b.provision(t, batch)
	chunk := b.claimed(t, batch)
	b.cancel(t, batch)
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE refused = 'cancelled'`); n != 50 {
		t.Errorf("%d are cancelled", n)
	}
	if err := b.db.RefuseChunk(t.Context(), chunk.ID); err != nil {
		t.Fatal(err)
	}
	for b.step(t) {
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE refused = 'cancelled'`); n != 150 {
		t.Errorf("%d are cancelled in the end", n)
	}
}
