package admin_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/recognise"
)

func TestAPageSaysWhatTheBatchIsDoingAndWhatCanBeDone(t *testing.T) {
	t.Parallel()
	half := extension.Progress{Queued: 10, Sent: 3, Waiting: 7}
	for name, test := range map[string]struct {
		change   func(b *extension.Batch)
		progress extension.Progress
		title    string
		says     []string
		forms    []string
		reload   string
	}{
		"waiting": {
			func(b *extension.Batch) { b.Starts = now().Add(8 * time.Second) },
			extension.Progress{Queued: 10, Waiting: 10},
			"Waiting to be sent",
			[]string{"Nothing has been sent yet. 10 invitations are ready.", "23 Nov 2026, 09:30 UTC", "take it back"},
			[]string{"/cancel", "/send-now"},
			"9",
		},
		"scheduled": {
			func(b *extension.Batch) { b.Starts = now().Add(72 * time.Hour) },
			extension.Progress{Queued: 1, Waiting: 1},
			"Waiting to be sent",
			[]string{"Nothing has been sent yet. 1 invitation is ready.", "26 Nov 2026, 09:30 UTC"},
			[]string{"/cancel", "/send-now"},
			"20",
		},
		"running": {func(*extension.Batch) {}, half, "Sending invitations…", []string{"3 of 10 invitations were sent so far."}, []string{"/pause"}, "3"},
		"paused": {
			func(b *extension.Batch) { b.Paused, b.PausedBy = now(), "Bo Berg" }, half, "Sending is paused",
			[]string{"3 of 10 invitations were sent so far.", "Paused by Bo Berg, 23 Nov 2026, 09:30 UTC."},
			[]string{"/resume"},
			"20",
		},
		"stopped by itself": {
			func(b *extension.Batch) { b.Paused = now() },
			extension.Progress{Queued: 100, Sent: 60, Bounced: 4, Waiting: 40},
			"Sending is paused",
			[]string{"It paused itself, because too many messages bounced: 4 of 60 so far. They failed at bad.example (3 of 5), worse.example (1 of 1)."},
			[]string{"/resume"},
			"20",
		},
		"cancelled": {
			func(b *extension.Batch) { b.Cancelled, b.CancelledBy = now(), "Bo Berg" },
			extension.Progress{Queued: 10, Sent: 3, Refused: 7},
			"The rest was cancelled",
			[]string{"3 of 10 invitations were sent.", "Cancelled by Bo Berg, 23 Nov 2026, 09:30 UTC."},
			nil, "",
		},
		"taken back": {
			func(b *extension.Batch) { b.Cancelled, b.CancelledBy = now(), "Bo Berg" },
			extension.Progress{Queued: 10, Refused: 10},
			"Taken back: nothing was sent",
			[]string{"0 of 10 invitations were sent."},
			nil, "",
		},
		"all out, not written down yet": {func(*extension.Batch) {}, extension.Progress{Queued: 2, Sent: 2}, "Invitations sent", nil, nil, ""},
	} {
		s := reported(t, extension.BatchInvite, test.progress)
		test.change(&s.report.Batch)
		s.report.Domains = []extension.FailingDomain{{Domain: "bad.example", Sent: 5, Bounced: 3}, {Domain: "worse.example", Sent: 1, Bounced: 1}}
		got := s.Get(t, batchPath)
		if title := got.One(t, "h1").Text(); title != test.title {
			t.Errorf("%s: %q", name, title)
		}
		for _, words := range test.says {
			if !strings.Contains(got.Text(), words) {
				t.Errorf("%s: the page does not say %q:\n%s", name, words, got.Text())
			}
		}
		var forms []string
		for _, form := range got.All("[data-batch] form") {
			forms = append(forms, strings.TrimPrefix(form.Attr("action"), batchPath))
		}
		if diff := cmp.Diff(test.forms, forms); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if has := got.Has("[data-batch] a[href=" + batchPath + "/cancel]"); has != (name == "running" || name == "paused" || name == "stopped by itself") {
			t.Errorf("%s: offers to cancel: %v", name, has)
		}
		if reload := `<meta http-equiv="refresh" content="` + test.reload + `">`; strings.Contains(got.Body, reload) != (test.reload != "") ||
			got.Has("noscript") != (test.reload != "") {
			t.Errorf("%s: is not loaded again after %q seconds:\n%s", name, test.reload, got.Body)
		}
		if n := len(got.All(".button-primary")); n > 1 {
			t.Errorf("%s: %d primary buttons", name, n)
		}
		if got.Has("[data-batch-trouble]") && strings.HasPrefix(name, "stopped") {
			t.Errorf("%s: there is a place for other trouble", name)
		}
	}
}

