package admin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"paperplane/extension"
	"paperplane/extension/web"
	"paperplane/extension/web/webtest"
)

func TestTheUsersPageSaysWhatTheUserGuideSays(t *testing.T) {
	t.Parallel()
	got := setup(t).Get(t, "/o/elsewhere/users")
	if got.Status != http.StatusOK || got.One(t, "h1").Text() != "Users" || !strings.Contains(got.One(t, "nav.crumbs").Text(), "Access management") {
		t.Fatalf("the page is %d %s", got.Status, got.Text())
	}
	add := got.One(t, ".head-actions details")
	if !strings.HasPrefix(add.Text(), "Add Users") || got.One(t, ".head-actions a[href=/o/elsewhere/invite]").Text() != "Invite Users" {
		t.Errorf("the plus says %q", add.Text())
	}
	if !got.Has(".head-actions summary .icon-plus") || !got.Has(".head-actions a .icon-paper-plane") {
		t.Error("the plus or the paper plane is missing")
	}
	var heads, tabs []string
	for _, head := range got.All("thead th") {
		heads = append(heads, head.Text())
	}
	for _, tab := range got.All(".tabs a") {
		tabs = append(tabs, tab.Text())
	}
	if diff := cmp.Diff([]string{"Select", "Name", "Email", "Service area", "Role", "Status", "Actions"}, heads); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"All 3", "Active 2", "Inactive 0", "Pending 0", "Expired 1"}, tabs); diff != "" {
		t.Errorf("filters (-want +got):\n%s", diff)
	}
	if row := rowOf(t, got, annaID); !strings.Contains(row, "Anna Berg anna@example.com Hamburg Nurse Active") {
		t.Errorf("Anna's row says %q", row)
	}
	if row := rowOf(t, got, emilID); !strings.Contains(row, "not given yet emil@müller.de Expired Sentlink ended 22 Nov 2026, 09:30 UTC") {
		t.Errorf("Emil's row says %q", row)
	}
}

func rowOf(t *testing.T, page webtest.Answer, user string) string {
	t.Helper()
	return page.One(t, "tr[data-user="+user+"]").Text()
}

// actionsOf lists what a row offers, by the words that a screen reader says.
func actionsOf(page webtest.Answer, user string) []string {
	actions := []string{}
	for _, kind := range []string{"button", "a"} {
		for _, action := range page.All("tr[data-user=" + user + "] .row-actions " + kind) {
			actions = append(actions, action.Text())
		}
	}
	return actions
}

func TestTheMenuLeadsToOtherOrganisationsWhereThereAreSome(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, elsewhere := range []bool{false, true} {
		s.entry.User.Elsewhere = elsewhere
		if shown := strings.Contains(s.Get(t, "/o/elsewhere/users").Text(), "Switch organisation"); shown != elsewhere {
			t.Errorf("with others %t, the menu shows it: %t", elsewhere, shown)
		}
	}
}

func TestEveryRowOffersWhatItsStatusAllows(t *testing.T) {
	t.Parallel()
	status := map[string]extension.Facts{
		"Active":   {Activated: now()},
		"Inactive": {Activated: now(), Paused: now()},
		"Pending":  {Sent: now(), Expires: now().AddDate(0, 0, 7)},
		"Expired":  {Sent: now(), Expires: now()},
	}
	for name, want := range map[string]struct{ administrator, inviter []string }{
		"Active":   {[]string{"Deactivate bo@example.com"}, []string{}},
		"Inactive": {[]string{"Resume bo@example.com"}, []string{}},
		"Pending":  {[]string{"Resend the invitation to bo@example.com", "Deactivate bo@example.com"}, []string{"Resend the invitation to bo@example.com"}},
		"Expired":  {[]string{"Resend the invitation to bo@example.com", "Deactivate bo@example.com"}, []string{"Resend the invitation to bo@example.com"}},
	} {
		s := setup(t)
		s.users = []extension.User{{ID: annaID, Address: "bo@example.com", Facts: status[name]}}
		if diff := cmp.Diff(want.administrator, actionsOf(s.Get(t, "/o/elsewhere/users"), annaID)); diff != "" {
			t.Errorf("%s, for an administrator (-want +got):\n%s", name, diff)
		}
		s.inviter()
		if diff := cmp.Diff(want.inviter, actionsOf(s.Get(t, "/o/elsewhere/users"), annaID)); diff != "" {
			t.Errorf("%s, for an inviter (-want +got):\n%s", name, diff)
		}
	}
	if got := actionsOf(setup(t).Get(t, "/o/elsewhere/users"), adaID); len(got) != 0 {
		t.Errorf("Ada may do to herself: %q", got)
	}
}

