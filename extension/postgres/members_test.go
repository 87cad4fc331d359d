package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestMembersAreTheUsersOfAnIdentityWithAllThatDecides(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "a-south") // by its name before "Organisation north"
	b.exec(t, `UPDATE organisations SET two_factor = 'off', region = 'SE', reply_to = 'help@example.org', link_lifetime = 3600, language = 'sv' WHERE slug = 'a-south'`)
	here, there := b.invited(t, "bob@example.com"), south.invited(t, "bob@example.com")
	south.share(t, there, here.Identity)
	b.invited(t, "eve@example.com")

	members, err := b.db.Members(t.Context(), here.Identity)
	if err != nil || len(members) != 2 {
		t.Fatalf("members %+v, %v", members, err)
	}
	first, second := members[0], members[1]
	want := extension.Organisation{
		ID: south.charter.Organisation.ID, Slug: "a-south", Name: "Organisation a-south", TwoFactor: extension.TwoFactorOff,
		LinkLifetime: time.Hour, Language: "sv", Region: "SE", ReplyTo: "help@example.org",
		Sending: south.charter.Organisation.Sending, Ways: south.charter.Organisation.Ways,
	}
	if diff := cmp.Diff(want, first.Organisation); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(b.user(t, "bob@example.com"), second.User); diff != "" {
		t.Errorf("a member is another user than the list shows: %s", diff)
	}
	terms := b.charter.Terms
	terms.Published, terms.Text = noon(), ""
	if diff := cmp.Diff(terms, second.Terms); diff != "" {
		t.Error(diff)
	}
	if second.Inviter != "Ada Admin" || first.User.ID != there.ID {
		t.Errorf("members %+v", members)
	}
	if none, err := b.db.Members(t.Context(), extension.NewID[extension.IdentityID]()); err != nil || len(none) != 0 {
		t.Errorf("an unknown identity has %+v, %v", none, err)
	}
}

func TestMembersHaveTheNewestTerms(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	newer := b.publish(t, 10) // as text, 10 comes before 2
	b.publish(t, 2)
	members, err := b.db.Members(t.Context(), user.Identity)
	if err != nil || members[0].Terms.ID != newer.ID {
		t.Errorf("terms %+v, %v", members, err)
	}
}

func TestOnlyTheNewestTermsOfAnOrganisationThatTheUserIsNotPausedInAreCurrent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south, west := b.beside(t, "south"), b.beside(t, "west")
	here, there := b.invited(t, "bob@example.com"), south.invited(t, "bob@example.com")
	south.share(t, there, here.Identity)
	newer := b.publish(t, 2)
	current := func(terms extension.TermsID) bool {
		t.Helper()
		yes, err := b.db.CurrentTerms(t.Context(), here.Identity, terms)
		if err != nil {
			t.Fatal(err)
		}
		return yes
	}
	for name, c := range map[string]struct {
		terms extension.TermsID
		want  bool
	}{
		"the newest": {newer.ID, true}, "older ones": {b.charter.Terms.ID, false}, "the other organisation's": {south.charter.Terms.ID, true},
		"those of an organisation that the user is not in": {west.charter.Terms.ID, false}, "unknown ones": {extension.NewID[extension.TermsID](), false},
	} {
		if got := current(c.terms); got != c.want {
			t.Errorf("%s are current: %v", name, got)
		}
	}
	b.pause(t, here)
	if current(newer.ID) || !current(south.charter.Terms.ID) {
		t.Error("a pause in one organisation does not keep to it")
	}
	south.pause(t, there)
	if current(south.charter.Terms.ID) {
		t.Error("somebody paused everywhere may accept terms")
	}
}

func TestAnInvitationSaysWhoInvitedAndToWhatItLeadsNow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.invited(t, "bob@example.com")
	b.exec(t, `UPDATE areas SET name = 'East wing' WHERE name = 'East'`)
	again := extension.Batch{
		ID: extension.NewID[extension.BatchID](), Organisation: b.charter.Organisation.ID, Kind: extension.BatchResend,
		Inviter: "Eve Elevated", Pressed: noon().Add(time.Hour),
	}
	if err := b.db.Reissue(t.Context(), b.admin, again, []extension.UserID{first.ID}); err != nil {
		t.Fatal(err)
	}
	second := b.user(t, "bob@example.com")
	old, err := b.db.Invited(t.Context(), first.Invitation)
	if err != nil {
		t.Fatal(err)
	}
	if !old.Revoked || old.Refused || old.Area != "East wing" || old.Role != "Nurse" || old.Member.Inviter != "Ada Admin" || !old.Expires.Equal(noon().Add(7*24*time.Hour)) {
		t.Errorf("the old one: %+v", old)
	}
	fresh, err := b.db.Invited(t.Context(), second.Invitation)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.Revoked || fresh.Refused || fresh.Area != "East wing" || fresh.Member.Inviter != "Eve Elevated" || !fresh.Expires.IsZero() {
		t.Errorf("the new one: %+v", fresh)
	}
	if old.Member.User.Invitation != second.Invitation || old.Member.User.ID != fresh.Member.User.ID {
		t.Error("the two are of different users")
	}
	if diff := cmp.Diff(second, fresh.Member.User); diff != "" {
		t.Errorf("an invited user is another one than the list shows: %s", diff)
	}
	if _, err := b.db.Invited(t.Context(), extension.NewID[extension.InvitationID]()); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("an unknown invitation: %v", err)
	}
}

func TestTheLinkOfSomebodyWhoWasMovedLeadsToTheNewPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	b.send(t, batch)
	if moved, err := b.db.Move(t.Context(), b.admin, b.moving(batch, 1), noon()); err != nil || moved.Moved != 1 {
		t.Fatalf("%+v, %v", moved, err)
	}
	invited, err := b.db.Invited(t.Context(), b.user(t, "bob@example.com").Invitation)
	if err != nil || invited.Area != "West" || invited.Role != "Nurse" {
		t.Errorf("it leads to %s as %s, %v", invited.Area, invited.Role, err)
	}
}

func TestALetterThatMayHaveBeenSentHasALinkThatWorks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for refusal, refused := range map[extension.Refusal]bool{
		extension.RefusedUnknown: false, extension.RefusedByProvider: true, extension.RefusedExistingAccount: true, extension.RefusedPaused: true,
	} {
		b.place(t, string(refusal)+"@example.com")
		user := b.user(t, string(refusal)+"@example.com")
		b.exec(t, `UPDATE invitations SET refused_at = ?, refused = ? WHERE id = ?`, noon(), string(refusal), user.Invitation)
		invited, err := b.db.Invited(t.Context(), user.Invitation)
		if err != nil || invited.Refused != refused {
			t.Errorf("%s: refused %v, %v", refusal, invited.Refused, err)
		}
	}
}
