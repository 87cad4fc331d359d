package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/web/webtest"
)

func TestTheListOffersToResendToTickedRowsAndToAllThatItShows(t *testing.T) {
	t.Parallel()
	s := setup(t)
	got := s.Get(t, "/o/elsewhere/users?q=e")
	box := got.One(t, "input[name=user]")
	if box.Attr("value") != emilID || box.Attr("form") != "resend" {
		t.Errorf("the box is of %s and form %q; want Emil's alone, because the others are Active", box.Attr("value"), box.Attr("form"))
	}
	bar := got.One(t, "form#resend")
	if bar.Attr("action") != "/o/elsewhere/resend" || bar.Attr("method") != "get" || got.One(t, "form#resend input[name=back]").Attr("value") != "q=e" {
		t.Errorf("the bar is %s", bar.Text())
	}
	if all := got.One(t, "form#resend a"); all.Attr("href") != "/o/elsewhere/resend?all=yes&back=q%3De" || all.Text() != "Resend to all 1 shown by this filter" {
		t.Errorf("the link to all is %q to %s", all.Text(), all.Attr("href"))
	}
	s.users = s.users[:1] // Anna, who is Active
	if got := s.Get(t, "/o/elsewhere/users"); got.Has("#resend") || got.Has("input[name=user]") {
		t.Error("there is a bar, and nobody to resend to")
	}
}

func TestAResendSaysWhomItWouldWriteToAndWhomNot(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.entry.Organisation.Sending.UndoDelay = 5 * time.Minute
	s.resends = extension.ResendCount{Pending: 12, Expired: 5, LeftOut: map[extension.Outcome]int{
		extension.OutcomeTooSoon: 1, extension.OutcomeUndeliverable: 2, extension.OutcomeOnItsWay: 1, extension.OutcomeRefused: 1,
	}}
	got := s.Get(t, "/o/elsewhere/resend?all=yes&back="+url.QueryEscape("q=ward&status=pending"))
	if diff := cmp.Diff(extension.Selection{All: true, Filter: extension.Filter{Search: "ward", Status: extension.Pending}}, s.selection); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	for _, words := range []string{
		"This is about everybody who is Pending and matches “ward”.",
		"12 users who are Pending get a new invitation.", "Also send one to 5 users who are Expired",
		"Left out: 1 has an invitation that is still on its way 1 was written to within the last hour " +
			"2 cannot be reached: a message came back or was reported as spam 1 has an address that cannot be invited",
		"Nothing is sent for the first 5 minutes",
	} {
		if !strings.Contains(got.Text(), words) {
			t.Errorf("it does not say %q:\n%s", words, got.Text())
		}
	}
	if strings.Contains(got.Body, `name="expired" value="yes" checked`) {
		t.Error("Expired was chosen by the page")
	}
	if got.One(t, "main button").Text() != "Resend" || got.One(t, "main .button-quiet").Attr("href") != "/o/elsewhere/users?q=ward&status=pending" {
		t.Error("the button or the way back is missing")
	}
}

func TestTheExpiredAreChosenByThePageOnlyWhenTheListWasFilteredForThem(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.resends = extension.ResendCount{Expired: 1}
	for query, chosen := range map[string]bool{
		"user=" + emilID + "&user=" + emilID + "&user=nonsense&back=at%3Dnonsense": false,
		"user=" + emilID + "&back=" + url.QueryEscape("status=expired"):            false,
		"all=yes&back=": false,
		"all=yes&back=" + url.QueryEscape("q=ward") + "&expired=yes": false,
		"all=yes&back=" + url.QueryEscape("status=pending"):          false,
		"all=yes&back=" + url.QueryEscape("status=expired"):          true,
		"all=yes&back=" + url.QueryEscape("q=ward&status=expired"):   true,
	} {
		got := s.Get(t, "/o/elsewhere/resend?"+query)
		if !strings.Contains(got.Text(), "Send a new invitation to 1 user who is Expired") {
			t.Errorf("%s: it says %s", query, got.Text())
		}
		if strings.Contains(got.Body, `name="expired" value="yes" checked`) != chosen {
			t.Errorf("%s: the Expired are chosen: %v", query, !chosen)
		}
	}
	s.Get(t, "/o/elsewhere/resend?user="+emilID+"&user="+emilID+"&user=nonsense&back=at%3Dnonsense")
	if diff := cmp.Diff(extension.Selection{Users: []extension.UserID{emilID}}, s.selection); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}

