package postgres_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// witnessed is a session of a user's that has just shown a factor at noon.
func witnessed(user extension.User, session extension.SessionID, kind extension.Factor, address string) extension.Proof {
	return extension.Proof{Session: session, Identity: user.Identity, Kind: kind, Address: address, At: noon()}
}

func (b bundle) witness(t *testing.T, proof extension.Proof) {
	t.Helper()
	if err := b.db.Witness(t.Context(), proof); err != nil {
		t.Fatal(err)
	}
}

// shows fails unless an identity has proven these kinds, and the session was confirmed with those.
func (b bundle) shows(t *testing.T, user extension.User, own []extension.Factor, session extension.SessionID, proofs []extension.Factor) {
	t.Helper()
	proven, err := b.db.FactorsOf(t.Context(), user.Identity)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []extension.Factor
	for _, f := range proven {
		kinds = append(kinds, f.Kind)
	}
	slices.Sort(kinds)
	got, err := b.db.Proofs(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(kinds, own) || !slices.Equal(got, proofs) {
		t.Errorf("factors %v with proofs %v, want %v with %v", kinds, got, own, proofs)
	}
}

func sessionID() extension.SessionID { return extension.NewID[extension.SessionID]() }

type kinds = []extension.Factor

func TestTheFirstFactorThatIsShownIsSetUpByItAndConfirmsTheSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.record(t, user, extension.FactStarted)
	session := sessionID()
	for range 2 { // hooks come twice
		b.witness(t, witnessed(user, session, extension.FactorSMS, "+46701234567"))
	}
	b.shows(t, user, kinds{extension.FactorSMS}, session, kinds{extension.FactorSMS})
	if n := b.audited(t, extension.ActionFactorProven, user.ID); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	proven, err := b.db.FactorsOf(t.Context(), user.Identity)
	want := []extension.ProvenFactor{{Kind: extension.FactorSMS, Address: "+46701234567", At: noon()}}
	if diff := cmp.Diff(want, proven); err != nil || diff != "" {
		t.Errorf("%v, (-want +got): %s", err, diff)
	}
	if got := b.user(t, "bob@example.com"); !got.Facts.Secured.Equal(noon()) || !slices.Equal(got.Factors, kinds{extension.FactorSMS}) {
		t.Errorf("user %+v", got)
	}
}

func TestWhoeverHadAFactorIsKnownToHaveLostIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, other := b.invited(t, "bob@example.com"), b.invited(t, "eve@example.com")
	b.record(t, user, extension.FactStarted)
	b.record(t, other, extension.FactStarted)
	b.witness(t, witnessed(user, sessionID(), extension.FactorSMS, "+46701234567"))
	for _, u := range []extension.User{user, other} {
		if err := b.db.ForgetFactors(t.Context(), b.admin, u.ID, noon()); err != nil {
			t.Fatal(err)
		}
		if had, err := b.db.HadFactor(t.Context(), u.ID); err != nil || had != (u.ID == user.ID) {
			t.Errorf("%s had one: %t, %v", u.Address, had, err)
		}
	}
}

func TestARecoveryCodeStandsInForAFactorAndIsNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	session := sessionID()
	b.witness(t, witnessed(user, session, extension.FactorRecovery, ""))
	b.shows(t, user, nil, session, nil)
	b.witness(t, witnessed(user, sessionID(), extension.FactorTOTP, ""))
	b.witness(t, witnessed(user, session, extension.FactorRecovery, ""))
	b.shows(t, user, kinds{extension.FactorTOTP}, session, kinds{extension.FactorRecovery})
}

// Whoever knows the password alone can have Kratos send a code to any address of the account, and show it.
func TestOnlyAProofThatMayAddsAFactor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	owner, thief := sessionID(), sessionID()
	b.witness(t, witnessed(user, owner, extension.FactorSMS, "+46701234567"))
	b.witness(t, witnessed(user, thief, extension.FactorEmail, "bob@example.com"))
	b.witness(t, witnessed(user, thief, extension.FactorSMS, "+46709999999"))
	b.shows(t, user, kinds{extension.FactorSMS}, thief, nil)
	b.witness(t, adding(witnessed(user, owner, extension.FactorEmail, "Bob@Example.com")))
	b.shows(t, user, kinds{extension.FactorEmail, extension.FactorSMS}, owner, kinds{extension.FactorEmail, extension.FactorSMS})
	b.witness(t, adding(witnessed(user, thief, extension.FactorRecovery, "")))
	b.shows(t, user, kinds{extension.FactorEmail, extension.FactorSMS}, thief, kinds{extension.FactorRecovery})
}

