package postgres_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"paperplane/extension"
)

// laterApps makes codes of apps older than they can be right.
func (b bundle) laterApps(t *testing.T) {
	t.Helper()
	b.exec(t, `UPDATE app_codes SET at = at - make_interval(secs => ?)`, extension.AppCodeTime.Seconds())
}

func TestOfManyWhoShowOneCodeAtOnceOneGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, other := b.invited(t, "bob@example.com"), b.invited(t, "eve@example.com")
	var reserved atomic.Int64
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			err := b.db.ReserveAppCode(t.Context(), user.Identity, "hash", extension.NewID[string]())
			if err == nil {
				reserved.Add(1)
			} else if !errors.Is(err, extension.ErrCodeUnderWay) || !errors.Is(err, extension.ErrCodeUsed) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if reserved.Load() != 1 {
		t.Errorf("%d were reserved", reserved.Load())
	}
	if err := b.db.ReserveAppCode(t.Context(), other.Identity, "hash", "b"); err != nil {
		t.Errorf("somebody else's: %v", err)
	}
}

func TestACodeIsFreeAgainOnceItWasRefusedAndNeverOnceItWasTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.invited(t, "bob@example.com").Identity
	reserve := func(ticket string) error { return b.db.ReserveAppCode(t.Context(), id, "hash", ticket) }
	release := func(ticket string) {
		t.Helper()
		if err := b.db.ReleaseAppCode(t.Context(), id, ticket); err != nil {
			t.Fatal(err)
		}
	}
	for _, ticket := range []string{"one", "two"} {
		if err := reserve(ticket); err != nil {
			t.Fatal(err)
		}
		if ticket == "one" {
			release(ticket)
		}
	}
	for range 2 { // Kratos may ask again
		if err := b.db.WitnessAppCode(t.Context(), id, "two", "flow session"); err != nil {
			t.Fatal(err)
		}
	}
	release("two")
	if err := reserve("three"); !errors.Is(err, extension.ErrCodeUsed) || errors.Is(err, extension.ErrCodeUnderWay) {
		t.Errorf("one that was taken: %v", err)
	}
	b.laterApps(t)
	if err := reserve("four"); err != nil {
		t.Errorf("later: %v", err)
	}
	if err := b.db.TakeAppCode(t.Context(), id, "four"); err != nil {
		t.Fatal(err)
	}
	release("four")
	if err := reserve("five"); !errors.Is(err, extension.ErrCodeUsed) {
		t.Errorf("one that an app was set up with: %v", err)
	}
	b.laterApps(t)
	if err := b.db.PurgeProofs(t.Context(), noon()); err != nil {
		t.Fatal(err)
	}
	b.exec(t, `ALTER TABLE app_codes ADD CHECK (false)`) // fails while there is a row
}

func TestACodeThatNobodyHereHasSeenMayBeAny(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.invited(t, "bob@example.com").Identity
	witness := func(ticket, attempt string, want error) {
		t.Helper()
		if err := b.db.WitnessAppCode(t.Context(), id, ticket, attempt); !errors.Is(err, want) {
			t.Errorf("%q, %q: %v, want %v", ticket, attempt, err, want)
		}
	}
	for range 2 {
		witness("", "flow session", nil)
	}
	witness("", "flow another", extension.ErrCodeUsed)
	witness("guessed", "flow another", extension.ErrCodeUsed)
	if err := b.db.ReserveAppCode(t.Context(), id, "hash", "ours"); err != nil {
		t.Fatal(err)
	}
	witness("ours", "flow third", extension.ErrCodeUsed)
	b.laterApps(t)
	witness("ours", "flow third", nil)
	witness("", "flow another", extension.ErrCodeUsed)
	b.laterApps(t)
	witness("", "flow another", nil)
	id = extension.NewID[extension.IdentityID]() // of nobody
	for range 2 {
		witness("", extension.NewID[string](), nil)
	}
}
