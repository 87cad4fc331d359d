package admin_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/roster"
)

const termsPath = "/o/elsewhere/terms"

// written is one version in English and German, and a draft of the next in English.
func written() roster.Terms {
	text := func(language, title, markdown string) extension.Terms {
		t := extension.NewTerms("", language, title, markdown)
		t.Published = now().AddDate(0, 0, -3)
		return t
	}
	return roster.Terms{
		Versions: []extension.TermsVersion{{
			Version: 1, By: "Ada Lind", Published: now().AddDate(0, 0, -3), Grace: 7 * 24 * time.Hour, Accepted: 1200, Declined: 2,
			Texts: []extension.Terms{text("en", "Terms", "# Be kind\n\n<script>alert(1)</script>"), text("de", "Bedingungen", "Seid *nett*.")},
		}},
		Drafts: []extension.TermsDraft{{Language: "en", Title: "New terms", Text: "# Be kinder", Updated: now(), By: "Ada Lind"}},
	}
}

func TestTheTermsListWhatIsPublishedAndWhatIsBeingWritten(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.terms = written()
	if link := s.Get(t, "/o/elsewhere/users").One(t, ".head-actions a[href="+termsPath+"]"); link.Text() != "Terms" {
		t.Errorf("the link says %q", link.Text())
	}
	got := s.Get(t, termsPath)
	for place, want := range map[string]string{
		"[data-version=1]": "Version 1 the current one; time to read it: 7 days, until 27 Nov 2026, 09:30 UTC 20 Nov 2026, 09:30 UTC by Ada Lind 1,200 2 English " +
			extension.TermsHash("# Be kind\n\n<script>alert(1)</script>") + " German " + extension.TermsHash("Seid *nett*."),
		"[data-draft=en]": "English New terms 23 Nov 2026, 09:30 UTC by Ada Lind Edit the draft in English Delete the draft in English",
	} {
		if text := got.One(t, place).Text(); strings.ReplaceAll(text, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s says %q", place, text)
		}
	}
	if !strings.Contains(got.Text(), "The current version is also in German. The next one will be without, because there is no draft.") {
		t.Errorf("that a language is missing is not said: %s", got.Text())
	}
	var languages []string
	for _, option := range got.All("select option") {
		languages = append(languages, option.Text())
	}
	if diff := cmp.Diff([]string{"Choose a language", "German", "French", "Swedish"}, languages); diff != "" {
		t.Errorf("a draft can be begun in (-want +got):\n%s", diff)
	}
	if got := s.Get(t, termsPath+"/drafts?language=de").Location(); got != termsPath+"/drafts/de" {
		t.Errorf("beginning one leads to %q", got)
	}

	s.entry.Organisation.Language = "sv"
	got = s.Get(t, termsPath)
	if got.Has("a[href="+termsPath+"/publish]") || !strings.Contains(got.Text(), "a draft in Swedish is needed") ||
		!strings.Contains(got.Text(), "The current version has no text in Swedish") {
		t.Errorf("without a draft in the organisation's language: %s", got.Text())
	}
	s.terms = roster.Terms{}
	if got := s.Get(t, termsPath).Text(); !strings.Contains(got, "There is no draft.") || !strings.Contains(got, "Nothing has been published yet.") {
		t.Errorf("of nothing the page says %s", got)
	}
}

