package main

import (
	"bufio"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"paperplane/extension"
	"paperplane/tools/mailbox"
)

// TestTheBatchPage watches batches in a real browser and does with them whatever the page offers. A stream is left open
// at its end: the server must stop at once all the same.
func TestTheBatchPage(t *testing.T) {
	t.Parallel()
	calls := &checkpoint{}
	s := startTestStack(t, "", func(o *stackOptions) {
		o.settings = append(o.settings, "PAPERPLANE_MAIL_RESEND_BASE_URL="+calls.start(t, o.ports.mailbox))
	})
	ada := s.administrator(t)
	watcher := startChromium(t).person(t, "watcher")
	s.signIn(watcher, s.password)
	watcher.arrives("/o/harbour/users")
	inTurn(t,
		story{"progress is watched, paused, resumed and cancelled", func(t *testing.T) { s.watchesBatch(t, ada, watcher, calls) }},
		story{"a batch is taken back before it begins", func(t *testing.T) { s.takesBack(t, ada, watcher) }},
		story{"buttons of an old page do no harm", func(t *testing.T) { s.pressesOldPages(t, ada) }},
		story{"what was not sent is pasted back", func(t *testing.T) { s.pastesBack(t, ada, watcher) }},
		story{"who is here is given another place", func(t *testing.T) { s.givesPlace(t, ada) }},
		story{"pending people are moved without mail", func(t *testing.T) { s.movesBatch(t, ada, watcher) }},
		story{"a stream ends with the session and the right", func(t *testing.T) { s.endsStreams(t, ada) }},
		story{"a batch that paused itself says where its messages fail", func(t *testing.T) { s.namesFailingDomains(t, ada, watcher) }},
		story{"batches are found again", func(t *testing.T) { s.findsBatches(t, ada, watcher) }},
	)
	s.stream(t, ada, s.waits(t, ada, "left.open@example.com"))
}

// waits invites somebody in a batch that has not begun, and gives its path.
func (s *testStack) waits(t *testing.T, ada *visitor, address string) string {
	t.Helper()
	s.rows(t, `UPDATE organisations SET undo_delay = 600`)
	defer s.rows(t, `UPDATE organisations SET undo_delay = 0`)
	batch := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite", "addresses", address, "area", "North Pier", "role", "Carer")
	batch.says(t, 200, "Waiting to be sent")
	return batch.path()
}

// sentSoFar is the first number of the page's sentence.
func sentSoFar(p *person) int {
	found := regexp.MustCompile(`([\d,]+) of [\d,]+ invitations were sent`).FindStringSubmatch(p.text())
	if found == nil {
		return -1
	}
	n, _ := strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
	return n
}

// stays marks the page; gone tells whether another one was loaded since.
func (p *person) stays() (gone func() bool) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Evaluate[any]("window.stays = true; 0")); err != nil {
		p.t.Fatal(err)
	}
	return func() bool {
		same, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("window.stays === true"))
		return err == nil && !same
	}
}

