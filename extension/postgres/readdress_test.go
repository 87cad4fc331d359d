package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// correction is an order to give a user the address bob@example.com, an hour after noon.
func (b bundle) correction(user extension.UserID) extension.Readdress {
	at := noon().Add(time.Hour)
	return extension.Readdress{
		Batch: extension.Batch{
			ID: extension.NewID[extension.BatchID](), Organisation: b.charter.Organisation.ID, Kind: extension.BatchResend,
			Inviter: "Ada Admin", Pressed: at, Starts: at,
		},
		User: user, Address: "bob@example.com", Key: "bob@example.com",
	}
}

// marked tells whether a user's identity must get the corrected address before a letter goes out.
func (b bundle) marked(t *testing.T, user extension.UserID) bool {
	t.Helper()
	return read[bool](t, b.db, `SELECT readdress FROM users WHERE id = ?`, user)
}

func TestACorrectedAddressEndsEverythingOfTheOldOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.invited(t, "bob@exampel.com")
	b.record(t, before, extension.FactStarted)
	if err := b.db.RecordProfile(t.Context(), extension.Identity{ID: before.Identity, Mark: before.ID, Traits: extension.Traits{FirstName: "Eve", LastName: "Dropper", Mobile: "+46701740605"}}); err != nil {
		t.Fatal(err)
	}
	if err := b.db.RecordAcceptance(t.Context(), extension.Acceptance{User: before.ID, Terms: b.charter.Terms.ID, At: noon()}); err != nil {
		t.Fatal(err)
	}
	if err := b.db.RecordStumble(t.Context(), before.ID, extension.Stumble{At: noon(), Step: extension.StepRegister, Sentence: "No."}); err != nil {
		t.Fatal(err)
	}
	b.tell(t, told(extension.MailBounced, messageOf(before), 1))

	order := b.correction(before.ID)
	for range 2 { // pressed twice: the same batch
		if err := b.db.Readdress(t.Context(), b.admin, order); err != nil {
			t.Fatal(err)
		}
	}
	after := b.user(t, "bob@example.com")
	want := extension.User{
		ID: before.ID, Organisation: before.Organisation, Address: "bob@example.com", Identity: before.Identity, Invitation: after.Invitation,
		Assignments: before.Assignments, Facts: extension.Facts{Invited: before.Facts.Invited},
	}
	if diff := cmp.Diff(want, after); diff != "" || after.Invitation == before.Invitation {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if old, err := b.db.Invited(t.Context(), before.Invitation); err != nil || !old.Revoked {
		t.Errorf("the old link: %+v, %v", old, err)
	}
	if !b.marked(t, before.ID) {
		t.Error("the identity is not marked")
	}
	if due, err := b.db.Misaligned(t.Context(), 10); err != nil || len(due) != 1 || due[0] != before.Identity {
		t.Errorf("what was begun is not ended: %v, %v", due, err)
	}
	if mine, err := b.db.EvidenceOf(t.Context(), b.admin, before.ID); err != nil || len(mine) != 0 {
		t.Errorf("somebody else's acceptance is the user's: %+v, %v", mine, err)
	}
	if all := b.evidence(t); len(all) != 1 || all[0].Address != "" || all[0].Name != "" || all[0].User != before.ID {
		t.Errorf("the evidence of somebody else's acceptance: %+v", all)
	}
	if detail := read[string](t, b.db, `SELECT detail FROM audit WHERE action = ?`, string(extension.ActionUserReaddressed)); detail != "from bob@exampel.com to bob@example.com" {
		t.Errorf("the audit says %q", detail)
	}
	postings, err := b.db.Postings(t.Context(), before.Organisation, before.ID, 10)
	if err != nil || len(postings) != 2 || postings[0].Address != "bob@example.com" || postings[0].State() != extension.DeliveryWaiting ||
		postings[1].Address != "bob@exampel.com" || postings[1].State() != extension.DeliveryBounced || !postings[1].Revoked {
		t.Errorf("%+v, %v", postings, err)
	}
	// What is told of the old address later does not touch the new one.
	b.tell(t, told(extension.MailComplained, messageOf(before), 9))
	if got := b.user(t, "bob@example.com").Suppressed; got != "" {
		t.Errorf("suppressed for the old address: %q", got)
	}
}

