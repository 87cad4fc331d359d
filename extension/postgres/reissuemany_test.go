package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// resend is a press of Resend two hours after noon, when everything else happens.
func (b bundle) resend(selection extension.Selection) extension.Reissue {
	pressed := noon().Add(2 * time.Hour)
	return extension.Reissue{
		Batch: extension.Batch{
			ID: extension.NewID[extension.BatchID](), Organisation: b.charter.Organisation.ID, Kind: extension.BatchResend,
			Inviter: b.admin.Name, Pressed: pressed, Starts: pressed,
		},
		Selection: selection, Since: pressed.Add(-time.Hour),
	}
}

func everybody() extension.Selection { return extension.Selection{All: true} }

// somebody accepts any number of people but none.
func somebody(people int) error {
	if people == 0 {
		return extension.ErrNotFound
	}
	return nil
}

// reissue makes the batch and gives what became of everybody in it, "address outcome" by address.
func (b bundle) reissue(t *testing.T, actor extension.Actor, order extension.Reissue) []string {
	t.Helper()
	if err := b.db.ReissueMany(t.Context(), actor, order, somebody); err != nil {
		t.Fatal(err)
	}
	return b.entries(t, order.Batch.ID)
}

func (b bundle) entries(t *testing.T, batch extension.BatchID) []string {
	t.Helper()
	return read[[]string](t, b.db,
		`SELECT address || ' ' || outcome || CASE WHEN reason <> '' THEN ' ' || reason ELSE '' END FROM batch_entries WHERE batch_id = ? ORDER BY position`, batch)
}

// crowd is somebody in every state that a resend tells apart.
func (b bundle) crowd(t *testing.T) {
	t.Helper()
	names := []string{
		"active", "bounced", "expired", "inactive", "pending", "recent", "registered", "reminding", "taken", "unknown", "waiting", "withdrawn",
	}
	var addresses []string
	for _, name := range names {
		if name != "waiting" && name != "taken" {
			addresses = append(addresses, name+"@example.com")
		}
	}
	b.send(t, b.place(t, addresses...))
	taken := b.place(t, "taken@example.com")
	b.provision(t, b.place(t, "waiting@example.com"))
	of := func(name string) extension.User { return b.user(t, name+"@example.com") }
	b.exec(t, `UPDATE invitations SET refused = 'existing_account', refused_at = ? WHERE batch_id = ?`, noon(), taken)
	b.record(t, of("active"), extension.FactRegistered, extension.FactActivated)
	b.record(t, of("registered"), extension.FactRegistered)
	b.pause(t, of("inactive"))
	b.exec(t, `UPDATE users SET suppressed = 'bounced', suppressed_at = ? WHERE id = ?`, noon(), of("bounced").ID)
	b.exec(t, `UPDATE invitations SET expires_at = ? WHERE id = ?`, noon().Add(time.Hour), of("expired").Invitation)
	b.exec(t, `UPDATE invitations SET sent_at = ? WHERE id = ?`, noon().Add(90*time.Minute), of("recent").Invitation)
	b.exec(t, `UPDATE invitations SET sent_at = NULL, message_id = NULL, refused = 'unknown', refused_at = ? WHERE id = ?`,
		noon().Add(90*time.Minute), of("unknown").Invitation)
	b.exec(t, `INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names, link_id, reminder)
		SELECT gen_random_uuid(), organisation_id, user_id, batch_id, '', '', id, 1 FROM invitations WHERE id = ?`, of("reminding").Invitation)
	b.exec(t, `UPDATE users SET withdrawn_at = ? WHERE id = ?`, noon(), of("withdrawn").ID)
}

