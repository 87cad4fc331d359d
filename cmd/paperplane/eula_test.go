package main

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
)

// The texts of the terms that these tests publish. Their author indents, uses every line end and writes beyond ASCII.
const (
	harbourEnglish = "# Keep the harbour\n\nBe **kind** to å, ä and ö.\n\n- no oil\n- no noise"
	harbourGerman  = "# Der Hafen\n\nSeien Sie **freundlich**."
)

// TestTheTerms goes with the terms and conditions from the first draft to the evidence.
func TestTheTerms(t *testing.T) {
	t.Parallel()
	eachKratos(t, func(t *testing.T, binary string) {
		t.Helper()
		s := startTestStack(t, binary, func(o *stackOptions) {
			o.settings = append(o.settings, "PAPERPLANE_PUBLIC_TRUSTED_PROXIES=127.0.0.1/32")
		})
		ada := s.administrator(t)
		amy, ben := s.member(t, ada, "amy@example.com"), s.member(t, ada, "ben@example.com")
		inTurn(t,
			story{"drafts are saved, previewed and edited by one at a time", func(t *testing.T) { s.draftsTerms(t, ada) }},
			story{"they are published together, once, and only as they were shown", func(t *testing.T) { s.publishesDrafts(t, ada) }},
			story{"Active users are asked at their next entry, and the evidence says what they accepted", func(t *testing.T) { s.asksActiveUsers(t, ada, amy) }},
			story{"a no is kept, shown, and can be taken back", func(t *testing.T) { s.declinesTerms(t, ada, ben) }},
			story{"accepted at Kratos itself, the evidence is as good", func(t *testing.T) { s.acceptsPastPages(t, ada) }},
			story{"what was published and accepted cannot be changed", func(t *testing.T) { s.changesNoTerms(t) }},
			story{"evidence outlives the user", func(t *testing.T) { s.outlivesUser(t, ada) }},
			story{"nobody else gets any of it", func(t *testing.T) { s.hidesTerms(t, ada) }},
			story{"hostile Markdown is harmless", func(t *testing.T) { s.disarmsTerms(t, ada, amy) }},
			story{"with a grace period they go on until it ends, and no longer", func(t *testing.T) { s.givesGrace(t, ada, amy) }},
		)
	})
}

// drafts saves a draft on its page.
func (v *visitor) drafts(t *testing.T, language, title, text string) page {
	t.Helper()
	return v.press(t, v.open(t, "/o/harbour/terms/drafts/"+language), "Save draft", "title", title, "text", text)
}

func (s *testStack) draftsTerms(t *testing.T, ada *visitor) {
	t.Helper()
	before := ada.open(t, "/o/harbour/terms/drafts/en")
	if text := before.value(t, "text"); text != demoTerms {
		t.Errorf("the draft begins from %q, not from the current text", text)
	}
	preview := ada.press(t, before, "Preview", "title", "Terms and conditions (EULA)", "text", harbourEnglish)
	preview.says(t, 200, "Preview: not saved yet", "Keep the harbour", "Be kind to å, ä and ö.")
	if n := row[int](t, s, `SELECT count(*)::int FROM terms_drafts`); n != 0 {
		t.Errorf("a preview saved %d drafts", n)
	}
	colleague := ada.sharing(t)
	late := colleague.open(t, "/o/harbour/terms/drafts/en")
	ada.press(t, preview, "Save draft").says(t, 200, "The draft in English is saved. Nobody sees it before it is published.")
	refused := colleague.press(t, late, "Save draft", "title", "Mine", "text", "Mine alone.")
	refused.says(t, http.StatusConflict, "Keep the harbour")
	if refused.value(t, "text") != "Mine alone." {
		t.Error("what the colleague typed is lost")
	}
	if held := row[string](t, s, `SELECT body FROM terms_drafts WHERE language = 'en'`); held != harbourEnglish {
		t.Errorf("the draft is %q now", held)
	}
	ada.drafts(t, "en", "Harbour rules", strings.Repeat("x", extension.MaxTermsText+1)).says(t, 422, "Please put this right")
	ada.drafts(t, "en", "", harbourEnglish).says(t, 422, "Please put this right")
	s.visitor(t).open(t, "/terms/harbour").lacks(t, "Keep the harbour")
}