func TestNothingIsSaidInTheNameOfACorrectedAddressUntilTheIdentityIsCleared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@exampel.com")
	if err := b.db.Readdress(t.Context(), b.admin, b.correction(user.ID)); err != nil {
		t.Fatal(err)
	}
	says := func() {
		t.Helper()
		accepts := b.db.RecordAcceptance(t.Context(), extension.Acceptance{User: user.ID, Terms: b.charter.Terms.ID, At: noon()})
		if err := errors.Join(accepts, b.db.Decline(t.Context(), user.ID, b.charter.Terms.ID, noon())); err != nil {
			t.Fatal(err)
		}
	}
	said := func() int {
		t.Helper()
		return read[int](t, b.db, `SELECT (SELECT count(*) FROM acceptances)::int + (SELECT count(*) FROM declines)::int`) + b.audited(t, extension.ActionUserDeclined, user.ID)
	}
	says()
	if n := said(); n != 0 {
		t.Errorf("whoever holds the old address has left %d rows", n)
	}
	b.exec(t, `UPDATE users SET readdress = false`)
	says()
	if n := said(); n != 3 {
		t.Errorf("whoever holds the new one has left %d rows, want 3", n)
	}
}

func TestAChunkThatIsCalledAgainHasTheAddressOfItsFirstCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@exampel.com")
	b.provision(t, batch)
	chunk, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil {
		t.Fatal(err)
	}
	// The answer was lost; an event tells all the same that it was sent, so the address can be corrected.
	event := told(extension.MailBounced, "re_1", 1)
	event.Invitation = chunk.Recipients[0].Invitation
	b.tell(t, event)
	if err := b.db.Readdress(t.Context(), b.admin, b.correction(b.user(t, "bob@exampel.com").ID)); err != nil {
		t.Fatal(err)
	}
	if err := b.db.ReleaseChunk(t.Context(), chunk.ID); err != nil {
		t.Fatal(err)
	}
	again, err := b.db.ClaimChunk(t.Context(), batch, claim())
	if err != nil || again == nil || again.ID != chunk.ID {
		t.Fatal(again, err)
	}
	if diff := cmp.Diff(chunk.Recipients, again.Recipients); diff != "" {
		t.Error(diff)
	}
}

func TestAnIdentityThatIsNotOursAloneIsLetGoOf(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, b bundle, user extension.User){
		"somebody else's": func(t *testing.T, b bundle, user extension.User) {
			t.Helper()
			b.exec(t, `UPDATE identities SET created_by_us = false WHERE id = ?`, user.Identity)
		},
		"shared with another organisation": func(t *testing.T, b bundle, user extension.User) {
			t.Helper()
			south := b.beside(t, "south")
			south.share(t, south.invited(t, "bob@exampel.com"), user.Identity)
		},
	} {
		b := setup(t)
		user := b.invited(t, "bob@exampel.com")
		change(t, b, user)
		if err := b.db.Readdress(t.Context(), b.admin, b.correction(user.ID)); err != nil {
			t.Fatal(err)
		}
		if got := b.user(t, "bob@example.com"); got.Identity != "" || b.marked(t, user.ID) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	b := setup(t)
	user := b.invited(t, "bob@exampel.com")
	b.exec(t, `UPDATE users SET identity_id = NULL`)
	if err := b.db.Readdress(t.Context(), b.admin, b.correction(user.ID)); err != nil || b.marked(t, user.ID) {
		t.Errorf("a user without an identity: %v, marked %v", err, b.marked(t, user.ID))
	}
}

func TestWhoHasMovedOnKeepsTheirAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, b bundle, user extension.User)
		want   error
	}{
		"registered": {func(t *testing.T, b bundle, user extension.User) {
			t.Helper()
			b.record(t, user, extension.FactRegistered)
		}, extension.ErrConflict},
		"active": {func(t *testing.T, b bundle, user extension.User) {
			t.Helper()
			b.record(t, user, extension.FactActivated)
		}, extension.ErrConflict},
		"inactive": {func(t *testing.T, b bundle, user extension.User) { t.Helper(); b.pause(t, user) }, extension.ErrConflict},
		"withdrawn": {func(t *testing.T, b bundle, _ extension.User) {
			t.Helper()
			b.exec(t, `UPDATE users SET withdrawn_at = now()`)
		}, extension.ErrConflict},
		"on its way": {func(t *testing.T, b bundle, _ extension.User) {
			t.Helper()
			b.exec(t, `UPDATE invitations SET sent_at = NULL`)
		}, extension.ErrConflict},
		"taken": {func(t *testing.T, b bundle, _ extension.User) { t.Helper(); b.place(t, "bob@example.com") }, &extension.TakenError{}},
	} {
		b := setup(t)
		user := b.invited(t, "bob@exampel.com")
		c.change(t, b, user)
		err := b.db.Readdress(t.Context(), b.admin, b.correction(user.ID))
		var taken *extension.TakenError
		if !errors.Is(err, extension.ErrConflict) || errors.As(c.want, &taken) != errors.As(err, &taken) {
			t.Errorf("%s: %v", name, err)
		}
		if got := read[string](t, b.db, `SELECT address FROM users WHERE id = ?`, user.ID); got != "bob@exampel.com" {
			t.Errorf("%s: the address is %s", name, got)
		}
		if n := read[int](t, b.db, `SELECT count(*)::int FROM batches WHERE kind = 'resend'`); n != 0 {
			t.Errorf("%s: a batch was written", name)
		}
	}
}

func TestAnInviterCorrectsOnlyUsersWhoseAreasAreTheirsAndWhoseRolesTheyMayGive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@exampel.com")
	inviter := extension.Actor{
		User: extension.NewID[extension.UserID](), Organisation: b.charter.Organisation.ID, Name: "Ines", Right: extension.RightInviter,
		Areas: []extension.AreaID{b.charter.Areas[0].ID},
	}
	stranger := inviter
	stranger.Areas = []extension.AreaID{b.charter.Areas[1].ID}
	if err := b.db.Readdress(t.Context(), stranger, b.correction(user.ID)); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("an inviter of another area: %v", err)
	}
	if err := b.db.Readdress(t.Context(), extension.System(b.beside(t, "south").charter.Organisation.ID, "Eve"), b.correction(user.ID)); err == nil {
		t.Error("another organisation's administrator corrected the address")
	}
	b.exec(t, `INSERT INTO assignments (organisation_id, user_id, area_id, role_id) VALUES (?, ?, ?, ?)`,
		user.Organisation, user.ID, b.charter.Areas[1].ID, b.charter.Roles[1].ID)
	if err := b.db.Readdress(t.Context(), inviter, b.correction(user.ID)); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("a user with areas of others: %v", err)
	}
	b.exec(t, `UPDATE assignments SET area_id = ?, role_id = ? WHERE area_id = ?`, b.charter.Areas[0].ID, b.charter.Roles[0].ID, b.charter.Areas[1].ID)
	if err := b.db.Readdress(t.Context(), inviter, b.correction(user.ID)); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("an administrator to be, whom an inviter could become: %v", err)
	}
	b.exec(t, `DELETE FROM assignments WHERE role_id = ?`, b.charter.Roles[0].ID)
	if err := b.db.Readdress(t.Context(), inviter, b.correction(user.ID)); err != nil {
		t.Error(err)
	}
}

