package admin_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/roster"
	"paperplane/extension/web"
)

// personStage stands in for the verbs of the page of one user.
type personStage struct {
	postings   []extension.Posting
	deeds      []extension.Audit
	correction invite.Correction
	letters    map[extension.DeliveryState]int // of the list
}

func (s *stage) Person(ctx context.Context, actor extension.Actor, id extension.UserID) (roster.Person, error) {
	user, err := s.Find(ctx, actor, id)
	return roster.Person{User: user, Postings: s.postings, Deeds: s.deeds, Now: now()}, err
}

func (s *stage) Readdress(_ context.Context, _ extension.Actor, user extension.UserID, correction invite.Correction) (extension.BatchID, error) {
	s.asked, s.correction = append(s.asked, "readdress "+string(user)), correction
	for i := range s.users {
		if s.users[i].ID == user && s.refuse == nil {
			s.users[i].Address = correction.Address
		}
	}
	return batchID, s.refuse
}

func (s *stage) MailAnyway(_ context.Context, _ extension.Actor, user extension.UserID) (extension.BatchID, error) {
	s.asked = append(s.asked, "mail anyway "+string(user))
	return batchID, s.refuse
}

// emil is invited to an address that did not work.
func (s *stage) emil(change func(*extension.User)) {
	emil := &s.users[1]
	emil.Facts.Expires = now().AddDate(0, 0, 6)
	emil.Facts.Sent = now().AddDate(0, 0, -1)
	emil.Letter.Sent = emil.Facts.Sent
	if change != nil {
		change(emil)
	}
}

func bouncedLetter(u *extension.User) {
	u.Letter.Bounced, u.Letter.Detail, u.Suppressed = now(), "550 <no such user>", extension.SuppressedBounce
}

func TestARowSaysHowFarSomebodyHasCome(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*extension.User)
		want   string
	}{
		"sent":      {nil, "Pending Sentlink works until 29 Nov 2026, 09:30 UTCnot known yet whether it arrived"},
		"delayed":   {func(u *extension.User) { u.Letter.Delayed, u.Letter.Detail = now(), "451 later" }, "Delayedlink works until 29 Nov 2026, 09:30 UTCtheir mail server does not take it yet “451 later”"},
		"delivered": {func(u *extension.User) { u.Letter.Delivered = now() }, "Deliveredlink works until 29 Nov 2026, 09:30 UTClink not opened yet"},
		"bounced":   {bouncedLetter, "Bouncedlink works until 29 Nov 2026, 09:30 UTCthe message came back “550 <no such user>” No more mail: a message bounced."},
		"complained": {
			func(u *extension.User) { u.Letter.Complained, u.Suppressed = now(), extension.SuppressedComplaint },
			"Reported as spamlink works until 29 Nov 2026, 09:30 UTCreported as spam No more mail: reported as spam.",
		},
		"opened": {func(u *extension.User) { u.Facts.Opened = now() }, "link opened, Start not pressed yet"},
		"password refused": {
			func(u *extension.User) {
				u.Facts.Started = now().Add(-time.Hour)
				u.Stumble = extension.Stumble{At: now(), Step: extension.StepRegister, Sentence: "The password is too short."}
			},
			"started; not registered yet “The password is too short.” 23 Nov 2026, 09:30 UTC",
		},
		"registered": {func(u *extension.User) { u.Facts.Registered = now() }, "registered; has not accepted the terms yet"},
		"not sent": {
			func(u *extension.User) {
				u.Facts.Sent, u.Letter.Sent = time.Time{}, time.Time{}
				u.Refused, u.NotMailed = extension.RefusedByProvider, extension.RefusedByProvider
			},
			"Not sentnot sent: The mail provider refused the message.",
		},
	} {
		s := setup(t)
		s.emil(c.change)
		if got := rowOf(t, s.Get(t, "/o/elsewhere/users"), emilID); !strings.Contains(got, c.want) {
			t.Errorf("%s: the row says %q", name, got)
		}
	}
}

