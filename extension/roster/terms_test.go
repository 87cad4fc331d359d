package roster_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/roster"
)

// draft saves a draft as somebody who has seen the present one.
func (o *office) draft(t *testing.T, language, title, text string) {
	t.Helper()
	terms, err := o.Terms(t.Context(), o.admin)
	if err != nil {
		t.Fatal(err)
	}
	seen := ""
	if held := terms.Draft(language); held != nil {
		seen = roster.Seal([]extension.TermsDraft{*held})
	}
	if err := o.SaveDraft(t.Context(), o.admin, extension.TermsDraft{Language: language, Title: title, Text: text}, seen); err != nil {
		t.Fatal(err)
	}
}

func (o *office) seal(t *testing.T) string {
	t.Helper()
	next, err := o.Publication(t.Context(), o.admin)
	if err != nil {
		t.Fatal(err)
	}
	return next.Seal
}

func TestADraftIsBegunFromTheCurrentTextAndKeptAsItWasTyped(t *testing.T) {
	t.Parallel()
	o := open(t)
	begun, err := o.Draft(t.Context(), o.admin, "de")
	if err != nil || begun.Title != "Terms" || begun.Text != "Be kind." || begun.By != "" {
		t.Fatalf("%+v, %v", begun, err)
	}
	begun.Title, begun.Text = "  Bedingungen ", "\r\n\r\n# Seid nett\r\n\r\n    eingerückt\r\n"
	if err := o.SaveDraft(t.Context(), o.admin, begun, ""); err != nil {
		t.Fatal(err)
	}
	got, err := o.Draft(t.Context(), o.admin, "de")
	want := extension.TermsDraft{Language: "de", Title: "Bedingungen", Text: "# Seid nett\n\n    eingerückt", Updated: o.now, By: "Ada Admin"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := o.Draft(t.Context(), o.admin, "../../etc"); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("of no language: %v", err)
	}
}

func TestNobodyWritesOverADraftThatTheyHaveNotSeen(t *testing.T) {
	t.Parallel()
	o := open(t)
	mine := extension.TermsDraft{Language: "en", Title: "Mine", Text: "Mine."}
	for range 2 { // pressed twice
		if err := o.SaveDraft(t.Context(), o.admin, mine, ""); err != nil {
			t.Fatal(err)
		}
	}
	theirs := extension.TermsDraft{Language: "en", Title: "Theirs", Text: "Theirs."}
	if err := o.SaveDraft(t.Context(), o.admin, theirs, ""); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("saving over it: %v", err)
	}
	if err := o.DropDraft(t.Context(), o.admin, "en", "older"); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("deleting it: %v", err)
	}
	seen := roster.Seal([]extension.TermsDraft{mine})
	for range 2 {
		if err := o.DropDraft(t.Context(), o.admin, "en", seen); err != nil {
			t.Errorf("deleting what was seen: %v", err)
		}
	}
	if err := o.SaveDraft(t.Context(), o.admin, theirs, seen); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("saving over one that is gone: %v", err)
	}
}

