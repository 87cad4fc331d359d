package postgres_test

import (
	"errors"
	"testing"
	"time"

	"paperplane/extension"
)

// putOff has somebody who was put off first so long ago tried now, and put off again; it tells how long they wait then.
func (b bundle) putOff(t *testing.T, batch extension.BatchID, since string) time.Duration {
	t.Helper()
	b.exec(t, `UPDATE invitations SET put_off_at = clock_timestamp() - ?::interval, not_before = clock_timestamp() WHERE sent_at IS NULL`, since)
	chunk, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil || chunk == nil || len(chunk.Recipients) != 1 {
		t.Fatalf("chunk %+v, %v", chunk, err)
	}
	receipts := []extension.Receipt{{Invitation: chunk.Recipients[0].Invitation, Untried: true, PutOff: "452 4.2.2 Mailbox full"}}
	if err := b.db.SettleChunk(t.Context(), *chunk, receipts, noon()); err != nil {
		t.Fatal(err)
	}
	if again, err := b.db.ClaimChunk(t.Context(), batch, claim()); err != nil || again != nil {
		t.Fatalf("tried again at once: %+v, %v", again, err)
	}
	after, err := b.db.NextDue(t.Context(), 100, noon())
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func TestWhoeverIsPutOffWaitsLongerAndLonger(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.provision(t, batch)
	for _, c := range []struct {
		since string
		least time.Duration
	}{
		{"0 minutes", 5 * time.Minute}, {"10 minutes", 10 * time.Minute}, {"20 minutes", 20 * time.Minute}, {"47 hours", 30 * time.Minute},
	} {
		if got := b.putOff(t, batch, c.since); got < c.least*9/10 || got > c.least*12/10 {
			t.Errorf("put off for %s: the next attempt is in %s, want %s and a little", c.since, got, c.least)
		}
		if b.step(t) {
			t.Errorf("put off for %s: there was a turn", c.since)
		}
	}
}

func TestWhoeverIsPutOffForTwoDaysIsRefusedWithTheServersWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.provision(t, batch)
	if after := b.putOff(t, batch, "48 hours"); after != 0 {
		t.Errorf("the end of the batch is in %s", after)
	}
	for b.step(t) {
	}
	report, err := b.db.Report(t.Context(), b.admin, batch)
	if err != nil || len(report.NotSent) != 1 || report.Batch.Finished.IsZero() {
		t.Fatalf("report %+v, %v", report, err)
	}
	if got := report.NotSent[0]; got.Refused != extension.RefusedByProvider || got.Detail != "452 4.2.2 Mailbox full" {
		t.Errorf("%s: %q", got.Refused, got.Detail)
	}
}

// Two callers try the same chunk, because one outlasted its lease.
func TestSomebodyWhomAnotherCallerIsWritingToIsNotPutOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com", "eve@example.com")
	b.provision(t, batch)
	chunk, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil {
		t.Fatal(err)
	}
	b.exec(t, `UPDATE invitations SET put_off_at = clock_timestamp() - interval '3 days'`)
	theirs, ours := chunk.Recipients[0].Invitation, chunk.Recipients[1].Invitation
	for _, invitation := range []extension.InvitationID{theirs, ours} {
		if first, err := b.db.MarkHanded(t.Context(), invitation); err != nil || !first {
			t.Fatalf("mark: %v, %v", first, err)
		}
	}
	receipts := []extension.Receipt{
		{Invitation: theirs, Untried: true, PutOff: "450 later"}, {Invitation: ours, Untried: true, Marked: true, PutOff: "451 later"},
	}
	if err := b.db.SettleChunk(t.Context(), *chunk, receipts, noon()); err != nil {
		t.Fatal(err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE id = ? AND refused_at IS NULL AND not_before IS NULL AND chunk_id IS NOT NULL`, theirs); n != 1 {
		t.Error("who is being written to was put off")
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE id = ? AND refused_detail = '451 later'`, ours); n != 1 {
		t.Error("who was put off for days was not refused")
	}
}

func TestACancelledBatchDoesNotWaitForWhoeverWasPutOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.provision(t, batch)
	b.putOff(t, batch, "1 hour")
	err := b.db.Control(t.Context(), b.admin, batch, noon(), func(extension.Batch) (extension.Action, error) { return extension.ActionBatchCancelled, nil })
	if err != nil {
		t.Fatal(err)
	}
	for b.step(t) {
	}
	if after, err := b.db.NextDue(t.Context(), 100, noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("the next turn is in %s, %v", after, err)
	}
}
