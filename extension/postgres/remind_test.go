package postgres_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// reminding is a round of reminders this long after noon, when everything was sent.
func (b bundle) reminding(after time.Duration) extension.Reminding {
	at := noon().Add(after)
	return extension.Reminding{
		Batch: extension.Batch{
			ID: extension.NewID[extension.BatchID](), Organisation: b.charter.Organisation.ID, Kind: extension.BatchReminder,
			Inviter: "Automatic reminder", Pressed: at, Starts: at,
		},
		Most: 1000, Since: at.Add(-20 * time.Hour), Until: at.Add(extension.ReminderMargin),
	}
}

const day = 24 * time.Hour

// remind writes a round down and gives whom it holds, "address ordinal" by address.
func (b bundle) remind(t *testing.T, after time.Duration) []string {
	t.Helper()
	round := b.reminding(after)
	n, err := b.db.Remind(t.Context(), extension.System(b.charter.Organisation.ID, "Automatic reminder"), round)
	if err != nil {
		t.Fatal(err)
	}
	people := read[[]string](t, b.db, `SELECT u.address || ' ' || i.reminder FROM invitations i JOIN users u ON u.id = i.user_id
		WHERE i.batch_id = ? ORDER BY 1`, round.Batch.ID)
	if n != len(people) {
		t.Errorf("told of %d reminders, and there are %d", n, len(people))
	}
	return people
}

// sendAt sends what waits in every batch, at this time after noon.
func (b bundle) sendAt(t *testing.T, after time.Duration) {
	t.Helper()
	b.exec(t, `UPDATE invitations SET sent_at = ?, message_id = 'm-' || id WHERE sent_at IS NULL AND refused_at IS NULL`, noon().Add(after))
}

func (b bundle) remindOn(t *testing.T, days string) {
	t.Helper()
	b.exec(t, `UPDATE organisations SET reminder_days = ?::integer[] WHERE id = ?`, days, b.charter.Organisation.ID)
}

func TestRemindersGoOutOnTheirDaysAndNoneTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com"))
	if got := b.remind(t, 3*day); got != nil {
		t.Errorf("reminded although nobody asked for it: %v", got)
	}
	b.remindOn(t, "{3,6}")
	if n := read[int](t, b.db, `SELECT count(*) FROM batches WHERE kind = 'reminder'`); n != 0 {
		t.Errorf("%d batches of nobody", n)
	}
	for _, step := range []struct {
		after time.Duration
		want  []string
	}{
		{3*day - time.Second, nil},
		{3 * day, []string{"bob@example.com 1"}},
		{3*day + time.Minute, nil}, // on its way
		{3*day + 19*time.Hour, nil},
		{5 * day, nil},
		{6 * day, []string{"bob@example.com 2"}},
		{6*day + time.Hour, nil},
	} {
		if diff := cmp.Diff(step.want, b.remind(t, step.after)); diff != "" {
			t.Errorf("%v after the invitation (-want +got):\n%s", step.after, diff)
		}
		if step.after != 3*day { // that one stays on its way for a moment
			b.sendAt(t, step.after)
		}
	}
}

func TestAReminderIsAMessageOfItsOwnAboutTheSameInvitation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.remindOn(t, "{3}")
	before := b.invited(t, "bob@example.com")
	expires := before.Facts.Expires
	round := b.reminding(3 * day)
	if n, err := b.db.Remind(t.Context(), extension.System(b.charter.Organisation.ID, "Automatic reminder"), round); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	b.provision(t, round.Batch.ID)
	late := claim()
	late.Now = noon().Add(3 * day)
	chunk, err := b.db.ClaimChunk(t.Context(), round.Batch.ID, late)
	if err != nil || chunk == nil || len(chunk.Recipients) != 1 {
		t.Fatalf("claimed %+v, %v", chunk, err)
	}
	got := chunk.Recipients[0]
	if got.LinkOf != before.Invitation || got.Invitation == before.Invitation || !got.Expires.Equal(expires) || !chunk.Letter.Reminder || chunk.Letter.Inviter != "Ada Admin" {
		t.Errorf("the letter is %+v to %+v; want the link of %s until %s", chunk.Letter, got, before.Invitation, expires)
	}
	receipts := []extension.Receipt{{Invitation: got.Invitation, MessageID: "again"}}
	if err := b.db.SettleChunk(t.Context(), *chunk, receipts, noon().Add(3*day)); err != nil {
		t.Fatal(err)
	}
	after := b.user(t, "bob@example.com")
	if after.Invitation != before.Invitation || !after.Facts.Expires.Equal(expires) || !after.Letter.Sent.Equal(noon().Add(3*day)) ||
		!after.Facts.Sent.Equal(before.Facts.Sent) {
		t.Errorf("after the reminder %+v", after)
	}
	if link, err := b.db.Invited(t.Context(), before.Invitation); err != nil || link.Revoked || !link.Expires.Equal(expires) {
		t.Errorf("the link is %+v, %v", link, err)
	}
	if b.audited(t, extension.ActionUserReminded, after.ID) != 1 || len(b.entries(t, round.Batch.ID)) != 1 {
		t.Error("the reminder is not in the audit or not in its batch")
	}
	if detail := read[string](t, b.db, `SELECT actor_name || ': ' || detail FROM audit WHERE action = 'batch.reminded'`); !strings.HasPrefix(detail, "Automatic reminder: batch ") {
		t.Errorf("the audit says %q", detail)
	}
}