func (s *testStack) watchesBatch(t *testing.T, ada *visitor, watcher *person, calls *checkpoint) {
	t.Helper()
	let, release := calls.holdLetters() // nothing goes out until the test says so
	defer release()
	batch := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite",
		"addresses", strings.Join(people("crowd", 3000), "\n"), "area", "North Pier", "role", "Carer")
	watcher.open(s.page(batch.path()))
	watcher.sees("Sending invitations…", "0 of 3,000 invitations were sent so far.", "This page follows along by itself.", "Pause", "Cancel what is not sent yet")
	s.looks(watcher, "batch-running")
	gone := watcher.stays()
	let(1)
	watcher.until("see the first being sent", func() bool { return sentSoFar(watcher) > 0 })
	if gone() {
		t.Error("the page was loaded anew instead of following")
	}
	before := sentSoFar(watcher)
	watcher.press("Pause")
	watcher.sees("Sending is paused", "Paused by Ada Admin", "What was handed to the mail provider already may still arrive.")
	s.looks(watcher, "batch-paused")
	watcher.press("Resume")
	watcher.sees("Sending goes on.", "Sending invitations…")
	let(1)
	watcher.until("see it go on", func() bool { return sentSoFar(watcher) > before })
	ada.press(t, ada.open(t, batch.path()), "Pause").says(t, 200, "Sending is paused.")
	watcher.sees("Paused by Ada Admin") // somebody else has paused it: the page hears of that
	release()
	s.settles(t)

	watcher.press("Cancel what is not sent yet")
	watcher.sees("Cancel what is not sent yet?", "have not been sent yet.", "Back to the batch")
	s.looks(watcher, "batch-cancel")
	left := regexp.MustCompile(`Cancel ([\d,]+) messages`).FindString(watcher.text())
	watcher.press(left)
	watcher.sees("The rest was cancelled", "Cancelled by Ada Admin", "cancelled and will not be sent.", "It was cancelled before it was sent.")
	s.looks(watcher, "batch-cancelled")
	report := s.reports(t, extension.BatchID(strings.TrimPrefix(batch.path(), "/o/harbour/batches/")))
	if sent, letters := report.Progress.Sent, len(s.mailbox.Messages(""))-1; sent != letters || sent+report.Progress.Refused != 3000 {
		t.Errorf("%d sent, %d refused, %d letters", sent, report.Progress.Refused, letters)
	}
}

func (s *testStack) takesBack(t *testing.T, ada *visitor, watcher *person) {
	t.Helper()
	s.rows(t, `UPDATE organisations SET undo_delay = 600`)
	defer s.rows(t, `UPDATE organisations SET undo_delay = 0`)
	s.invite(t, watcher, "taken.back@example.com\nalso.back@example.com", "2 addresses recognised")
	watcher.sees("Waiting to be sent", "Nothing has been sent yet. 2 invitations are ready.", "(in 9 min ")
	s.looks(watcher, "batch-waiting")
	watcher.press("Take it back : nothing has been sent yet")
	watcher.sees("Taken back: nothing was sent", "2 messages were cancelled and will not be sent.")
	s.noLetter(t, "taken.back@example.com")
	ada.open(t, "/o/harbour/users?q=taken.back").says(t, 200, "Nobody matches")

	batch := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite", "addresses", "taken.back@example.com", "area", "North Pier", "role", "Carer")
	batch.says(t, 200, "Nothing has been sent yet. 1 invitation is ready.")
	sending := ada.press(t, batch, "Send now")
	sending.says(t, 200, "Sending has begun.")
	ada.awaitBatch(t, sending).allSent(t, 1)
	s.oneLetterEach(t, "taken.back@example.com")
}

func (s *testStack) pressesOldPages(t *testing.T, ada *visitor) {
	t.Helper()
	s.mailbox.Fail(1<<30, mailbox.FaultTooMany)
	running := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite", "addresses", "old.page@example.com", "area", "North Pier", "role", "Carer")
	pause := running.formWith(t, "Pause")
	paused := ada.do(t, ada.submission(t, running, pause))
	paused.says(t, 200, "Sending is paused.")
	ada.do(t, ada.submission(t, running, pause)).says(t, 200, "Sending is paused.") // pressed twice
	resume := paused.formWith(t, "Resume")
	s.mailbox.Fail(0, 0)
	ada.awaitBatch(t, ada.do(t, ada.submission(t, paused, resume))).allSent(t, 1)
	eventually(t, "the batch is finished", func() bool {
		return row[bool](t, s, `SELECT finished_at IS NOT NULL FROM batches WHERE id = $1`, path.Base(running.path()))
	})
	ada.do(t, ada.submission(t, running, pause)).says(t, 200, "This batch is finished, so there is nothing to pause.")
	ada.do(t, ada.submission(t, paused, resume)).says(t, 200, "1 invitation was sent.")
	ada.open(t, running.path()+"/cancel").says(t, 200, "Invitations sent") // nothing is left to ask about
	s.oneLetterEach(t, "old.page@example.com")
}