func TestTheListIsFilteredByMessage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.letters = map[extension.DeliveryState]int{extension.DeliveryDelivered: 1200, extension.DeliveryBounced: 2, "": 1}
	got := s.Get(t, "/o/elsewhere/users?status=pending&q=bo")
	var chips []string
	for _, chip := range got.All(".chips a") {
		chips = append(chips, chip.Text())
	}
	if diff := cmp.Diff([]string{"Any message 1,203", "Delivered 1,200", "Bounced 2"}, chips); diff != "" {
		t.Errorf("filters (-want +got):\n%s", diff)
	}
	got = s.Get(t, got.All(".chips a")[2].Attr("href"))
	if diff := cmp.Diff(extension.Filter{Search: "bo", Status: extension.Pending, Letter: extension.DeliveryBounced, Limit: 50}, s.found); diff != "" {
		t.Errorf("the verb was asked (-want +got):\n%s", diff)
	}
	if got.One(t, ".chips [aria-current=page]").Text() != "Bounced 2" || got.One(t, ".find [name=letter]").Attr("value") != "bounced" {
		t.Error("the page does not show what it was asked for")
	}
	s.Get(t, got.All(".tabs a")[0].Attr("href"))
	if s.found.Letter != extension.DeliveryBounced || s.found.Status != "" {
		t.Errorf("another status asks %+v", s.found)
	}
	if s.Get(t, "/o/elsewhere/users?letter=nonsense"); s.found.Letter != "" {
		t.Errorf("nonsense asks %+v", s.found)
	}
	s.letters = map[extension.DeliveryState]int{extension.DeliverySent: 3}
	if s.Get(t, "/o/elsewhere/users").Has(".chips") {
		t.Error("one state alone is offered as a choice")
	}
}

func TestThePageOfAPersonTellsEverything(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.emil(bouncedLetter)
	s.users[1].Facts.Invited = now().AddDate(0, 0, -2)
	s.users[1].Assignments = []extension.Assignment{{Area: hamburg(), Role: nurse()}}
	s.postings = []extension.Posting{
		{
			Invitation: "i2", Kind: extension.BatchResend, By: "Ada Lind", Pressed: now().Add(-2 * time.Hour), Address: "emil@xn--mller-kva.de",
			Facts:   extension.LetterFacts{Sent: now().Add(-time.Hour), Bounced: now(), Detail: "550 <no such user>"},
			Expires: now().AddDate(0, 0, 6),
		},
		{
			Invitation: "i1", Kind: extension.BatchInvite, By: "Ada Lind", Pressed: now().AddDate(0, 0, -2), Address: "emil@exampel.com",
			Refused: extension.RefusedByProvider, Detail: "no such domain", Revoked: true,
		},
	}
	list := s.Get(t, "/o/elsewhere/users")
	link := list.One(t, "tr[data-user="+emilID+"] .address a")
	got := s.Get(t, link.Attr("href"))
	if got.Status != http.StatusOK || got.One(t, "h1").Text() != "emil@müller.de" || !strings.Contains(got.One(t, "nav.crumbs").Text(), "Users") {
		t.Fatalf("%d %s", got.Status, got.Text())
	}
	for place, want := range map[string]string{
		".person":           "Email emil@müller.de Status Pendinglink works until 29 Nov 2026, 09:30 UTC Newest message Bounced Where they are the message came back “550 <no such user>” No more mail: a message bounced. Service area and role Hamburg as Nurse",
		"[data-posting=i2]": "Invited again by Ada Lind 23 Nov 2026, 07:30 UTC emil@müller.de Bounced550 <no such user> works until 29 Nov 2026, 09:30 UTC",
		"[data-posting=i1]": "Invited by Ada Lind 21 Nov 2026, 09:30 UTC emil@exampel.com Not sentThe mail provider refused the message. It said: “no such domain” ended by a newer invitation",
		".timeline":         "23 Nov 2026, 09:30 UTC Bounced from emil@müller.de “550 <no such user>” 23 Nov 2026, 08:30 UTC Message to emil@müller.de accepted by the mail provider 23 Nov 2026, 07:30 UTC Invited again by Ada Lind 21 Nov 2026, 09:30 UTC Invited by Ada Lind",
	} {
		if text := strings.Join(strings.Fields(got.One(t, place).Text()), " "); text != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%s says\n%q, want\n%q", place, text, want)
		}
	}
}

