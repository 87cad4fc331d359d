package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"paperplane/extension"
)

// declinesTerms says no, comes back and says yes.
func (s *testStack) declinesTerms(t *testing.T, ada, ben *visitor) {
	t.Helper()
	asked := ben.open(t, "/next")
	declined := ben.press(t, asked, "Decline")
	declined.says(t, 200, "You have declined the terms and conditions", "That is your choice, and we respect it.", "An administrator of your organisation can see")
	if got := ben.gateOf(t, demoSlug); got != http.StatusForbidden {
		t.Errorf("after a no, the gate answers %d", got)
	}
	s.is(t, "ben@example.com", extension.Active)
	ada.open(t, s.personPage(t, "ben@example.com")).says(t, 200, "Declined on")
	ada.open(t, "/o/harbour/users?q=ben").says(t, 200, "declined")
	ada.open(t, "/o/harbour/terms").says(t, 200, "Version 2")
	if version := ada.open(t, "/o/harbour/terms/versions/2"); !strings.Contains(version.text(), "Declined 1 user") {
		t.Errorf("the version's page says %s", version.text())
	}
	ben.press(t, asked, "Decline").says(t, 200, "You have declined") // once more, from the page before
	again := ben.press(t, declined, "Read them again")
	ben.press(t, again, "I accept the terms and conditions").says(t, 200, "You’re in")
	ada.open(t, s.personPage(t, "ben@example.com")).lacks(t, "Declined on")
	if version := ada.open(t, "/o/harbour/terms/versions/2"); !strings.Contains(version.text(), "Declined 0 users") {
		t.Errorf("the version's page says %s", version.text())
	}
	ben.press(t, asked, "Decline").says(t, 200, "You’re in") // an old page takes nothing back
}

// acceptsPastPages accepts by Kratos' settings flow alone, as an organisation's own pages do.
func (s *testStack) acceptsPastPages(t *testing.T, ada *visitor) {
	t.Helper()
	ada.invites(t, "own@example.com").allSent(t, 1)
	v := s.visitor(t)
	v.registers(t, v.starts(t, s.linkTo(t, "own@example.com")))
	v.client.Transport = addressed{v.client.Transport}
	flow := v.beginsSettings(t)
	status, errors := flow.submit(t, "profile", object{"traits": flow.traits(object{"terms": s.accepting(s.terms(t))})})
	if status != http.StatusOK {
		t.Fatalf("Kratos answered %d, %v", status, errors)
	}
	eventually(t, "the report is heard", func() bool { return s.status(t, "own@example.com") == extension.Active })
	got := s.evidence(t, ada, "own@example.com")
	if len(got) != 1 || got[0].Version != 2 || got[0].IP != "203.0.113.9" || got[0].UserAgent != "Own pages" || got[0].Confirmed == "" {
		t.Errorf("evidence %+v", got)
	}
}

// addressed is the client of an organisation's own pages, which tell Kratos whose browser it is.
type addressed struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a addressed) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("True-Client-IP", "203.0.113.9")
	request.Header.Set("User-Agent", "Own pages")
	return a.next.RoundTrip(request)
}

func (s *testStack) changesNoTerms(t *testing.T) {
	t.Helper()
	connection := s.database(t)
	for _, statement := range []string{
		`UPDATE terms SET body = 'Be rich.'`, `UPDATE terms SET grace_seconds = 0`, `UPDATE terms SET published_at = now()`, `DELETE FROM terms`, `TRUNCATE terms CASCADE`,
		`UPDATE acceptances SET ip = '192.0.2.1'`, `UPDATE acceptances SET accepted_at = now()`, `DELETE FROM acceptances`, `TRUNCATE acceptances`,
	} {
		if _, err := connection.Exec(t.Context(), statement); err == nil {
			t.Errorf("the database obeyed %s", statement)
		}
	}
}

// outlivesUser deletes a user's row, as an operator may have to.
func (s *testStack) outlivesUser(t *testing.T, ada *visitor) {
	t.Helper()
	id := s.user(t, "own@example.com").ID
	s.rows(t, `DELETE FROM users WHERE id = $1`, id)
	for _, got := range exported(t, ada, "/o/harbour/terms/versions/2/evidence") {
		if got.User == string(id) {
			if got.Email != "" || got.Name != "" || got.SHA256 != extension.TermsHash(harbourEnglish) || got.IP != "203.0.113.9" {
				t.Errorf("kept is %+v", got)
			}
			ada.open(t, "/o/harbour/terms/versions/2").says(t, 200, "Former user "+string(id))
			ada.open(t, "/o/harbour/users/"+string(id)).says(t, 404, "There is no such page")
			return
		}
	}
	t.Error("the evidence went with the user")
}

