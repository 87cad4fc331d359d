package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"paperplane/extension"
)

func TestAResendEndsWhatWasBegunByTheOldLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com"))
	bob := b.user(t, "bob@example.com")
	if _, err := b.db.Record(t.Context(), bob, extension.FactStarted, noon()); err != nil {
		t.Fatal(err)
	}
	started := b.user(t, "bob@example.com")
	if started.Facts.Started.IsZero() || started.Facts.Need(noon()) != extension.NeedHeld {
		t.Fatalf("after Start: %+v", started.Facts)
	}
	again := extension.Batch{
		ID: extension.NewID[extension.BatchID](), Organisation: b.charter.Organisation.ID, Kind: extension.BatchResend, Pressed: noon().Add(time.Hour),
	}
	if err := b.db.Reissue(t.Context(), b.admin, again, []extension.UserID{bob.ID}); err != nil {
		t.Fatal(err)
	}
	fresh := b.user(t, "bob@example.com")
	if !fresh.Facts.Started.IsZero() || fresh.Facts.Need(noon()) != extension.NeedOff {
		t.Errorf("what was begun by the old link still counts: %+v", fresh.Facts)
	}
	due, err := b.db.Misaligned(t.Context(), 10)
	if err != nil || !slices.Contains(due, bob.Identity) {
		t.Errorf("to be aligned: %v, %v; want bob's identity", due, err)
	}
	if _, err := b.db.Record(t.Context(), fresh, extension.FactStarted, noon().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if b.user(t, "bob@example.com").Facts.Started.IsZero() {
		t.Error("the new link's Start does not count")
	}
}

func TestAnActivationAsksForItsPublicationInTheSameBreath(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com"))
	bob := b.user(t, "bob@example.com")
	if _, err := b.db.Record(t.Context(), bob, extension.FactActivated, noon()); err != nil {
		t.Fatal(err)
	}
	due, err := b.db.Misaligned(t.Context(), 10)
	if err != nil || !slices.Contains(due, bob.Identity) {
		t.Errorf("to be aligned: %v, %v", due, err)
	}
	if due, err = b.db.Misaligned(t.Context(), 10); err != nil || len(due) != 0 {
		t.Errorf("handed out again at once: %v, %v", due, err)
	}
}

func TestARequestToAlignThatComesMeanwhileIsNotLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com"))
	id := b.user(t, "bob@example.com").Identity
	if err := b.db.Realign(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	standing, err := b.db.Standing(t.Context(), id, noon())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.db.Realign(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := b.db.Aligned(t.Context(), id, standing.Asked, 0); err != nil {
		t.Fatal(err)
	}
	if due, err := b.db.Misaligned(t.Context(), 10); err != nil || len(due) != 1 {
		t.Errorf("to be aligned: %v, %v", due, err)
	}
	if err := b.db.Aligned(t.Context(), id, standing.Asked+1, time.Hour); err != nil {
		t.Fatal(err)
	}
	if due, err := b.db.Misaligned(t.Context(), 10); err != nil || len(due) != 0 {
		t.Errorf("to be aligned before its time: %v, %v", due, err)
	}
}

func TestBatchesThatMeetInEveryOrderDoNotDeadlock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	addresses := func(from, to int) []string {
		var list []string
		for i := from; i < to; i++ {
			list = append(list, fmt.Sprintf("p%05d@example.com", i))
		}
		return list
	}
	b.place(t, addresses(0, 5000)...)
	// The first writes its new people before it looks at the known ones; the second, which is longer than one statement,
	// looks at known ones first.
	first := b.placement(append(addresses(0, 2500), addresses(5000, 7500)...)...)
	second := b.placement(addresses(0, 7500)...)
	var group sync.WaitGroup
	for _, p := range []extension.Placement{first, second} {
		group.Go(func() {
			if err := b.db.Place(t.Context(), b.admin, p); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestAnInviterDoesNotTakeOverWhomTheyCannotSee(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refuse := func(batch extension.BatchID) {
		t.Helper()
		work, err := b.db.LeaseWork(t.Context(), batch, 10, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		settled := []extension.Settled{{Work: work[0], Refused: extension.RefusedExistingAccount}}
		if err := b.db.SettleWork(t.Context(), settled, noon()); err != nil {
			t.Fatal(err)
		}
	}
	refuse(b.place(t, "bob@example.com")) // to East
	inviter := extension.Actor{
		Organisation: b.charter.Organisation.ID, User: extension.NewID[extension.UserID](), Name: "Wes",
		Right: extension.RightInviter, Areas: []extension.AreaID{b.charter.Areas[1].ID},
	}
	p := b.placement("bob@example.com")
	p.Batch.Area, p.Batch.InviterUser = b.charter.Areas[1], inviter.User
	if err := b.db.Place(t.Context(), inviter, p); err != nil {
		t.Fatal(err)
	}
	if bob := b.user(t, "bob@example.com"); len(bob.Assignments) != 1 || bob.Assignments[0].Area.Name != "East" {
		t.Errorf("bob's places are %+v", bob.Assignments)
	}
}

func TestAnIdentityThatIsGoneIsLetGoSoThatAResendMakesANewOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com", "eve@example.com"))
	bob, eve := b.user(t, "bob@example.com"), b.user(t, "eve@example.com")
	if _, err := b.db.Record(t.Context(), eve, extension.FactRegistered, noon()); err != nil {
		t.Fatal(err)
	}
	for _, u := range []extension.User{bob, eve} {
		if err := b.db.Unlink(t.Context(), u.Identity); err != nil {
			t.Fatal(err)
		}
	}
	if b.user(t, "eve@example.com").Identity != eve.Identity {
		t.Error("somebody who has registered lost the identity")
	}
	again := extension.Batch{
		ID: extension.NewID[extension.BatchID](), Organisation: b.charter.Organisation.ID, Kind: extension.BatchResend, Pressed: noon(),
	}
	if err := b.db.Reissue(t.Context(), b.admin, again, []extension.UserID{bob.ID}); err != nil {
		t.Fatal(err)
	}
	if work, err := b.db.LeaseWork(t.Context(), again.ID, 10, time.Minute); err != nil || len(work) != 1 {
		t.Errorf("work %v, %v; want bob's identity made anew", work, err)
	}
}
