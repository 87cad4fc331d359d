package postgres_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func (b bundle) standing(t *testing.T, id extension.IdentityID, now time.Time) extension.Standing {
	t.Helper()
	standing, err := b.db.Standing(t.Context(), id, now)
	if err != nil {
		t.Fatal(err)
	}
	return standing
}

// due hands out what is to be aligned.
func (b bundle) due(t *testing.T) []extension.IdentityID {
	t.Helper()
	ids, err := b.db.Misaligned(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// minuteLater is what a minute does to the times at which identities are due.
func (b bundle) minuteLater(t *testing.T) {
	t.Helper()
	b.exec(t, `UPDATE identities SET realign_at = realign_at - interval '61 seconds'`)
}

func TestPausingTwiceIsPausingOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	set := func(paused time.Time) bool {
		t.Helper()
		changed, err := b.db.SetPaused(t.Context(), b.admin, user.ID, paused, noon())
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	if set(time.Time{}) {
		t.Error("somebody who was not paused was resumed")
	}
	if !set(noon()) || set(noon().Add(time.Hour)) {
		t.Error("a second pause changed something")
	}
	if got := b.user(t, "bob@example.com").Facts.Paused; !got.Equal(noon()) {
		t.Errorf("paused at %s, want the first time", got)
	}
	if !set(time.Time{}) || set(time.Time{}) {
		t.Error("a second resume changed something")
	}
	if got := b.user(t, "bob@example.com").Facts.Paused; !got.IsZero() {
		t.Errorf("still paused: %s", got)
	}
	if p, r := b.audited(t, extension.ActionUserPaused, user.ID), b.audited(t, extension.ActionUserResumed, user.ID); p != 1 || r != 1 {
		t.Errorf("%d pauses and %d resumes in the audit", p, r)
	}
	if actor := read[string](t, b.db, `SELECT actor_name FROM audit WHERE action = ?`, string(extension.ActionUserPaused)); actor != b.admin.Name {
		t.Errorf("it was %q who paused", actor)
	}
}

func TestAPauseThatManyPressAtOnceHappensOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	var changed atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			did, err := b.db.SetPaused(t.Context(), b.admin, user.ID, noon(), noon())
			if err != nil {
				t.Error(err)
			}
			if did {
				changed.Add(1)
			}
		})
	}
	group.Wait()
	if n := b.audited(t, extension.ActionUserPaused, user.ID); changed.Load() != 1 || n != 1 {
		t.Errorf("%d changes, %d audit rows", changed.Load(), n)
	}
}

func TestPausingAsksForAlignment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	if ids := b.due(t); len(ids) != 0 {
		t.Errorf("due before anything happened: %v", ids)
	}
	b.pause(t, user)
	if diff := cmp.Diff([]extension.IdentityID{user.Identity}, b.due(t)); diff != "" {
		t.Error(diff)
	}
	// Somebody without an identity has nothing to align.
	b.place(t, "new@example.com")
	b.pause(t, b.user(t, "new@example.com"))
	if ids := b.due(t); len(ids) != 0 {
		t.Errorf("due: %v", ids)
	}
	if changed, err := b.db.SetPaused(t.Context(), b.admin, extension.NewID[extension.UserID](), noon(), noon()); err != nil || changed {
		t.Errorf("nobody was paused: %v, %v", changed, err)
	}
}

