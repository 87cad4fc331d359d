package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestSettingsThatAnotherSessionHasOpenedAreKnownWhileTheyLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, other := b.invited(t, "bob@example.com"), b.invited(t, "eve@example.com")
	own, thief := extension.NewID[extension.SessionID](), extension.NewID[extension.SessionID]()
	elsewhere := func(session extension.SessionID) (proofs [][]extension.Factor) {
		t.Helper()
		settings, err := b.db.OpenElsewhere(t.Context(), user.Identity, session)
		if err != nil {
			t.Fatal(err)
		}
		for _, open := range settings {
			if left := time.Until(open.Until); left <= 0 || left > extension.SettingsLifetime {
				t.Errorf("they last for %s", left)
			}
			proofs = append(proofs, open.Proofs)
		}
		return proofs
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
	if got := elsewhere(own); len(got) > 0 {
		t.Errorf("one's own, or somebody else's, count: %v", got)
	}
	open(user.Identity, thief)
	if diff := cmp.Diff([][]extension.Factor{nil}, elsewhere(own)); diff != "" {
		t.Error(diff)
	}
	if got := elsewhere(""); len(got) != 2 {
		t.Errorf("for a session that was not named: %v", got)
	}
	for _, kind := range []extension.Factor{extension.FactorTOTP, extension.FactorRecovery} {
		if err := b.db.Prove(t.Context(), witnessed(user, thief, kind, "")); err != nil {
			t.Fatal(err)
		}
	}
	open(user.Identity, "")
	if diff := cmp.Diff([][]extension.Factor{{extension.FactorRecovery, extension.FactorTOTP}, nil}, elsewhere(own)); diff != "" {
		t.Error(diff)
	}
	if err := b.db.EndRecoveryProofs(t.Context(), user.Identity); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]extension.Factor{{extension.FactorTOTP}, nil}, elsewhere(own)); diff != "" {
		t.Error(diff)
	}
	if err := b.db.ForgetOpenings(t.Context(), user.Identity); err != nil || len(elsewhere(own)) > 0 {
		t.Errorf("forgotten ones count: %v", err)
	}
	open(user.Identity, thief)
	open(user.Identity, "")
	b.exec(t, `UPDATE settings_openings SET opened_at = opened_at - make_interval(secs => ?)`, extension.SettingsLifetime.Seconds())
	if got := elsewhere(own); len(got) > 0 {
		t.Errorf("they last for ever: %v", got)
	}
	b.exec(t, `UPDATE settings_openings SET opened_at = opened_at - interval '1 day'`)
	if err := b.db.PurgeProofs(t.Context(), noon()); err != nil {
		t.Fatal(err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM settings_openings`); n != 0 {
		t.Errorf("%d are kept", n)
	}
}
