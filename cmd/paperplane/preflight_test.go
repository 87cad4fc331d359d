package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// TestThePreflight looks at a mixed list before it is invited, takes an offered address, includes the Expired, uses a file
// in its place, and presses Invite.
func TestThePreflight(t *testing.T) {
	t.Parallel()
	s := startTestStack(t, "", nil)
	visitor := s.administrator(t)
	visitor.invites(t, "pending@example.com", "expired@example.com", "bounced@example.com")
	s.runsOut(t, "expired@example.com")
	s.runsOut(t, "bounced@example.com")
	s.rows(t, `UPDATE users SET suppressed = 'bounced', suppressed_at = now() WHERE address = 'bounced@example.com'`)
	ada := startChromium(t).person(t, "ada-preflight")
	s.signIn(ada, s.password)
	ada.arrives("/o/harbour/users")
	ada.open(s.page("/o/harbour/invite"))
	inTurn(t,
		story{"every group is told before Invite", func(t *testing.T) { s.seesGroups(t, ada) }},
		story{"an offered address is one click", func(t *testing.T) { s.takesFix(t, ada) }},
		story{"the Expired are included by a choice", func(t *testing.T) { s.includesExpired(t, ada) }},
		story{"a hundred thousand lines are counted while the page stays fluid", func(t *testing.T) { s.countsMany(t, ada) }},
		story{"a file takes the place of the text, which can be put back", func(t *testing.T) { s.readsFile(t, ada) }},
		story{"Invite does what was told", func(t *testing.T) { s.invitesTable(t, ada) }},
		story{"without JavaScript it is the same with one press more", func(t *testing.T) { s.checksWithoutScript(t, visitor) }},
		story{"a list for later waits", func(t *testing.T) { s.invitesLater(t, visitor) }},
	)
}