func TestHostileNamesAreShownAndNotObeyed(t *testing.T) {
	t.Parallel()
	const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	s := setup(t)
	s.users = []extension.User{{
		ID: annaID, FirstName: hostile, Address: "a@example.com", Facts: extension.Facts{Activated: now()},
		Assignments: []extension.Assignment{{Area: extension.ServiceArea{Name: hostile}, Role: extension.Role{Name: hostile}}},
	}}
	s.entry.Organisation.Name, s.entry.User.LastName = hostile, hostile
	for _, path := range []string{"/o/elsewhere/users", "/o/elsewhere/users?q=" + url.QueryEscape(hostile)} {
		got := s.Get(t, path)
		if got.Has("img") || got.Has("main script") || !strings.Contains(got.Text(), "<script>alert(1)</script>") {
			t.Errorf("%s: a name became a part of the page", path)
		}
	}
}

func TestTheListIsFoundFilteredAndPaged(t *testing.T) {
	t.Parallel()
	s := setup(t)
	cursor := extension.Cursor{Key: "anna@example.com", User: annaID}
	back := cursor
	back.Before = true
	s.page = extension.UserPage{Next: &cursor, Prev: &back}
	got := s.Get(t, "/o/elsewhere/users?q=+anna+&status=PENDING&at=nonsense")
	if diff := cmp.Diff(extension.Filter{Search: "anna", Status: extension.Pending, Limit: 50}, s.found); diff != "" {
		t.Errorf("the verb was asked (-want +got):\n%s", diff)
	}
	if got.One(t, "#field-q").Attr("value") != "anna" || got.One(t, ".tabs [aria-current=page]").Text() != "Pending 0" {
		t.Error("the page does not show what it was asked for")
	}
	for rel, want := range map[string]extension.Cursor{"next": cursor, "prev": back} {
		s.Get(t, got.One(t, "a[rel="+rel+"]").Attr("href"))
		if diff := cmp.Diff(extension.Filter{Search: "anna", Status: extension.Pending, Limit: 50, Cursor: want}, s.found); diff != "" {
			t.Errorf("%s asked (-want +got):\n%s", rel, diff)
		}
	}
}

func TestAnEmptyListSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.empty = true
	if got := s.Get(t, "/o/elsewhere/users?status=pending").One(t, ".empty").Text(); !strings.Contains(got, "Nobody is Pending at the moment.") {
		t.Errorf("under a status without users the page says %q", got)
	}
	s.users = nil
	for path, want := range map[string]string{
		"/o/elsewhere/users":             "There is nobody here yet.",
		"/o/elsewhere/users?q=%3Cb%3Ezz": "Nobody matches “<b>zz”.",
	} {
		if got := s.Get(t, path).One(t, ".empty").Text(); !strings.Contains(got, want) {
			t.Errorf("%s says %q", path, got)
		}
	}
}