func TestADraftThatCannotBeKeptIsRefusedAllFaultsAtOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	for name, c := range map[string]struct {
		draft  extension.TermsDraft
		fields []string
	}{
		"nothing":      {extension.TermsDraft{}, []string{"language", "title", "text"}},
		"too long":     {extension.TermsDraft{Language: "en", Title: strings.Repeat("t", extension.MaxTermsTitle+1), Text: strings.Repeat("t", extension.MaxTermsText+1)}, []string{"title", "text"}},
		"not storable": {extension.TermsDraft{Language: "en", Title: "a\x00b", Text: "a\xffb"}, []string{"title", "text"}},
		"two lines":    {extension.TermsDraft{Language: "en", Title: "a\nb", Text: "a\nb"}, []string{"title"}},
	} {
		refused, ok := errors.AsType[*extension.InvalidError](o.SaveDraft(t.Context(), o.admin, c.draft, ""))
		if !ok {
			t.Errorf("%s is not refused", name)
			continue
		}
		var fields []string
		for _, f := range refused.Fields {
			fields = append(fields, f.Field)
		}
		if diff := cmp.Diff(c.fields, fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	fits := extension.TermsDraft{Language: "en", Title: strings.Repeat("t", extension.MaxTermsTitle), Text: strings.Repeat("t", extension.MaxTermsText)}
	if err := o.SaveDraft(t.Context(), o.admin, fits, ""); err != nil {
		t.Errorf("the longest: %v", err)
	}
}

func TestPublishingTakesExactlyTheDraftsThatWereConfirmedOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	if _, err := o.Publish(t.Context(), o.admin, o.seal(t), 0); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("without drafts: %v", err)
	}
	o.draft(t, "de", "Bedingungen", "Seid nett.")
	if _, ok := errors.AsType[*extension.InvalidError](publishError(t, o, o.seal(t), 0)); !ok {
		t.Error("without the organisation's own language it is published")
	}
	o.draft(t, "en", "Terms", "Be kinder.")
	confirmed := o.seal(t)
	o.draft(t, "en", "Terms", "Be the kindest.")
	if err := publishError(t, o, confirmed, 0); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("after an edit: %v", err)
	}
	for _, grace := range []time.Duration{-time.Hour, time.Hour, extension.MaxGrace + 24*time.Hour} {
		if _, ok := errors.AsType[*extension.InvalidError](publishError(t, o, o.seal(t), grace)); !ok {
			t.Errorf("a grace of %s is not refused", grace)
		}
	}

	confirmed = o.seal(t)
	var presses sync.WaitGroup
	for range 4 {
		presses.Go(func() {
			if number, err := o.Publish(t.Context(), o.admin, confirmed, 7*24*time.Hour); err != nil || number != 2 {
				t.Errorf("version %d, %v", number, err)
			}
		})
	}
	presses.Wait()
	terms, err := o.Terms(t.Context(), o.admin)
	if err != nil || len(terms.Versions) != 2 || len(terms.Drafts) != 0 {
		t.Fatalf("%+v, %v", terms, err)
	}
	current, err := o.Version(t.Context(), o.admin, 2)
	if err != nil || len(current.Texts) != 2 || current.Texts[0].Text != "Be the kindest." || current.Texts[1].Text != "Seid nett." ||
		current.Grace != 7*24*time.Hour || current.By != "Ada Admin" || current.Texts[0].SHA256 != extension.TermsHash("Be the kindest.") {
		t.Errorf("%+v, %v", current, err)
	}
	if _, err := o.Version(t.Context(), o.admin, 3); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("a version that is not: %v", err)
	}
}

func publishError(t *testing.T, o *office, seal string, grace time.Duration) error {
	t.Helper()
	_, err := o.Publish(t.Context(), o.admin, seal, grace)
	return err
}

func TestWhatPublishingDoesIsToldBefore(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.draft(t, "de", "Bedingungen", "Seid nett.")
	next, err := o.Publication(t.Context(), o.admin)
	if err != nil || next.Active != 1 || next.OnTheWay != 1 || next.Current().Version != 1 {
		t.Errorf("%+v, %v", next, err)
	}
	if diff := cmp.Diff([]string{"en"}, next.Left()); diff != "" {
		t.Errorf("languages left out (-want +got):\n%s", diff)
	}
}

