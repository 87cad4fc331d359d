package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// giving is an order of an actor who may give everything.
func (b bundle) giving(batch extension.BatchID) extension.Giving {
	order := extension.Giving{Batch: batch}
	for _, a := range b.charter.Areas {
		order.Areas = append(order.Areas, a.ID)
	}
	for _, r := range b.charter.Roles {
		order.Roles = append(order.Roles, r.ID)
	}
	return order
}

func (b bundle) moving(batch extension.BatchID, area int) extension.Moving {
	return extension.Moving{
		Batch: batch, Roles: b.giving(batch).Roles, To: extension.Assignment{Area: b.charter.Areas[area], Role: b.charter.Roles[1]},
	}
}

// places are a user's service areas and roles.
func (b bundle) places(t *testing.T, address string) []string {
	t.Helper()
	var places []string
	for _, a := range b.user(t, address).Assignments {
		places = append(places, a.Area.Name+" "+a.Role.Name)
	}
	return places
}

// known is a batch to West that meets Ann who is Active, Ben who is Pending and Cid who is Inactive, all of East.
func (b bundle) known(t *testing.T) extension.BatchID {
	t.Helper()
	ann := b.invited(t, "ann@example.com")
	b.record(t, ann, extension.FactActivated)
	b.invited(t, "ben@example.com")
	b.pause(t, b.invited(t, "cid@example.com"))
	p := b.placement("ann@example.com", "ben@example.com", "cid@example.com", "new@example.com")
	p.Batch.Area = b.charter.Areas[1]
	if err := b.db.Place(t.Context(), b.admin, p); err != nil {
		t.Fatal(err)
	}
	return p.Batch.ID
}

func TestPeopleWhoAreHereAlreadyAreGivenThePlaceTheyWerePastedForOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.known(t)
	report, err := b.db.Report(t.Context(), b.admin, batch)
	if err != nil || report.Known != 3 {
		t.Fatalf("%d known, %v", report.Known, err)
	}
	ann, ben := b.user(t, "ann@example.com"), b.user(t, "ben@example.com")
	asked := func(user extension.User) int {
		return read[int](t, b.db, `SELECT realign_asked FROM identities WHERE id = ?`, user.Identity)
	}
	before := [2]int{asked(ann), asked(ben)}

	one := b.giving(batch)
	one.User = ann.ID
	given, err := b.db.Assign(t.Context(), b.admin, one, noon())
	if err != nil || given != (extension.Given{Given: 1}) {
		t.Errorf("one: %+v, %v", given, err)
	}
	given, err = b.db.Assign(t.Context(), b.admin, b.giving(batch), noon())
	if err != nil || given != (extension.Given{Given: 2, Had: 1}) {
		t.Errorf("all: %+v, %v", given, err)
	}
	given, err = b.db.Assign(t.Context(), b.admin, b.giving(batch), noon())
	if err != nil || given != (extension.Given{Had: 3}) {
		t.Errorf("again: %+v, %v", given, err)
	}
	for _, address := range []string{"ann@example.com", "ben@example.com", "cid@example.com"} {
		if diff := cmp.Diff([]string{"East Nurse", "West Nurse"}, b.places(t, address)); diff != "" {
			t.Errorf("%s: %s", address, diff)
		}
		if n := b.audited(t, extension.ActionUserAssigned, b.user(t, address).ID); n != 1 {
			t.Errorf("%s: %d audit rows", address, n)
		}
	}
	if got := [2]int{asked(ann), asked(ben)}; got[0] != before[0]+1 || got[1] != before[1] {
		t.Errorf("asked for publication %v after %v, want once for the Active one", got, before)
	}
	if report, err = b.db.Report(t.Context(), b.admin, batch); err != nil || report.Known != 0 || !report.NotSent[0].Placed {
		t.Errorf("afterwards %d are known, %+v, %v", report.Known, report.NotSent, err)
	}
}

func TestNobodyIsGivenWhatTheActorMayNotGive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.known(t)
	order := b.giving(batch)
	order.Roles = order.Roles[:1]
	if given, err := b.db.Assign(t.Context(), b.admin, order, noon()); err != nil || given != (extension.Given{Beyond: 3}) {
		t.Errorf("a role beyond the actor's: %+v, %v", given, err)
	}
	b.exec(t, `UPDATE areas SET archived_at = ? WHERE name = 'West'`, noon())
	if given, err := b.db.Assign(t.Context(), b.admin, b.giving(batch), noon()); err != nil || given != (extension.Given{Beyond: 3}) {
		t.Errorf("an archived area: %+v, %v", given, err)
	}
	other := b.beside(t, "south")
	if _, err := other.db.Assign(t.Context(), other.admin, b.giving(batch), noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("another organisation: %v", err)
	}
	if _, err := other.db.Move(t.Context(), other.admin, b.moving(batch, 0), noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("another organisation moves: %v", err)
	}
}