func TestOnePressDeactivatesAndTheNoticeTakesItBack(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const list = "/o/elsewhere/users?q=anna&status=active"
	row := "tr[data-user=" + annaID + "] "
	page := s.Get(t, list)
	if button := page.One(t, row+"button"); button.Text() != "Deactivate anna@example.com" || !page.Has(row+".icon-pause") {
		t.Fatalf("the row offers %q", button.Text())
	}
	done := s.press(t, page.One(t, row+"form").Attr("action"), url.Values{"back": {page.One(t, row+"[name=back]").Attr("value")}})
	if done.Status != http.StatusSeeOther || done.Location() != list {
		t.Fatalf("it ends with %d at %q", done.Status, done.Location())
	}
	s.empty = true // nobody of this search is Active any more
	told := s.Get(t, done.Location())
	if got := told.One(t, ".notice[role=status]").Text(); got != "Done: anna@example.com is deactivated and cannot enter St Elsewhere. Resume anna@example.com" {
		t.Errorf("the notice says %q", got)
	}
	undone := s.press(t, told.One(t, ".notice form").Attr("action"), url.Values{"back": {told.One(t, ".notice [name=back]").Attr("value")}})
	if undone.Status != http.StatusSeeOther || undone.Location() != list {
		t.Fatalf("taking it back ends with %d at %q", undone.Status, undone.Location())
	}
	if diff := cmp.Diff([]string{"pause " + annaID, "resume " + annaID}, s.asked); diff != "" {
		t.Errorf("the verb was asked (-want +got):\n%s", diff)
	}
	if told = s.Get(t, undone.Location()); told.Has(".notice form") || !strings.Contains(told.One(t, ".notice").Text(), "anna@example.com is Active again") {
		t.Errorf("afterwards the page says %s", told.Text())
	}
	if s.Get(t, list).Has(".notice") {
		t.Error("the notice comes twice")
	}
}

func TestANoticeOffersOnlyWhatCanBeDone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *stage){
		"somebody else was faster":   func(s *stage) { s.users[0].Facts.Paused = time.Time{} },
		"the user is gone meanwhile": func(s *stage) { s.users = s.users[1:] },
		"the right is gone":          func(s *stage) { s.inviter() },
	} {
		s := setup(t)
		done := s.press(t, "/o/elsewhere/users/"+annaID+"/pause", nil)
		change(s)
		if got := s.Get(t, done.Location()); got.Status != http.StatusOK || !got.Has(".notice") || got.Has(".notice form") {
			t.Errorf("%s: %d %s", name, got.Status, got.Text())
		}
	}
}

func TestFollowingALinkDeactivatesNobody(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if got := s.Get(t, "/o/elsewhere/users/"+annaID+"/pause"); got.Status != http.StatusMethodNotAllowed || len(s.asked) != 0 {
		t.Errorf("the answer is %d, and the verb was asked: %q", got.Status, s.asked)
	}
}

func TestActionsSayWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		user   string
		action string
		refuse error
		untold bool
		want   string
	}{
		"resend":         {emilID, "resend", nil, false, "Done: A new invitation is on its way to emil@müller.de; the old link no longer works."},
		"resend refused": {emilID, "resend", extension.Invalid("", "Give it a moment to arrive."), false, "Problem: Give it a moment to arrive."},
		"pause refused":  {adaID, "pause", extension.Invalid("", "You cannot deactivate yourself."), false, "Problem: You cannot deactivate yourself."},
		"pause":          {annaID, "pause", nil, false, "Done: anna@example.com is deactivated and cannot enter St Elsewhere. Resume anna@example.com"},
		"pause untold": {
			annaID, "pause", nil, true,
			"Note: anna@example.com is deactivated here and cannot enter St Elsewhere. Ory Kratos could not be told yet; that goes on by itself. Resume anna@example.com",
		},
		"resume active": {annaID, "resume", nil, false, "Done: anna@example.com is Active again and can sign in."},
		"resume active untold": {
			annaID, "resume", nil, true,
			"Note: anna@example.com is Active again. Ory Kratos could not be told yet; that goes on by itself. Until then signing in does not work.",
		},
		"resume expired": {
			emilID, "resume", nil, false, "Done: emil@müller.de is no longer Inactive, but the invitation has Expired. Resend it with the paper plane.",
		},
		"resume expired untold": {
			emilID, "resume", nil, true,
			"Note: emil@müller.de is no longer Inactive, but the invitation has Expired. Resend it with the paper plane. " +
				"Ory Kratos could not be told yet; that goes on by itself.",
		},
	} {
		s := setup(t)
		s.refuse, s.untold = test.refuse, test.untold
		done := s.press(t, "/o/elsewhere/users/"+test.user+"/"+test.action, nil)
		if done.Status != http.StatusSeeOther || done.Location() != "/o/elsewhere/users" {
			t.Errorf("%s: ends with %d at %q", name, done.Status, done.Location())
		}
		role := "[role=status]"
		if test.refuse != nil {
			role = "[role=alert]"
		}
		if got := s.Get(t, done.Location()).One(t, role).Text(); got != test.want {
			t.Errorf("%s: the notice says %q", name, got)
		}
	}
}