func TestAPressForEverybodyWritesToWhomItCanAndSaysWhyNotToTheOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.crowd(t)
	same := []string{
		"bounced@example.com undeliverable", "pending@example.com queued", "recent@example.com too_soon", "registered@example.com queued",
		"reminding@example.com on_its_way", "taken@example.com refused existing_account", "unknown@example.com too_soon",
		"waiting@example.com on_its_way",
	}
	order := b.resend(everybody())
	count, err := b.db.CountReissue(t.Context(), b.admin, order)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(extension.ResendCount{Pending: 2, Expired: 1, LeftOut: map[extension.Outcome]int{
		extension.OutcomeUndeliverable: 1, extension.OutcomeTooSoon: 2, extension.OutcomeOnItsWay: 2, extension.OutcomeRefused: 1,
	}}, count); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(same, b.reissue(t, b.admin, order)); diff != "" {
		t.Errorf("without Expired (-want +got):\n%s", diff)
	}
	if err := b.db.ReissueMany(t.Context(), b.admin, order, somebody); err != nil {
		t.Errorf("the same press again: %v", err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE batch_id = ?`, order.Batch.ID); n != 2 {
		t.Errorf("%d invitations after the same press again, want 2", n)
	}
	with := b.resend(everybody())
	with.Expired = true
	want := []string{
		"bounced@example.com undeliverable", "expired@example.com queued", "pending@example.com on_its_way", "recent@example.com too_soon",
		"registered@example.com on_its_way", "reminding@example.com on_its_way", "taken@example.com refused existing_account",
		"unknown@example.com too_soon", "waiting@example.com on_its_way",
	}
	if diff := cmp.Diff(want, b.reissue(t, b.admin, with)); diff != "" {
		t.Errorf("with Expired, after the press without (-want +got):\n%s", diff)
	}
}

func TestEverybodyWhoWasPickedByHandGetsAnOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.crowd(t)
	order := b.resend(extension.Selection{})
	for _, name := range []string{"active", "inactive", "expired", "pending", "taken"} {
		order.Selection.Users = append(order.Selection.Users, b.user(t, name+"@example.com").ID)
	}
	order.Selection.Users = append(order.Selection.Users, extension.NewID[extension.UserID](), order.Selection.Users[0])
	want := []string{
		"active@example.com already_member", "expired@example.com already_expired", "inactive@example.com inactive", "pending@example.com queued",
		"taken@example.com queued", // the account is looked at again
	}
	if diff := cmp.Diff(want, b.reissue(t, b.admin, order)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAResendOfManyReplacesInvitationsAsOneOfOneDoes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com", "eve@example.com"))
	before := b.user(t, "bob@example.com")
	b.record(t, before, extension.FactStarted)
	order := b.resend(everybody())
	b.reissue(t, b.admin, order)

	after := b.user(t, "bob@example.com")
	if after.Invitation == before.Invitation || !after.Facts.Started.IsZero() {
		t.Errorf("what was begun by the old link still counts: %+v", after)
	}
	type made struct {
		Replaces            extension.InvitationID
		AreaNames           string
		RoleNames           string
		Newest, Old, Listed bool
	}
	got := read[made](t, b.db, `
		SELECT i.replaces, i.area_names, i.role_names, u.letter_id = i.id AS newest, o.revoked_at = ? AS old, e.invitation_id = i.id AS listed
		  FROM invitations i JOIN users u ON u.invitation_id = i.id JOIN invitations o ON o.id = i.replaces
		  JOIN batch_entries e ON e.user_id = u.id AND e.batch_id = i.batch_id WHERE u.id = ?`, order.Batch.Pressed, after.ID)
	if diff := cmp.Diff(made{Replaces: before.Invitation, AreaNames: "East", RoleNames: "Nurse", Newest: true, Old: true, Listed: true}, got); diff != "" {
		t.Errorf("the new invitation (-want +got):\n%s", diff)
	}
	if due, err := b.db.Misaligned(t.Context(), 10); err != nil || !slices.Equal(due, []extension.IdentityID{before.Identity}) {
		t.Errorf("to be aligned: %v, %v; want bob's identity alone", due, err)
	}
	if n := b.audited(t, extension.ActionUserInvited, after.ID); n != 2 {
		t.Errorf("%d audit rows of invitations, want 2", n)
	}
	if detail := read[string](t, b.db, `SELECT detail FROM audit WHERE action = 'batch.resent'`); !strings.HasSuffix(detail, ": 2 users") {
		t.Errorf("the audit says %q", detail)
	}
}

func TestASelectionReachesNobodyBeyondTheFilterTheAreasAndTheOrganisation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	west := b.placement("west@example.com")
	west.Batch.Area = b.charter.Areas[1]
	if err := b.db.Place(t.Context(), b.admin, west); err != nil {
		t.Fatal(err)
	}
	b.send(t, west.Batch.ID)
	b.send(t, b.place(t, "east@example.com", "east@other.example"))
	b.exec(t, `UPDATE invitations SET delivered_at = ? WHERE id = ?`, noon(), b.user(t, "east@other.example").Invitation)
	other := b.beside(t, "south")
	other.send(t, other.place(t, "south@example.com"))
	inviter := extension.Actor{
		Organisation: b.charter.Organisation.ID, User: extension.NewID[extension.UserID](), Name: "Wes",
		Right: extension.RightInviter, Areas: []extension.AreaID{b.charter.Areas[1].ID},
	}
	picked := extension.Selection{Users: []extension.UserID{
		b.user(t, "west@example.com").ID, b.user(t, "east@example.com").ID, other.user(t, "south@example.com").ID,
	}}
	for name, test := range map[string]struct {
		actor     extension.Actor
		selection extension.Selection
		want      []string
	}{
		"a search":                       {b.admin, extension.Selection{All: true, Filter: extension.Filter{Search: "EXAMPLE.com"}}, []string{"east@example.com", "west@example.com"}},
		"a letter":                       {b.admin, extension.Selection{All: true, Filter: extension.Filter{Letter: extension.DeliveryDelivered}}, []string{"east@other.example"}},
		"a status":                       {b.admin, extension.Selection{All: true, Filter: extension.Filter{Status: extension.Expired}}, nil},
		"a status that gets none":        {b.admin, extension.Selection{All: true, Filter: extension.Filter{Status: extension.Active}}, nil},
		"everybody, for an inviter":      {inviter, everybody(), []string{"west@example.com"}},
		"a hand-picked few, everywhere":  {b.admin, picked, []string{"east@example.com", "west@example.com"}},
		"a hand-picked few, of one area": {inviter, picked, []string{"west@example.com"}},
		"nobody":                         {b.admin, extension.Selection{}, nil},
	} {
		count, err := b.db.CountReissue(t.Context(), test.actor, b.resend(test.selection))
		if err != nil || count.Pending != len(test.want) || count.Asked() != len(test.want) {
			t.Errorf("%s: counted %+v, %v; want %v", name, count, err, test.want)
		}
	}
	got := b.reissue(t, inviter, b.resend(picked))
	if diff := cmp.Diff([]string{"west@example.com queued"}, got); diff != "" {
		t.Errorf("an inviter's press (-want +got):\n%s", diff)
	}
}

func TestTwoWhoPressForTheSamePeopleAtTheSameMomentMailNobodyTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var addresses []string
	for i := range 300 {
		addresses = append(addresses, fmt.Sprintf("p%03d@example.com", i))
	}
	b.send(t, b.place(t, addresses...))
	var group sync.WaitGroup
	for range 4 {
		order := b.resend(everybody())
		group.Go(func() {
			if err := b.db.ReissueMany(t.Context(), b.admin, order, somebody); err != nil && !errors.Is(err, extension.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE sent_at IS NULL`); n != 300 {
		t.Errorf("%d new invitations for 300 people", n)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM batches WHERE kind = 'resend'`); n != 1 {
		t.Errorf("%d batches, want 1: the others had nobody left", n)
	}
}

func TestThousandsAreReissuedWithinTheTimeOfARequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const people = 20_000
	batch := b.place(t, "first@example.com")
	b.send(t, batch)
	for _, statement := range []string{
		`INSERT INTO users (id, organisation_id, address, address_key, invited_at)
		 SELECT gen_random_uuid(), u.organisation_id, 'p' || n || '@example.com', 'p' || n || '@example.com', u.invited_at
		   FROM users u, generate_series(2, ?) AS n`,
		`INSERT INTO assignments SELECT u.organisation_id, u.id, a.area_id, a.role_id FROM users u, assignments a WHERE u.invitation_id IS NULL LIMIT ?`,
		`INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names, sent_at, expires_at)
		 SELECT gen_random_uuid(), u.organisation_id, u.id, i.batch_id, '', '', i.sent_at, i.expires_at
		   FROM users u, invitations i WHERE u.invitation_id IS NULL LIMIT ?`,
		`UPDATE users u SET invitation_id = i.id, letter_id = i.id FROM invitations i WHERE i.user_id = u.id AND ? > 0`,
	} {
		b.exec(t, statement, people)
	}
	b.exec(t, `ANALYZE`)

	order := b.resend(everybody())
	if count, err := b.db.CountReissue(t.Context(), b.admin, order); err != nil || count.Pending != people {
		t.Fatalf("counted %+v, %v", count, err)
	}
	if err := b.db.ReissueMany(t.Context(), b.admin, order, somebody); err != nil {
		t.Fatal(err)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE batch_id = ?`, order.Batch.ID); n != people {
		t.Errorf("%d invitations, want %d", n, people)
	}
}
