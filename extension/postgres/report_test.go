package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// stamp records what the provider says of the newest letter to an address.
func (b bundle) stamp(t *testing.T, address, column string) {
	t.Helper()
	b.exec(t, `UPDATE invitations SET `+column+` = ? WHERE user_id = (SELECT id FROM users WHERE address = ?)`, noon(), address)
}

func (b bundle) follow(t *testing.T, batch extension.BatchID) extension.Progress {
	t.Helper()
	_, progress, err := b.db.Follow(t.Context(), b.admin, batch)
	if err != nil {
		t.Fatal(err)
	}
	return progress
}

func (b bundle) listed(t *testing.T, batch extension.BatchID, group extension.EntryGroup) []string {
	t.Helper()
	page, err := b.db.Entries(t.Context(), b.admin, batch, extension.EntryFilter{Group: group, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	addresses := []string{}
	for _, entry := range page.Entries {
		addresses = append(addresses, entry.Address)
	}
	return addresses
}

func TestABatchCountsEveryMessageOnceByTheWorstThatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "a@one.example", "b@one.example", "c@two.example", "d@two.example", "e@three.example")
	if got, want := b.follow(t, batch), (extension.Progress{Queued: 5, Waiting: 5}); got != want {
		t.Errorf("before: %+v", got)
	}
	b.send(t, batch)
	b.stamp(t, "a@one.example", "delivered_at")
	b.stamp(t, "b@one.example", "delivered_at")
	b.stamp(t, "b@one.example", "bounced_at") // sent back later
	b.stamp(t, "c@two.example", "delayed_at")
	b.stamp(t, "d@two.example", "delivered_at")
	b.stamp(t, "d@two.example", "complained_at")
	got := b.follow(t, batch)
	if want := (extension.Progress{Queued: 5, Sent: 5, Delivered: 1, Delayed: 1, Bounced: 1, Complained: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got.Undecided() != 2 {
		t.Errorf("%d undecided, want the delayed one and the one that nothing is known of", got.Undecided())
	}
	for group, want := range map[extension.EntryGroup][]string{
		extension.EntriesSent:       {"a@one.example", "b@one.example", "c@two.example", "d@two.example", "e@three.example"},
		extension.EntriesDelivered:  {"a@one.example"},
		extension.EntriesBounced:    {"b@one.example"},
		extension.EntriesDelayed:    {"c@two.example"},
		extension.EntriesComplained: {"d@two.example"},
		extension.EntriesWaiting:    {},
		extension.EntriesNotSent:    {},
		"nonsense":                  {},
	} {
		if diff := cmp.Diff(want, b.listed(t, batch, group)); diff != "" {
			t.Errorf("%s: %s", group, diff)
		}
	}
}

func TestFailingDomainsAreNamedTheWorstFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "a@good.example", "a@bad.example", "b@bad.example", "c@bad.example", "a@poor.example", "b@poor.example")
	b.send(t, batch)
	for _, address := range []string{"a@bad.example", "b@bad.example", "a@poor.example"} {
		b.stamp(t, address, "bounced_at")
	}
	report, err := b.db.Report(t.Context(), b.admin, batch)
	if err != nil {
		t.Fatal(err)
	}
	want := []extension.FailingDomain{{Domain: "bad.example", Sent: 3, Bounced: 2}, {Domain: "poor.example", Sent: 2, Bounced: 1}}
	if diff := cmp.Diff(want, report.Domains); diff != "" {
		t.Error(diff)
	}
}

func TestAListOfEntriesIsPagedByPosition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.placement()
	for i := range 25 {
		p.Entries = append(p.Entries, extension.Entry{Text: fmt.Sprintf("no address %02d", i), Outcome: extension.OutcomeInvalid, Reason: "no_at_sign"})
	}
	if err := b.db.Place(t.Context(), b.admin, p); err != nil {
		t.Fatal(err)
	}
	filter := extension.EntryFilter{Group: extension.EntriesNotSent, Limit: 10}
	var sizes []int
	seen := 0
	for {
		page, err := b.db.Entries(t.Context(), b.admin, p.Batch.ID, filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range page.Entries {
			if entry.Position != seen {
				t.Errorf("position %d comes after %d", entry.Position, seen-1)
			}
			seen++
		}
		sizes = append(sizes, len(page.Entries))
		if filter.From = page.Next; filter.From == 0 {
			break
		}
	}
	if diff := cmp.Diff([]int{10, 10, 5}, sizes); diff != "" {
		t.Error(diff)
	}
	report, err := b.db.Report(t.Context(), b.admin, p.Batch.ID)
	if err != nil || report.NotSentAll != 25 || len(report.NotSent) != 25 {
		t.Errorf("%d of %d not sent, %v", len(report.NotSent), report.NotSentAll, err)
	}
}

