package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// aWeekLater is when invitations of noon have run out.
func aWeekLater() time.Time { return noon().Add(8 * 24 * time.Hour) }

// entry gives an entry of a placement a place of its own.
func (b bundle) entry(address string, area, role int) extension.Entry {
	return extension.Entry{
		Text: address, Address: address, Key: address, Outcome: extension.OutcomeQueued,
		Area: b.charter.Areas[area], Role: b.charter.Roles[role], Cells: [2]string{"as typed", "in the cell"},
	}
}

// outcomes places and gives what became of every address.
func (b bundle) outcomes(t *testing.T, p extension.Placement) map[string]extension.Outcome {
	t.Helper()
	if err := b.db.Place(t.Context(), b.admin, p); err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Text    string
		Outcome extension.Outcome
	}
	if err := b.db.Read(t.Context(), &rows, `SELECT text, outcome FROM batch_entries WHERE batch_id = ?`, p.Batch.ID); err != nil {
		t.Fatal(err)
	}
	got := map[string]extension.Outcome{}
	for _, row := range rows {
		got[row.Text] = row.Outcome
	}
	return got
}

// placesOf are the areas and roles of a user, and those in their newest letter.
func (b bundle) placesOf(t *testing.T, address string) []string {
	t.Helper()
	user := b.user(t, address)
	var places []string
	for _, a := range user.Assignments {
		places = append(places, a.Area.Name+"/"+a.Role.Name)
	}
	slices.Sort(places)
	return append(places, read[string](t, b.db, `SELECT area_names || ' as ' || role_names FROM invitations WHERE id = ?`, user.Invitation))
}

