package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/postgres"
)

// atTheDoor is somebody with everything that the gate looks at, in two organisations.
func atTheDoor(t *testing.T, b, south bundle) (user extension.User, session extension.SessionID) {
	t.Helper()
	user = b.invited(t, "bob@example.com")
	south.share(t, south.invited(t, "bob@example.com"), user.Identity)
	b.record(t, user, extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	if err := b.db.RecordProfile(t.Context(), extension.Identity{ID: user.Identity, Mark: user.ID, Traits: extension.Traits{FirstName: "Bob", LastName: "B", Mobile: "+46701234567"}}); err != nil {
		t.Fatal(err)
	}
	session = sessionID()
	b.witness(t, witnessed(user, session, extension.FactorSMS, "+46701234567"))
	b.accept(t, user, b.charter.Terms.ID, noon())
	b.issue(t, time.Hour, "en", "de")
	b.accept(t, user, b.text(t, 2, "de").ID, noon())
	b.exec(t, `UPDATE organisations SET two_factor = 'required', two_factor_ways = '{totp,sms}', region = 'SE' WHERE slug = 'north'`)
	return user, session
}

func TestAnEntryIsTheMemberWithoutWhatTheGateDoesNotNeed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	user, session := atTheDoor(t, b, south)
	members, err := b.db.Members(t.Context(), user.Identity)
	if err != nil || len(members) != 2 {
		t.Fatal(members, err)
	}
	for _, want := range members {
		got, proofs, err := b.db.Entry(t.Context(), user.Identity, session, want.Organisation.Slug)
		if err != nil || !slices.Equal(proofs, kinds{extension.FactorSMS}) {
			t.Fatalf("%v, proofs %v", err, proofs)
		}
		want.Inviter, want.User.Letter, want.User.Facts.Opened, want.User.Declined = "", extension.LetterFacts{}, time.Time{}, time.Time{}
		want.User.Elsewhere = want.Organisation.Slug == "south" // they have begun in the north alone
		got.Terms.Language, got.Terms.Organisation = want.Terms.Language, want.Terms.Organisation
		want.Terms.Text, want.Terms.Title, want.Terms.SHA256, want.Terms.ID, got.Terms.ID = "", "", "", "", ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got.Next(proofs, noon()) != want.Next(proofs, noon()) {
			t.Error("the gate and the pages say different things")
		}
	}
}

func TestAnEntryTellsOfOtherOrganisationsThatThePersonHasBegunIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	user := b.invited(t, "bob@example.com")
	other := south.invited(t, "bob@example.com")
	elsewhere := func(want bool, when string) {
		t.Helper()
		member, _, err := b.db.Entry(t.Context(), user.Identity, sessionID(), "north")
		if err != nil || member.User.Elsewhere != want {
			t.Errorf("%s: %t, %v", when, member.User.Elsewhere, err)
		}
	}
	b.record(t, user, extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	elsewhere(false, "alone")
	south.share(t, other, user.Identity)
	elsewhere(false, "with an invitation that nobody has accepted")
	other.Identity = user.Identity
	south.record(t, other, extension.FactStarted)
	elsewhere(true, "once it was accepted")
	b.exec(t, `UPDATE users SET withdrawn_at = now() WHERE id = ?`, other.ID)
	elsewhere(false, "once it was withdrawn")
}

func TestAnEntryNeedsAUserThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, session := b.invited(t, "bob@example.com"), sessionID()
	for name, ask := range map[string]func() error{
		"another slug": func() error { _, _, err := b.db.Entry(t.Context(), user.Identity, session, "south"); return err },
		"an odd slug":  func() error { _, _, err := b.db.Entry(t.Context(), user.Identity, session, "no'rth\\"); return err },
		"another identity": func() error {
			_, _, err := b.db.Entry(t.Context(), extension.IdentityID(session), session, "north")
			return err
		},
		"no identity": func() error { _, _, err := b.db.Entry(t.Context(), "", session, "north"); return err },
		"a withdrawn user": func() error {
			b.exec(t, `UPDATE users SET withdrawn_at = now()`)
			_, _, err := b.db.Entry(t.Context(), user.Identity, session, "north")
			return err
		},
	} {
		if name != "a withdrawn user" {
			if _, proofs, err := b.db.Entry(t.Context(), user.Identity, "", "north"); err != nil && !errors.Is(err, extension.ErrNotFound) || len(proofs) != 0 {
				t.Errorf("without a session: %v, %v", proofs, err)
			}
		}
		if err := ask(); !errors.Is(err, extension.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnEntryIsOneStatementThatIsPlannedOnceOnAConnection(t *testing.T) {
	t.Parallel()
	dsn := cluster.Migrated(t)
	db, err := postgres.Open(postgres.Options{DSN: dsn, MaxConnections: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b := bundle{db: db, charter: establish(t, db, "north")}.withAdmin()
	user := b.invited(t, "bob@example.com")
	ask := func() []string {
		t.Helper()
		statements, err := db.Recorded(func(db *postgres.DB) error {
			_, _, err := db.Entry(t.Context(), user.Identity, sessionID(), "north")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return statements
	}
	ask()
	if again := ask(); len(again) != 1 || !strings.HasPrefix(again[0], "EXECUTE") {
		t.Errorf("statements %q", again)
	}
	b.exec(t, `ALTER TABLE organisations ALTER COLUMN stop_loss_after TYPE bigint`)
	if again := ask(); len(again) != 4 {
		t.Errorf("after another type: %q", again)
	}
	b.exec(t, `DEALLOCATE ALL`) // as a pooler may do
	if again := ask(); len(again) != 4 {
		t.Errorf("after its statement was forgotten: %q", again)
	}
	if again := ask(); len(again) != 1 {
		t.Errorf("statements %q", again)
	}
}

func TestManyWhoEnterAtOnceAreToldOfThemselves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, addresses(20)...))
	var group sync.WaitGroup
	for _, address := range addresses(20) {
		user := b.user(t, address)
		group.Go(func() {
			for range 20 {
				member, _, err := b.db.Entry(t.Context(), user.Identity, sessionID(), "north")
				if err != nil || member.User.ID != user.ID {
					t.Errorf("%s is told of %s, %v", user.Address, member.User.Address, err)
				}
			}
		})
	}
	group.Wait()
}