// typed is what stands in the field of the addresses.
func (p *person) typed() string {
	p.t.Helper()
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.querySelector('[name=addresses]').value`))
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// pastes puts text into the field of the addresses as a paste does.
func (p *person) pastes(script string) {
	p.t.Helper()
	_, err := chromedp.Run(p.ctx, chromedp.Evaluate[any](fmt.Sprintf(`(() => {
		const field = document.querySelector('[name=addresses]');
		field.value = %s;
		field.dispatchEvent(new Event('input', {bubbles: true}));
	})(); 0`, script)))
	if err != nil {
		p.t.Fatal(err)
	}
}

func (s *testStack) seesGroups(t *testing.T, ada *person) {
	t.Helper()
	ada.fill("addresses", "new@example.com, pending@example.com\nexpired@example.com\nbounced@example.com\n"+demoAdministrator+
		"\nbob@gmial.com\nnobody@example\nnew@example.com\nGood morning")
	ada.sees("6 addresses recognised, 1 repetition left out", "Invite will send 2 invitations.", "2 new", "1 invited before, Expired",
		"1 already invited, Pending", "1 already in this organisation", "1 undeliverable", "1 probable typing mistake", "1 piece not recognised",
		"1 repetition left out", "1 other word ignored")
	ada.press("1 piece not recognised")
	ada.sees("nobody@example", "is not a domain that mail can be sent to")
	ada.press("1 invited before, Expired")
	ada.sees("Their links have run out.")
	if n := row[int](t, s, `SELECT count(*)::int FROM users WHERE address = 'new@example.com'`); n != 0 {
		t.Error("looking has invited somebody")
	}
}

func (s *testStack) takesFix(t *testing.T, ada *person) {
	t.Helper()
	ada.press("1 probable typing mistake")
	s.looks(ada, "preflight")
	ada.press("Use bob@gmail.com")
	ada.until("see the address replaced and counted", func() bool {
		return strings.Contains(ada.typed(), "bob@gmail.com") && !strings.Contains(ada.text(), "probable typing mistake")
	})
	if strings.Contains(ada.typed(), "gmial") {
		t.Errorf("the text is %q", ada.typed())
	}
	ada.sees("nobody@example") // what was open stays open
}

func (s *testStack) includesExpired(t *testing.T, ada *person) {
	t.Helper()
	ada.do("choose to invite the Expired again", chromedp.Click(chromedp.CSS("[name=expired]")))
	ada.sees("Invite will send 3 invitations.")
	ada.open(s.page("/o/harbour/users"))
	ada.open(s.page("/o/harbour/invite")) // the draft is kept, with the choice
	ada.sees("Invite will send 3 invitations.")
}

// countsMany pastes the largest list that is taken. A page that counted by itself would stand still for nearly as long as
// the counting takes, on a fast machine and on a slow one, so a small part of that is the measure, and no number of
// milliseconds.
func (s *testStack) countsMany(t *testing.T, ada *person) {
	t.Helper()
	before := ada.typed()
	if _, err := chromedp.Run(ada.ctx, chromedp.Evaluate[any](`window.longest = 0; new PerformanceObserver((list) => {
		for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
	}).observe({type: 'longtask'}); 0`)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	ada.pastes(`Array.from({length: 100000}, (_, i) => 'person' + i + '@example.com').join('\n')`)
	ada.sees("100,000 addresses recognised", "Invite will send 100,000 invitations.", "100,000 new")
	took := time.Since(start)
	longest, err := chromedp.Run(ada.ctx, chromedp.Evaluate[float64](`window.longest`))
	if err != nil {
		t.Fatal(err)
	}
	if longest > float64(took.Milliseconds())/4 {
		t.Errorf("the page stood still for %.0f ms of %s", longest, took)
	}
	t.Logf("the longest task of the page took %.0f ms of %s", longest, took)
	ada.pastes(`Array.from({length: 100001}, (_, i) => 'p' + i + '@b.org').join('\n')`)
	ada.sees("This is more than 4 MB of text or 100,000 addresses.")
	ada.pastes(fmt.Sprintf("%q", before))
	ada.sees("Invite will send 3 invitations.")
}

// table is a file as a German Excel saves it: semicolons, Windows-1252, CR LF.
const table = "E-Mail;Service Area;Role;Telefon\r\n" +
	"table@example.com;SOUTH PIER;team lead;1\r\nexpired@example.com;South Pier;Carer;2\r\nbounced@example.com;South Pier;Carer;3\r\n" +
	"plain@example.com;;;\r\nlost@example.com;Z\xfcrich;Carer;4\r\n=cmd|' /C calc'!A0;South Pier;Carer;5\r\n"

func (s *testStack) readsFile(t *testing.T, ada *person) {
	t.Helper()
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	choose := func(path string) {
		ada.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS("[name=file]"), []string{path}))
	}
	before := ada.typed()
	ada.press("From a file")
	choose(file("wrong.csv", "Postfach;Ort\r\na@example.com;South Pier\r\nb@example.com;South Pier\r\n"))
	ada.sees("The columns of this file have no names that are known here.", "as in the template")
	choose(file("book.xlsx", "PK\x03\x04"))
	ada.sees("This is a workbook and not a CSV file.")
	if ada.typed() != before {
		t.Errorf("a file that is refused has changed the text to %q", ada.typed())
	}
	choose(file("people.csv", table))
	ada.sees("“people.csv” was read into the field above. Nothing is sent yet.", "5 addresses recognised", "1 column is not used",
		"1 row with a service area or role that is unknown", "1 undeliverable", "Invite will send 3 invitations.")
	ada.press("Put back what stood there")
	if ada.typed() != before {
		t.Errorf("the text that was put back is %q", ada.typed())
	}
	ada.until("see the text counted that was put back", func() bool { return !strings.Contains(ada.text(), "1 row with a service area") })
	choose(file("people.csv", table))
	ada.sees("1 row with a service area or role that is unknown")
	ada.press("1 row with a service area or role that is unknown")
	ada.sees("lost@example.com: “Zürich”")
	s.looks(ada, "table")
}

func (s *testStack) invitesTable(t *testing.T, ada *person) {
	t.Helper()
	ada.choose("area", "North Pier")
	ada.choose("role", "Carer")
	ada.press("Invite")
	ada.arrives("/o/harbour/batches/")
	ada.sees("3 invitations were sent.", "lost@example.com", "bounced@example.com")
	for address, want := range map[string][]string{
		"table@example.com":   {"South Pier/Team lead"},
		"plain@example.com":   {"North Pier/Carer"},
		"expired@example.com": {"North Pier/Carer", "South Pier/Carer"},
		"bounced@example.com": {"North Pier/Carer"},
	} {
		var got []string
		for _, a := range s.user(t, address).Assignments {
			got = append(got, a.Area.Name+"/"+a.Role.Name)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
	letters := s.letters(t, "expired@example.com", 2)
	if old := s.visitor(t).open(t, link(t, letters[0])); !strings.Contains(old.text(), "This link no longer works") {
		t.Errorf("the old link says %s", old.text())
	}
	s.visitor(t).joins(t, "expired@example.com")
	s.oneLetterEach(t, "table@example.com", "plain@example.com", "bounced@example.com")
	s.noLetter(t, "lost@example.com")
}

func (s *testStack) checksWithoutScript(t *testing.T, ada *visitor) {
	t.Helper()
	page := ada.press(t, ada.open(t, "/o/harbour/invite"), "Check addresses",
		"addresses", "Email,Service area,Role\nCarol <carol@gmial.com>,lighthouse,\ndora@example.com,Atlantis,Carer\npending@example.com,,", "role", "Carer")
	page.says(t, 200, "3 addresses recognised", "Invite will send 1 invitation.", "1 already invited, Pending", "dora@example.com: “Atlantis”", "1 probable typing mistake")
	page = ada.press(t, page, "Use carol@gmail.com")
	page.says(t, 200, "“carol@gmial.com” is now “carol@gmail.com”. Nothing is sent yet.", "3 addresses recognised")
	page.lacks(t, "probable typing mistake")
	if got := page.value(t, "role"); got != "Carer" {
		t.Errorf("the role is %q now", got)
	}
	refused := ada.press(t, page, "Invite")
	refused.faultsAre(t, "area") // of the row that names none
	ada.awaitBatch(t, ada.press(t, refused, "Invite", "area", "North Pier")).says(t, 200, "1 invitation was sent.", "dora@example.com", "no service area of this name")
	if got := s.user(t, "carol@gmail.com").Assignments; len(got) != 1 || got[0].Area.Name != "Lighthouse" {
		t.Errorf("carol has %+v", got)
	}
}

func (s *testStack) invitesLater(t *testing.T, ada *visitor) {
	t.Helper()
	at := s.clock.now().UTC().AddDate(0, 0, 1)
	form := ada.open(t, "/o/harbour/invite")
	refused := ada.press(t, form, "Invite", "addresses", "later@example.com", "area", "North Pier", "role", "Carer", "starts", "2020-01-01T08:00")
	refused.says(t, 422, "This time is over.")
	refused.faultsAre(t, "starts")
	batch := ada.press(t, refused, "Invite", "starts", at.Format("2006-01-02T15:04"))
	if !strings.HasPrefix(batch.path(), "/o/harbour/batches/") {
		t.Fatalf("no batch but %s: %s", batch.path(), batch.text())
	}
	s.noLetter(t, "later@example.com")
	s.clock.advance(at.Sub(s.clock.now()))
	s.letters(t, "later@example.com", 1)
}

// looks takes pictures of a page for people to look at, wide and narrow, when they are asked for.
func (s *testStack) looks(p *person, name string) {
	p.t.Helper()
	folder := os.Getenv("PAPERPLANE_TEST_PICTURES")
	if folder == "" {
		return
	}
	for _, width := range []int64{360, 1280} {
		p.do("look at the page", chromedp.EmulateViewport(width, 800))
		p.picture(filepath.Join(folder, fmt.Sprintf("%s-%d.png", name, width)))
	}
}
