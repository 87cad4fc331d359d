package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// step takes a turn as the engine does, with a Kratos and a provider that take everything.
func (b bundle) step(t *testing.T) bool {
	t.Helper()
	turn, err := b.db.NextTurn(t.Context(), 100, noon())
	if errors.Is(err, extension.ErrNotFound) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	switch turn.Step {
	case extension.BatchProvision:
		b.provisionSome(t, turn.Batch, 100)
	case extension.BatchDeliver:
		b.deliverSome(t, turn.Batch)
	case extension.BatchFinish:
		if _, err := b.db.Finish(t.Context(), turn.Batch, noon()); err != nil {
			t.Fatal(err)
		}
	}
	return true
}

func (b bundle) deliverSome(t *testing.T, batch extension.BatchID) {
	t.Helper()
	chunk, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil {
		t.Fatal(err)
	}
	if chunk == nil {
		return
	}
	receipts := make([]extension.Receipt, len(chunk.Recipients))
	for i, r := range chunk.Recipients {
		receipts[i] = extension.Receipt{Invitation: r.Invitation, MessageID: "m-" + string(r.Invitation)}
	}
	if err := b.db.SettleChunk(t.Context(), *chunk, receipts, noon()); err != nil {
		t.Fatal(err)
	}
}

// A batch of 100,000 must not become slower towards its end, where the index is full of entries of those who are done.
func TestAStepLooksAtNoMoreAtTheEndOfABatchThanAtItsBeginning(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, addresses(6_000)...)
	steps := func(n int) {
		for range n {
			b.step(t)
		}
	}
	steps(10)
	asking, err := b.db.Recorded(func(db *postgres.DB) error {
		if _, err := db.NextTurn(t.Context(), 100, noon()); err != nil {
			return err
		}
		_, err := db.LeaseWork(t.Context(), batch, 100, -time.Minute)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	claiming, err := b.db.Recorded(func(db *postgres.DB) error {
		chunk, err := db.ClaimChunk(t.Context(), batch, claim())
		if err == nil && chunk != nil {
			err = db.RefuseChunk(t.Context(), chunk.ID)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	asking = slices.DeleteFunc(append(asking, claiming...), func(statement string) bool { return !strings.Contains(statement, "SKIP LOCKED") })
	if len(asking) != 4 {
		t.Fatalf("%d statements: %q", len(asking), asking)
	}
	var first []int
	for _, statement := range asking {
		first = append(first, blocks(t, b.db, statement))
	}
	steps(100)
	if waiting := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE sent_at IS NULL`); waiting == 0 || waiting > 2000 {
		t.Fatalf("%d wait, so this is not the end", waiting)
	}
	for i, statement := range asking {
		if last := blocks(t, b.db, statement); last > 2*first[i]+20 {
			t.Errorf("%d blocks at the beginning, %d at the end:%s", first[i], last, statement)
		}
	}
}

func blocks(t *testing.T, db *postgres.DB, statement string) int {
	t.Helper()
	n, err := db.Blocks(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// missed tells how many rows a statement looks at or compares in vain.
func (b bundle) missed(t *testing.T, statement string) int {
	t.Helper()
	n, err := b.db.Missed(t.Context(), statement)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// However the statistics lie: here they are those of an empty table, as right after a large paste.
func TestSettlingFindsItsRowsByIDAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, addresses(5_000)...)
	statements, err := b.db.Recorded(func(db *postgres.DB) error {
		recorded := b
		recorded.db = db
		recorded.provisionSome(t, batch, 100)
		recorded.deliverSome(t, batch)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	judged := 0
	for _, statement := range statements {
		if !strings.Contains(statement, "unnest") || !strings.HasPrefix(strings.TrimSpace(statement), "UPDATE") {
			continue
		}
		judged++
		if missed := b.missed(t, statement); missed > 50_000 { // of 5,000 rows and 100 ids
			t.Errorf("%d rows were compared in vain:%s", missed, statement)
		}
	}
	if judged != 2 {
		t.Errorf("%d updates: %q", judged, statements)
	}
}

func TestAnOrganisationThatWasServedLongestAgoIsNext(t *testing.T) {
	t.Parallel()
	first := setup(t)
	second, third := first.beside(t, "second"), first.beside(t, "third")
	var batches []extension.BatchID
	for _, b := range []bundle{first, second, third} {
		for range 2 {
			batches = append(batches, b.place(t, extension.NewID[string]()+"@example.com"))
		}
	}
	var got []extension.OrganisationID
	seen := map[extension.BatchID]bool{}
	for range batches {
		turn, err := first.db.NextTurn(t.Context(), 100, noon())
		if err != nil {
			t.Fatal(err)
		}
		got, seen[turn.Batch] = append(got, turn.Organisation), true
	}
	if got[0] == got[1] || got[1] == got[2] || got[0] == got[2] || got[3] != got[0] || got[4] != got[1] || got[5] != got[2] {
		t.Errorf("turns of %v", got)
	}
	if len(seen) != len(batches) {
		t.Errorf("%d of %d batches had a turn", len(seen), len(batches))
	}
}

func TestAPausedBatchWithARefusedChunkIsNoWork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.provision(t, batch)
	if err := b.db.RefuseChunk(t.Context(), b.claimed(t, batch).ID); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE batches SET paused_at = now()`)
	if b.step(t) {
		t.Error("there was a turn")
	}
	if after, err := b.db.NextDue(t.Context(), 100, noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("the next turn is in %s, %v", after, err)
	}
	if again, err := b.db.ClaimChunk(t.Context(), batch, claim()); err != nil || again != nil {
		t.Errorf("chunk %+v, %v", again, err)
	}
}

// Two callers try the same chunk, because one outlasted its lease.
func TestWhatOneCallerMarkedAnotherDoesNotGiveBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com", "eve@example.com", "ida@example.com")
	b.provision(t, batch)
	chunk, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil {
		t.Fatal(err)
	}
	marked, own, free := chunk.Recipients[0].Invitation, chunk.Recipients[1].Invitation, chunk.Recipients[2].Invitation
	for _, invitation := range []extension.InvitationID{marked, own} { // the first by another caller, who is at work on it
		if first, err := b.db.MarkHanded(t.Context(), invitation); err != nil || !first {
			t.Fatalf("mark: %v, %v", first, err)
		}
	}
	receipts := []extension.Receipt{{Invitation: marked, Untried: true}, {Invitation: own, Untried: true, Marked: true}, {Invitation: free, Untried: true}}
	if err := b.db.SettleChunk(t.Context(), *chunk, receipts, noon()); err != nil {
		t.Fatal(err)
	}
	next, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil || next == nil || len(next.Recipients) != 2 {
		t.Fatalf("next chunk %+v, %v", next, err)
	}
	for _, r := range next.Recipients {
		if r.Invitation == marked || r.Handed {
			t.Errorf("%+v goes out a second time", r)
		}
	}
	if open := read[int](t, b.db, `SELECT count(*) FROM mail_chunks WHERE settled_at IS NULL AND id = ?`, chunk.ID); open != 1 {
		t.Error("the chunk is closed while somebody in it waits")
	}
	unknown := []extension.Receipt{{Invitation: marked, Unknown: true}}
	if err := b.db.SettleChunk(t.Context(), *chunk, unknown, noon()); err != nil {
		t.Fatal(err)
	}
	late := []extension.Receipt{{Invitation: marked, MessageID: "m1"}} // the other caller's answer comes after all
	if err := b.db.SettleChunk(t.Context(), *chunk, late, noon()); err != nil {
		t.Fatal(err)
	}
	if sent := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE id = ? AND sent_at IS NOT NULL AND refused IS NULL`, marked); sent != 1 {
		t.Error("a message that was accepted counts as unknown")
	}
}