func (s *testStack) pastesBack(t *testing.T, ada *visitor, watcher *person) {
	t.Helper()
	s.mailbox.RefuseAddress("refused@example.com", "The mailbox does not exist.")
	batch := ada.invites(t, "refused@example.com", "+plus@example.com", "two@@example.com", demoAdministrator)
	batch.says(t, 200, "1 of 2 invitations were sent.", "3 entries were not sent an invitation.")
	watcher.open(s.page(batch.path()))
	watcher.sees("Not sent (3)")
	s.looks(watcher, "batch-not-sent")
	file := ada.open(t, batch.path()+"/not-sent.csv")
	for _, line := range []string{
		"email,service area,role,reason\r\n", "\r\nrefused@example.com,North Pier,Carer,The mail provider refused the message.", "\r\ntwo@@example.com,",
		"\r\n" + demoAdministrator + ",North Pier,Carer,",
	} {
		if !strings.Contains(file.body, line) {
			t.Errorf("the file has no %q:\n%s", line, file.body)
		}
	}
	again := ada.press(t, ada.open(t, "/o/harbour/invite"), "Invite", "addresses", file.body)
	again = ada.awaitBatch(t, again)
	again.says(t, 200, "Already part of this organisation, and Active.", "two@@example.com")
	if again.row("two@@example.com") == "" || again.row(demoAdministrator) == "" {
		t.Errorf("pasted back, the page says %s", again.text())
	}
}

func (s *testStack) givesPlace(t *testing.T, ada *visitor) {
	t.Helper()
	s.member(t, ada, "here@example.com")
	batch := ada.invitesAs(t, "South Pier", "Team lead", "here@example.com", "new.there@example.com")
	given := ada.press(t, batch, "Give them South Pier as Team lead too : here@example.com")
	given.says(t, 200, "1 person has this service area and role too now. Nobody was written to.")
	if given.has("Give them South Pier as Team lead too : here@example.com") {
		t.Error("it is offered again")
	}
	user := s.user(t, "here@example.com")
	if len(user.Assignments) != 2 {
		t.Errorf("assignments %+v", user.Assignments)
	}
	eventually(t, "Kratos publishes the new place", func() bool {
		return strings.Contains(fmt.Sprint(s.identity(t, user.Identity)["metadata_public"]), "South Pier")
	})
	s.oneLetterEach(t, "here@example.com")
}

func (s *testStack) movesBatch(t *testing.T, ada *visitor, watcher *person) {
	t.Helper()
	batch := ada.invites(t, "in.time@example.com", "moved@example.com")
	s.visitor(t).joins(t, "in.time@example.com")
	form := ada.press(t, ada.open(t, batch.path()), "Move to another area or role")
	form.says(t, 200, "North Pier as Carer: 2 people")
	watcher.open(s.page(batch.path() + "/move"))
	watcher.sees("Move them")
	s.looks(watcher, "batch-move")
	ada.press(t, form, "Move them").says(t, 422, "Choose one of your service areas.", "Choose one of the roles.")
	moved := ada.press(t, form, "Move them", "area", "Lighthouse", "role", "Carer")
	moved.says(t, 200, "1 person was moved. Nobody was written to.", "1 Active by now", "Lighthouse as Carer: 1 person")
	if place := s.user(t, "moved@example.com").Assignments; len(place) != 1 || place[0].Area.Name != "Lighthouse" {
		t.Errorf("moved to %+v", place)
	}
	s.oneLetterEach(t, "moved@example.com", "in.time@example.com")
	s.visitor(t).joins(t, "moved@example.com") // the link in the letter works on
}