func TestTheHistoryOfAPersonTellsWhatOthersDecided(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.emil(nil)
	s.users[1].Facts.Paused = now().Add(-time.Hour)
	corrected := now().AddDate(0, 0, -2)
	s.postings = []extension.Posting{
		{Invitation: "i2", Kind: extension.BatchResend, By: "Ada Lind", Pressed: corrected, Address: "emil@xn--mller-kva.de"},
		{Invitation: "i1", Kind: extension.BatchInvite, By: "Ada Lind", Pressed: corrected.Add(-30 * time.Second), Address: "emil@muler.de"},
	}
	deed := func(action extension.Action, at time.Time, detail string) extension.Audit {
		return extension.Audit{At: at, Actor: "Ada Lind", Action: action, Detail: detail}
	}
	s.deeds = []extension.Audit{
		deed(extension.ActionUserPaused, now().Add(-time.Hour), ""),
		deed(extension.ActionUserResumed, now().Add(-2*time.Hour), ""),
		deed(extension.ActionUserPaused, now().Add(-2*time.Hour-time.Second), ""),
		deed(extension.ActionUserAssigned, now().Add(-3*time.Hour), "to Leipzig as Nurse instead of Hamburg as Nurse"),
		deed(extension.ActionUserAssigned, now().Add(-4*time.Hour), "also to Hamburg as Nurse"),
		deed(extension.ActionUserUnsuppressed, now().Add(-5*time.Hour), "bounced"),
		deed(extension.ActionUserReaddressed, corrected, "from emil@muler.de to emil@xn--mller-kva.de"),
	}
	var told []string
	for _, event := range s.Get(t, "/o/elsewhere/users/"+emilID).All(".timeline li") {
		_, words, _ := strings.Cut(event.Text(), "UTC ")
		told = append(told, words)
	}
	want := []string{
		"Deactivated by Ada Lind", "Resumed by Ada Lind", "Deactivated by Ada Lind", "Moved to Leipzig as Nurse instead of Hamburg as Nurse by Ada Lind",
		"Also given Hamburg as Nurse by Ada Lind", "Mail to this address allowed again by Ada Lind",
		"Invited again by Ada Lind", "Address corrected from emil@muler.de to emil@müller.de by Ada Lind", "Invited by Ada Lind",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAMessageThatTheProviderCouldNotSendDidNotComeBack(t *testing.T) {
	t.Parallel()
	s := setup(t)
	failed := extension.LetterFacts{Sent: now().Add(-time.Hour), Bounced: now(), Detail: extension.FailedDetail + "reached_daily_quota"}
	s.emil(func(u *extension.User) { u.Letter = failed })
	s.users[1].Assignments = []extension.Assignment{{Area: extension.ServiceArea{Name: "Hamburg", Archived: true}, Role: nurse()}}
	s.postings = []extension.Posting{{Invitation: "i1", Kind: extension.BatchInvite, Pressed: now().Add(-time.Hour), Address: "emil@xn--mller-kva.de", Facts: failed}}
	s.report = extension.Report{Batch: extension.Batch{ID: batchID, Kind: extension.BatchInvite, Pressed: now()}, Progress: extension.Progress{Queued: 1, Sent: 1, Bounced: 1}}
	s.lists = map[extension.EntryGroup][]extension.Delivery{extension.EntriesBounced: {{User: emilID, Address: "emil@xn--mller-kva.de", Letter: failed}}}
	page := s.Get(t, "/o/elsewhere/users/"+emilID)
	for place, words := range map[string]string{
		".person":   "the mail provider could not send it “reached_daily_quota” Service area and role Hamburg (archived) as Nurse",
		".timeline": "The mail provider could not send the message to emil@müller.de “reached_daily_quota”",
	} {
		if text := strings.Join(strings.Fields(page.One(t, place).Text()), " "); !strings.Contains(text, words) {
			t.Errorf("%s says %q", place, text)
		}
	}
	list := s.Get(t, batchPath+"?show=bounced")
	if row := list.One(t, "tbody tr").Text(); !strings.Contains(row, "The mail provider could not send it: “reached_daily_quota” See the user") {
		t.Errorf("the batch says %q", row)
	}
	for _, text := range []string{page.Text(), list.Text(), rowOf(t, s.Get(t, "/o/elsewhere/users"), emilID)} {
		if strings.Contains(text, "came back") {
			t.Errorf("something came back: %s", text)
		}
	}
}

func TestWhatCanBeDoneToAPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*extension.User)
		buttons []string
		fixable bool
	}{
		"pending": {nil, []string{"Resend the invitation to emil@müller.de", "Deactivate emil@müller.de"}, true},
		"bounced": {bouncedLetter, []string{"Mail this address anyway emil@müller.de", "Deactivate emil@müller.de"}, true},
		"on its way": {
			func(u *extension.User) { u.Letter.Sent, u.Facts.Sent = time.Time{}, time.Time{} },
			[]string{"Resend the invitation to emil@müller.de", "Deactivate emil@müller.de"},
			false,
		},
		"registered": {func(u *extension.User) { u.Facts.Registered = now() }, []string{"Resend the invitation to emil@müller.de", "Deactivate emil@müller.de"}, false},
		"active":     {func(u *extension.User) { u.Facts.Activated = now() }, []string{"Deactivate emil@müller.de"}, false},
		"inactive":   {func(u *extension.User) { u.Facts.Paused = now() }, []string{"Resume emil@müller.de"}, false},
	} {
		s := setup(t)
		s.emil(c.change)
		got := s.Get(t, "/o/elsewhere/users/"+emilID)
		var buttons []string
		for _, button := range got.All(".person-actions button") {
			buttons = append(buttons, button.Text())
		}
		if diff := cmp.Diff(c.buttons, buttons); diff != "" || got.Has("#field-address") != c.fixable {
			t.Errorf("%s: fixable %v, buttons (-want +got):\n%s", name, got.Has("#field-address"), diff)
		}
	}
	s := setup(t)
	s.inviter()
	if got := s.Get(t, "/o/elsewhere/users/"+emilID); got.Has("form[action=/o/elsewhere/users/" + emilID + "/pause]") {
		t.Error("an inviter may deactivate")
	}
	if got := s.Get(t, "/o/elsewhere/users/"+batchID).Status; got != http.StatusNotFound {
		t.Errorf("nobody: %d", got)
	}
	if got := s.Get(t, "/o/elsewhere/users/nobody").Status; got != http.StatusNotFound {
		t.Errorf("no id: %d", got)
	}
}