// hidesTerms asks for everything with less than an administrator's right, and as an administrator of somewhere else.
func (s *testStack) hidesTerms(t *testing.T, ada *visitor) {
	t.Helper()
	ada.invitesAs(t, "North Pier", "Team lead", "lead@example.com")
	lead := s.visitor(t)
	lead.joins(t, "lead@example.com")
	keeper := s.keeperOf(t, "elsewhere")
	amy := "/o/harbour/users/" + string(s.user(t, "amy@example.com").ID)
	for _, path := range []string{
		"/o/harbour/terms", "/o/harbour/terms/versions/2", "/o/harbour/terms/versions/2/evidence.csv", "/o/harbour/terms/versions/2/evidence.json",
		"/o/harbour/terms/drafts/en", "/o/harbour/terms/publish", amy + "/evidence.csv", amy + "/evidence.json",
	} {
		if got := lead.open(t, path); got.status != http.StatusForbidden || strings.Contains(got.body, "203.0.113.7") {
			t.Errorf("an inviter is answered with %d for %s", got.status, path)
		}
		if got := keeper.open(t, path); got.status != http.StatusNotFound || strings.Contains(got.body, "203.0.113.7") {
			t.Errorf("another organisation's administrator is answered with %d for %s", got.status, path)
		}
		if got := s.visitor(t).open(t, path); got.path() != "/login" {
			t.Errorf("somebody not signed in is led to %s for %s", got.path(), path)
		}
	}
	lead.open(t, amy).lacks(t, "203.0.113.7", extension.TermsHash(harbourGerman))
	own := strings.Replace(amy, "harbour", "elsewhere", 1)
	for _, path := range []string{own + "/evidence.csv", own + "/evidence.json", "/o/elsewhere/terms/versions/2", "/o/elsewhere/terms/versions/2/evidence.csv"} {
		if got := keeper.open(t, path); got.status != http.StatusNotFound {
			t.Errorf("%s is answered with %d", path, got.status)
		}
	}
}

// keeperOf founds one more organisation and brings its administrator in.
func (s *testStack) keeperOf(t *testing.T, slug string) *visitor {
	t.Helper()
	charter := charterOf(slug)
	address := "keeper@" + slug + ".example"
	if err := found(t.Context(), s.server, charter, address); err != nil {
		t.Fatal(err)
	}
	keeper := s.visitor(t)
	form := keeper.press(t, keeper.open(t, s.linkTo(t, address)), "Start")
	keeper.press(t, keeper.registers(t, form), "I accept the terms and conditions").says(t, 200, "Users")
	return keeper
}

// hostile is what an author could try on whoever reads it, or who got at their account.
const hostile = `# Title <script>alert(1)</script>

<script src="https://evil.example/x.js"></script>
<img src=x onerror="alert(2)">
<iframe src="https://evil.example"></iframe>
<form action="https://evil.example"><input name="password"></form>
<style>body { display: none }</style>
<a href="javascript:alert(3)" onclick="alert(4)">raw</a>

[script](javascript:alert(5)) [spelt](JaVa&#x73;cript:alert(6)) [data](data:text/html;base64,PHNjcmlwdD5hbGVydCg3KTwvc2NyaXB0Pg==)
[vb](vbscript:x) [file](file:///etc/passwd) [relative](//evil.example) <javascript:alert(8)>

![picture](https://evil.example/pixel.png) ![inline](data:image/png;base64,AAAA)

[honest](https://example.com/help)

    <b>code</b>`

// disarmsTerms publishes hostile Markdown and looks at every page that shows it.
func (s *testStack) disarmsTerms(t *testing.T, ada, amy *visitor) {
	t.Helper()
	disarmed(t, ada.press(t, ada.open(t, "/o/harbour/terms/drafts/en"), "Preview", "title", "<b>T</b>", "text", hostile))
	ada.drafts(t, "en", "<b>T</b>", hostile).says(t, 200, "is saved")
	disarmed(t, ada.open(t, "/o/harbour/terms/publish"))
	s.publishes(t, ada, "0")
	asked := amy.open(t, "/next")
	asked.says(t, 200, "<b>T</b>", "picture", "<script>alert(1)</script>")
	disarmed(t, asked)
	amy.press(t, asked, "I accept the terms and conditions").says(t, 200, "You’re in")
	disarmed(t, amy.open(t, "/terms/harbour"))
	ada.press(t, ada.open(t, "/next"), "I accept the terms and conditions")
	disarmed(t, ada.open(t, "/o/harbour/terms/versions/3"))
	if hash := row[string](t, s, `SELECT sha256 FROM terms WHERE id = $1`, s.terms(t)); hash != extension.TermsHash(hostile) {
		t.Errorf("the hash is %s", hash)
	}
}