func TestEvidenceIsPagedAndReadToTheEnd(t *testing.T) {
	t.Parallel()
	o := open(t)
	anna, emil := o.user(t, "anna@example.com"), o.user(t, "emil@example.com")
	first, err := o.Version(t.Context(), o.admin, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []extension.User{anna, emil} {
		acceptance := extension.Acceptance{User: user.ID, Terms: first.Texts[0].ID, At: o.now, IP: "192.0.2.7", UserAgent: "Firefox"}
		if err := o.db.RecordAcceptance(t.Context(), acceptance); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.db.ConfirmAcceptance(t.Context(), anna, first.Texts[0].ID, o.now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	rows, more, err := o.Evidence(t.Context(), o.admin, 1, 0)
	if err != nil || more || len(rows) != 2 || rows[0].SHA256 != first.Texts[0].SHA256 || rows[0].IP != "192.0.2.7" {
		t.Errorf("%+v, more %v, %v", rows, more, err)
	}
	if rows, more, err := o.Evidence(t.Context(), o.admin, 1, rows[1].Number); err != nil || more || len(rows) != 0 {
		t.Errorf("beyond the end: %+v, more %v, %v", rows, more, err)
	}
	own, err := o.EvidenceOf(t.Context(), o.admin, anna.ID)
	if err != nil || len(own) != 1 || own[0].Address != "anna@example.com" || !own[0].Confirmed.Equal(o.now.Add(time.Second)) {
		t.Errorf("of Anna: %+v, %v", own, err)
	}
	broken := errors.New("the reader has gone")
	if err := o.EachEvidence(t.Context(), o.admin, 1, func(extension.Evidence) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a reader who goes: %v", err)
	}
}

// archives gives as much evidence as a test asks for.
type archives struct {
	roster.PolicyStore
	rows int
}

func (a archives) EvidencePage(_ context.Context, _ extension.Actor, version int, after int64, limit int) ([]extension.Evidence, error) {
	var page []extension.Evidence
	for n := after + 1; n <= int64(a.rows) && len(page) < limit; n++ {
		page = append(page, extension.Evidence{Number: n, Version: version})
	}
	return page, nil
}

func TestPagesOfEvidenceNeitherOverlapNorLeaveOut(t *testing.T) {
	t.Parallel()
	admin := extension.System(extension.NewID[extension.OrganisationID](), "Ada")
	for total, last := range map[int]int{0: 1, 1: 1, roster.EvidenceShown: 1, roster.EvidenceShown + 1: 2, 3*roster.EvidenceShown - 1: 3} {
		policy := roster.NewPolicy(archives{rows: total}, nil, time.Now)
		seen := int64(0)
		for page := 1; page <= last; page++ {
			rows, more, err := policy.Evidence(t.Context(), admin, 1, seen)
			if err != nil || more != (page < last) || len(rows) > roster.EvidenceShown {
				t.Errorf("page %d of %d rows: %d, more %v, %v", page, total, len(rows), more, err)
			}
			for _, row := range rows {
				if seen++; row.Number != seen {
					t.Errorf("row %d of %d comes as number %d", row.Number, total, seen)
				}
			}
		}
		if seen != int64(total) {
			t.Errorf("%d of %d rows were shown", seen, total)
		}
	}
}

func TestTermsAreForAdministratorsOnly(t *testing.T) {
	t.Parallel()
	o := open(t)
	ctx, inviter := t.Context(), o.inviter()
	for name, do := range map[string]func() error{
		"list":    func() error { _, err := o.Terms(ctx, inviter); return err },
		"version": func() error { _, err := o.Version(ctx, inviter, 1); return err },
		"draft":   func() error { _, err := o.Draft(ctx, inviter, "en"); return err },
		"save":    func() error { return o.SaveDraft(ctx, inviter, extension.TermsDraft{}, "") },
		"drop":    func() error { return o.DropDraft(ctx, inviter, "en", "") },
		"ask":     func() error { _, err := o.Publication(ctx, inviter); return err },
		"publish": func() error { _, err := o.Publish(ctx, inviter, "", 0); return err },
		"look":    func() error { _, _, err := o.Evidence(ctx, inviter, 1, 0); return err },
		"read":    func() error { return o.EachEvidence(ctx, inviter, 1, nil) },
	} {
		if err := do(); !errors.Is(err, extension.ErrForbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
