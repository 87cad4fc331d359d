package invite_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/invite"
)

func TestWhatAProcessThatDiedHadTakenIsTakenOverWhenItsLeaseIsUp(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 150))
	const lease = 10 * time.Minute
	if work, err := s.db.LeaseWork(t.Context(), batch, 100, lease); err != nil || len(work) != 100 { // and dies
		t.Fatalf("leased %d, %v", len(work), err)
	}
	s.take(t, 2) // the others of the batch
	chunk, err := s.db.ClaimChunk(t.Context(), batch, extension.Claim{
		Most: 100, KeyID: "k1", Now: s.now, Lease: lease, Memory: time.Hour, Sender: "Paperplane <invite@example.org>", PublicURL: "https://pages.example.org",
	})
	if err != nil || chunk != nil {
		t.Fatalf("chunk %+v, %v: the rest has been delivered", chunk, err)
	}
	after, inSight, err := s.NextDue(t.Context())
	if err != nil || !inSight || after <= lease/2 || after > lease {
		t.Errorf("the next turn is in %s, %v, %v; want it when the lease is up", after, inSight, err)
	}
	s.exec(t, `UPDATE invitations SET leased_until = clock_timestamp() WHERE stage = 1`)
	s.finish(t)
	once(t, s)
	if got := counts(s.report(t, batch).Progress); got != [4]int{150, 150, 0, 0} {
		t.Errorf("progress %v", got)
	}
}

func TestAChunkOfAProcessThatDiedIsCalledAgainWithItsKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, people("p", 3))
	s.take(t, 1)
	claim := extension.Claim{
		Most: 100, KeyID: "k1", Now: s.now, Lease: 200 * time.Millisecond, Memory: time.Hour,
		Sender: "Paperplane <invite@example.org>", PublicURL: "https://pages.example.org",
	}
	chunk, err := s.db.ClaimChunk(t.Context(), batch, claim) // and dies
	if err != nil || chunk == nil {
		t.Fatal(err)
	}
	s.finish(t)
	if len(s.post.chunks) != 1 || s.post.chunks[0].ID != chunk.ID {
		t.Errorf("%d calls, the first with key %s; want %s", len(s.post.chunks), s.post.chunks[0].ID, chunk.ID)
	}
	if got := s.report(t, batch).Progress.Sent; got != 3 {
		t.Errorf("%d sent", got)
	}
}

// Every step outlasts its lease here, so that several hands do the same at once.
func TestALeaseThatIsTooShortWastesCallsAndHarmsNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.lease = time.Millisecond
	s.use(t, "k1")
	s.kratos.slow, s.post.slow = 30*time.Millisecond, 30*time.Millisecond
	batch := s.send(t, people("p", 500))
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			for s.report(t, batch).Batch.Finished.IsZero() {
				if err := work(t, s.Service); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for address, n := range s.post.boxes {
		if n != 1 || s.kratos.made[address] != 1 {
			t.Errorf("%s has %d messages and %d identities", address, n, s.kratos.made[address])
		}
	}
	if got := counts(s.report(t, batch).Progress); got != [4]int{500, 500, 0, 0} || len(s.post.boxes) != 500 {
		t.Errorf("progress %v, %d people were written to", got, len(s.post.boxes))
	}
}

func TestACallThatTakesLongKeepsItsChunk(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.lease = 300 * time.Millisecond
	s.use(t, "k1")
	ends := func() (milliseconds int) {
		return count(t, s, `SELECT (extract(epoch FROM leased_until) * 1000)::bigint FROM mail_chunks`)
	}
	pause := s.lease/3 + 10*time.Millisecond // after which a lease is renewed
	s.post.begin = func(ctx context.Context, invitation extension.InvitationID, mark extension.Mark) {
		before := ends()
		<-time.After(pause)
		if first, err := mark(ctx, invitation); err != nil || !first {
			t.Errorf("mark %s: %v, %v", invitation, first, err)
		}
		if longer := ends() - before; longer < int(s.lease.Milliseconds()/3) {
			t.Errorf("%s later, the chunk is kept for %d ms longer", pause, longer)
		}
	}
	batch := s.send(t, people("p", 5)) // longer than a lease
	s.finish(t)
	if len(s.post.chunks) != 1 || s.report(t, batch).Progress.Sent != 5 {
		t.Errorf("%d calls", len(s.post.chunks))
	}
}

// The clocks of two replicas differ by an hour. Leases, rests and turns are told by the database's clock and don't mind.
// What has a time of its own begins by the foremost clock; a link's week begins by the clock of whoever sends it.
func TestClocksThatDifferHarmNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const skew = time.Hour
	ahead := s.replica(t, func() time.Time { return s.now.Add(skew) }, "k1")
	order := s.order(people("p", 700))
	order.Starts = s.now.Add(skew + time.Minute)
	batch, err := s.Send(t.Context(), s.admin, order)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []*invite.Service{s.Service, ahead} {
		if err := work(t, one); err != nil || len(s.post.chunks) != 0 {
			t.Fatalf("before its time by either clock: %d calls, %v", len(s.post.chunks), err)
		}
	}
	s.now = s.now.Add(2 * time.Minute)
	if _, there, err := s.NextTurn(t.Context()); err != nil || there {
		t.Errorf("the clock that is behind begins: %v, %v", there, err)
	}
	var group sync.WaitGroup
	for _, one := range []*invite.Service{ahead, s.Service, ahead, s.Service} {
		group.Go(func() {
			for s.report(t, batch).Batch.Finished.IsZero() {
				if err := work(t, one); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	once(t, s)
	if got := counts(s.report(t, batch).Progress); got != [4]int{700, 700, 0, 0} {
		t.Errorf("progress %v", got)
	}
}
