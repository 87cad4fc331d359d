package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestWorkIsLeasedToOneCallerAtATime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var addresses []string
	for i := range 200 {
		addresses = append(addresses, fmt.Sprintf("p%03d@example.com", i))
	}
	batch := b.place(t, addresses...)

	var group sync.WaitGroup
	var mutex sync.Mutex
	seen := map[extension.InvitationID]int{}
	for range 8 {
		group.Go(func() {
			for {
				work, err := b.db.LeaseWork(t.Context(), batch, 7, time.Minute)
				if err != nil {
					t.Error(err)
				}
				if len(work) == 0 {
					return
				}
				mutex.Lock()
				for _, w := range work {
					seen[w.Invitation]++
				}
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	if len(seen) != len(addresses) {
		t.Errorf("%d leased, want %d", len(seen), len(addresses))
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was leased %d times", id, n)
		}
	}
}

func TestReleasedAndOverdueWorkIsLeasedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	lease := func(d time.Duration) []extension.Work {
		t.Helper()
		work, err := b.db.LeaseWork(t.Context(), batch, 10, d)
		if err != nil {
			t.Fatal(err)
		}
		return work
	}
	work := lease(time.Hour)
	if len(lease(time.Hour)) != 0 {
		t.Error("leased work was leased again")
	}
	if err := b.db.ReleaseWork(t.Context(), work); err != nil {
		t.Fatal(err)
	}
	if len(lease(-time.Second)) != 1 {
		t.Error("released work was not leased again")
	}
	if len(lease(time.Hour)) != 1 {
		t.Error("overdue work was not leased again")
	}
}

func TestAResumedChunkHasThePeopleAndWordsOfItsFirstCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com", "eve@example.com")
	b.provision(t, batch)
	first, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil {
		t.Fatal(err)
	}
	if busy, err := b.db.ClaimChunk(t.Context(), batch, claim()); err != nil || busy != nil {
		t.Fatalf("a chunk at work was claimed again: %+v, %v", busy, err)
	}
	if err := b.db.ReleaseChunk(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	later := claim()
	later.Now, later.KeyID, later.Sender, later.PublicURL = noon().Add(time.Hour), "k2", "Other <o@example.org>", "https://other.example"
	second, err := b.db.ClaimChunk(t.Context(), batch, later)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	if want := noon().Add(7 * 24 * time.Hour); !first.Letter.Expires.Equal(want) {
		t.Errorf("expires %s, want %s", first.Letter.Expires, want)
	}
	if got := b.user(t, "bob@example.com").Facts.Expires; !got.Equal(first.Letter.Expires) {
		t.Errorf("the row says %s, the letter %s", got, first.Letter.Expires)
	}
}

func TestAChunkOlderThanTheProvidersMemoryIsStaleAndEndsAsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.provision(t, batch)
	first, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.db.ReleaseChunk(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	forgetful := claim()
	forgetful.Memory = -time.Second
	chunk, err := b.db.ClaimChunk(t.Context(), batch, forgetful)
	if err != nil || chunk == nil || !chunk.Stale {
		t.Fatalf("chunk %+v, %v; want it stale", chunk, err)
	}
	if err := b.db.AbandonChunk(t.Context(), *chunk, noon()); err != nil {
		t.Fatal(err)
	}
	if got := b.user(t, "bob@example.com").Refused; got != extension.RefusedUnknown {
		t.Errorf("refused is %q, want unknown", got)
	}
	if done, err := b.db.Finish(t.Context(), batch, noon()); err != nil || !done {
		t.Errorf("the batch is not finished: %v", err)
	}
}

func TestReceiptsSetWhatWasSentAndWhatWasRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com", "eve@example.com")
	if done, err := b.db.Finish(t.Context(), batch, noon()); err != nil || done {
		t.Errorf("a batch with work left is finished: %v", err)
	}
	b.provision(t, batch)
	chunk, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil {
		t.Fatal(err)
	}
	var receipts []extension.Receipt
	for _, r := range chunk.Recipients {
		if r.Address == "bob@example.com" {
			receipts = append(receipts, extension.Receipt{Invitation: r.Invitation, MessageID: "m1"})
		} else {
			receipts = append(receipts, extension.Receipt{Invitation: r.Invitation, Refused: "mailbox is on the suppression list"})
		}
	}
	for range 2 { // a receipt may come twice
		if err := b.db.SettleChunk(t.Context(), *chunk, receipts, noon()); err != nil {
			t.Fatal(err)
		}
	}
	report, err := b.db.Report(t.Context(), b.admin, batch)
	if err != nil {
		t.Fatal(err)
	}
	if report.Progress.Sent != 1 || report.Progress.Refused != 1 || !report.Progress.Done() {
		t.Errorf("progress %+v", report.Progress)
	}
	if len(report.Sent) != 1 || report.Sent[0].Address != "bob@example.com" {
		t.Errorf("sent %+v", report.Sent)
	}
	if len(report.NotSent) != 1 || report.NotSent[0].Refused != extension.RefusedByProvider || report.NotSent[0].Detail == "" {
		t.Errorf("not sent %+v", report.NotSent)
	}
}

func TestPausedUsersAreNotWrittenTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.provision(t, batch)
	if _, err := b.db.SetPaused(t.Context(), b.admin, b.user(t, "bob@example.com").ID, noon(), noon()); err != nil {
		t.Fatal(err)
	}
	if chunk, err := b.db.ClaimChunk(t.Context(), batch, claim()); err != nil || chunk != nil {
		t.Errorf("chunk %+v, %v; want none", chunk, err)
	}
	if got := b.user(t, "bob@example.com").Refused; got != extension.RefusedPaused {
		t.Errorf("refused is %q, want paused", got)
	}
}

func TestAChunkThatWasOnlyEverRefusedGoesIntoANewOneWhenTheProviderHasForgottenIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.provision(t, batch)
	first, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.db.RefuseChunk(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	same, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil || same == nil || same.ID != first.ID {
		t.Fatalf("chunk %+v, %v; want the same while the provider remembers it", same, err)
	}
	if err := b.db.RefuseChunk(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	forgetful := claim()
	forgetful.Memory, forgetful.Now = -time.Second, noon().Add(25*time.Hour)
	fresh, err := b.db.ClaimChunk(t.Context(), batch, forgetful)
	if err != nil || fresh == nil || fresh.Stale || fresh.ID == first.ID {
		t.Fatalf("chunk %+v, %v; want a new one", fresh, err)
	}
	if !fresh.Letter.Expires.Equal(forgetful.Now.Add(7 * 24 * time.Hour)) {
		t.Errorf("nobody was written to, so the week begins now: %s", fresh.Letter.Expires)
	}
	if err := b.db.ReleaseChunk(t.Context(), fresh.ID); err != nil { // no answer came: from now on there is a doubt
		t.Fatal(err)
	}
	if _, err := b.db.ClaimChunk(t.Context(), batch, claim()); err != nil {
		t.Fatal(err)
	}
	if err := b.db.RefuseChunk(t.Context(), fresh.ID); err != nil { // and a refusal later does not take it away
		t.Fatal(err)
	}
	if doubtful, err := b.db.ClaimChunk(t.Context(), batch, forgetful); err != nil || doubtful == nil || !doubtful.Stale {
		t.Errorf("chunk %+v, %v; want it stale", doubtful, err)
	}
}