// stream opens the stream of a batch with a visitor's cookies and gives its lines, which end with it.
func (s *testStack) stream(t *testing.T, v *visitor, batch string) (status int, lines chan string) {
	t.Helper()
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	response, err := (&http.Client{Jar: v.client.Jar, Transport: wire}).Do(v.request(t, http.MethodGet, batch+"/events", http.NoBody))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	lines = make(chan string, 1000)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return response.StatusCode, lines
}

func (s *testStack) endsStreams(t *testing.T, ada *visitor) {
	t.Helper()
	lead := s.visitor(t)
	ada.invitesAs(t, "North Pier", "Team lead", "stream.lead@example.com").allSent(t, 1)
	lead.joins(t, "stream.lead@example.com")
	batch := s.waits(t, ada, "watched@example.com")
	if status, _ := s.stream(t, s.visitor(t), batch); status == http.StatusOK {
		if page := s.visitor(t).open(t, batch+"/events"); !strings.HasPrefix(page.path(), "/login") {
			t.Errorf("a stranger follows: %s", page.path())
		}
	}
	start := time.Now()
	status, lines := s.stream(t, lead, batch)
	if status != http.StatusOK {
		t.Fatalf("the inviter of the area gets %d", status)
	}
	ada.pauses(t, "stream.lead@example.com")
	told := false
	for line := range lines {
		told = told || line == "event: gone"
	}
	if took := time.Since(start); !told || took > recovery {
		t.Errorf("a deactivated inviter's stream ended after %s, told %v", took, told)
	}
}

// namesFailingDomains writes down what the provider and the stop-loss would; how they do is tested where they are.
func (s *testStack) namesFailingDomains(t *testing.T, ada *visitor, watcher *person) {
	t.Helper()
	batch := ada.invites(t, "one@failing.example", "two@failing.example", "three@failing.example", "four@good.example", "five@good.example")
	id := strings.TrimPrefix(batch.path(), "/o/harbour/batches/")
	eventually(t, "the provider has told everything", func() bool {
		return row[int](t, s, `SELECT count(*)::int FROM invitations WHERE batch_id = $1 AND delivered_at IS NOT NULL`, id) == 5
	})
	// In one statement, or the engine would find nothing left to do and end the batch in between.
	s.rows(t, `
		WITH paused AS (UPDATE batches SET finished_at = NULL, paused_at = now(), paused_by = '' WHERE id = $1),
		bounced AS (
			UPDATE invitations i SET bounced_at = now(), delivery_detail = '550 5.1.1 No such user here' FROM users u
			 WHERE i.batch_id = $1 AND u.id = i.user_id AND u.address IN ('one@failing.example', 'two@failing.example'))
		UPDATE invitations i SET sent_at = NULL, delivered_at = NULL, message_id = NULL, chunk_id = NULL FROM users u
		 WHERE i.batch_id = $1 AND u.id = i.user_id AND u.address = 'five@good.example'`, id)
	watcher.open(s.page(batch.path()))
	watcher.sees("Sending is paused", "It paused itself, because too many messages bounced: 2 of 4 so far. They failed at failing.example (2 of 3).", "Resume")
	s.looks(watcher, "batch-stopped")
	watcher.press("See which bounced")
	watcher.sees("Bounced", "one@failing.example", "It came back. It said: “550 5.1.1 No such user here”", "Correct the address")
	s.looks(watcher, "batch-bounced")
	ada.press(t, ada.open(t, batch.path()), "Cancel what is not sent yet")
	ada.press(t, ada.open(t, batch.path()+"/cancel"), "Cancel 1 message").says(t, 200, "1 message was cancelled and will not be sent.")
}

func (s *testStack) findsBatches(t *testing.T, ada *visitor, watcher *person) {
	t.Helper()
	list := ada.press(t, ada.open(t, "/o/harbour/users"), "Batches")
	list.says(t, 200, "Invitations of", "North Pier as Carer", "Ada Admin", "Finished", "Cancelled")
	watcher.open(s.page("/o/harbour/batches"))
	watcher.sees("Batches")
	s.looks(watcher, "batches")
	watcher.open(s.page(list.path()))
}