func TestADraftIsBegunFromTheCurrentTextPreviewedAndSaved(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.terms = written()
	got := s.Get(t, termsPath+"/drafts/de")
	if got.One(t, "textarea").Text() != "The current text." || got.One(t, "input[name=seen]").Attr("value") != "" {
		t.Fatalf("a new draft is %s", got.Body)
	}
	typed := url.Values{"seen": {""}, "title": {"Bedingungen"}, "text": {"# Neu\r\n\r\n<b>Seid</b> **nett**."}, "press": {"preview"}}
	got = s.press(t, termsPath+"/drafts/de", typed)
	if got.Status != http.StatusOK || len(s.asked) != 0 || got.One(t, ".prose h2").Text() != "Neu" || got.Has(".prose b") {
		t.Fatalf("the preview is %d %s", got.Status, got.Body)
	}
	if got.One(t, ".prose").Attr("lang") != "de" || got.One(t, "textarea").Text() != "# Neu <b>Seid</b> **nett**." {
		t.Error("the preview has lost what was typed or its language")
	}
	typed.Set("press", "save")
	got = s.press(t, termsPath+"/drafts/de", typed)
	if got.Status != http.StatusSeeOther || got.Location() != termsPath || s.saved.Text != typed.Get("text") || s.saved.Language != "de" {
		t.Fatalf("%d to %q, saved %+v", got.Status, got.Location(), s.saved)
	}
	if got := s.Get(t, termsPath); !strings.Contains(got.Text(), "The draft in German is saved.") {
		t.Error("nothing says that it is saved")
	}

	seal := roster.Seal(s.terms.Drafts)
	if got := s.Get(t, termsPath+"/drafts/en").One(t, "input[name=seen]").Attr("value"); got != seal {
		t.Errorf("a draft that is there was seen as %q", got)
	}
	asked := s.Get(t, termsPath+"/drafts/en/delete")
	if !strings.Contains(asked.Text(), "cannot be brought back") || asked.One(t, "input[name=seen]").Attr("value") != seal {
		t.Errorf("before it is deleted: %s", asked.Text())
	}
	if got := s.press(t, termsPath+"/drafts/en/delete", url.Values{"seen": {seal}}); got.Location() != termsPath || s.savedOver != seal {
		t.Errorf("deleting leads to %q, of %q", got.Location(), s.savedOver)
	}
	s.refuse = extension.ErrConflict
	if got := s.press(t, termsPath+"/drafts/en/delete", url.Values{"seen": {"older"}}); got.Status != http.StatusConflict || !strings.Contains(got.Text(), "Nothing was deleted.") {
		t.Errorf("deleting over somebody else's change: %d %s", got.Status, got.Text())
	}
	if got := s.Get(t, termsPath+"/drafts/fr/delete"); got.Location() != termsPath {
		t.Errorf("deleting what is gone leads to %q", got.Location())
	}
}

func TestNothingThatIsWrongLosesADraft(t *testing.T) {
	t.Parallel()
	const text = "# Mine </textarea><script>alert(1)</script>"
	for name, c := range map[string]struct {
		change func(s *stage)
		token  string
		status int
		says   string
	}{
		"refused":      {func(s *stage) { s.refuse = extension.Invalid("title", "Give it a title.") }, "", http.StatusUnprocessableEntity, "Give it a title."},
		"changed":      {func(s *stage) { s.refuse = extension.ErrConflict }, "", http.StatusConflict, "Their text is below yours"},
		"published":    {func(s *stage) { s.refuse, s.terms.Drafts = extension.ErrConflict, nil }, "", http.StatusConflict, "They have published or deleted the draft."},
		"out of order": {func(s *stage) { s.refuse = errors.New("out of order") }, "", http.StatusInternalServerError, "What you typed is still here."},
		"another form": {func(*stage) {}, "another's", http.StatusForbidden, "Please press Save again"},
		"signed out":   {func(s *stage) { s.session = extension.ErrNoSession }, "", http.StatusUnauthorized, "Nothing was saved, and what you typed is still here."},
		"no right":     {func(s *stage) { s.inviter() }, "", http.StatusForbidden, "You may not write the terms any more"},
		"a new factor": {func(s *stage) { s.entry.Step = extension.StepConfirm }, "", http.StatusForbidden, "Your access has changed"},
		"down":         {func(s *stage) { s.session = extension.ErrUnavailable }, "", http.StatusServiceUnavailable, "Nothing was saved, and what you typed is still here."},
	} {
		s := setup(t)
		s.terms = written()
		c.change(s)
		form := url.Values{"seen": {"s"}, "title": {"My title"}, "text": {text}, "press": {"save"}}
		answer := s.press(t, termsPath+"/drafts/en", form)
		if c.token != "" {
			form.Set("csrf", c.token)
			answer = s.Post(t, termsPath+"/drafts/en", form)
		}
		if answer.Status != c.status || !strings.Contains(answer.Text(), c.says) {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Text())
		}
		if answer.One(t, "textarea").Text() != text || answer.One(t, "input[name=title]").Attr("value") != "My title" || answer.Has("main script") {
			t.Errorf("%s: the draft is now %q", name, answer.One(t, "textarea").Text())
		}
	}
}