// adding is a proof in a session that may change the account.
func adding(proof extension.Proof) extension.Proof {
	proof.Adds = true
	return proof
}

func TestAnotherNumberInAConfirmedSessionTakesThePlaceOfTheOldOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	old, fresh := sessionID(), sessionID()
	b.witness(t, witnessed(user, old, extension.FactorSMS, "+46701234567"))
	b.witness(t, witnessed(user, fresh, extension.FactorSMS, "+46 70 123 45 67"))
	b.shows(t, user, kinds{extension.FactorSMS}, fresh, kinds{extension.FactorSMS})
	b.witness(t, adding(witnessed(user, fresh, extension.FactorSMS, "+46709999999")))
	b.shows(t, user, kinds{extension.FactorSMS}, fresh, kinds{extension.FactorSMS})
	b.shows(t, user, kinds{extension.FactorSMS}, old, nil)
}

func TestWhatStrangersShowIsNotKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stranger := extension.User{Identity: extension.NewID[extension.IdentityID]()}
	session := sessionID()
	b.witness(t, witnessed(stranger, session, extension.FactorTOTP, ""))
	if err := b.db.Prove(t.Context(), witnessed(stranger, session, extension.FactorTOTP, "")); err != nil {
		t.Fatal(err)
	}
	b.shows(t, stranger, nil, session, nil)
	// Nor does the session of one identity ever become another's.
	user, other := b.invited(t, "bob@example.com"), b.invited(t, "eve@example.com")
	b.witness(t, witnessed(user, session, extension.FactorTOTP, ""))
	b.witness(t, witnessed(other, session, extension.FactorTOTP, ""))
	if of := read[extension.IdentityID](t, b.db, `SELECT identity_id FROM proofs WHERE session_id = ?`, session); of != user.Identity {
		t.Errorf("the session is %s's", of)
	}
}