func (s *testStack) publishesDrafts(t *testing.T, ada *visitor) {
	t.Helper()
	shown := ada.open(t, "/o/harbour/terms/publish")
	shown.says(t, 200, "Publish version 2?", "3 Active users are asked to accept it.")
	ada.drafts(t, "de", "Hafenregeln", harbourGerman).says(t, 200, "The draft in German is saved.") // a colleague's, meanwhile
	refused := ada.press(t, shown, "Publish version 2", "grace", "0")
	refused.says(t, http.StatusConflict, "Somebody has changed the drafts since this page was shown", "German")
	if n := s.versions(t); n != 1 {
		t.Fatalf("there are %d versions", n)
	}
	for days, words := range map[string]string{"-1": "90", "91": "90", "soon": "a whole number of days from 0 to 90"} {
		ada.press(t, refused, "Publish version 2", "grace", "other", "days", days).says(t, 422, words)
	}
	form := refused.formWith(t, "Publish version 2", "grace", "0")
	form.fields = chosenOnly(form.fields, "grace", "0")
	asked := ada.do(t, ada.submission(t, refused, form)) // who publishes is asked first
	asked.says(t, 200, "Version 2 is published. Active users are asked to accept it at their next entry.", "Be kind to å, ä and ö.")
	ada.sharing(t).do(t, ada.submission(t, refused, form)).says(t, 200, "Version 2, published") // pressed twice
	ada.press(t, asked, "I accept the terms and conditions").says(t, 200, "Users")
	ada.open(t, "/o/harbour/terms/versions/2").
		says(t, 200, extension.TermsHash(harbourEnglish), extension.TermsHash(harbourGerman), "1 user", "Ada Admin", "Time to read it none")
	ada.open(t, "/o/harbour/terms/publish").says(t, 200, "There is no draft to publish")
	if n := s.versions(t); n != 2 {
		t.Errorf("there are %d versions, want 2", n)
	}
	if n := row[int](t, s, `SELECT count(*)::int FROM audit WHERE action = 'terms.published' AND actor_name = 'Ada Admin' AND detail LIKE 'version 2%'`); n != 2 { // one for each language
		t.Errorf("%d audit rows of Ada's tell of it", n)
	}
}

// chosenOnly leaves one of the radio buttons of a name, as a browser does.
func chosenOnly(fields []string, name, value string) []string {
	var kept []string
	for i := 0; i < len(fields); i += 2 {
		if fields[i] != name {
			kept = append(kept, fields[i], fields[i+1])
		}
	}
	return append(kept, name, value)
}

func (s *testStack) versions(t *testing.T) int {
	t.Helper()
	return row[int](t, s, `SELECT count(DISTINCT version)::int FROM terms t JOIN organisations o ON o.id = t.organisation_id WHERE o.slug = $1`, demoSlug)
}