func TestWhereATakenAddressIsIsToldToThoseWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@exampel.com")
	west := b.placement("bob@example.com")
	west.Batch.Area = b.charter.Areas[1]
	if err := b.db.Place(t.Context(), b.admin, west); err != nil {
		t.Fatal(err)
	}
	inviter := extension.Actor{
		User: extension.NewID[extension.UserID](), Organisation: b.charter.Organisation.ID, Right: extension.RightInviter,
		Areas: []extension.AreaID{b.charter.Areas[0].ID},
	}
	other := b.user(t, "bob@example.com").ID
	for actor, want := range map[*extension.Actor]extension.TakenError{&b.admin: {User: other}, &inviter: {}} {
		var taken *extension.TakenError
		if err := b.db.Readdress(t.Context(), *actor, b.correction(user.ID)); !errors.As(err, &taken) || *taken != want {
			t.Errorf("%v, want %+v", err, want)
		}
	}
	b.exec(t, `UPDATE users SET withdrawn_at = now() WHERE id = ?`, other)
	var taken *extension.TakenError
	if err := b.db.Readdress(t.Context(), b.admin, b.correction(user.ID)); !errors.As(err, &taken) || *taken != (extension.TakenError{Withdrawn: true}) {
		t.Errorf("a withdrawn one: %v", err)
	}
}

func TestASuppressionIsLiftedDeliberatelyAndWithAnAudit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.tell(t, told(extension.MailComplained, messageOf(user), 1))
	if err := b.db.Unsuppress(t.Context(), extension.System(b.beside(t, "south").charter.Organisation.ID, "Eve"), user.ID, noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("another organisation: %v", err)
	}
	if err := b.db.Unsuppress(t.Context(), b.admin, user.ID, noon()); err != nil {
		t.Fatal(err)
	}
	if b.user(t, "bob@example.com").Suppressed != "" || b.audited(t, extension.ActionUserUnsuppressed, user.ID) != 1 {
		t.Error("it was not lifted, or nobody wrote down by whom")
	}
	if err := b.db.Unsuppress(t.Context(), b.admin, user.ID, noon()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

func TestTheListIsFilteredAndCountedByMessageAndStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "active@example.com", "bounced@example.com", "delivered@example.com"))
	b.place(t, "waiting@example.com")
	b.record(t, b.user(t, "active@example.com"), extension.FactActivated)
	b.tell(t,
		told(extension.MailDelivered, messageOf(b.user(t, "active@example.com")), 1),
		told(extension.MailDelivered, messageOf(b.user(t, "delivered@example.com")), 1),
		told(extension.MailBounced, messageOf(b.user(t, "bounced@example.com")), 1))
	for filter, want := range map[extension.Filter][]string{
		{Letter: extension.DeliveryDelivered}:                            {"active@example.com", "delivered@example.com"},
		{Letter: extension.DeliveryDelivered, Status: extension.Pending}: {"delivered@example.com"},
		{Letter: extension.DeliveryDelivered, Search: "ACT"}:             {"active@example.com"},
		{Letter: extension.DeliveryBounced}:                              {"bounced@example.com"},
		{Letter: extension.DeliveryWaiting}:                              {"waiting@example.com"},
		{Letter: extension.DeliveryBounced, Status: extension.Active}:    nil,
		{Letter: extension.DeliveryComplained}:                           nil,
	} {
		filter.Limit = 10
		page, err := b.db.Users(t.Context(), b.admin, filter, noon())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, user := range page.Users {
			got = append(got, user.Address)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", filter, diff)
		}
	}
	tallies, err := b.db.Tally(t.Context(), b.admin, "", noon())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(extension.Counts{extension.Active: 1, extension.Pending: 1}, tallies.ByStatus(extension.DeliveryDelivered)); diff != "" {
		t.Error(diff)
	}
	wantLetters := map[extension.DeliveryState]int{extension.DeliveryDelivered: 1, extension.DeliveryBounced: 1, extension.DeliveryWaiting: 1}
	if diff := cmp.Diff(wantLetters, tallies.ByLetter(extension.Pending)); diff != "" {
		t.Error(diff)
	}
}