func TestOnlyPeopleWhoMayYetComeAreReminded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.crowd(t)
	b.send(t, b.place(t, "resent@example.com", "complained@example.com", "revoked@example.com"))
	b.remindOn(t, "{3}")
	of := func(name string) extension.User { return b.user(t, name+"@example.com") }
	b.exec(t, `UPDATE invitations SET complained_at = ? WHERE id = ?`, noon(), of("complained").Invitation)
	b.exec(t, `UPDATE invitations SET revoked_at = ? WHERE id = ?`, noon(), of("revoked").Invitation)
	b.exec(t, `UPDATE invitations SET sent_at = ? WHERE id = ?`, noon().Add(2*day), of("resent").Invitation)
	south := b.beside(t, "south")
	south.send(t, south.place(t, "south@example.com")) // where nobody wants reminders
	east := b.beside(t, "east")
	east.send(t, east.place(t, "east@example.com"))
	east.remindOn(t, "{4}")

	toRemind := func() ([]extension.OrganisationID, error) {
		round := b.reminding(3 * day)
		round.Batch.Organisation = ""
		return b.db.ToRemind(t.Context(), round)
	}
	due, err := toRemind()
	if err != nil || !slices.Equal(due, []extension.OrganisationID{b.charter.Organisation.ID}) {
		t.Errorf("to remind in %v, %v", due, err)
	}
	// "recent" went out an hour and a half later, so it is not yet due.
	want := []string{"pending@example.com 1", "registered@example.com 1"}
	if diff := cmp.Diff(want, b.remind(t, 3*day)); diff != "" {
		t.Errorf("reminded (-want +got):\n%s", diff)
	}
	if due, err := toRemind(); err != nil || len(due) != 0 {
		t.Errorf("still to remind in %v, %v", due, err)
	}
}

func TestAfterADowntimeOnlyTheLatestReminderGoesOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com"))
	b.remindOn(t, "{2,5}")
	if diff := cmp.Diff([]string{"bob@example.com 2"}, b.remind(t, 5*day+time.Hour)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.sendAt(t, 5*day+time.Hour)
	if got := b.remind(t, 6*day+10*time.Hour); got != nil {
		t.Errorf("reminded of the one that was missed: %v", got)
	}
}

func TestNobodyIsRemindedOfALinkThatIsAboutToEndOrRightAfterAnotherLetter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com", "eve@example.com"))
	b.remindOn(t, "{3}")
	eve := b.user(t, "eve@example.com")
	// Eve was written to by another message an hour before the reminder is due.
	b.exec(t, `INSERT INTO invitations (id, organisation_id, user_id, batch_id, area_names, role_names, revoked_at, sent_at)
		SELECT gen_random_uuid(), organisation_id, user_id, batch_id, '', '', ?, ? FROM invitations WHERE id = ?`,
		noon(), noon().Add(3*day-time.Hour), eve.Invitation)
	if got := b.remind(t, 7*day-11*time.Hour); got != nil {
		t.Errorf("reminded of a link that ends in eleven hours: %v", got)
	}
	if diff := cmp.Diff([]string{"bob@example.com 1"}, b.remind(t, 3*day)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"eve@example.com 1"}, b.remind(t, 3*day+19*time.Hour)); diff != "" {
		t.Errorf("later (-want +got):\n%s", diff)
	}
}