// asksActiveUsers has one accept the German text, from behind a proxy.
func (s *testStack) asksActiveUsers(t *testing.T, ada, amy *visitor) {
	t.Helper()
	if got := amy.gateOf(t, demoSlug); got != http.StatusForbidden {
		t.Errorf("with new terms due, the gate answers %d", got)
	}
	asked := amy.open(t, "/next")
	asked.says(t, 200, "have changed", "Keep the harbour", "Version 2")
	german := amy.open(t, "/agree?language=de")
	german.says(t, 200, "Der Hafen")
	request := amy.submission(t, german, german.formWith(t, "I accept the terms and conditions"))
	request.Header.Set("X-Forwarded-For", "198.51.100.1, 203.0.113.7") // the last is what our own proxy saw
	request.Header.Set("User-Agent", "Amy's browser, <b>9</b>")
	before := s.clock.now()
	amy.do(t, request).says(t, 200, "You’re in")
	if got := amy.gateOf(t, demoSlug); got != http.StatusOK {
		t.Errorf("after it was accepted, the gate answers %d", got)
	}
	eventually(t, "Kratos confirms it", func() bool { return s.evidence(t, ada, "amy@example.com")[0].Confirmed != "" })
	got := s.evidence(t, ada, "amy@example.com")
	if len(got) != 2 {
		t.Fatalf("evidence %+v", got)
	}
	slices.SortFunc(got, func(a, b evidenceRow) int { return b.Version - a.Version })
	newest := got[0]
	at, err := time.Parse(time.RFC3339, newest.Accepted)
	if err != nil || at.Before(before.Add(-time.Second)) || at.After(s.clock.now()) {
		t.Errorf("accepted at %q, %v", newest.Accepted, err)
	}
	newest.Accepted, newest.Confirmed, newest.Terms = "", "", ""
	want := evidenceRow{
		User: string(s.user(t, "amy@example.com").ID), Name: "Robin Sand", Email: "amy@example.com", Version: 2, Language: "de", Title: "Hafenregeln",
		SHA256: extension.TermsHash(harbourGerman), IP: "203.0.113.7", UserAgent: "Amy's browser, <b>9</b>",
	}
	if newest != want {
		t.Errorf("evidence\n%+v, want\n%+v", newest, want)
	}
	ada.open(t, s.personPage(t, "amy@example.com")).says(t, 200, "Version 2 German", want.SHA256, "203.0.113.7 Amy's browser, <b>9</b>", "Version 1")
	ada.open(t, "/o/harbour/terms/versions/2").says(t, 200, "2 users", "Robin Sand", "203.0.113.7")
	if program := amy.asProgram(t, http.MethodGet, "/terms/harbour?language=de"); !strings.Contains(program.body, want.SHA256) {
		t.Errorf("a program reads %s", program.body)
	}
}

// evidenceRow is an acceptance as it is exported.
type evidenceRow struct {
	User, Name, Email                                                 string
	Version                                                           int
	Language, Title, Terms, SHA256, Accepted, Confirmed, Disowned, IP string
	UserAgent                                                         string `json:"user_agent"`
}

// evidence is what a user has accepted, by their JSON file; the table must say the same.
func (s *testStack) evidence(t *testing.T, ada *visitor, address string) []evidenceRow {
	t.Helper()
	return exported(t, ada, s.personPage(t, address)+"/evidence")
}

// exported reads both files of some evidence, and fails the test unless they say the same.
func exported(t *testing.T, v *visitor, path string) []evidenceRow {
	t.Helper()
	list, table := v.open(t, path+".json"), v.open(t, path+".csv")
	if list.status != http.StatusOK || table.status != http.StatusOK {
		t.Fatalf("%s answered %d and %d", path, list.status, table.status)
	}
	for _, file := range []page{list, table} {
		if kept := file.header.Get("Content-Disposition"); !strings.HasPrefix(kept, `attachment; filename="accepted-harbour-`) {
			t.Errorf("the file is given as %q", kept)
		}
	}
	var rows []evidenceRow
	if err := json.Unmarshal([]byte(list.body), &rows); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(table.body, "\ufeff"))).ReadAll()
	if err != nil || len(lines) != len(rows)+1 {
		t.Fatalf("%d lines for %d rows, %v", len(lines), len(rows), err)
	}
	for i, r := range rows {
		want := []string{
			r.User, r.Name, r.Email, strconv.Itoa(r.Version), r.Language, r.Title, r.Terms, r.SHA256, r.Accepted, r.Confirmed, r.Disowned, r.IP, r.UserAgent,
		}
		if line := lines[i+1]; !slices.Equal(line, want) {
			t.Errorf("the table says %q of %+v", line, r)
		}
	}
	return rows
}
