package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
)

func sendingForm(pairs ...string) url.Values {
	form := url.Values{"seen": {"0 3 50"}, "undo": {"300"}, "first": {"3"}, "second": {" 6 "}, "percent": {"4"}, "after": {"100"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func TestAdministratorsChangeTheSendingSettings(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.entry.Organisation.Sending = extension.Sending{StopLoss: extension.StopLoss{Percent: 3, After: 50}}
	if link := s.Get(t, "/o/elsewhere/users").One(t, ".head-actions a[href=/o/elsewhere/sending]"); link.Text() != "Sending settings" {
		t.Errorf("the link says %q", link.Text())
	}
	got := s.Get(t, "/o/elsewhere/sending")
	if got.Status != http.StatusOK || got.One(t, "input[name=seen]").Attr("value") != "0 3 50" || got.One(t, "input[name=percent]").Attr("value") != "3" {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	if !strings.Contains(got.Text(), "From 1 to 6. Empty: none.") {
		t.Errorf("it does not say which days are possible: %s", got.Text())
	}
	got = s.press(t, "/o/elsewhere/sending", sendingForm())
	if got.Status != http.StatusSeeOther || got.Location() != "/o/elsewhere/users" {
		t.Fatalf("%d %s", got.Status, got.Text())
	}
	want := extension.Sending{UndoDelay: 5 * time.Minute, Reminders: []int{3, 6}, StopLoss: extension.StopLoss{Percent: 4, After: 100}}
	if diff := cmp.Diff(want, s.wanted); diff != "" {
		t.Errorf("wanted (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(s.entry.Organisation.Sending, s.seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	if got := s.Get(t, "/o/elsewhere/users"); !strings.Contains(got.Text(), "The sending settings are saved.") {
		t.Error("nothing says that they are saved")
	}
	s.press(t, "/o/elsewhere/sending", sendingForm("first", "", "second", "", "seen", "300 3 50 3 6"))
	if s.wanted.Reminders != nil || !cmp.Equal(s.seen.Reminders, []int{3, 6}) {
		t.Errorf("without days wanted %+v, seen %+v", s.wanted, s.seen)
	}
}

func TestFaultsInTheSendingSettingsStandAtTheirFields(t *testing.T) {
	t.Parallel()
	s := setup(t)
	got := s.press(t, "/o/elsewhere/sending", sendingForm("first", "three", "percent", "", "after", "1.5", "undo", "x"))
	if got.Status != http.StatusUnprocessableEntity || len(s.asked) != 0 {
		t.Fatalf("%d, asked %q", got.Status, s.asked)
	}
	for _, field := range []string{"undo", "first", "percent", "after"} {
		if !got.Has("#field-" + field + "-error") {
			t.Errorf("nothing is said at %s", field)
		}
	}
	if got.One(t, "input[name=first]").Attr("value") != "three" {
		t.Error("what was typed is gone")
	}
	s.refuse = &extension.InvalidError{Fields: []extension.FieldError{{Field: "reminders", Message: "The second must be later."}}}
	got = s.press(t, "/o/elsewhere/sending", sendingForm("first", "6", "second", "3"))
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.One(t, "#field-first-error").Text(), "The second must be later.") {
		t.Errorf("%d %s", got.Status, got.Text())
	}
}

func TestAChangeOverSomebodyElsesIsShownAndNotLost(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.entry.Organisation.Sending = extension.Sending{UndoDelay: 30 * time.Second, StopLoss: extension.StopLoss{Percent: 3, After: 50}}
	s.refuse = extension.ErrConflict
	for _, seen := range []string{"0 3 50", "nonsense", ""} {
		got := s.press(t, "/o/elsewhere/sending", sendingForm("seen", seen))
		if got.Status != http.StatusConflict || !strings.Contains(got.Text(), "Somebody else has changed these settings meanwhile") ||
			!strings.Contains(got.Text(), "undo delay 30s") {
			t.Errorf("seen %q: %d %s", seen, got.Status, got.Text())
		}
		if got.One(t, "input[name=seen]").Attr("value") != "30 3 50" || got.One(t, "input[name=after]").Attr("value") != "100" {
			t.Errorf("seen %q: saving again does not put what was typed in the place of what is so now", seen)
		}
	}
}

func TestInvitersHaveNoSendingSettings(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.inviter()
	if got := s.Get(t, "/o/elsewhere/users"); got.Has("a[href=/o/elsewhere/sending]") {
		t.Error("the link is there")
	}
	if got := s.Get(t, "/o/elsewhere/sending"); got.Status != http.StatusForbidden {
		t.Errorf("the page is %d", got.Status)
	}
	if got := s.press(t, "/o/elsewhere/sending", sendingForm()); got.Status != http.StatusForbidden || len(s.asked) != 0 {
		t.Errorf("the change is %d", got.Status)
	}
}