func TestErrorsOfActionsArePages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path   string
		refuse error
		want   int
	}{
		"no id":               {"/o/elsewhere/users/anna/resend", nil, http.StatusNotFound},
		"nobody":              {"/o/elsewhere/users/" + batchID + "/resend", nil, http.StatusNotFound},
		"another's":           {"/o/other/users/" + annaID + "/pause", nil, http.StatusNotFound},
		"not allowed":         {"/o/elsewhere/users/" + annaID + "/pause", extension.ErrForbidden, http.StatusForbidden},
		"the database's gone": {"/o/elsewhere/users/" + annaID + "/resume", extension.ErrUnavailable, http.StatusServiceUnavailable},
	} {
		s := setup(t)
		s.refuse = test.refuse
		if got := s.press(t, test.path, nil); got.Status != test.want {
			t.Errorf("%s: %d, want %d", name, got.Status, test.want)
		}
	}
}

func TestChangesNeedAFormOfThisSession(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/users/" + annaID + "/pause", "/users/" + annaID + "/resume", "/users/" + emilID + "/resend", "/invite"} {
		s := setup(t)
		for _, token := range []string{"", s.shell.Token("another's"), s.shell.Token("")} {
			if got := s.Post(t, "/o/elsewhere"+path, url.Values{web.TokenField: {token}}); got.Status != http.StatusForbidden {
				t.Errorf("%s with token %q: %d", path, token, got.Status)
			}
		}
		if len(s.asked) != 0 {
			t.Errorf("%s: the verb was asked: %q", path, s.asked)
		}
	}
}

func TestOnlyElevatedUsersWhoAreInEnter(t *testing.T) {
	t.Parallel()
	paths := []string{"/o/elsewhere/users", "/o/elsewhere/invite", "/o/elsewhere/batches/" + batchID}
	for name, test := range map[string]struct {
		change   func(s *stage)
		status   int
		location string
	}{
		"no session":        {func(s *stage) { s.session = extension.ErrNoSession }, http.StatusSeeOther, "/login?return_to="},
		"not in yet":        {func(s *stage) { s.entry.Step = extension.StepAgree }, http.StatusSeeOther, "/next"},
		"paused":            {func(s *stage) { s.entry.Step = extension.StepPaused }, http.StatusSeeOther, "/next"},
		"no right":          {func(s *stage) { s.as(nurse()) }, http.StatusForbidden, ""},
		"no right, not in":  {func(s *stage) { s.as(nurse()); s.entry.Step = extension.StepRegister }, http.StatusSeeOther, "/next"},
		"another's":         {func(s *stage) { s.entry.Organisation.Slug = "other" }, http.StatusNotFound, ""},
		"Kratos is down":    {func(s *stage) { s.session = extension.ErrUnavailable }, http.StatusServiceUnavailable, ""},
		"Kratos says other": {func(s *stage) { s.session = extension.ErrDisabled }, http.StatusForbidden, ""},
	} {
		for _, path := range paths {
			s := setup(t)
			test.change(s)
			if got := s.Get(t, path); got.Status != test.status || !strings.HasPrefix(got.Location(), test.location) {
				t.Errorf("%s, %s: %d to %q", name, path, got.Status, got.Location())
			}
		}
	}
	s := setup(t)
	s.as(nurse())
	if got := s.Get(t, "/o/elsewhere/users").Text(); !strings.Contains(got, "your role does not include managing users") || strings.Contains(got, "anna@") {
		t.Errorf("without a right the page says %q", got)
	}
}

func TestTheOrganisationsAddressLeadsOn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if got := s.Get(t, "/o/elsewhere").Location(); got != "/o/elsewhere/users" {
		t.Errorf("an administrator is led to %q", got)
	}
	s.as(nurse())
	if got := s.Get(t, "/o/elsewhere").Location(); got != "/next" {
		t.Errorf("a nurse is led to %q", got)
	}
}
