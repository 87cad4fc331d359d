package postgres_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestTheDeedsAboutAUserAreToldWithTheirDoers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.pause(t, user)
	if _, err := b.db.SetPaused(t.Context(), b.admin, user.ID, time.Time{}, noon().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	b.pause(t, b.invited(t, "eve@example.com"))
	both := []extension.Action{extension.ActionUserPaused, extension.ActionUserResumed}
	deeds := func(organisation extension.OrganisationID, actions []extension.Action, most int) []string {
		t.Helper()
		rows, err := b.db.Deeds(t.Context(), organisation, user.ID, actions, most)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, d := range rows {
			told = append(told, string(d.Action)+" by "+d.Actor)
			if d.User != user.ID || d.At.IsZero() || d.Organisation != organisation {
				t.Errorf("%+v", d)
			}
		}
		return told
	}
	here := b.charter.Organisation.ID
	want := []string{"user.resumed by Ada Admin", "user.paused by Ada Admin"}
	if diff := cmp.Diff(want, deeds(here, both, 10)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := deeds(here, both, 1); len(got) != 1 || got[0] != want[0] {
		t.Errorf("the newest alone: %q", got)
	}
	if got := deeds(here, both[:1], 10); len(got) != 1 || got[0] != want[1] {
		t.Errorf("of one kind: %q", got)
	}
	if got := deeds(b.beside(t, "south").charter.Organisation.ID, both, 10); got != nil {
		t.Errorf("another organisation reads %q", got)
	}
}

func TestWhatWasDoneElsewhereIsNoted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	entry := extension.Audit{
		At: noon(), Organisation: b.charter.Organisation.ID, Actor: "Ada Admin", Action: "somewhere.else", User: user.ID, Detail: "in Kratos",
	}
	if err := b.db.Note(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	deeds, err := b.db.Deeds(t.Context(), entry.Organisation, user.ID, []extension.Action{entry.Action}, 10)
	if diff := cmp.Diff([]extension.Audit{entry}, deeds); err != nil || diff != "" {
		t.Errorf("%v, (-want +got): %s", err, diff)
	}
}
