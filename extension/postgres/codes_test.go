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

// guess is what the next code is refused with.
func (b bundle) guess(t *testing.T, identity extension.IdentityID) error {
	t.Helper()
	return b.guessBy(t, identity, extension.FactorTOTP)
}

func (b bundle) guessBy(t *testing.T, identity extension.IdentityID, way extension.Factor) error {
	t.Helper()
	err := b.db.AllowGuess(t.Context(), identity, way)
	if _, paused := errors.AsType[*extension.CooldownError](err); err != nil && !paused && !errors.Is(err, extension.ErrGuessesSpent) {
		t.Fatal(err)
	}
	return err
}

// laterGuesses makes the wrong codes older than they are.
func (b bundle) laterGuesses(t *testing.T, by time.Duration) {
	t.Helper()
	b.exec(t, `UPDATE code_failures SET window_began = window_began - make_interval(secs => ?)`, by.Seconds())
}

func TestOfManyWhoGuessAtOnceNoMoreThanAreLeftMay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	var allowed atomic.Int64
	var group sync.WaitGroup
	for range 3 * extension.GuessesPerWindow {
		group.Go(func() {
			err := b.db.AllowGuess(t.Context(), user.Identity, extension.FactorTOTP)
			if err == nil {
				allowed.Add(1)
			} else if _, paused := errors.AsType[*extension.CooldownError](err); !paused {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if allowed.Load() != extension.GuessesPerWindow {
		t.Errorf("%d were allowed", allowed.Load())
	}
	cooldown, paused := errors.AsType[*extension.CooldownError](b.guess(t, user.Identity))
	if !paused || time.Until(cooldown.Until) > extension.GuessWindow || time.Until(cooldown.Until) < extension.GuessWindow-time.Minute {
		t.Errorf("%+v", cooldown)
	}
	if err := b.db.AllowGuess(t.Context(), user.Identity, extension.FactorRecovery); err != nil {
		t.Errorf("by another way: %v", err)
	}
	guesses, err := b.db.Guesses(t.Context(), user.Identity)
	if err != nil || guesses.Spent || len(guesses.Closed) != 1 || !guesses.Closed[extension.FactorTOTP].Equal(cooldown.Until) {
		t.Errorf("%+v, %v", guesses, err)
	}
	if err := b.db.AllowGuess(t.Context(), extension.NewID[extension.IdentityID](), extension.FactorTOTP); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

func TestWrongCodesInARowComeToAnEndHoweverSlowlyTheyCome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.record(t, user, extension.FactStarted)
	ways := []extension.Factor{extension.FactorTOTP, extension.FactorSMS}
	recovers := func() {
		t.Helper()
		if err := b.guessBy(t, user.Identity, extension.FactorRecovery); err != nil {
			t.Fatalf("a recovery code: %v", err)
		}
	}
	for n := range extension.GuessesInARow {
		if n%extension.GuessesPerWindow == 0 {
			b.laterGuesses(t, extension.GuessWindow)
			recovers()
		}
		if err := b.guessBy(t, user.Identity, ways[n%2]); err != nil {
			t.Fatalf("guess %d: %v", n, err)
		}
	}
	for n := range 4 {
		b.laterGuesses(t, 24*time.Hour)
		if err := b.guessBy(t, user.Identity, ways[n%2]); !errors.Is(err, extension.ErrGuessesSpent) {
			t.Fatal(err)
		}
		if err := b.db.ReturnGuess(t.Context(), user.Identity, ways[n%2]); err != nil {
			t.Fatal(err)
		}
		recovers()
	}
	if n := b.audited(t, extension.ActionGuessesSpent, user.ID); n != 1 {
		t.Errorf("administrators are told %d times", n)
	}
	if err := b.db.AllowCode(t.Context(), user.Identity, extension.FactorSMS); !errors.Is(err, extension.ErrGuessesSpent) {
		t.Errorf("a code is sent that nobody looks at: %v", err)
	}
	if err := b.db.ForgetGuesses(t.Context(), user.Identity); err != nil {
		t.Fatal(err)
	}
	if err := b.guess(t, user.Identity); err != nil {
		t.Errorf("after a reset: %v", err)
	}
	if wait := b.refused(t, user.Identity, extension.FactorSMS); wait != 0 {
		t.Errorf("after a reset, no code for %s", wait)
	}
}

func TestRecoveryCodesAreShutMuchLater(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	for n := range extension.RecoveryGuessesPerWindow {
		if err := b.guessBy(t, user.Identity, extension.FactorRecovery); err != nil {
			t.Fatalf("guess %d: %v", n, err)
		}
	}
	if _, paused := errors.AsType[*extension.CooldownError](b.guessBy(t, user.Identity, extension.FactorRecovery)); !paused {
		t.Error("they are never shut")
	}
	if err := b.guess(t, user.Identity); err != nil {
		t.Errorf("by the app: %v", err)
	}
}

func TestACodeThatWasNoWrongOneIsNotCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	returns := func() {
		t.Helper()
		if err := b.db.ReturnGuess(t.Context(), user.Identity, extension.FactorTOTP); err != nil {
			t.Fatal(err)
		}
	}
	returns() // of nothing
	for range extension.GuessesPerWindow {
		if err := b.guess(t, user.Identity); err != nil {
			t.Fatal(err)
		}
		returns()
		returns() // never below none
	}
	for range extension.GuessesPerWindow {
		if err := b.guess(t, user.Identity); err != nil {
			t.Fatal(err)
		}
	}
	if _, paused := errors.AsType[*extension.CooldownError](b.guess(t, user.Identity)); !paused {
		t.Error("more were taken than are allowed")
	}
}

func TestNoCodeIsSentThatNobodyWouldLookAt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	for range extension.GuessesPerWindow {
		if err := b.guessBy(t, user.Identity, extension.FactorSMS); err != nil {
			t.Fatal(err)
		}
	}
	err := b.db.AllowCode(t.Context(), user.Identity, extension.FactorSMS)
	cooldown, paused := errors.AsType[*extension.CooldownError](err)
	if !paused || time.Until(cooldown.Until) < extension.GuessWindow-time.Minute {
		t.Errorf("%v", err)
	}
	if wait := b.refused(t, user.Identity, extension.FactorEmail); wait != 0 {
		t.Errorf("another way is refused for %s", wait)
	}
	b.laterGuesses(t, extension.GuessWindow)
	if wait := b.refused(t, user.Identity, extension.FactorSMS); wait != 0 {
		t.Errorf("later, it is refused for %s", wait)
	}
}

func TestNoticesAreCountedByKindWithinAnHour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	allows := func(identity extension.IdentityID, notice extension.NoticeKind) bool {
		allowed, err := b.db.AllowsNotice(t.Context(), identity, notice)
		if err != nil {
			t.Fatal(err)
		}
		return allowed
	}
	stranger := extension.NewID[extension.IdentityID]()
	for n := range extension.NoticesPerWindow {
		for _, identity := range []extension.IdentityID{user.Identity, stranger} {
			if !allows(identity, extension.NoticeRecovery) {
				t.Errorf("the notice after %d is refused", n)
			}
			if err := b.db.NoteNotice(t.Context(), identity, extension.NoticeRecovery); err != nil {
				t.Fatal(err)
			}
		}
	}
	if allows(user.Identity, extension.NoticeRecovery) || !allows(user.Identity, extension.NoticeVerification) || !allows(stranger, extension.NoticeRecovery) {
		t.Error("notices are not counted by kind, of those who have a user here")
	}
	b.later(t, extension.NoticeWindow)
	if !allows(user.Identity, extension.NoticeRecovery) {
		t.Error("refused after an hour")
	}
}