func TestTheScriptSeesWhenThePageOfACancelledBatchIsAnother(t *testing.T) {
	t.Parallel()
	for title, progress := range map[string]extension.Progress{
		"Cancelling…":            {Queued: 10, Sent: 3, Waiting: 1, Refused: 6},
		"The rest was cancelled": {Queued: 10, Sent: 3, Refused: 7},
	} {
		s := reported(t, extension.BatchInvite, progress)
		s.report.Batch.Cancelled, s.report.Batch.CancelledBy = now(), "Bo Berg"
		got := s.Get(t, batchPath)
		if got.One(t, "h1").Text() != title || got.Has("[data-live]") != (progress.Waiting > 0) || got.One(t, "[data-batch]").Attr("data-state") != "cancelled" {
			t.Errorf("%q: the page is %q, live %v", title, got.One(t, "h1").Text(), got.Has("[data-live]"))
		}
	}
}

func TestABatchIsFollowedForAWhileAfterItsEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		progress extension.Progress
		finished time.Time
		follows  bool
	}{
		"the provider may still tell": {extension.Progress{Queued: 2, Sent: 2, Delivered: 1}, now(), true},
		"all is known":                {extension.Progress{Queued: 2, Sent: 2, Delivered: 1, Bounced: 1}, now(), false},
		"not written down yet":        {extension.Progress{Queued: 2, Sent: 2}, time.Time{}, true},
		"long ago":                    {extension.Progress{Queued: 2, Sent: 2}, now().Add(-2 * time.Hour), false},
	} {
		s := reported(t, extension.BatchInvite, test.progress)
		s.report.Batch.Finished = test.finished
		if follows := s.Get(t, batchPath).Has("[data-follow]"); follows != test.follows {
			t.Errorf("%s: followed %v", name, follows)
		}
	}
}

func TestEntriesAreListedByWhatBecameOfThemPageByPage(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 302, Sent: 301, Delivered: 250, Bounced: 51, Refused: 1})
	s.report.NotSentAll = 3
	bounced := extension.LetterFacts{Sent: now(), Bounced: now(), Detail: "550 no such user"}
	s.lists = map[extension.EntryGroup][]extension.Delivery{}
	for i := range 101 {
		s.lists[extension.EntriesBounced] = append(s.lists[extension.EntriesBounced],
			extension.Delivery{Position: 2 * i, Address: fmt.Sprintf("p%d@example.com", i), Outcome: extension.OutcomeQueued, Letter: bounced})
	}
	page := s.Get(t, batchPath)
	tabs := map[string]string{}
	for _, tab := range page.All(".tabs li") {
		if tab.Attr("hidden") == "" {
			tabs[tab.Attr("data-group")] = tab.Text()
		}
	}
	if !strings.Contains(tabs["delivered"], "250") || !strings.Contains(tabs["not-sent"], "3") {
		t.Errorf("tabs %v", tabs)
	}
	if base := page.One(t, "[data-group=not-sent]").Attr("data-base"); base != "2" {
		t.Errorf("%s entries are not sent whatever comes, want those refused at the press", base)
	}
	first := s.Get(t, page.One(t, "[data-group=bounced] a").Attr("href"))
	if n := len(first.All("tbody tr")); n != 100 || first.One(t, "h1").Text() != "Bounced" {
		t.Errorf("%d rows under %q", n, first.One(t, "h1").Text())
	}
	if row := first.All("tbody tr")[0].Text(); row != "p0@example.com It came back. It said: “550 no such user” Correct the address 23 Nov 2026, 09:30 UTC" {
		t.Errorf("a row says %q", row)
	}
	second := s.Get(t, first.One(t, ".pager a[rel=next]").Attr("href"))
	if rows := second.All("tbody tr"); len(rows) != 1 || !strings.Contains(rows[0].Text(), "p100@example.com") || second.Has(".pager a[rel=next]") {
		t.Errorf("the second page says %s", second.Text())
	}
	if empty := s.Get(t, batchPath+"?show=complained"); !strings.Contains(empty.Text(), "There is nobody in this list at the moment.") {
		t.Errorf("an empty list says %s", empty.Text())
	}
	for _, query := range []string{"?show=nonsense", "?show=known", "?show=sent&after=-7"} {
		if got := s.Get(t, batchPath+query); got.Location() != batchPath {
			t.Errorf("%s leads to %q (%d)", query, got.Location(), got.Status)
		}
	}
}