func TestAnAddressIsFixedAndWhatWasTypedIsKeptWhenItIsRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.emil(nil)
	page := "/o/elsewhere/users/" + emilID
	s.refuse = extension.Invalid("sure", "The domain looks mistyped.")
	got := s.press(t, page+"/readdress", url.Values{"address": {" emil@gmial.com\x00 "}})
	if got.Status != http.StatusUnprocessableEntity || got.One(t, "#field-address").Attr("value") != "emil@gmial.com" ||
		!strings.Contains(got.One(t, "[role=alert]").Text(), "The domain looks mistyped.") || !got.Has("#field-sure") {
		t.Fatalf("%d %s", got.Status, got.Text())
	}
	s.refuse = nil
	got = s.press(t, page+"/readdress", url.Values{"address": {"emil@gmial.com"}, "sure": {"yes"}})
	if got.Status != http.StatusSeeOther || got.Location() != page || s.correction != (invite.Correction{Address: "emil@gmial.com", Sure: true}) {
		t.Fatalf("%d to %q, %+v", got.Status, got.Location(), s.correction)
	}
	want := "Done: A new invitation is on its way to emil@gmial.com. The link that was sent to emil@müller.de no longer works."
	if told := s.Get(t, page).One(t, ".notice").Text(); told != want {
		t.Errorf("the notice says %q", told)
	}
	if got = s.press(t, page+"/anyway", url.Values{"from": {"person"}}); got.Location() != page || s.asked[len(s.asked)-1] != "mail anyway "+emilID {
		t.Errorf("to %q, asked %q", got.Location(), s.asked)
	}
	for _, action := range []string{"/readdress", "/anyway"} {
		if got := s.Post(t, page+action, url.Values{web.TokenField: {"another's"}}); got.Status != http.StatusForbidden {
			t.Errorf("%s without the session's token: %d", action, got.Status)
		}
	}
}

func TestWhatHappensWithinASecondIsToldInItsOrder(t *testing.T) {
	t.Parallel()
	s := setup(t)
	begun := now().Add(-time.Hour)
	after := func(tenths int) time.Time { return begun.Add(time.Duration(tenths) * 100 * time.Millisecond) }
	s.emil(func(u *extension.User) {
		u.Facts.Registered, u.Facts.Secured, u.Facts.Accepted, u.Facts.Activated = after(4), after(7), after(8), after(8)
	})
	s.postings = []extension.Posting{{
		Invitation: "i1", Kind: extension.BatchInvite, By: "Ada Lind", Pressed: after(0), Address: "emil@xn--mller-kva.de",
		Facts:  extension.LetterFacts{Sent: after(2), Delivered: after(1)}, // by a clock that is behind
		Opened: after(2), Started: after(3),
	}}
	deed := func(action extension.Action, at time.Time, detail string) extension.Audit {
		return extension.Audit{At: at, Actor: "Ada Lind", Action: action, Detail: detail}
	}
	s.deeds = []extension.Audit{
		deed(extension.ActionFactorProven, after(7), "totp"), deed(extension.ActionFactorsReset, after(6), ""), deed(extension.ActionFactorProven, after(5), "sms"),
	}
	var told []string
	for _, event := range s.Get(t, "/o/elsewhere/users/"+emilID).All(".timeline li") {
		_, words, _ := strings.Cut(event.Text(), "UTC ")
		told = append(told, words)
	}
	want := []string{
		"Active", "Terms and conditions (EULA) accepted", "Second factor proven: Authenticator app", "Second factors reset by Ada Lind",
		"Second factor proven: Text message", "Registered: there is a password", "Start pressed", "Link opened, perhaps by a mail scanner",
		"Delivered to emil@müller.de", "Message to emil@müller.de accepted by the mail provider", "Invited by Ada Lind",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