// disarmed fails the test if the terms on a page hold anything but text, or a link that is no web or mail address.
func disarmed(t *testing.T, p page) {
	t.Helper()
	shown := 0
	for prose := range p.elements("article", "div") {
		if class, _ := attribute(prose, "class"); !strings.Contains(class, "prose") {
			continue
		}
		shown++
		for node := range prose.Descendants() {
			if node.Type != html.ElementNode {
				continue
			}
			if slices.Contains([]string{"script", "img", "iframe", "form", "input", "style", "svg", "object", "embed", "link", "meta", "base"}, node.Data) {
				t.Errorf("%s holds a %s", p.path(), node.Data)
			}
			for _, a := range node.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "https://example.com/") {
					t.Errorf("%s holds %s=%q", p.path(), a.Key, a.Val)
				}
			}
		}
	}
	if shown == 0 {
		t.Errorf("%s (%d) shows no terms: %s", p.path(), p.status, p.text())
	}
}

// publishes publishes all drafts with so many days to read them.
func (s *testStack) publishes(t *testing.T, ada *visitor, days string) page {
	t.Helper()
	shown := ada.open(t, "/o/harbour/terms/publish")
	shown.says(t, 200, "Publish version ")
	_, rest, _ := strings.Cut(shown.text(), "Publish version ")
	number, _, _ := strings.Cut(rest, "?")
	form := shown.formWith(t, "Publish version "+number)
	form.fields = chosenOnly(form.fields, "grace", days)
	published := ada.do(t, ada.submission(t, shown, form))
	published.says(t, 200, "is published")
	return published
}

// givesGrace moves the clock over the end of the time to read.
func (s *testStack) givesGrace(t *testing.T, ada, amy *visitor) {
	t.Helper()
	ada.invites(t, "new@example.com").allSent(t, 1)
	ada.drafts(t, "en", "Terms and conditions (EULA)", "Be calm.").says(t, 200, "is saved")
	s.publishes(t, ada, "7").says(t, 200, "Active users are asked to accept it within 7 days.")
	asked := amy.open(t, "/next")
	asked.says(t, 200, "Please read and accept the new ones by", "Until then you can go on without.", "Be calm.")
	if got := amy.gateOf(t, demoSlug); got != http.StatusOK {
		t.Errorf("while she is asked, the gate answers %d", got)
	}
	declined := amy.press(t, asked, "Decline")
	declined.says(t, 200, "you can go on as before")
	amy.press(t, declined, "Go on for now").says(t, 200, "You’re in")
	amy.press(t, amy.open(t, "/agree"), "Later").says(t, 200, "You’re in")
	amy.open(t, "/next").says(t, 200, "You’re in") // is not asked twice in a day
	ben := s.member(t, ada, "early@example.com")
	if ben.open(t, "/agree").path() == "/agree" {
		t.Error("somebody who has accepted them is asked again")
	}
	if got := amy.gateOf(t, demoSlug); got != http.StatusOK {
		t.Errorf("in the grace period, the gate answers %d", got)
	}
	ada.open(t, "/o/harbour/users").says(t, 200, "Users")
	fresh := s.visitor(t)
	fresh.press(t, fresh.starts(t, s.linkTo(t, "new@example.com")), "Register", details(s.mobile())...).says(t, 200, "Be calm.") // never accepted any

	s.clock.advance(7*24*time.Hour - time.Minute)
	if got := amy.gateOf(t, demoSlug); got != http.StatusOK {
		t.Errorf("a minute before it ends, the gate answers %d", got)
	}
	s.clock.advance(2 * time.Minute)
	if got := amy.gateOf(t, demoSlug); got != http.StatusForbidden {
		t.Errorf("a minute after it ended, the gate answers %d", got)
	}
	asked = amy.open(t, "/next")
	asked.says(t, 200, "have changed", "Be calm.")
	asked.lacks(t, "Later")
	amy.press(t, asked, "I accept the terms and conditions").says(t, 200, "You’re in")
	if got := ada.open(t, "/o/harbour/users"); got.path() != "/agree" {
		t.Errorf("the administrator works on without, on %s", got.path())
	}
}
