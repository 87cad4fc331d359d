package postgres_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"paperplane/extension"
)

// later makes all codes older than they are.
func (b bundle) later(t *testing.T, by time.Duration) {
	t.Helper()
	b.exec(t, `UPDATE code_sends SET sent_at = sent_at - make_interval(secs => ?)`, by.Seconds())
}

// refused is when the next code is allowed; zero when this one was.
func (b bundle) refused(t *testing.T, identity extension.IdentityID, way extension.Factor) time.Duration {
	t.Helper()
	err := b.db.AllowCode(t.Context(), identity, way)
	cooldown, ok := errors.AsType[*extension.CooldownError](err)
	if err != nil && !ok {
		t.Fatal(err)
	}
	if !ok {
		return 0
	}
	next, err := b.db.NextCode(t.Context(), identity, way)
	if err != nil || !next.Equal(cooldown.Until) {
		t.Errorf("the next code is at %s and at %s, %v", next, cooldown.Until, err)
	}
	return time.Until(cooldown.Until)
}

func TestOneOfManyWhoAskForACodeAtOnceGetsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	var allowed, refused atomic.Int64
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			err := b.db.AllowCode(t.Context(), user.Identity, extension.FactorSMS)
			if _, ok := errors.AsType[*extension.CooldownError](err); ok {
				refused.Add(1)
			} else if err == nil {
				allowed.Add(1)
			} else {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if allowed.Load() != 1 || refused.Load() != 19 {
		t.Errorf("%d were allowed, %d refused", allowed.Load(), refused.Load())
	}
}

func TestCodesKeepAPauseAndAreFewInAnHour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	if next, err := b.db.NextCode(t.Context(), user.Identity, extension.FactorSMS); err != nil || !next.IsZero() {
		t.Errorf("the first code can be sent at %s, %v", next, err)
	}
	for n := range extension.CodesPerWindow {
		if wait := b.refused(t, user.Identity, extension.FactorSMS); wait != 0 {
			t.Fatalf("code %d is refused for %s", n, wait)
		}
		if wait := b.refused(t, user.Identity, extension.FactorSMS); wait <= 50*time.Second || n < extension.CodesPerWindow-1 && wait > time.Minute {
			t.Errorf("after code %d: refused for %s", n, wait)
		}
		b.later(t, extension.CodePause+time.Second)
	}
	if wait := b.refused(t, user.Identity, extension.FactorSMS); wait < 50*time.Minute || wait > time.Hour {
		t.Errorf("the sixth code waits for %s", wait)
	}
	if wait := b.refused(t, user.Identity, extension.FactorEmail); wait != 0 {
		t.Errorf("the other way is refused for %s", wait)
	}
	b.later(t, 56*time.Minute)
	if wait := b.refused(t, user.Identity, extension.FactorSMS); wait != 0 {
		t.Errorf("after an hour: refused for %s", wait)
	}
}

func TestNoCodeGoesToAnIdentityWithoutAUser(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := b.db.AllowCode(t.Context(), extension.NewID[extension.IdentityID](), extension.FactorSMS)
	if !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