func TestPublishingSaysWhatIsAskedOfWhomAndBindsWhatWasShown(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.terms = written()
	asked := s.Get(t, termsPath+"/publish")
	for _, words := range []string{
		"Publish version 2?", "1,200 Active users are asked to accept it.", "1 invited user, Pending or Expired, is asked for this version",
		"The current version is also in German. The next one will be without, because there is no draft.",
	} {
		if !strings.Contains(asked.Text(), words) {
			t.Errorf("the page does not say %q: %s", words, asked.Text())
		}
	}
	seal := asked.One(t, "input[name=seal]").Attr("value")
	if seal != roster.Seal(s.terms.Drafts) || asked.One(t, "[data-draft=en] .prose h2").Text() != "Be kinder" {
		t.Errorf("the page does not show what it binds: %s", asked.Body)
	}
	for _, c := range []struct {
		grace, days string
		want        time.Duration
		told        string
	}{
		{"0", "", 0, "Version 3 is published. Active users are asked to accept it at their next entry."},
		{"30", "5", 30 * 24 * time.Hour, "accept it within 30 days."},
		{"other", " 45 ", 45 * 24 * time.Hour, "accept it within 45 days."},
	} {
		got := s.press(t, termsPath+"/publish", url.Values{"seal": {seal}, "grace": {c.grace}, "days": {c.days}})
		if got.Status != http.StatusSeeOther || got.Location() != termsPath+"/versions/3" || s.sealed != seal || s.grace != c.want {
			t.Errorf("%s %s: %d to %q, %s for %s", c.grace, c.days, got.Status, got.Location(), s.sealed, s.grace)
		}
		if told := s.Get(t, termsPath).One(t, ".notice-success").Text(); !strings.Contains(told, c.told) {
			t.Errorf("%s: the notice says %q", c.grace, told)
		}
	}
}

func TestWhatCannotBePublishedIsShownAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.terms = written()
	for _, form := range []url.Values{{"grace": {"other"}, "days": {"soon"}}, {"grace": {""}}} {
		got := s.press(t, termsPath+"/publish", form)
		if got.Status != http.StatusUnprocessableEntity || len(s.asked) != 0 || !got.Has("[role=alert] a[href=#field-grace]") {
			t.Errorf("%v: %d, asked %q", form, got.Status, s.asked)
		}
	}
	s.refuse = extension.Invalid("grace", "Up to 90.")
	got := s.press(t, termsPath+"/publish", url.Values{"grace": {"other"}, "days": {"99999999999"}})
	if got.Status != http.StatusUnprocessableEntity || s.grace <= extension.MaxGrace || got.One(t, "input[name=days]").Attr("value") != "99999999999" {
		t.Errorf("too long: %d, %s", got.Status, s.grace)
	}
	s.refuse = extension.ErrConflict
	got = s.press(t, termsPath+"/publish", url.Values{"grace": {"7"}, "seal": {"older"}})
	if got.Status != http.StatusConflict || !strings.Contains(got.Text(), "Somebody has changed the drafts since this page was shown") ||
		got.One(t, "input[name=seal]").Attr("value") != roster.Seal(s.terms.Drafts) || !got.Has("input[value=7][checked]") {
		t.Errorf("others were edited: %d %s", got.Status, got.Text())
	}
	s.terms.Drafts = []extension.TermsDraft{{Language: "de", Title: "Neu", Text: "Neu", By: "Ada Lind"}}
	if got := s.Get(t, termsPath+"/publish"); got.Has("input[name=seal]") || !strings.Contains(got.Text(), "A draft in English is missing") {
		t.Errorf("without the organisation's language: %s", got.Text())
	}
	s.terms.Drafts = nil
	for _, text := range s.terms.Versions[0].Texts {
		s.terms.Drafts = append(s.terms.Drafts, extension.TermsDraft{Language: text.Language, Title: text.Title, Text: text.Text})
	}
	if got := s.Get(t, termsPath+"/publish"); !strings.Contains(got.Text(), "The drafts say the same as the current version") {
		t.Errorf("of the same texts: %s", got.Text())
	}
	s.terms.Drafts = nil
	if got := s.Get(t, termsPath+"/publish"); got.Location() != termsPath {
		t.Errorf("without drafts: %d", got.Status)
	}
	if told := s.Get(t, termsPath).One(t, ".notice").Text(); !strings.Contains(told, "There is no draft to publish") {
		t.Errorf("the notice says %q", told)
	}
}

