package postgres_test

import (
	"testing"
	"time"

	"paperplane/extension"
)

func TestSettingsThatAnotherSessionHasOpenedAreKnownWhileTheyLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, other := b.invited(t, "bob@example.com"), b.invited(t, "eve@example.com")
	own, thief := extension.NewID[extension.SessionID](), extension.NewID[extension.SessionID]()
	elsewhere := func(session extension.SessionID) bool {
		t.Helper()
		until, err := b.db.OpenElsewhere(t.Context(), user.Identity, session)
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(until); !until.IsZero() && (left <= 0 || left > extension.SettingsLifetime) {
			t.Errorf("they last for %s", left)
		}
		return !until.IsZero()
	}
	open := func(identity extension.IdentityID, session extension.SessionID) {
		t.Helper()
		if err := b.db.NoteOpening(t.Context(), identity, session); err != nil {
			t.Fatal(err)
		}
	}
	open(user.Identity, own)
	open(user.Identity, own)
	open(other.Identity, thief)
	open(extension.NewID[extension.IdentityID](), thief)
	if elsewhere(own) {
		t.Error("one's own, or somebody else's, count")
	}
	open(user.Identity, thief)
	if !elsewhere(own) || !elsewhere("") {
		t.Error("another session's do not count")
	}
	if err := b.db.Prove(t.Context(), witnessed(user, thief, extension.FactorTOTP, "")); err != nil {
		t.Fatal(err)
	}
	if !elsewhere(own) {
		t.Error("those of a session whose proof is of no factor of theirs do not count")
	}
	if err := b.db.SetFactors(t.Context(), user.Identity, kinds{extension.FactorTOTP}, noon()); err != nil {
		t.Fatal(err)
	}
	if elsewhere(own) {
		t.Error("a confirmed session's count")
	}
	open(user.Identity, "")
	if !elsewhere(own) {
		t.Error("those of a session that was not named do not count")
	}
	if err := b.db.ForgetOpenings(t.Context(), user.Identity); err != nil || elsewhere(own) {
		t.Errorf("forgotten ones count: %v", err)
	}
	open(user.Identity, thief)
	open(user.Identity, "")
	b.exec(t, `UPDATE settings_openings SET opened_at = opened_at - make_interval(secs => ?)`, extension.SettingsLifetime.Seconds())
	if elsewhere(own) {
		t.Error("they last for ever")
	}
	b.exec(t, `UPDATE settings_openings SET opened_at = opened_at - interval '1 day'`)
	if err := b.db.PurgeProofs(t.Context(), noon()); err != nil {
		t.Fatal(err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM settings_openings`); n != 0 {
		t.Errorf("%d are kept", n)
	}
}
