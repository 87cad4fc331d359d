package postgres_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

// draft keeps a draft in each of these languages.
func (b bundle) draft(t *testing.T, languages ...string) {
	t.Helper()
	for _, language := range languages {
		draft := extension.TermsDraft{Language: language, Title: "Terms " + language, Text: "Be kind in " + language + ".", Updated: noon()}
		if err := b.db.SaveDraft(t.Context(), b.admin, draft); err != nil {
			t.Fatal(err)
		}
	}
}

// issue publishes the drafts in these languages at noon.
func (b bundle) issue(t *testing.T, grace time.Duration, languages ...string) int {
	t.Helper()
	b.draft(t, languages...)
	version, err := b.db.PublishTerms(t.Context(), b.admin, grace, noon())
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// text is a text of a version in a language.
func (b bundle) text(t *testing.T, version int, language string) extension.Terms {
	t.Helper()
	terms, err := b.db.TermsIn(t.Context(), b.charter.Organisation.ID, version, language)
	if err != nil {
		t.Fatal(err)
	}
	return terms
}

// accept accepts a text for a user, as confirmed by Kratos.
func (b bundle) accept(t *testing.T, user extension.User, terms extension.TermsID, at time.Time) {
	t.Helper()
	err := b.db.RecordAcceptance(t.Context(), extension.Acceptance{User: user.ID, Terms: terms, At: at, IP: "203.0.113.7", UserAgent: "Browser"})
	if err = errors.Join(err, b.db.ConfirmAcceptance(t.Context(), user, terms, at)); err != nil {
		t.Fatal(err)
	}
}

func TestADraftIsKeptOnceInEachLanguageAndByOneOrganisation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	b.draft(t, "sv", "en")
	south.draft(t, "de")
	again := extension.TermsDraft{Language: "sv", Title: "Villkor", Text: "# Var snäll", Updated: noon().Add(time.Hour), By: "somebody else"}
	if err := b.db.SaveDraft(t.Context(), b.admin, again); err != nil {
		t.Fatal(err)
	}
	if err := b.db.DropDraft(t.Context(), b.admin, "en"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.db.DropDraft(t.Context(), b.admin, "en"), b.db.DropDraft(t.Context(), b.admin, "de")); err != nil {
		t.Errorf("dropping what is not there: %v", err)
	}
	again.By = b.admin.Name
	drafts, err := b.db.Drafts(t.Context(), b.admin)
	if diff := cmp.Diff([]extension.TermsDraft{again}, drafts); err != nil || diff != "" {
		t.Errorf("%v, (-want +got): %s", err, diff)
	}
	if others, err := b.db.Drafts(t.Context(), south.admin); err != nil || len(others) != 1 {
		t.Errorf("another organisation's drafts: %+v, %v", others, err)
	}
}

func TestPublishingMakesAllDraftsOneVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	south.draft(t, "de")
	if version := b.issue(t, 14*24*time.Hour, "sv", "en", "fr"); version != 2 {
		t.Errorf("version %d", version)
	}
	if drafts, err := b.db.Drafts(t.Context(), b.admin); err != nil || len(drafts) != 0 {
		t.Errorf("drafts %+v are left, %v", drafts, err)
	}
	if drafts, err := b.db.Drafts(t.Context(), south.admin); err != nil || len(drafts) != 1 {
		t.Errorf("another organisation's drafts: %+v, %v", drafts, err)
	}
	versions, err := b.db.TermsVersions(t.Context(), b.admin)
	if err != nil || len(versions) != 2 {
		t.Fatalf("versions %+v, %v", versions, err)
	}
	newest := versions[0]
	var languages []string
	for _, text := range newest.Texts {
		languages = append(languages, text.Language)
		whole, err := b.db.TermsText(t.Context(), b.admin, text.ID)
		if err != nil || text.Text != "" || whole.Text != "Be kind in "+text.Language+"." || whole.SHA256 != extension.TermsHash(whole.Text) {
			t.Errorf("listed %+v, text %+v, %v", text, whole, err)
		}
		if version, err := b.db.VersionOf(t.Context(), b.charter.Organisation.ID, text.ID); err != nil || version != text.Version {
			t.Errorf("%s is of version %d, %v", text.Language, version, err)
		}
		if _, err := b.db.VersionOf(t.Context(), south.charter.Organisation.ID, text.ID); !errors.Is(err, extension.ErrNotFound) {
			t.Errorf("the version of another organisation's: %v", err)
		}
		if _, err := b.db.TermsText(t.Context(), south.admin, text.ID); !errors.Is(err, extension.ErrNotFound) {
			t.Errorf("another organisation reads it: %v", err)
		}
	}
	if !slices.Equal(languages, []string{"en", "fr", "sv"}) { // the organisation's own first
		t.Errorf("languages %v", languages)
	}
	if newest.Version != 2 || newest.By != "Ada Admin" || newest.Grace != 14*24*time.Hour || !newest.Published.Equal(noon()) {
		t.Errorf("version %+v", newest)
	}
	if n := read[int](t, b.db, `SELECT count(*) FROM audit WHERE action = 'terms.published' AND detail LIKE 'version 2, %' AND actor_name = 'Ada Admin'`); n != 3 {
		t.Errorf("%d audit rows", n)
	}
}

func TestTwoPressesPublishOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.draft(t, "en", "de")
	var done, late atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			switch _, err := b.db.PublishTerms(t.Context(), b.admin, 0, noon()); {
			case err == nil:
				done.Add(1)
			case errors.Is(err, extension.ErrConflict):
				late.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := read[int](t, b.db, `SELECT max(version) FROM terms`); done.Load() != 1 || late.Load() != 7 || n != 2 {
		t.Errorf("%d were published, %d came late, the newest version is %d", done.Load(), late.Load(), n)
	}
}

func TestTermsAreReadInTheNearestLanguage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `UPDATE organisations SET language = 'sv'`)
	b.issue(t, 0, "sv", "de-AT", "en", "fr")
	for wanted, want := range map[string]string{"en": "en", "de-at": "de-AT", "de": "de-AT", "de-DE": "de-AT", "fr-CA": "fr", "nl": "sv", "": "sv"} {
		if got := b.text(t, 2, wanted); got.Language != want || got.Version != 2 || got.Text == "" {
			t.Errorf("%q is read in %q", wanted, got.Language)
		}
	}
	if _, err := b.db.TermsIn(t.Context(), b.charter.Organisation.ID, 3, "en"); !errors.Is(err, extension.ErrNotFound) {
		t.Errorf("a version that is none: %v", err)
	}
}

func TestAnyLanguageOfTheCurrentVersionWillDoAndAnEarlierOneLastsForTheGrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.invited(t, "bob@example.com")
	b.record(t, user, extension.FactStarted, extension.FactRegistered, extension.FactActivated)
	if err := b.db.RecordProfile(t.Context(), extension.Identity{ID: user.Identity, Mark: user.ID, Traits: extension.Traits{FirstName: "Bob", LastName: "B", Mobile: "+46701234567"}}); err != nil {
		t.Fatal(err)
	}
	step := func(now time.Time) extension.Step {
		t.Helper()
		members, err := b.db.Members(t.Context(), user.Identity)
		if err != nil {
			t.Fatal(err)
		}
		entry, _, err := b.db.Entry(t.Context(), user.Identity, sessionID(), "north")
		if err != nil || entry.Next(nil, now) != members[0].Next(nil, now) {
			t.Errorf("the gate says %s, %v", entry.Next(nil, now), err)
		}
		return members[0].Next(nil, now)
	}
	b.accept(t, user, b.charter.Terms.ID, noon())
	version := b.issue(t, 24*time.Hour, "en", "fr")
	if within, after := step(noon().Add(time.Hour)), step(noon().Add(25*time.Hour)); within != extension.StepIn || after != extension.StepAgree {
		t.Errorf("within the grace %s, after it %s", within, after)
	}
	b.accept(t, user, b.text(t, version, "fr").ID, noon())
	if after := step(noon().Add(25 * time.Hour)); after != extension.StepIn {
		t.Errorf("accepted in French: %s", after)
	}
}

func TestWhoDeclinesIsSeenUntilTheyAccept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	south := b.beside(t, "south")
	user, other := b.invited(t, "bob@example.com"), b.invited(t, "eve@example.com")
	terms := b.charter.Terms.ID
	for _, u := range []extension.User{user, other} {
		for i := range 2 {
			if err := b.db.Decline(t.Context(), u.ID, terms, noon().Add(time.Duration(1-i)*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := b.user(t, "bob@example.com").Declined; !got.Equal(noon().Add(time.Hour)) {
		t.Errorf("declined at %s, want the last time", got)
	}
	if n := b.audited(t, "user.declined", user.ID); n != 2 {
		t.Errorf("%d audit rows", n)
	}
	b.accept(t, user, terms, noon().Add(2*time.Hour))
	if got := b.user(t, "bob@example.com").Declined; !got.IsZero() {
		t.Errorf("accepted, and declined at %s", got)
	}
	versions, err := b.db.TermsVersions(t.Context(), b.admin)
	if err != nil || versions[0].Accepted != 1 || versions[0].Declined != 1 {
		t.Errorf("versions %+v, %v", versions, err)
	}
	if bound, err := b.db.TermsVersions(t.Context(), b.inviter(1)); err != nil || bound[0].Accepted != 0 || bound[0].Declined != 0 {
		t.Errorf("an inviter of another area counts %+v, %v", bound, err)
	}
	if err := b.db.Decline(t.Context(), user.ID, south.charter.Terms.ID, noon()); !errors.Is(err, extension.ErrConflict) {
		t.Errorf("another organisation's terms: %v", err)
	}
	b.issue(t, 0, "en", "de", "fr")
	for _, language := range []string{"fr", "en", "de"} { // whoever reads several is one
		b.accept(t, user, b.text(t, 2, language).ID, noon())
	}
	if versions, err = b.db.TermsVersions(t.Context(), b.admin); err != nil || versions[0].Accepted != 1 || versions[0].Declined != 0 {
		t.Errorf("versions %+v, %v", versions, err)
	}
	if got := b.user(t, "eve@example.com").Declined; !got.IsZero() {
		t.Errorf("an earlier version was declined at %s", got)
	}
}
