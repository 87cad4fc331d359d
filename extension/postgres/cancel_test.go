package postgres_test

import (
	"testing"
	"time"

	"paperplane/extension"
)

// The statistics are those of an empty table, as right after a large paste.
func TestALargeBatchIsTakenBackInTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, addresses(11_000)...)
	began := time.Now()
	b.cancel(t, batch)
	refused := func() int { return read[int](t, b.db, `SELECT count(*) FROM invitations WHERE refused = 'cancelled'`) }
	if n := refused(); n == 0 || n == 11_000 {
		t.Errorf("the press took %d back", n)
	}
	turns := 0
	for finished := false; !finished; turns++ {
		if n, err := b.db.CountCancelled(t.Context(), b.admin, batch); err != nil || n != 11_000 {
			t.Errorf("%d are cancelled, %v", n, err)
		}
		turn, err := b.db.NextTurn(t.Context(), 100, noon())
		if err != nil || turn.Step != extension.BatchFinish {
			t.Fatalf("turn %+v, %v", turn, err)
		}
		if finished, err = b.db.Finish(t.Context(), batch, noon()); err != nil {
			t.Fatal(err)
		}
	}
	if listed := read[int](t, b.db, `SELECT count(*) FROM users WHERE withdrawn_at IS NULL`); turns < 2 || refused() != 11_000 || listed != 0 {
		t.Errorf("%d turns, %d cancelled, %d are listed", turns, refused(), listed)
	}
	if b.step(t) {
		t.Error("there is more to do")
	}
	if took := time.Since(began); took > 15*time.Second { // some hundred milliseconds for each turn, on an idle machine
		t.Errorf("it took %s", took)
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
