package invite_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/invite"
)

func TestAnOrderIsRefusedWithEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, c := range map[string]struct {
		change func(*invite.Order)
		fields []string
	}{
		"nothing at all":             {func(o *invite.Order) { *o = invite.Order{Batch: o.Batch} }, []string{"addresses", "area", "role"}},
		"no address in it":           {func(o *invite.Order) { o.Text = "good morning" }, []string{"addresses"}},
		"too much text":              {func(o *invite.Order) { o.Text = strings.Repeat("a@example.com\n", 400_000) }, []string{"addresses"}},
		"an area that is nobody's":   {func(o *invite.Order) { o.Area = extension.NewID[extension.AreaID]() }, []string{"area"}},
		"a role that is no id":       {func(o *invite.Order) { o.Role = "'; DROP TABLE roles" }, []string{"role"}},
		"a batch id that is no UUID": {func(o *invite.Order) { o.Batch = "1" }, []string{""}},
	} {
		order := s.order("bob@example.com")
		c.change(&order)
		_, err := s.Send(t.Context(), s.admin, order)
		refused, ok := errors.AsType[*extension.InvalidError](err)
		if !ok {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var fields []string
		for _, f := range refused.Fields {
			fields = append(fields, f.Field)
			if f.Message == "" {
				t.Errorf("%s: no sentence for %s", name, f.Field)
			}
		}
		if strings.Join(fields, " ") != strings.Join(c.fields, " ") {
			t.Errorf("%s: fields %q, want %q", name, fields, c.fields)
		}
	}
}

func TestAnInviterInvitesToTheirOwnAreasAndGrantsNoMoreThanTheyHold(t *testing.T) {
	t.Parallel()
	s := setup(t)
	inviter := extension.Actor{
		User: extension.NewID[extension.UserID](), Organisation: s.charter.Organisation.ID, Name: "Ina",
		Right: extension.RightInviter, Areas: []extension.AreaID{s.charter.Areas[0].ID},
	}
	choices, err := s.Choices(t.Context(), inviter)
	if err != nil || len(choices.Areas) != 1 || choices.Areas[0].Name != "East" || len(choices.Roles) != 1 || choices.Roles[0].Name != "Nurse" {
		t.Errorf("choices %+v, %v", choices, err)
	}
	elsewhere := s.order("bob@example.com")
	elsewhere.Area = s.charter.Areas[1].ID
	above := s.order("bob@example.com")
	above.Role = s.charter.Roles[0].ID
	for name, order := range map[string]invite.Order{"area": elsewhere, "role": above} {
		if _, err := s.Send(t.Context(), inviter, order); err == nil {
			t.Errorf("an inviter chose a %s that is not theirs to give", name)
		}
	}
	nobody := inviter
	nobody.Right = extension.RightNone
	if _, err := s.Send(t.Context(), nobody, s.order("bob@example.com")); !errors.Is(err, extension.ErrForbidden) {
		t.Errorf("somebody without a right: %v", err)
	}
}

func TestRejectedPiecesAreKeptWhateverTheyHold(t *testing.T) {
	t.Parallel()
	s := setup(t)
	batch := s.send(t, "bob@example.com\nnul\x00byte@example.com\nbroken\xff@example.com\n"+strings.Repeat("ä", 500)+"@example.com")
	report := s.report(t, batch)
	if report.Recognised != 1 || len(report.NotSent) != 3 {
		t.Fatalf("report %+v", report)
	}
	for _, d := range report.NotSent {
		if len(d.Text) > extension.MaxEntryText || d.Outcome != extension.OutcomeInvalid || d.Reason == "" {
			t.Errorf("%d bytes, %s, %q", len(d.Text), d.Outcome, d.Reason)
		}
	}
}

func TestResendRefusesWhomItMust(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.send(t, "bob@example.com")
	bob := s.user(t, "bob@example.com")
	refusedWith := func(when, part string) {
		t.Helper()
		_, err := s.Resend(t.Context(), s.admin, bob.ID)
		refused, ok := errors.AsType[*extension.InvalidError](err)
		if !ok || !strings.Contains(refused.Error(), part) {
			t.Errorf("%s: %v, want a sentence with %q", when, err, part)
		}
	}
	refusedWith("before the first letter", "on its way")
	s.finish(t)
	refusedWith("a moment after it", "less than a minute ago")

	s.now = s.now.Add(2 * time.Minute)
	if _, err := s.db.Record(t.Context(), s.user(t, "bob@example.com"), extension.FactStarted, s.now); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resend(t.Context(), s.admin, bob.ID); err != nil {
		t.Fatal(err)
	}
	if len(s.aligned) != 2 || s.aligned[1] != s.user(t, "bob@example.com").Identity { // before: is it there? after: end what was begun
		t.Errorf("aligned %v; whoever began by the old link can still finish", s.aligned)
	}
	s.finish(t)
	if got := len(s.post.chunks); got != 2 {
		t.Errorf("%d letters, want 2", got)
	}
	if s.post.chunks[0].Recipients[0].Link == s.post.chunks[1].Recipients[0].Link {
		t.Error("the new letter carries the old link")
	}

	s.now = s.now.Add(8 * 24 * time.Hour)
	if _, err := s.Resend(t.Context(), s.admin, bob.ID); err != nil {
		t.Errorf("an expired invitation: %v", err)
	}
	if _, err := s.db.Record(t.Context(), bob, extension.FactActivated, s.now); err != nil {
		t.Fatal(err)
	}
	refusedWith("Active", "needs no invitation")
	if _, err := s.db.SetPaused(t.Context(), s.admin, bob.ID, s.now, s.now); err != nil {
		t.Fatal(err)
	}
	refusedWith("Inactive", "Resume the user first")

	stranger := extension.System(extension.NewID[extension.OrganisationID](), "Eve")
	if _, err := s.Resend(t.Context(), stranger, bob.ID); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("another organisation: %v", err)
	}
}
