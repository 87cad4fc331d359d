package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func TestAnOrganisationIsFoundAsItWasEstablished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	charter := newCharter("south")
	charter.Organisation.Region, charter.Organisation.ReplyTo, charter.Organisation.LinkLifetime = "SE", "Help <help@example.org>", 36*time.Hour
	if err := b.db.Establish(t.Context(), extension.System(charter.Organisation.ID, "operator"), charter, noon()); err != nil {
		t.Fatal(err)
	}
	got, err := b.db.OrganisationBySlug(t.Context(), "south")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(charter.Organisation, got); diff != "" {
		t.Error(diff)
	}
	choices, err := b.db.Choices(t.Context(), charter.Organisation.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(extension.Choices{Areas: charter.Areas, Roles: charter.Roles}, choices); diff != "" {
		t.Error(diff)
	}
	for _, action := range []extension.Action{extension.ActionOrganisationCreated, extension.ActionTermsPublished} {
		if n := read[int](t, b.db, `SELECT count(*) FROM audit WHERE organisation_id = ? AND action = ?`, charter.Organisation.ID, string(action)); n != 1 {
			t.Errorf("%s: %d audit rows", action, n)
		}
	}
	for _, slug := range []string{"", "West", "west", "' OR true --"} {
		if _, err := b.db.OrganisationBySlug(t.Context(), slug); !errors.Is(err, extension.ErrNotFound) {
			t.Errorf("%q: %v", slug, err)
		}
	}
}

func TestNothingOfACharterThatFailsIsWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	count := func() string {
		return read[string](t, b.db, `SELECT concat_ws(' ', (SELECT count(*) FROM organisations), (SELECT count(*) FROM areas),
			(SELECT count(*) FROM roles), (SELECT count(*) FROM terms), (SELECT count(*) FROM audit))`)
	}
	before := count()
	for name, c := range map[string]struct {
		change func(c *extension.Charter)
		want   error
	}{
		"a slug that is taken": {func(c *extension.Charter) { c.Organisation.Slug = "north" }, extension.ErrConflict},
		"an id that is taken":  {func(c *extension.Charter) { c.Organisation.ID = b.charter.Organisation.ID }, extension.ErrConflict},
		"terms that are taken": {func(c *extension.Charter) { c.Terms.ID = b.charter.Terms.ID }, extension.ErrConflict},
		"a role that is taken": {func(c *extension.Charter) { c.Roles[1].ID = b.charter.Roles[0].ID }, extension.ErrConflict},
		"two-factor":           {func(c *extension.Charter) { c.Organisation.TwoFactor = "sometimes" }, nil},
		"no way of two-factor": {func(c *extension.Charter) { c.Organisation.Ways = nil }, nil},
		"a link for a minute":  {func(c *extension.Charter) { c.Organisation.LinkLifetime = time.Minute }, nil},
		"an unknown right":     {func(c *extension.Charter) { c.Roles[1].Right = "emperor" }, nil},
		"a region in full":     {func(c *extension.Charter) { c.Organisation.Region = "Sweden" }, nil},
	} {
		charter := newCharter("south")
		c.change(&charter)
		err := b.db.Establish(t.Context(), extension.System(charter.Organisation.ID, "operator"), charter, noon())
		if err == nil || c.want != nil && !errors.Is(err, c.want) || c.want == nil && errors.Is(err, extension.ErrConflict) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "(north)") {
			t.Errorf("%s: the error quotes a row: %v", name, err)
		}
		if after := count(); after != before {
			t.Errorf("%s: %s rows, then %s", name, before, after)
		}
	}
}