func TestTheNumbersOfThePageAreWhatThePressConfirms(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.resends = extension.ResendCount{Pending: 12, Expired: 5}
	got := s.Get(t, "/o/elsewhere/resend?all=yes&back=")
	shown := func(name string) string { return got.One(t, "input[name="+name+"]").Attr("value") }
	s.press(t, "/o/elsewhere/resend", url.Values{
		"form": {shown("form")}, "all": {"yes"}, "pending-shown": {shown("pending-shown")}, "expired-shown": {shown("expired-shown")},
	})
	if s.again.Confirmed != (invite.Confirmed{Pending: 12, Expired: 5}) {
		t.Errorf("confirmed %+v", s.again.Confirmed)
	}
	s.refuse, s.resends = extension.Invalid("", "Nothing was sent: by now more people would be written to."), extension.ResendCount{Pending: 99}
	got = s.press(t, "/o/elsewhere/resend", url.Values{"all": {"yes"}, "pending-shown": {"12"}})
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Text(), "99 users who are Pending get") || shown("pending-shown") != "99" {
		t.Errorf("%d %s", got.Status, got.Text())
	}
}

func TestAResendToNobodyHasNoButton(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.resends = extension.ResendCount{LeftOut: map[extension.Outcome]int{extension.OutcomeAlreadyMember: 2, extension.OutcomeInactive: 1}}
	got := s.Get(t, "/o/elsewhere/resend?user="+annaID)
	if got.Has("main button") || !strings.Contains(got.Text(), "Nobody can be written to now. Left out: 2 are Active and need no invitation 1 is Inactive; resume them first") {
		t.Errorf("it says %s", got.Text())
	}
	s.resends = extension.ResendCount{}
	got = s.Get(t, "/o/elsewhere/resend")
	if got.Has("main button") || !strings.Contains(got.Text(), "Go back to the list and tick the people first. Nobody is selected.") {
		t.Errorf("it says %s", got.Text())
	}
}

func TestPressingResendTwiceIsOneBatchAndAnotherChoiceAnother(t *testing.T) {
	t.Parallel()
	s := setup(t)
	form := func(also ...string) url.Values {
		values := url.Values{"form": {"00000000-0000-4000-8000-0000000000f0"}, "user": {emilID}, "back": {"q=x"}}
		for i := 0; i < len(also); i += 2 {
			values[also[i]] = append(values[also[i]], also[i+1])
		}
		return values
	}
	batches := map[extension.BatchID]bool{}
	press := func(values url.Values) (webtest.Answer, invite.ResendOrder) {
		t.Helper()
		got := s.press(t, "/o/elsewhere/resend", values)
		batches[s.again.Batch] = true
		return got, s.again
	}
	got, first := press(form())
	if got.Status != http.StatusSeeOther || got.Location() != "/o/elsewhere/batches/"+string(first.Batch) {
		t.Errorf("it leads to %s (%d)", got.Location(), got.Status)
	}
	if diff := cmp.Diff(extension.Selection{Users: []extension.UserID{emilID}}, first.Selection); diff != "" || first.Expired {
		t.Errorf("ordered %+v", first)
	}
	if _, again := press(form()); again.Batch != first.Batch {
		t.Error("the same press is another batch")
	}
	if _, order := press(form("expired", "yes")); !order.Expired {
		t.Error("Expired was not ordered")
	}
	press(form("user", annaID))
	press(form("all", "yes"))
	if len(batches) != 4 {
		t.Errorf("%d batches of four different presses", len(batches))
	}
	if strings.Join(s.asked, " ") != strings.TrimSpace(strings.Repeat("resend many ", 5)) {
		t.Errorf("asked %q", s.asked)
	}
	if got := s.Post(t, "/o/elsewhere/resend", form()); got.Status != http.StatusForbidden || len(s.asked) != 5 {
		t.Errorf("without the form's token: %d", got.Status)
	}
}

func TestAResendThatIsRefusedSaysWhyAndShowsTheCounts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.refuse = extension.Invalid("", "Nobody of them can be written to now.")
	s.resends = extension.ResendCount{LeftOut: map[extension.Outcome]int{extension.OutcomeOnItsWay: 2}}
	got := s.press(t, "/o/elsewhere/resend", url.Values{"user": {emilID}})
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Text(), "Nobody of them can be written to now.") ||
		!strings.Contains(got.Text(), "2 have an invitation that is still on its way") {
		t.Errorf("%d %s", got.Status, got.Text())
	}
}
