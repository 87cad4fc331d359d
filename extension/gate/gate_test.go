package gate_test

import (
	"errors"
	"testing"
	"time"

	"paperplane/extension"
)

func TestASessionEntersWhereItsUserIsIn(t *testing.T) {
	t.Parallel()
	half, late := active(), active()
	half.Accepted, half.Activated, half.Expires = time.Time{}, time.Time{}, noon().Add(time.Second)
	late.Accepted, late.Activated, late.Expires = time.Time{}, time.Time{}, noon()
	stores := &rows{members: []extension.Member{
		member("east", active()), member("west", paused()), member("north", half), member("south", late),
	}}
	g := newGate(t, stores, &sessions{})
	for slug, want := range map[string]extension.Step{
		"east": extension.StepIn, "west": extension.StepPaused, "north": extension.StepAgree, "south": extension.StepExpired,
	} {
		entry, err := g.Enter(t.Context(), extension.Session{Identity: person}, slug)
		if err != nil || entry.Step != want || entry.Organisation.Slug != slug || entry.User.ID != extension.UserID("user of "+slug) {
			t.Errorf("%s: %+v, %v; want the step %s", slug, entry, err, want)
		}
	}
	entries, err := g.Home(t.Context(), extension.Session{Identity: person})
	if err != nil || len(entries) != 4 || entries[0].Organisation.Slug != "east" {
		t.Errorf("home %+v, %v", entries, err)
	}
}

func TestTermsThatCameLaterKeepAnActiveUserOutUntilAccepted(t *testing.T) {
	t.Parallel()
	facts := active()
	facts.Accepted = time.Time{} // of the current version
	g := newGate(t, &rows{members: []extension.Member{member("east", facts)}}, &sessions{})
	entry, err := g.Enter(t.Context(), extension.Session{Identity: person}, "east")
	if err != nil || entry.Step != extension.StepAgree {
		t.Errorf("%+v, %v; want to agree first", entry, err)
	}
}

func TestAnActorHasTheRightsOfTheOrganisationItEnters(t *testing.T) {
	t.Parallel()
	east, west := member("east", active()), member("west", active())
	east.User.Assignments = []extension.Assignment{{Role: extension.Role{Right: extension.RightAdministrator}}}
	west.User.Assignments = []extension.Assignment{{Area: extension.ServiceArea{ID: "a"}, Role: extension.Role{Right: extension.RightNone}}}
	g := newGate(t, &rows{members: []extension.Member{east, west}}, &sessions{})
	for slug, want := range map[string]extension.Right{"east": extension.RightAdministrator, "west": extension.RightNone} {
		entry, err := g.Enter(t.Context(), extension.Session{Identity: person}, slug)
		if err != nil || entry.Actor.Right != want || entry.Actor.Organisation != extension.OrganisationID(slug) {
			t.Errorf("%s: actor %+v, %v", slug, entry.Actor, err)
		}
	}
}

func TestWhoHasNoUserInAnOrganisationFindsNone(t *testing.T) {
	t.Parallel()
	g := newGate(t, &rows{members: []extension.Member{member("east", active())}}, &sessions{})
	for _, c := range []struct {
		identity extension.IdentityID
		slug     string
	}{{person, "west"}, {person, ""}, {person, "East"}, {stranger, "east"}, {"", "east"}} {
		if _, err := g.Enter(t.Context(), extension.Session{Identity: c.identity}, c.slug); !errors.Is(err, extension.ErrNotFound) {
			t.Errorf("%s at %q: %v", c.identity, c.slug, err)
		}
	}
	if entries, err := g.Home(t.Context(), extension.Session{Identity: stranger}); err != nil || len(entries) != 0 {
		t.Errorf("a stranger's home: %+v, %v", entries, err)
	}
}

func TestNobodyEntersWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	down := &extension.TroubleError{Sentence: "The database does not answer."}
	g := newGate(t, &rows{members: []extension.Member{member("east", active())}, fails: map[string]error{"entry": down}}, &sessions{})
	if entry, err := g.Enter(t.Context(), extension.Session{Identity: person}, "east"); !errors.Is(err, extension.ErrUnavailable) || entry.Step != "" {
		t.Errorf("%+v, %v", entry, err)
	}
}