func TestReplicasThatRemindAtTheSameMomentRemindNobodyTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "bob@example.com", "eve@example.com"))
	b.remindOn(t, "{3,6}")
	var group sync.WaitGroup
	for range 4 {
		round := b.reminding(3 * day)
		group.Go(func() {
			if _, err := b.db.Remind(t.Context(), extension.System(b.charter.Organisation.ID, "Automatic reminder"), round); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := read[int](t, b.db, `SELECT count(*) FROM invitations WHERE link_id IS NOT NULL`); n != 2 {
		t.Errorf("%d reminders for two people", n)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM batches WHERE kind = 'reminder'`); n != 1 {
		t.Errorf("%d rounds, want 1", n)
	}
}

func TestAReminderThatIsOvertakenIsNotSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		overtake string
		at       time.Duration
		want     extension.Refusal
	}{
		"the user is Active":         {`UPDATE users SET activated_at = now()`, 3 * day, extension.RefusedNeedless},
		"the link has run out":       {`UPDATE users SET mobile = mobile`, 7 * day, extension.RefusedNeedless},
		"the user is deactivated":    {`UPDATE users SET paused_at = now()`, 3 * day, extension.RefusedPaused},
		"the first letter came back": {`UPDATE users SET suppressed = 'bounced', suppressed_at = now()`, 3 * day, extension.RefusedSuppressed},
		"a resend replaced the link": {`UPDATE invitations SET revoked_at = now()`, 3 * day, extension.RefusedSuperseded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.send(t, b.place(t, "bob@example.com"))
			b.remindOn(t, "{3}")
			round := b.reminding(3 * day)
			if n, err := b.db.Remind(t.Context(), extension.System(b.charter.Organisation.ID, "Automatic reminder"), round); err != nil || n != 1 {
				t.Fatalf("%d, %v", n, err)
			}
			b.exec(t, test.overtake)
			b.provision(t, round.Batch.ID)
			late := claim()
			late.Now = noon().Add(test.at)
			if chunk, err := b.db.ClaimChunk(t.Context(), round.Batch.ID, late); err != nil || chunk != nil {
				t.Errorf("claimed %+v, %v", chunk, err)
			}
			if got := read[extension.Refusal](t, b.db, `SELECT refused FROM invitations WHERE batch_id = ?`, round.Batch.ID); got != test.want {
				t.Errorf("refused as %q, want %q", got, test.want)
			}
		})
	}
}

func TestARemindersLetterNamesTheInviterWhenTheyAllHaveTheSame(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.remindOn(t, "{3}")
	b.send(t, b.place(t, "bob@example.com", "eve@example.com"))
	other := b.placement("amy@example.com")
	other.Batch.Inviter = "Zoe Lead"
	if err := b.db.Place(t.Context(), b.admin, other); err != nil {
		t.Fatal(err)
	}
	b.send(t, other.Batch.ID)
	round := b.reminding(3 * day)
	if n, err := b.db.Remind(t.Context(), extension.System(b.charter.Organisation.ID, "Automatic reminder"), round); err != nil || n != 3 {
		t.Fatalf("%d, %v", n, err)
	}
	b.provision(t, round.Batch.ID)
	late := claim()
	late.Now = noon().Add(3 * day)
	for _, want := range []struct {
		most    int
		inviter string
		address string
	}{{1, "Ada Admin", "bob@example.com"}, {2, "", "eve@example.com"}} {
		late.Most = want.most
		chunk, err := b.db.ClaimChunk(t.Context(), round.Batch.ID, late)
		if err != nil || chunk == nil || len(chunk.Recipients) != want.most {
			t.Fatalf("claimed %+v, %v", chunk, err)
		}
		if chunk.Letter.Inviter != want.inviter {
			t.Errorf("a letter to %d names %q, want %q", want.most, chunk.Letter.Inviter, want.inviter)
		}
		if !slices.ContainsFunc(chunk.Recipients, func(r extension.Recipient) bool { return r.Address == want.address }) {
			t.Errorf("%s is not among %+v", want.address, chunk.Recipients)
		}
	}
}