func TestRowsWithAPlaceOfTheirOwnGetIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.placement("plain@example.com")
	p.Entries = append(p.Entries, b.entry("west@example.com", 1, 1), b.entry("chief@example.com", 1, 0))
	half := b.entry("half@example.com", 1, 1)
	half.Role = extension.Role{}
	p.Entries = append(p.Entries, half)
	b.outcomes(t, p)
	for address, want := range map[string][]string{
		"plain@example.com": {"East/Nurse", "East as Nurse"},
		"west@example.com":  {"West/Nurse", "West as Nurse"},
		"chief@example.com": {"West/Administrator", "West as Administrator"},
		"half@example.com":  {"West/Nurse", "West as Nurse"},
	} {
		if diff := cmp.Diff(want, b.placesOf(t, address)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
	if got := read[string](t, b.db, `SELECT area_text || ', ' || role_text FROM batch_entries WHERE text = 'west@example.com' AND area_id IS NOT NULL`); got != "as typed, in the cell" {
		t.Errorf("the cells are kept as %q", got)
	}
	if got := read[string](t, b.db, `SELECT a.detail FROM audit a JOIN users u ON u.id = a.user_id WHERE u.address = 'west@example.com'`); got != "to West as Nurse" {
		t.Errorf("the audit says %q", got)
	}
	user := b.user(t, "west@example.com")
	if got := read[extension.InvitationID](t, b.db, `SELECT letter_id FROM users WHERE id = ?`, user.ID); got != user.Invitation {
		t.Error("the newest letter is not the invitation's")
	}
}

func TestATableThatNamesEveryPlaceNeedsNoneForTheBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.placement()
	p.Batch.Area, p.Batch.Role = extension.ServiceArea{}, extension.Role{}
	p.Entries = []extension.Entry{b.entry("west@example.com", 1, 1)}
	if got := b.outcomes(t, p); got["west@example.com"] != extension.OutcomeQueued {
		t.Errorf("outcomes %v", got)
	}

	b.exec(t, `UPDATE areas SET archived_at = now() WHERE name = 'West'`)
	late := b.placement("east@example.com")
	late.Entries = append(late.Entries, b.entry("late@example.com", 1, 1))
	err := b.db.Place(t.Context(), b.admin, late)
	refused, ok := errors.AsType[*extension.InvalidError](err)
	if !ok || refused.Fields[0].Message != "The service area “West” was archived. Choose another one." {
		t.Errorf("a row to an archived area: %v", err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM users WHERE address = 'east@example.com'`); n != 0 {
		t.Error("half of the batch was placed")
	}
	other := establish(t, b.db, "south")
	foreign := b.placement()
	foreign.Entries = []extension.Entry{b.entry("x@example.com", 0, 1)}
	foreign.Entries[0].Area = other.Areas[0]
	if err := b.db.Place(t.Context(), b.admin, foreign); err == nil {
		t.Error("a row to another organisation's area was placed")
	}
}

func TestExpiredPeopleAreInvitedAgainOnlyWhenTheyAreIncluded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all := []string{"expired@example.com", "begun@example.com", "registered@example.com", "bounced@example.com"}
	b.send(t, b.place(t, all...))
	begun, old := b.user(t, "begun@example.com"), b.user(t, "expired@example.com")
	b.record(t, begun, extension.FactStarted)
	b.record(t, b.user(t, "registered@example.com"), extension.FactStarted, extension.FactRegistered)
	b.exec(t, `UPDATE users SET suppressed = 'bounced', suppressed_at = ? WHERE address = 'bounced@example.com'`, noon())
	b.exec(t, `UPDATE identities SET realign_at = NULL`)
	again := func(expired bool) extension.Placement {
		p := b.placement(append(all, "new@example.com")...)
		p.Batch.Area, p.Batch.Pressed, p.Expired = b.charter.Areas[1], aWeekLater(), expired
		return p
	}
	without := again(false)
	without.Entries = without.Entries[:4]
	want := map[string]extension.Outcome{
		"expired@example.com": extension.OutcomeAlreadyExpired, "begun@example.com": extension.OutcomeAlreadyExpired,
		"registered@example.com": extension.OutcomeAlreadyExpired, "bounced@example.com": extension.OutcomeUndeliverable,
	}
	if diff := cmp.Diff(want, b.outcomes(t, without)); diff != "" {
		t.Errorf("not included (-want +got):\n%s", diff)
	}

	with := again(true)
	want = map[string]extension.Outcome{
		"expired@example.com": extension.OutcomeQueued, "begun@example.com": extension.OutcomeQueued,
		"registered@example.com": extension.OutcomeQueued, "bounced@example.com": extension.OutcomeUndeliverable, "new@example.com": extension.OutcomeQueued,
	}
	if diff := cmp.Diff(want, b.outcomes(t, with)); diff != "" {
		t.Errorf("included (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"East/Nurse", "West/Nurse", "East, West as Nurse"}, b.placesOf(t, "expired@example.com")); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"East/Nurse", "East as Nurse"}, b.placesOf(t, "bounced@example.com")); diff != "" {
		t.Errorf("places of somebody who is not written to (-want +got):\n%s", diff)
	}
	fresh := b.user(t, "expired@example.com")
	if fresh.ID != old.ID || fresh.Invitation == old.Invitation {
		t.Errorf("the user %s with %s is %s with %s now", old.ID, old.Invitation, fresh.ID, fresh.Invitation)
	}
	if got := read[extension.InvitationID](t, b.db, `SELECT replaces FROM invitations WHERE id = ?`, fresh.Invitation); got != old.Invitation {
		t.Errorf("the new invitation replaces %q", got)
	}
	if got := read[time.Time](t, b.db, `SELECT revoked_at FROM invitations WHERE id = ?`, old.Invitation); !got.Equal(aWeekLater()) {
		t.Errorf("the old invitation was revoked at %s", got)
	}
	realigned := read[[]string](t, b.db, `SELECT u.address FROM users u JOIN identities d ON d.id = u.identity_id WHERE d.realign_at IS NOT NULL`)
	if diff := cmp.Diff([]string{"begun@example.com"}, realigned); diff != "" {
		t.Errorf("what was begun by the old link ends for (-want +got):\n%s", diff)
	}
}

func TestWithdrawnPeopleAreInvitedAsNewOnesAndCanBeWithdrawnAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var id extension.UserID
	for round := range 3 {
		p := b.placement("gone@example.com")
		p.Batch.Area = b.charter.Areas[round%2]
		if got := b.outcomes(t, p); got["gone@example.com"] != extension.OutcomeQueued {
			t.Fatalf("round %d: outcomes %v", round, got)
		}
		place := b.charter.Areas[round%2].Name
		if diff := cmp.Diff([]string{place + "/Nurse", place + " as Nurse"}, b.placesOf(t, "gone@example.com")); diff != "" {
			t.Errorf("round %d: places (-want +got):\n%s", round, diff)
		}
		user := b.user(t, "gone@example.com")
		if round > 0 && user.ID != id {
			t.Errorf("round %d: the row is another one", round)
		}
		id = user.ID
		b.cancel(t, p.Batch.ID)
		if !read[bool](t, b.db, `SELECT withdrawn_at IS NOT NULL FROM users WHERE id = ?`, id) {
			t.Errorf("round %d: somebody who was never written to is still listed", round)
		}
	}
}

// cancel cancels everything of a batch that was not sent.
func (b bundle) cancel(t *testing.T, batch extension.BatchID) {
	t.Helper()
	decide := func(extension.Batch) (extension.Action, error) { return extension.ActionBatchCancelled, nil }
	if err := b.db.Control(t.Context(), b.admin, batch, noon(), decide); err != nil {
		t.Fatal(err)
	}
}

func TestACancelledBatchGivesTheExpiredTheirLinkBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.invited(t, "expired@example.com")
	p := b.placement("expired@example.com")
	p.Batch.Pressed, p.Expired = aWeekLater(), true
	b.outcomes(t, p)
	b.cancel(t, p.Batch.ID)
	if now := b.user(t, "expired@example.com"); now.Invitation != old.Invitation {
		t.Errorf("the newest invitation is %s, want %s", now.Invitation, old.Invitation)
	}
	if read[bool](t, b.db, `SELECT revoked_at IS NOT NULL FROM invitations WHERE id = ?`, old.Invitation) {
		t.Error("the link before stays revoked")
	}
}

// TestACancelledBatchTakesAwayThePlaceThatItAdded has people who were of the other area and are invited again to both:
// the link that they get back must not bring them in with what was cancelled.
func TestACancelledBatchTakesAwayThePlaceThatItAdded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(b bundle, batch extension.BatchID)
		want      []string
	}{
		"at once": {func(bundle, extension.BatchID) {}, []string{"East Nurse"}},
		"moved meanwhile": {func(b bundle, batch extension.BatchID) {
			order := b.moving(batch, 1)
			order.To.Role = b.charter.Roles[0]
			if moved, err := b.db.Move(t.Context(), b.admin, order, aWeekLater()); err != nil || moved.Moved != 2 {
				t.Fatalf("moved %+v, %v", moved, err)
			}
		}, []string{"East Nurse"}},
		"Active meanwhile": {func(b bundle, _ extension.BatchID) {
			b.record(t, b.user(t, "expired@example.com"), extension.FactActivated)
		}, []string{"East Nurse", "West Nurse"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.invited(t, "expired@example.com")
			p := b.placement("expired@example.com", "both@example.com")
			had := b.placement("both@example.com")
			had.Batch.Area = b.charter.Areas[1]
			b.outcomes(t, had)
			b.send(t, had.Batch.ID)
			p.Batch.Area, p.Batch.Pressed, p.Expired = b.charter.Areas[1], aWeekLater(), true
			b.outcomes(t, p)
			test.meanwhile(b, p.Batch.ID)
			b.cancel(t, p.Batch.ID)
			if diff := cmp.Diff(test.want, b.places(t, "expired@example.com")); diff != "" {
				t.Errorf("places (-want +got):\n%s", diff)
			}
			if got := b.places(t, "both@example.com"); len(got) != 1 {
				t.Errorf("who had the place before has %v", got)
			}
		})
	}
}

func TestAnInviterRenewsNobodyWhomTheyCannotSee(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.placement("mine@example.com", "both@example.com")
	p.Entries = append(p.Entries, b.entry("hidden@example.com", 1, 1), b.entry("suppressed@example.com", 1, 1))
	b.outcomes(t, p)
	b.send(t, p.Batch.ID)
	b.exec(t, `INSERT INTO assignments SELECT organisation_id, id, ?, ? FROM users WHERE address = 'both@example.com'`, b.charter.Areas[1].ID, b.charter.Roles[1].ID)
	b.exec(t, `UPDATE users SET suppressed = 'bounced', suppressed_at = ? WHERE address = 'suppressed@example.com'`, noon())

	inviter := extension.Actor{Organisation: b.charter.Organisation.ID, Name: "Ina", Right: extension.RightInviter, Areas: []extension.AreaID{b.charter.Areas[0].ID}}
	keys := []string{"mine@example.com", "both@example.com", "hidden@example.com", "suppressed@example.com", "new@example.com"}
	known, renewable, err := b.db.Known(t.Context(), inviter, keys, aWeekLater())
	if err != nil || renewable != 2 {
		t.Errorf("%d can be renewed, %v; want mine and both", renewable, err)
	}
	b.admin = inviter
	late := b.placement(keys...)
	late.Batch.Pressed, late.Expired = aWeekLater(), true
	got := b.outcomes(t, late)
	want := map[string]extension.Outcome{
		"mine@example.com": extension.OutcomeQueued, "both@example.com": extension.OutcomeQueued, "new@example.com": extension.OutcomeQueued,
		"hidden@example.com": extension.OutcomeAlreadyExpired, "suppressed@example.com": extension.OutcomeAlreadyExpired,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	for key, outcome := range known {
		if outcome != extension.OutcomeAlreadyExpired {
			t.Errorf("the preview says %s of %s", outcome, key)
		}
	}
	b.withAdmin()
	if n := read[int](t, b.db, `SELECT count(*) FROM assignments s JOIN users u ON u.id = s.user_id WHERE u.address = 'hidden@example.com' AND s.area_id = ?`, b.charter.Areas[0].ID); n != 0 {
		t.Error("somebody who is hidden got an area of the inviter's")
	}
}

func TestThePreviewSaysWhatPlacingDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.beside(t, "south")
	other.send(t, other.place(t, "theirs@example.com"))
	b.send(t, b.place(t, "pending@example.com", "active@example.com", "inactive@example.com", "bounced@example.com"))
	b.place(t, "waiting@example.com", "refused@example.com", "gone@example.com")
	b.record(t, b.user(t, "active@example.com"), extension.FactActivated)
	b.pause(t, b.user(t, "inactive@example.com"))
	b.exec(t, `UPDATE users SET suppressed = 'complained', suppressed_at = ? WHERE address = 'bounced@example.com'`, noon())
	b.exec(t, `UPDATE invitations SET refused_at = ?, refused = 'provider_refused' WHERE user_id = ?`, noon(), b.user(t, "refused@example.com").ID)
	gone := b.user(t, "gone@example.com").ID
	b.exec(t, `UPDATE invitations SET refused_at = ?, refused = 'cancelled' WHERE user_id = ?`, noon(), gone)
	b.exec(t, `UPDATE users SET withdrawn_at = ? WHERE id = ?`, noon(), gone)
	keys := []string{
		"pending@example.com", "active@example.com", "inactive@example.com", "bounced@example.com", "waiting@example.com", "refused@example.com",
		"gone@example.com", "theirs@example.com", "new@example.com",
	}
	for _, at := range []time.Time{noon(), aWeekLater()} {
		known, _, err := b.db.Known(t.Context(), b.admin, keys, at)
		if err != nil {
			t.Fatal(err)
		}
		before := read[int](t, b.db, `SELECT count(*) FROM audit`)
		p := b.placement(keys...)
		p.Batch.Pressed = at
		placed := b.outcomes(t, p)
		for _, key := range keys {
			if foretold, ok := known[key]; ok && placed[key] != foretold || !ok && placed[key] != extension.OutcomeQueued {
				t.Errorf("%s: foretold %q, became %q", key, foretold, placed[key])
			}
		}
		if read[int](t, b.db, `SELECT count(*) FROM audit`) == before {
			t.Error("placing was not audited")
		}
		b.send(t, p.Batch.ID)
	}
}