func TestTheListOfWhatWasNotSentCanBePastedBack(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 1, Refused: 1})
	entries := []extension.Delivery{
		{Text: "foo@@bar.com", Outcome: extension.OutcomeInvalid, Reason: "more_than_one_at"},
		{Text: "=HYPERLINK(\"http://evil.example\")", Outcome: extension.OutcomeInvalid, Reason: "no_at_sign"},
		{Address: "+tag@example.com", Outcome: extension.OutcomeAlreadyMember, Place: extension.Assignment{Area: hamburg(), Role: nurse()}},
		{Address: "row@example.com", Text: "row@example.com", Outcome: extension.OutcomeInvalid, Cells: [2]string{"＋Hambrug", "Nurse"}},
		{Address: "p@xn--mller-kva.de", Refused: extension.RefusedByProvider, Detail: `550 "no", thanks`, Place: extension.Assignment{Area: leipzig(), Role: nurse()}},
	}
	for i := range 2500 {
		entries = append(entries, extension.Delivery{Address: fmt.Sprintf("p%d@example.com", i), Outcome: extension.OutcomeAlreadyPending})
	}
	for i := range entries {
		entries[i].Position = i
	}
	s.lists = map[extension.EntryGroup][]extension.Delivery{extension.EntriesNotSent: entries}
	got := s.Get(t, batchPath+"/not-sent.csv")
	if kind, file := got.Header.Get("Content-Type"), got.Header.Get("Content-Disposition"); !strings.HasPrefix(kind, "text/csv; charset=utf-8") ||
		file != `attachment; filename="not-sent-2026-11-23.csv"` {
		t.Errorf("%q, %q", kind, file)
	}
	text, marked := strings.CutPrefix(got.Body, "\uFEFF")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || !marked || len(rows) != len(entries)+1 {
		t.Fatalf("%d rows, byte order mark %v, %v", len(rows), marked, err)
	}
	want := [][]string{
		{"email", "service area", "role", "reason"},
		{"foo@@bar.com", "", "", "Not a valid email address. There is more than one @. Put a comma or a new line between two addresses."},
		{`'=HYPERLINK("http://evil.example")`, "", "", rows[2][3]},
		{"'+tag@example.com", "Hamburg", "Nurse", "Already part of this organisation, and Active."},
		{"row@example.com", "'＋Hambrug", "Nurse", "Not a valid email address."},
		{"p@xn--mller-kva.de", "Leipzig", "Nurse", `The mail provider refused the message. It said: “550 "no", thanks”`},
	}
	if diff := cmp.Diff(want, rows[:6]); diff != "" {
		t.Error(diff)
	}
	found := recognise.Recognise(got.Body)
	addresses := map[string]bool{}
	for _, a := range found.Recognised {
		addresses[a.Key] = true
	}
	table := recognise.Read(got.Body, 10_000)
	for _, a := range table.Recognised {
		if a.Key == "row@example.com" && a.Area != "＋Hambrug" {
			t.Errorf("pasted back, the service area is %q", a.Area)
		}
	}
	for _, r := range table.Rejected {
		if r.Reason == recognise.UnfitRow {
			t.Errorf("pasted back, %q does not fit", r.Text)
		}
	}
	if len(table.Recognised) != 2503 || len(found.Recognised) != 2503 || !addresses["+tag@example.com"] || !addresses["row@example.com"] || !addresses["p@xn--mller-kva.de"] {
		t.Errorf("pasted back, %d addresses are recognised, rejected %v", len(found.Recognised), found.Rejected)
	}
}