func TestAnInviterSeesOwnBatchesAndThoseToOwnAreasAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	east, west := b.charter.Areas[0], b.charter.Areas[1]
	batch := b.place(t, "a@example.com", "b@example.com")
	inviter := extension.Actor{
		User: extension.NewID[extension.UserID](), Organisation: b.charter.Organisation.ID, Right: extension.RightInviter,
		Areas: []extension.AreaID{east.ID},
	}
	sees := func(actor extension.Actor) bool {
		t.Helper()
		_, _, err := b.db.Follow(t.Context(), actor, batch)
		_, listErr := b.db.Entries(t.Context(), actor, batch, extension.EntryFilter{Group: extension.EntriesWaiting, Limit: 1})
		list, batchesErr := b.db.Batches(t.Context(), actor, nil, 10)
		if batchesErr != nil || errors.Is(err, extension.ErrNotFound) != errors.Is(listErr, extension.ErrNotFound) || (err == nil) != (len(list.Batches) == 1) {
			t.Fatalf("follow: %v, entries: %v, list: %d, %v", err, listErr, len(list.Batches), batchesErr)
		}
		return err == nil
	}
	if !sees(inviter) {
		t.Error("an inviter does not see a batch to their area")
	}
	b.exec(t, `UPDATE batch_entries SET area_id = ? WHERE address = 'b@example.com'`, west.ID)
	if sees(inviter) {
		t.Error("an inviter sees a batch with a row to another area")
	}
	b.exec(t, `UPDATE batches SET actor_user_id = ?`, inviter.User)
	if !sees(inviter) {
		t.Error("an inviter does not see what they pressed")
	}
	if other := b.beside(t, "south"); sees(other.admin) {
		t.Error("another organisation sees it")
	}
}

func TestBatchesAreListedTheNewestFirstPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	want := []string{}
	for i := range 5 {
		p := b.placement(fmt.Sprintf("p%d@example.com", i))
		p.Batch.Pressed = noon().Add(time.Duration(i/2) * time.Hour) // two at the same moment
		if err := b.db.Place(t.Context(), b.admin, p); err != nil {
			t.Fatal(err)
		}
		want = append(want, p.Batch.Pressed.Format(time.Kitchen))
	}
	var got []string
	seen := map[extension.BatchID]bool{}
	var after *extension.BatchCursor
	for {
		page, err := b.db.Batches(t.Context(), b.admin, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range page.Batches {
			seen[line.Batch.ID] = true
			got = append([]string{line.Batch.Pressed.Format(time.Kitchen)}, got...)
			if line.Progress.Waiting != 1 {
				t.Errorf("%+v", line.Progress)
			}
		}
		if after = page.Next; after == nil {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(seen) != 5 {
		t.Errorf("%d batches, %s", len(seen), diff)
	}
}

func TestOnlyWhatTheActorMayGiveIsCountedAsToBeGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	areas, roles := b.charter.Areas, b.charter.Roles
	known := b.invited(t, "both@example.com")
	b.invited(t, "eve@example.com")
	ina := extension.Actor{
		User: known.ID, Organisation: b.charter.Organisation.ID, Name: "Ina", Right: extension.RightInviter, Areas: []extension.AreaID{areas[0].ID},
	}
	met := func(area extension.ServiceArea, role extension.Role) extension.BatchID {
		t.Helper()
		p := b.placement("both@example.com", "eve@example.com")
		p.Batch.Area, p.Batch.Role, p.Batch.InviterUser = area, role, ina.User
		if err := b.db.Place(t.Context(), b.admin, p); err != nil {
			t.Fatal(err)
		}
		return p.Batch.ID
	}
	above, elsewhere := met(areas[0], roles[0]), met(areas[1], roles[1])
	count := func(actor extension.Actor, batch extension.BatchID) int {
		t.Helper()
		report, err := b.db.Report(t.Context(), actor, batch)
		if err != nil {
			t.Fatal(err)
		}
		return report.Known
	}
	if n := count(ina, above); n != 0 {
		t.Errorf("an inviter is offered to give %d people the role of an administrator", n)
	}
	if n := count(ina, elsewhere); n != 0 {
		t.Errorf("an inviter is offered to give %d people an area of others", n)
	}
	if count(b.admin, above) != 2 || count(b.admin, elsewhere) != 2 {
		t.Errorf("an administrator is offered %d and %d", count(b.admin, above), count(b.admin, elsewhere))
	}
	b.exec(t, `UPDATE areas SET archived_at = ? WHERE id = ?`, noon(), areas[1].ID)
	report, err := b.db.Report(t.Context(), b.admin, elsewhere)
	if err != nil || report.Known != 0 || !report.Batch.Area.Archived {
		t.Errorf("of an archived area: %d, archived %v, %v", report.Known, report.Batch.Area.Archived, err)
	}
}
