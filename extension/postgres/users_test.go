package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestStatusIsTheSameInGoAndInSQL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	now := noon()
	for _, paused := range []time.Time{{}, now.Add(-time.Hour)} {
		for _, activated := range []time.Time{{}, now.Add(-time.Hour)} {
			for _, expires := range []time.Time{{}, now.Add(-time.Second), now, now.Add(time.Second)} {
				facts := extension.Facts{Paused: paused, Activated: activated, Expires: expires}
				got, err := b.db.StatusInSQL(t.Context(), facts, now)
				if err != nil {
					t.Fatal(err)
				}
				if want := facts.Status(now); got != want {
					t.Errorf("SQL says %s, Go %s for %+v", got, want, facts)
				}
			}
		}
	}
}

func TestPagesGoForwardAndBackOverEveryUserOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var addresses []string
	for i := range 25 {
		addresses = append(addresses, fmt.Sprintf("p%02d@example.com", i))
	}
	b.place(t, addresses...)
	list := func(c extension.Cursor) ([]string, extension.UserPage) {
		t.Helper()
		page, err := b.db.Users(t.Context(), b.admin, extension.Filter{Limit: 10, Cursor: c}, noon())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range page.Users {
			got = append(got, u.Address)
		}
		return got, page
	}
	first, p1 := list(extension.Cursor{})
	second, p2 := list(*p1.Next)
	third, p3 := list(*p2.Next)
	if diff := cmp.Diff(addresses, append(append(first, second...), third...)); diff != "" {
		t.Error(diff)
	}
	if p1.Prev != nil || p3.Next != nil {
		t.Errorf("the ends have neighbours: %v %v", p1.Prev, p3.Next)
	}
	back, p2again := list(*p3.Prev)
	if diff := cmp.Diff(second, back); diff != "" {
		t.Error(diff)
	}
	start, p1again := list(*p2again.Prev)
	if diff := cmp.Diff(first, start); diff != "" {
		t.Error(diff)
	}
	if p1again.Prev != nil || p1again.Next == nil {
		t.Errorf("back at the start: %+v", p1again)
	}
}

func TestSearchTakesWildcardsLiterallyAndAnyCase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "a_b@example.com", "axb@example.com"))
	user := b.user(t, "axb@example.com")
	if err := b.db.RecordProfile(t.Context(), extension.Identity{ID: user.Identity, Mark: user.ID, Traits: extension.Traits{FirstName: "Åsa", LastName: "Öberg", Mobile: "+46701234567"}}); err != nil {
		t.Fatal(err)
	}
	for search, want := range map[string]int{"A_B": 1, "%": 0, "asa": 0, "öBERG": 1, "example": 2, `\`: 0, "'": 0} {
		page, err := b.db.Users(t.Context(), b.admin, extension.Filter{Search: search, Limit: 10}, noon())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Users) != want {
			t.Errorf("search %q finds %d, want %d", search, len(page.Users), want)
		}
		tallies, err := b.db.Tally(t.Context(), b.admin, search, noon())
		if err != nil {
			t.Fatal(err)
		}
		if counts := tallies.ByStatus(""); counts[extension.Pending] != want {
			t.Errorf("search %q counts %v, want %d", search, counts, want)
		}
	}
}

func TestFilterByStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send(t, b.place(t, "active@example.com", "pending@example.com"))
	if _, err := b.db.Record(t.Context(), b.user(t, "active@example.com"), extension.FactActivated, noon()); err != nil {
		t.Fatal(err)
	}
	for status, want := range map[extension.Status]int{extension.Active: 1, extension.Pending: 1, extension.Expired: 0, extension.Inactive: 0} {
		page, err := b.db.Users(t.Context(), b.admin, extension.Filter{Status: status, Limit: 10}, noon())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Users) != want {
			t.Errorf("%d users are %s, want %d", len(page.Users), status, want)
		}
	}
}

func TestNobodySeesAnotherOrganisationNorAnAreaThatIsNotTheirs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.place(t, "bob@example.com")
	bob := b.user(t, "bob@example.com")
	other := establish(t, b.db, "south")
	strangers := map[string]extension.Actor{
		"another organisation": extension.System(other.Organisation.ID, "Eve"),
		"an inviter of West": {
			Organisation: b.charter.Organisation.ID, User: extension.NewID[extension.UserID](),
			Right: extension.RightInviter, Areas: []extension.AreaID{b.charter.Areas[1].ID},
		},
		"an inviter without areas": {Organisation: b.charter.Organisation.ID, Right: extension.RightInviter},
	}
	for name, actor := range strangers {
		if _, err := b.db.User(t.Context(), actor, bob.ID); !errors.Is(err, extension.ErrNotFound) {
			t.Errorf("%s finds the user: %v", name, err)
		}
		page, err := b.db.Users(t.Context(), actor, extension.Filter{Limit: 10}, noon())
		if err != nil || len(page.Users) != 0 {
			t.Errorf("%s lists %d users, %v", name, len(page.Users), err)
		}
		if _, err := b.db.Report(t.Context(), actor, batch); !errors.Is(err, extension.ErrNotFound) {
			t.Errorf("%s sees the batch: %v", name, err)
		}
	}
	inviter := extension.Actor{
		Organisation: b.charter.Organisation.ID, Right: extension.RightInviter, Areas: []extension.AreaID{b.charter.Areas[0].ID},
	}
	if _, err := b.db.User(t.Context(), inviter, bob.ID); err != nil {
		t.Errorf("an inviter of East does not find the user: %v", err)
	}
	if changed, err := b.db.SetPaused(t.Context(), strangers["another organisation"], bob.ID, noon(), noon()); err != nil || changed {
		t.Errorf("another organisation paused the user: %v", err)
	}
}