func TestAnArchivedAreaIsMarkedAndAnUnusableRowSaysWhatItSaid(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 2, Waiting: 2})
	old := hamburg()
	old.Archived = true
	s.report.Batch.Area = old
	broken := func(cells ...string) extension.Delivery {
		d := extension.Delivery{Text: "broken@x", Outcome: extension.OutcomeInvalid, Reason: "bad_domain", Place: extension.Assignment{Area: old, Role: nurse()}}
		copy(d.Cells[:], cells)
		return d
	}
	s.report.Places = []extension.Places{{Assignment: extension.Assignment{Area: leipzig(), Role: nurse()}, People: 2}}
	s.report.NotSent = []extension.Delivery{broken("South Pier", ""), broken("South Pier", "Carer"), broken("", "Carer"), broken(), broken("leipzig", "Nurse")}
	var rows []string
	for _, row := range s.Get(t, batchPath).All("#not-sent tbody .address") {
		rows = append(rows, strings.Join(strings.Fields(row.Text()), " "))
	}
	want := []string{
		"broken@x for South Pier as Nurse", "broken@x for South Pier as Carer", "broken@x for Hamburg (archived) as Carer", "broken@x", "broken@x",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.report.Places = nil
	if text := s.Get(t, batchPath).One(t, ".facts").Text(); !strings.Contains(text, "Hamburg (archived)") {
		t.Errorf("the facts say %s", text)
	}
	s.report.Places = []extension.Places{{Assignment: extension.Assignment{Area: old, Role: nurse()}, People: 2}, {Assignment: extension.Assignment{Area: leipzig(), Role: nurse()}, People: 1}}
	if text := s.Get(t, batchPath).One(t, ".facts").Text(); !strings.Contains(text, "Hamburg (archived) as Nurse: 2 people") {
		t.Errorf("the facts say %s", text)
	}
}

func TestPeopleWhoAreHereAreOfferedTheirAreaAndRole(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{})
	place := extension.Assignment{Area: hamburg(), Role: nurse()}
	s.report.NotSent = []extension.Delivery{
		{User: annaID, Address: "anna@example.com", Outcome: extension.OutcomeAlreadyMember, Place: place},
		{User: emilID, Address: "emil@example.com", Outcome: extension.OutcomeAlreadyPending, Place: place, Placed: true},
		{User: adaID, Address: "lea@example.com", Outcome: extension.OutcomeInactive, Place: extension.Assignment{Area: leipzig(), Role: nurse()}},
		{User: batchID, Address: "hidden@example.com", Outcome: extension.OutcomeAlreadyMember, Place: place, Hidden: true},
	}
	s.report.NotSentAll, s.report.Known = 4, 2
	s.given = extension.Given{Given: 2, Had: 1, Hidden: 1}
	got := s.Get(t, batchPath)
	var offers []string
	for _, form := range got.All("#not-sent form") {
		offers = append(offers, form.Text())
	}
	want := []string{
		"Give 2 people this area and role too : everybody here who was invited before or is in the organisation, without a new message",
		"Give them Hamburg as Nurse too : anna@example.com", "Give them Leipzig as Nurse too : lea@example.com",
	}
	if diff := cmp.Diff(want, offers); diff != "" {
		t.Error(diff)
	}
	if got := s.press(t, batchPath+"/assign", nil); got.Location() != batchPath {
		t.Errorf("all: %d %q", got.Status, got.Location())
	}
	if text := s.Get(t, batchPath).Text(); !strings.Contains(text, "2 people have this service area and role too now. Nobody was written to. 1 person had them already. "+
		"1 person was left out, because they are in none of your service areas: ask an administrator to give it to them.") {
		t.Errorf("afterwards the page says %s", text)
	}
	s.press(t, batchPath+"/assign", url.Values{"user": {annaID}})
	if got := s.press(t, batchPath+"/assign", url.Values{"user": {"1"}}); got.Status != http.StatusNotFound {
		t.Errorf("nonsense: %d", got.Status)
	}
	if got := s.Post(t, batchPath+"/assign", url.Values{}); got.Status != http.StatusForbidden {
		t.Errorf("without a form token: %d", got.Status)
	}
	if diff := cmp.Diff([]string{"assign " + batchID + " ", "assign " + batchID + " " + annaID}, changes(s.asked)); diff != "" {
		t.Error(diff)
	}
	s.inviter()
	if n := len(s.Get(t, batchPath).All("#not-sent tbody form")); n != 1 {
		t.Errorf("an inviter of Hamburg is offered %d places to give, want Hamburg alone", n)
	}
}