func TestThePageOfAVersionShowsItsTextAndWhoAcceptedIt(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.terms, s.evidence, s.evidenceMore = written(), accepted(), 9
	got := s.Get(t, termsPath+"/versions/1")
	if got.One(t, ".prose h2").Text() != "Be kind" || got.Has(".prose script") || !strings.Contains(got.One(t, ".facts").Text(), extension.TermsHash("Seid *nett*.")) {
		t.Errorf("the page is %s", got.Body)
	}
	if got := got.One(t, "[data-evidence="+annaID+"]").Text(); !strings.Contains(got, "Anna Berg") || !strings.Contains(got, "confirmed 23 Nov 2026, 09:30 UTC") {
		t.Errorf("Anna's row says %q", got)
	}
	if got := got.One(t, "[data-evidence="+batchID+"]").Text(); !strings.Contains(got, "Former user "+batchID) || !strings.Contains(got, "not confirmed by Ory Kratos") {
		t.Errorf("the row of somebody who is gone says %q", got)
	}
	if got := got.One(t, "[data-evidence="+emilID+"]"); !strings.Contains(got.Text(), "Not user "+emilID) ||
		!strings.Contains(got.Text(), "corrected on 23 Nov 2026, 10:30 UTC") {
		t.Errorf("the row of somebody before the address was corrected says %q", got.Text())
	}
	german := got.All(".tabs a")[1]
	got = s.Get(t, german.Attr("href"))
	next := got.One(t, "[rel=next]").Attr("href")
	if got.One(t, ".prose em").Text() != "nett" || next != termsPath+"/versions/1?after=9&language=de" || len(got.All(".pager a")) != 1 {
		t.Errorf("the first page in German is %s", got.Body)
	}
	got = s.Get(t, next)
	if first := got.All(".pager a"); len(first) != 1 || first[0].Attr("href") != termsPath+"/versions/1?language=de" || first[0].Text() != "First page" {
		t.Errorf("the last page is %s", got.Body)
	}
	for _, path := range []string{"/versions/2", "/versions/x", "/versions/0", "/versions/2/evidence.csv"} {
		if got := s.Get(t, termsPath+path); got.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
}

func TestEvidenceIsWrittenToFilesThatNoSpreadsheetComputes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.terms, s.evidence = written(), accepted()
	hash := extension.TermsHash("# Be kind")
	table := [][]string{
		{"user", "name", "email", "version", "language", "title", "terms", "sha256", "accepted", "confirmed", "disowned", "ip", "user agent"},
		{
			annaID, "Anna Berg", "anna@example.com", "1", "en", "Terms", "00000000-0000-4000-8000-0000000000f1", hash,
			"2026-11-23T09:30:00.000000Z", "2026-11-23T09:30:01.000000Z", "", "192.0.2.7", "'=cmd|' /C calc'!A0",
		},
		{batchID, "", "", "1", "de", "Bedingungen", "00000000-0000-4000-8000-0000000000f1", hash, "2026-11-23T09:31:00.000000Z", "", "", "2001:db8::1", "Firefox"},
		{emilID, "", "", "1", "en", "Terms", "00000000-0000-4000-8000-0000000000f1", hash, "2026-11-23T09:31:00.000000Z", "", "2026-11-23T10:30:00.000000Z", "192.0.2.9", "Safari"},
	}
	for path, want := range map[string][][]string{termsPath + "/versions/1": table, "/o/elsewhere/users/" + annaID: table[:2]} {
		got := s.Get(t, path+"/evidence.csv")
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.Body, "\uFEFF"))).ReadAll()
		if err != nil || got.Header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment; filename=\"accepted-elsewhere-") {
			t.Fatalf("%s: %v %v", path, err, got.Header)
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		var list []map[string]any
		got = s.Get(t, path+"/evidence.json")
		if err := json.Unmarshal([]byte(got.Body), &list); err != nil || len(list) != len(want)-1 {
			t.Fatalf("%s: %v in %s", path, err, got.Body)
		}
		if list[0]["user_agent"] != "=cmd|' /C calc'!A0" || list[0]["sha256"] != hash || list[0]["accepted"] != want[1][8] {
			t.Errorf("%s: %v", path, list[0])
		}
	}
	s.evidence = nil
	if got := s.Get(t, termsPath+"/versions/1/evidence.json").Body; got != "[]\n" {
		t.Errorf("of nobody the list is %q", got)
	}
}