func TestWhoeverWitnessesAtOnceSetsUpOneFactor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.record(t, user, extension.FactStarted)
	var group sync.WaitGroup
	for _, kind := range []extension.Factor{extension.FactorSMS, extension.FactorEmail, extension.FactorTOTP, extension.FactorWebAuthn} {
		for range 4 {
			group.Go(func() {
				if err := b.db.Witness(t.Context(), witnessed(user, sessionID(), kind, "x")); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	proven, err := b.db.FactorsOf(t.Context(), user.Identity)
	if err != nil || len(proven) != 1 {
		t.Fatalf("factors %+v, %v", proven, err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM proofs WHERE kind <> ?`, string(proven[0].Kind)); n != 0 {
		t.Errorf("%d sessions were confirmed with what is no factor", n)
	}
	if n := b.audited(t, extension.ActionFactorProven, user.ID); n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

func TestAFactorThatIsGoneInKratosTakesItsProofsAlong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	session := sessionID()
	b.witness(t, witnessed(user, session, extension.FactorTOTP, ""))
	b.witness(t, adding(witnessed(user, session, extension.FactorEmail, "bob@example.com")))
	if err := b.db.SetFactors(t.Context(), user.Identity, nil, noon()); err != nil {
		t.Fatal(err)
	}
	b.shows(t, user, kinds{extension.FactorEmail}, session, kinds{extension.FactorEmail})
}

// The account would otherwise be there, for a moment, for whoever knows the password and sets up the next factor first.
func TestANumberThatHasChangedStaysAFactorThatNobodyCanShow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	session, thief := sessionID(), sessionID()
	profile := func(mobile string) {
		t.Helper()
		if err := b.db.RecordProfile(t.Context(), extension.Identity{ID: user.Identity, Mark: user.ID, Traits: extension.Traits{Email: "bob@example.com", Mobile: mobile}}); err != nil {
			t.Fatal(err)
		}
	}
	sms := kinds{extension.FactorSMS}
	b.witness(t, witnessed(user, session, extension.FactorSMS, "+46701234567"))
	profile("+46 70 123 45 67")
	b.shows(t, user, sms, session, sms)
	profile("+46709999999")
	b.shows(t, user, sms, session, sms)
	b.witness(t, witnessed(user, thief, extension.FactorSMS, "+46709999999"))
	b.shows(t, user, sms, thief, nil)
	b.witness(t, adding(witnessed(user, session, extension.FactorSMS, "+46709999999")))
	b.witness(t, witnessed(user, thief, extension.FactorSMS, "+46709999999"))
	b.shows(t, user, sms, thief, sms)
	if n := b.audited(t, extension.ActionFactorRemoved, user.ID); n != 0 {
		t.Errorf("%d audit rows", n)
	}
}

// Sign-ins and codes wait for nobody who changes people, so that a batch of many holds up no one at the door.
func TestWhatHangsOnAnIdentityIsChangedWhileItsUserIsLocked(t *testing.T) {
	t.Parallel()
	b, dsn := setupAt(t)
	user := b.invited(t, "bob@example.com")
	letGo := held(t, dsn, `SELECT FROM users u JOIN invitations i ON i.user_id = u.id WHERE u.id = $1 FOR UPDATE`, string(user.ID))
	soon, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	session := sessionID()
	err := errors.Join(
		b.db.Witness(soon, witnessed(user, session, extension.FactorTOTP, "")), b.db.Prove(soon, witnessed(user, session, extension.FactorTOTP, "")),
		b.db.AllowCode(soon, user.Identity, extension.FactorSMS), b.db.ForgetFactors(soon, b.admin, user.ID, noon()),
		b.db.SetFactors(soon, user.Identity, kinds{extension.FactorTOTP}, noon()))
	if err != nil {
		t.Error(err)
	}
	if _, _, err := b.db.Entry(soon, user.Identity, session, "north"); err != nil {
		t.Error(err)
	}
	letGo()
}

func TestProofsOfSessionsThatHaveEndedArePurged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	old, young := sessionID(), sessionID()
	b.witness(t, witnessed(user, old, extension.FactorTOTP, ""))
	proof := witnessed(user, young, extension.FactorTOTP, "")
	proof.At = noon().Add(2 * time.Hour)
	b.witness(t, proof)
	b.exec(t, `INSERT INTO code_sends (identity_id, kind, sent_at) VALUES (?0, 'sms', now() - interval '25 hours'), (?0, 'sms', now() - interval '23 hours')`, user.Identity)
	if err := b.db.PurgeProofs(t.Context(), noon().Add(49*time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.shows(t, user, kinds{extension.FactorTOTP}, old, nil)
	b.shows(t, user, kinds{extension.FactorTOTP}, young, kinds{extension.FactorTOTP})
	if n := read[int](t, b.db, `SELECT count(*) FROM code_sends`); n != 1 {
		t.Errorf("%d codes are kept", n)
	}
}

func TestAProofOfWhatWasNeverSavedEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	session := sessionID()
	if err := b.db.Prove(t.Context(), witnessed(user, session, extension.FactorTOTP, "")); err != nil {
		t.Fatal(err)
	}
	if sessions, err := b.db.ProvenSessions(t.Context(), user.Identity, kinds{extension.FactorTOTP}); err != nil || !slices.Equal(sessions, []extension.SessionID{session}) {
		t.Errorf("%v, %v", sessions, err)
	}
	if sessions, err := b.db.ProvenSessions(t.Context(), user.Identity, kinds{extension.FactorWebAuthn}); err != nil || len(sessions) > 0 {
		t.Errorf("of another kind: %v, %v", sessions, err)
	}
	for _, c := range []struct {
		after time.Duration
		left  kinds
	}{
		{time.Minute, kinds{extension.FactorTOTP}}, // Kratos may be about to save it
		{4 * time.Minute, nil},
	} {
		if err := b.db.SetFactors(t.Context(), user.Identity, nil, noon().Add(c.after)); err != nil {
			t.Fatal(err)
		}
		b.shows(t, user, nil, session, c.left)
	}
}

func TestFactorsThatKratosTurnsOutToHoldAreLearntOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, other := b.invited(t, "bob@example.com"), b.invited(t, "eve@example.com")
	b.record(t, user, extension.FactStarted)
	session := sessionID()
	learn := func(user extension.User, held ...extension.Factor) {
		t.Helper()
		if err := b.db.LearnFactors(t.Context(), user.Identity, held, noon()); err != nil {
			t.Fatal(err)
		}
	}
	learn(user, extension.FactorTOTP)
	learn(user, extension.FactorWebAuthn) // one is known
	b.shows(t, user, kinds{extension.FactorTOTP}, session, nil)
	if n := b.audited(t, extension.ActionFactorProven, user.ID); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	if err := b.db.Prove(t.Context(), witnessed(other, session, extension.FactorTOTP, "")); err != nil {
		t.Fatal(err)
	}
	learn(other, extension.FactorTOTP) // is being set up
	b.shows(t, other, nil, session, kinds{extension.FactorTOTP})
	if err := b.db.LearnFactors(t.Context(), extension.NewID[extension.IdentityID](), kinds{extension.FactorTOTP}, noon()); err != nil {
		t.Errorf("an identity that nobody here has: %v", err)
	}
}