// changes are what the verbs were asked to change.
func changes(asked []string) []string {
	var changes []string
	for _, a := range asked {
		if a != "report" {
			changes = append(changes, a)
		}
	}
	return changes
}

func TestABatchIsMovedToAnotherAreaOrRole(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{Queued: 3, Sent: 3})
	s.report.Places = []extension.Places{{Assignment: extension.Assignment{Area: hamburg(), Role: nurse()}, People: 3}}
	form := s.Get(t, s.Get(t, batchPath).One(t, "a[href="+batchPath+"/move]").Attr("href"))
	if !strings.Contains(form.Text(), "Hamburg as Nurse: 3 people") || len(form.All("select")) != 2 {
		t.Errorf("the form says %s", form.Text())
	}
	s.moved = extension.Moved{Moved: 1, Active: 2}
	s.press(t, batchPath+"/move", url.Values{"area": {string(leipzig().ID)}, "role": {string(nurse().ID)}})
	if text := s.Get(t, batchPath).Text(); !strings.Contains(text,
		"1 person was moved. Nobody was written to. Left as they are: 2 Active by now: they keep what they have.") {
		t.Errorf("afterwards the page says %s", text)
	}
	s.refuse = extension.Invalid("area", "This service area was archived. Choose another one.")
	got := s.press(t, batchPath+"/move", url.Values{"area": {string(leipzig().ID)}, "role": {string(nurse().ID)}})
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.One(t, "#field-area-error").Text(), "archived") {
		t.Errorf("refused: %d %s", got.Status, got.Text())
	}
}

func TestBatchesAreFoundAgain(t *testing.T) {
	t.Parallel()
	s := reported(t, extension.BatchInvite, extension.Progress{})
	s.batches = extension.BatchPage{
		Batches: []extension.BatchLine{
			{Batch: s.report.Batch, Progress: extension.Progress{Queued: 3, Sent: 2, Waiting: 1}},
			{
				Batch:    extension.Batch{ID: annaID, Kind: extension.BatchResend, Inviter: "Bo Berg", Pressed: now(), Finished: now()},
				Progress: extension.Progress{Queued: 3, Sent: 2, Refused: 1, Bounced: 1},
			},
		},
		Next: &extension.BatchCursor{Pressed: now().Add(time.Nanosecond), Batch: annaID},
	}
	got := s.Get(t, "/o/elsewhere/batches")
	var rows []string
	for _, row := range got.All("tbody tr") {
		rows = append(rows, row.Text())
	}
	want := []string{
		"Invitations of 23 Nov 2026, 09:30 UTC Hamburg as Nurse Ada Lind Sending 2 of 3 invitations were sent so far.",
		"Resend of 23 Nov 2026, 09:30 UTC as before Bo Berg Finished 2 of 3 invitations were sent. 1 bounced",
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if href := got.All("tbody tr a")[0].Attr("href"); href != batchPath {
		t.Errorf("a batch leads to %q", href)
	}
	older := s.Get(t, got.One(t, ".pager a[rel=next]").Attr("href"))
	if !strings.Contains(older.Text(), "The list ends here.") {
		t.Errorf("the last page says %s", older.Text())
	}
	s.batches = extension.BatchPage{}
	if text := s.Get(t, "/o/elsewhere/batches?after=nonsense").Text(); !strings.Contains(text, "Nobody has been invited yet.") {
		t.Errorf("an empty list says %s", text)
	}
}