func TestAnAlignedIdentityIsOffTheListUntilAskedForAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.invited(t, "first@example.com"), b.invited(t, "second@example.com")
	realign := func(user extension.User) {
		t.Helper()
		if err := b.db.Realign(t.Context(), user.Identity); err != nil {
			t.Fatal(err)
		}
	}
	aligned := func(user extension.User, asked int64, again time.Duration) {
		t.Helper()
		if err := b.db.Aligned(t.Context(), user.Identity, asked, again); err != nil {
			t.Fatal(err)
		}
	}
	realign(second)
	realign(first)
	if ids, err := b.db.Misaligned(t.Context(), 1); err != nil || !slices.Equal(ids, []extension.IdentityID{second.Identity}) {
		t.Errorf("longest due first: %v, %v", ids, err)
	}
	if ids := b.due(t); !slices.Equal(ids, []extension.IdentityID{first.Identity}) {
		t.Errorf("then the other, and the first not twice: %v", ids)
	}
	b.minuteLater(t)
	if ids := b.due(t); len(ids) != 2 {
		t.Errorf("what was not aligned is due again after a minute: %v", ids)
	}
	aligned(first, b.standing(t, first.Identity, noon()).Asked, 0)
	asked := b.standing(t, second.Identity, noon()).Asked
	realign(second) // while it is being aligned
	aligned(second, asked, 0)
	if ids := b.due(t); !slices.Equal(ids, []extension.IdentityID{second.Identity}) {
		t.Errorf("a request that came meanwhile is lost: %v", ids)
	}
	aligned(second, b.standing(t, second.Identity, noon()).Asked, 1500*time.Millisecond)
	if ids := b.due(t); len(ids) != 0 {
		t.Errorf("it comes back at once: %v", ids)
	}
	b.exec(t, `UPDATE identities SET realign_at = realign_at - interval '1500 milliseconds'`)
	if ids := b.due(t); !slices.Equal(ids, []extension.IdentityID{second.Identity}) {
		t.Errorf("it does not come back: %v", ids)
	}
}

// A request is asked for in a transaction that commits only after somebody has read what to align.
func TestARequestThatCommitsWhileSomebodyAlignsStands(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	user := b.invited(t, "bob@example.com")
	b.record(t, user, extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	b.due(t)
	other := outsider(t, dsn)
	if _, err := other.Exec(t.Context(), `BEGIN; UPDATE users SET paused_at = now(); UPDATE identities SET realign_at = clock_timestamp(), realign_asked = realign_asked + 1`); err != nil {
		t.Fatal(err)
	}
	before := b.standing(t, user.Identity, noon())
	if before.Need != extension.NeedOn {
		t.Errorf("a pause that nobody has committed was seen: %+v", before)
	}
	if _, err := other.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := b.db.Aligned(t.Context(), user.Identity, before.Asked, 0); err != nil {
		t.Fatal(err)
	}
	b.minuteLater(t)
	if ids := b.due(t); len(ids) != 1 || b.standing(t, user.Identity, noon()).Need != extension.NeedOff {
		t.Errorf("the pause would never reach Kratos: %v", ids)
	}
}

func TestManyWhoLookForWorkShareIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, address := range []string{"a@example.com", "b@example.com", "c@example.com"} {
		b.pause(t, b.invited(t, address))
	}
	var handed atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			ids, err := b.db.Misaligned(t.Context(), 2)
			if err != nil {
				t.Error(err)
			}
			handed.Add(int64(len(ids)))
		})
	}
	group.Wait()
	handed.Add(int64(len(b.due(t)))) // rows that were locked at every look
	if handed.Load() != 3 {
		t.Errorf("3 identities were handed out %d times", handed.Load())
	}
}

func TestWhatOurRowsWantOfAnIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	after := noon().Add(8 * 24 * time.Hour)
	scene := func(address string, facts ...extension.Fact) extension.User {
		user := b.invited(t, address)
		b.record(t, user, facts...)
		return user
	}
	never := scene("never@example.com")
	started := scene("started@example.com", extension.FactStarted)
	registered := scene("registered@example.com", extension.FactStarted, extension.FactRegistered)
	active := scene("active@example.com", extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	paused := scene("paused@example.com", extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	b.pause(t, paused)
	for name, c := range map[string]struct {
		user    extension.User
		now     time.Time
		need    extension.Need
		members int
	}{
		"never started":            {never, noon(), extension.NeedOff, 0},
		"half-way":                 {started, noon(), extension.NeedHeld, 0},
		"half-way and out of time": {started, after, extension.NeedOff, 0},
		"registered":               {registered, noon(), extension.NeedOn, 0},
		"registered, out of time":  {registered, after, extension.NeedOn, 0},
		"active":                   {active, after, extension.NeedOn, 1},
		"paused":                   {paused, noon(), extension.NeedOff, 0},
	} {
		got := b.standing(t, c.user.Identity, c.now)
		if got.Need != c.need || len(got.Memberships) != c.members || got.Address != c.user.Address || !got.LeftInactive {
			t.Errorf("%s: %+v", name, got)
		}
	}
	want := []extension.Membership{{
		Organisation: b.charter.Organisation.ID, Slug: "north", User: active.ID, Status: extension.Active,
		Assignments: []extension.Assignment{{Area: b.charter.Areas[0], Role: b.charter.Roles[1]}},
	}}
	if diff := cmp.Diff(want, b.standing(t, active.Identity, noon()).Memberships); diff != "" {
		t.Error(diff)
	}
	if _, err := b.db.Standing(t.Context(), extension.NewID[extension.IdentityID](), noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("an unknown identity: %v", err)
	}
}

func TestOneIdentityOfTwoOrganisations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	here, there := b.invited(t, "bob@example.com"), south.invited(t, "bob@example.com")
	south.share(t, there, here.Identity)
	expect := func(what string, need extension.Need, slugs ...string) {
		t.Helper()
		got := b.standing(t, here.Identity, noon())
		var members []string
		for _, m := range got.Memberships {
			members = append(members, m.Slug)
		}
		if got.Need != need || !slices.Equal(members, slugs) {
			t.Errorf("%s: %s in %v, want %s in %v", what, got.Need, members, need, slugs)
		}
	}
	expect("invited to both", extension.NeedOff)
	south.record(t, there, extension.FactStarted)
	expect("half-way in one", extension.NeedHeld)
	b.record(t, here, extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	expect("active in the other", extension.NeedOn, "north")
	south.record(t, there, extension.FactRegistered, extension.FactActivated)
	expect("active in both", extension.NeedOn, "north", "south")
	b.pause(t, here)
	expect("paused in one", extension.NeedOn, "south")
	south.pause(t, there)
	expect("paused in both", extension.NeedOff)
	if changed, err := b.db.SetPaused(t.Context(), b.admin, here.ID, time.Time{}, noon()); err != nil || !changed {
		t.Fatal(err)
	}
	expect("resumed in one", extension.NeedOn, "north")
}

func TestWhoLeftAnIdentityInactiveIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	for _, at := range []time.Time{{}, noon(), {}} {
		if err := b.db.SetLeftInactive(t.Context(), user.Identity, at); err != nil {
			t.Fatal(err)
		}
		ours, err := b.db.LeftInactive(t.Context(), user.Identity)
		if err != nil || ours == at.IsZero() || ours != b.standing(t, user.Identity, noon()).LeftInactive {
			t.Errorf("after %s: %v, %v", at, ours, err)
		}
	}
	if _, err := b.db.LeftInactive(t.Context(), extension.NewID[extension.IdentityID]()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("an unknown identity: %v", err)
	}
}

func TestAnIdentityThatIsGoneIsTakenOffWhoHasNotRegistered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	half, registered := b.invited(t, "half@example.com"), b.invited(t, "registered@example.com")
	b.record(t, half, extension.FactStarted)
	b.record(t, registered, extension.FactStarted, extension.FactRegistered)
	for _, user := range []extension.User{half, registered} {
		if err := b.db.Unlink(t.Context(), user.Identity); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.user(t, "half@example.com").Identity; got != "" {
		t.Errorf("half-way, and still linked to %s", got)
	}
	if got := b.user(t, "registered@example.com").Identity; got != registered.Identity {
		t.Errorf("registered, and linked to %q", got)
	}
}
