package postgres_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// aged makes Kratos' last answer about all identities older, as time would.
func (b bundle) aged(t *testing.T, age string) {
	t.Helper()
	b.exec(t, `UPDATE identities SET checked_at = checked_at - ?::interval`, age)
}

func TestKratosIsAskedAboutWhoIsHalfWayAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	unreported := func(most int) []extension.IdentityID {
		t.Helper()
		ids, err := b.db.Unreported(t.Context(), noon(), most)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	first, second := b.invited(t, "first@example.com"), b.invited(t, "second@example.com")
	b.record(t, first, extension.FactStarted)
	b.record(t, second, extension.FactStarted)
	if ids := unreported(10); len(ids) != 0 {
		t.Errorf("asked again within the minute: %v", ids)
	}
	b.aged(t, "61 seconds")
	b.exec(t, `UPDATE identities SET checked_at = checked_at - interval '1 second' WHERE id = ?`, second.Identity)
	if diff := cmp.Diff([]extension.IdentityID{second.Identity}, unreported(1)); diff != "" {
		t.Errorf("longest unasked first: %s", diff)
	}
	if diff := cmp.Diff([]extension.IdentityID{first.Identity}, unreported(10)); diff != "" {
		t.Errorf("then the other: %s", diff)
	}
	b.aged(t, "61 seconds")
	var asked atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			ids, err := b.db.Unreported(t.Context(), noon(), 10)
			if err != nil {
				t.Error(err)
			}
			asked.Add(int64(len(ids)))
		})
	}
	group.Wait()
	if asked.Load() != 2 {
		t.Errorf("8 replicas asked %d times about 2 identities", asked.Load())
	}
}

func TestKratosIsAskedAboutWhoIsHalfWayAndInTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	scene := func(address string, facts ...extension.Fact) extension.User {
		user := b.invited(t, address)
		b.record(t, user, facts...)
		return user
	}
	scene("invited@example.com")
	started := scene("started@example.com", extension.FactStarted)
	registered := scene("registered@example.com", extension.FactStarted, extension.FactRegistered)
	active := scene("active@example.com", extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	b.pause(t, scene("paused@example.com", extension.FactStarted))
	b.pause(t, scene("deactivated@example.com", extension.FactStarted, extension.FactRegistered, extension.FactActivated))
	expect := func(age string, now time.Time, want ...extension.User) {
		t.Helper()
		b.aged(t, age)
		ids, err := b.db.Unreported(t.Context(), now, 100)
		if err != nil {
			t.Fatal(err)
		}
		var wanted []extension.IdentityID
		for _, user := range want {
			wanted = append(wanted, user.Identity)
		}
		slices.Sort(ids)
		slices.Sort(wanted)
		if diff := cmp.Diff(wanted, ids); diff != "" {
			t.Errorf("after %s at %s: %s", age, now, diff)
		}
	}
	expect("61 seconds", noon(), started, registered)
	expect("61 seconds", noon().Add(8*24*time.Hour))
	expect("25 hours", noon(), started, registered, active)
	expect("25 hours", noon().Add(8*24*time.Hour), active)
}

func TestWhoRanOutHalfWayIsSweptUntilSwitchedOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	after := noon().Add(7 * 24 * time.Hour)
	swept := func(now time.Time) []extension.IdentityID {
		t.Helper()
		b.aged(t, "61 seconds")
		ids, err := b.db.HalfWay(t.Context(), now, 100)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	on := func(user extension.User) {
		t.Helper()
		if err := b.db.SetLeftInactive(t.Context(), user.Identity, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	scene := func(address string, facts ...extension.Fact) extension.User {
		user := b.invited(t, address)
		b.record(t, user, facts...)
		on(user)
		return user
	}
	half := scene("half@example.com", extension.FactStarted)
	scene("never@example.com")
	scene("registered@example.com", extension.FactStarted, extension.FactRegistered)
	scene("active@example.com", extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	b.pause(t, scene("paused@example.com", extension.FactStarted))
	theirs := scene("theirs@example.com", extension.FactStarted)
	b.exec(t, `UPDATE identities SET created_by_us = false WHERE id = ?`, theirs.Identity)

	if ids := swept(after.Add(-time.Second)); len(ids) != 0 {
		t.Errorf("swept in time: %v", ids)
	}
	want := []extension.IdentityID{half.Identity}
	if diff := cmp.Diff(want, swept(after)); diff != "" {
		t.Errorf("after the links ran out: %s", diff)
	}
	if ids, err := b.db.HalfWay(t.Context(), after, 100); err != nil || len(ids) != 0 {
		t.Errorf("swept twice within a minute: %v, %v", ids, err)
	}
	if err := b.db.SetLeftInactive(t.Context(), half.Identity, after); err != nil {
		t.Fatal(err)
	}
	if ids := swept(after); len(ids) != 0 {
		t.Errorf("swept after it was switched off: %v", ids)
	}
}
