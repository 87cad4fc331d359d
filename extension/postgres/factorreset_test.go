package postgres_test

import (
	"errors"
	"sync"
	"testing"

	"paperplane/extension"
)

func TestAResetForgetsEverythingAndSaysWho(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, other := b.invited(t, "bob@example.com"), b.invited(t, "eve@example.com")
	session := sessionID()
	for _, u := range []extension.User{user, other} {
		b.witness(t, witnessed(u, sessionID(), extension.FactorTOTP, ""))
	}
	b.witness(t, witnessed(user, session, extension.FactorRecovery, ""))
	if err := b.db.ForgetFactors(t.Context(), b.admin, user.ID, noon()); err != nil {
		t.Fatal(err)
	}
	b.shows(t, user, nil, session, nil)
	if n := read[int](t, b.db, `SELECT count(*) FROM proofs WHERE identity_id = ?`, user.Identity); n != 0 {
		t.Errorf("%d proofs are left", n)
	}
	if who := read[string](t, b.db, `SELECT actor_name || ': ' || detail FROM audit WHERE action = 'factors.reset' AND user_id = ?`, user.ID); who != "Ada Admin: totp" {
		t.Errorf("the audit says %q", who)
	}
	b.shows(t, other, kinds{extension.FactorTOTP}, session, nil)
}

func TestAFactorThatOrganisationsShareIsTheOperatorsToReset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	here, there := b.invited(t, "bob@example.com"), south.invited(t, "bob@example.com")
	south.share(t, there, here.Identity)
	south.record(t, there, extension.FactStarted)
	b.witness(t, witnessed(here, sessionID(), extension.FactorTOTP, ""))
	if err := b.db.ForgetFactors(t.Context(), b.admin, here.ID, noon()); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("an administrator of one: %v", err)
	}
	if err := south.db.ForgetFactors(t.Context(), south.admin, here.ID, noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("an administrator of the other: %v", err)
	}
	if err := b.db.ForgetFactors(t.Context(), b.inviter(1), here.ID, noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("an inviter of another area: %v", err)
	}
	b.shows(t, here, kinds{extension.FactorTOTP}, sessionID(), nil)
	operator := extension.Actor{Name: "Olga Operator", Right: extension.RightAdministrator}
	if err := b.db.ForgetFactors(t.Context(), operator, here.ID, noon()); err != nil {
		t.Fatal(err)
	}
	b.shows(t, here, nil, sessionID(), nil)
	for _, user := range []extension.User{here, there} {
		if n := b.audited(t, "factors.reset", user.ID); n != 1 {
			t.Errorf("%d audit rows", n)
		}
	}
	b.place(t, "new@example.com")
	if err := b.db.ForgetFactors(t.Context(), b.admin, b.user(t, "new@example.com").ID, noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("somebody without an identity: %v", err)
	}
}

// An organisation that has merely invited somebody has no say in what another one does.
func TestAnInvitationKeepsNobodyFromResettingAFactor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	here, there := b.invited(t, "bob@example.com"), south.invited(t, "bob@example.com")
	south.share(t, there, here.Identity)
	b.witness(t, witnessed(here, sessionID(), extension.FactorTOTP, ""))
	if err := b.db.ForgetFactors(t.Context(), b.admin, here.ID, noon()); err != nil {
		t.Fatal(err)
	}
	b.shows(t, here, nil, sessionID(), nil)
}

func TestAResetThatRacesACodeLeavesAllOrNothingOfIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		user := b.invited(t, string(extension.NewID[extension.UserID]())+"@example.com")
		b.witness(t, witnessed(user, sessionID(), extension.FactorTOTP, ""))
		session := sessionID()
		var group sync.WaitGroup
		group.Go(func() {
			if err := b.db.Witness(t.Context(), witnessed(user, session, extension.FactorTOTP, "")); err != nil {
				t.Error(err)
			}
		})
		group.Go(func() {
			if err := b.db.ForgetFactors(t.Context(), b.admin, user.ID, noon()); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		proven, err := b.db.FactorsOf(t.Context(), user.Identity)
		if err != nil {
			t.Fatal(err)
		}
		if proofs := read[int](t, b.db, `SELECT count(*) FROM proofs WHERE identity_id = ?`, user.Identity); proofs != len(proven) {
			t.Errorf("%d factors and %d proofs", len(proven), proofs)
		}
	}
}

// Somebody is linked to the identity of another organisation while that one's administrator resets its factors.
func TestAResetWaitsForALinkAndThenRefuses(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	south := b.beside(t, "south")
	here := b.invited(t, "bob@example.com")
	there := south.invited(t, "bob@example.com")
	linking, err := outsider(t, dsn).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := linking.Exec(t.Context(), `UPDATE users SET identity_id = $1, started_at = now() WHERE id = $2`, string(here.Identity), string(there.ID)); err != nil {
		t.Fatal(err)
	}
	done := meanwhile(t, b, 1, func() error { return b.db.ForgetFactors(t.Context(), b.admin, here.ID, noon()) })
	if err := linking.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, extension.ErrConflict) {
		t.Errorf("the reset: %v", err)
	}
}