// TestAnInviterGivesTheirAreaToNobodyWhomTheyDoNotSee pastes addresses of people of another area: giving those the
// inviter's own would show their names, numbers and messages.
func TestAnInviterGivesTheirAreaToNobodyWhomTheyDoNotSee(t *testing.T) {
	t.Parallel()
	b := setup(t)
	both, other := b.invited(t, "both@example.com"), b.invited(t, "other@example.com")
	b.exec(t, `INSERT INTO assignments SELECT organisation_id, id, ?, ? FROM users WHERE id = ?`, b.charter.Areas[1].ID, b.charter.Roles[0].ID, both.ID)
	ina := extension.Actor{
		User: other.ID, Organisation: b.charter.Organisation.ID, Name: "Ina", Right: extension.RightInviter, Areas: []extension.AreaID{b.charter.Areas[1].ID},
	}
	p := b.placement("both@example.com", "other@example.com")
	p.Batch.Area, p.Batch.InviterUser = b.charter.Areas[1], ina.User
	if err := b.db.Place(t.Context(), ina, p); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		actor  extension.Actor
		known  int
		hidden []bool
	}{
		"the inviter": {ina, 1, []bool{false, true}}, "an administrator": {b.admin, 2, []bool{false, false}},
	} {
		report, err := b.db.Report(t.Context(), test.actor, p.Batch.ID)
		if err != nil || report.Known != test.known {
			t.Errorf("%s: %d can be given it, %v", name, report.Known, err)
		}
		for i, delivery := range report.NotSent {
			if delivery.Hidden != test.hidden[i] {
				t.Errorf("%s: %s is hidden: %v", name, delivery.Address, delivery.Hidden)
			}
		}
	}
	order := b.giving(p.Batch.ID)
	order.Areas = ina.Areas
	for range 2 {
		given, err := b.db.Assign(t.Context(), ina, order, noon())
		if err != nil || given.Hidden != 1 || given.Given+given.Had != 1 {
			t.Errorf("%+v, %v", given, err)
		}
	}
	if _, err := b.db.User(t.Context(), ina, other.ID); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("the inviter sees somebody of another area: %v", err)
	}
	if given, err := b.db.Assign(t.Context(), b.admin, order, noon()); err != nil || given != (extension.Given{Given: 1, Had: 1}) {
		t.Errorf("an administrator: %+v, %v", given, err)
	}
}

func TestABatchIsMovedWithoutMailAndWhoeverIsActiveStays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "active@example.com", "paused@example.com", "pending@example.com", "elsewhere@example.com", "waiting@example.com")
	b.exec(t, `UPDATE invitations SET leased_until = clock_timestamp() + interval '1 hour' WHERE user_id = ?`, b.user(t, "waiting@example.com").ID)
	b.send(t, batch)
	b.record(t, b.user(t, "active@example.com"), extension.FactActivated)
	b.pause(t, b.user(t, "paused@example.com"))
	b.exec(t, `DELETE FROM assignments WHERE user_id = ?`, b.user(t, "elsewhere@example.com").ID)
	b.exec(t, `INSERT INTO assignments SELECT organisation_id, id, ?, ? FROM users WHERE address = 'pending@example.com'`, b.charter.Areas[1].ID, b.charter.Roles[0].ID)
	messages := read[int](t, b.db, `SELECT count(*) FROM invitations`)

	after := noon().Add(8 * 24 * time.Hour) // the pending one has expired meanwhile
	moved, err := b.db.Move(t.Context(), b.admin, b.moving(batch, 1), after)
	if err != nil || moved != (extension.Moved{Moved: 2, Active: 1, Inactive: 1, Changed: 1}) {
		t.Fatalf("%+v, %v", moved, err)
	}
	for address, want := range map[string][]string{
		"active@example.com": {"East Nurse"}, "paused@example.com": {"East Nurse"},
		"pending@example.com": {"West Administrator", "West Nurse"}, "waiting@example.com": {"West Nurse"},
	} {
		if diff := cmp.Diff(want, b.places(t, address)); diff != "" {
			t.Errorf("%s: %s", address, diff)
		}
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations`); n != messages {
		t.Errorf("%d messages after %d", n, messages)
	}
	if got := read[string](t, b.db, `SELECT area_names FROM invitations WHERE user_id = ?`, b.user(t, "waiting@example.com").ID); got != "West" {
		t.Errorf("the letter that is still to be written names %s", got)
	}
	if got := read[string](t, b.db, `SELECT area_names FROM invitations WHERE user_id = ?`, b.user(t, "pending@example.com").ID); got != "East" {
		t.Errorf("the letter that went out named %s, now it says it did name %s", "East", got)
	}
	if n := b.audited(t, extension.ActionUserAssigned, b.user(t, "pending@example.com").ID); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	again, err := b.db.Move(t.Context(), b.admin, b.moving(batch, 1), after)
	if err != nil || again != (extension.Moved{There: 2, Active: 1, Inactive: 1, Changed: 1}) {
		t.Errorf("again: %+v, %v", again, err)
	}
	back, err := b.db.Move(t.Context(), b.admin, b.moving(batch, 0), after)
	if err != nil || back.Moved != 2 {
		t.Errorf("back: %+v, %v", back, err)
	}
	report, err := b.db.Report(t.Context(), b.admin, batch)
	if err != nil || len(report.Places) != 1 || report.Places[0].People != 5 {
		t.Errorf("places %+v, %v", report.Places, err)
	}
}

func TestAnInviterMovesNobodyOutOfARoleBeyondTheirOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.placement("head@example.com")
	p.Batch.Role = b.charter.Roles[0]
	if err := b.db.Place(t.Context(), b.admin, p); err != nil {
		t.Fatal(err)
	}
	inviter := extension.Actor{Organisation: b.charter.Organisation.ID, Right: extension.RightInviter, Areas: []extension.AreaID{b.charter.Areas[0].ID}}
	order := b.moving(p.Batch.ID, 0)
	order.Roles = order.Roles[1:]
	moved, err := b.db.Move(t.Context(), inviter, order, noon())
	if err != nil || moved != (extension.Moved{Beyond: 1}) {
		t.Errorf("%+v, %v", moved, err)
	}
	b.exec(t, `UPDATE areas SET archived_at = ? WHERE id = ?`, noon(), order.To.Area.ID)
	var invalid *extension.InvalidError
	if _, err := b.db.Move(t.Context(), b.admin, order, noon()); !errors.As(err, &invalid) {
		t.Errorf("to an archived area: %v", err)
	}
}
