package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"paperplane/extension"
)

func TestALostSessionKeepsTheListUntilSignedInAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	form := filled(t, s.Get(t, invitePath), order("a@example.com\nb@example.com"))
	s.session = extension.ErrNoSession
	kept := s.Post(t, invitePath, form)
	if kept.Status != http.StatusUnauthorized || kept.One(t, "textarea").Text() != "a@example.com b@example.com" || len(s.asked) != 0 {
		t.Fatalf("the answer is %d %s", kept.Status, kept.Text())
	}
	sign := kept.One(t, "[role=status] a")
	if sign.Attr("href") != "/login?return_to=%2Fo%2Felsewhere%2Finvite" || sign.Attr("target") != "_blank" || !strings.Contains(kept.Text(), "Nothing was sent") {
		t.Errorf("signing in leads to %q", sign.Attr("href"))
	}

	s.session, s.Cookies[sessionCookie] = nil, "a new one"
	again := filled(t, kept, map[string]string{"addresses": kept.One(t, "textarea").Text(), "press": kept.One(t, "button").Attr("value")})
	got := s.Post(t, kept.One(t, "form").Attr("action"), again)
	if got.Status != http.StatusOK || got.One(t, "[data-count]").Attr("data-count") != "2" {
		t.Fatalf("going on is %d %s", got.Status, got.Text())
	}
	assertKept(t, got, "a@example.com b@example.com")
	if done := s.Post(t, invitePath, filled(t, got, order("a@example.com"))); done.Status != http.StatusSeeOther {
		t.Errorf("inviting afterwards is %d", done.Status)
	}
}

func TestWhateverHasChangedMeanwhileTheListIsKept(t *testing.T) {
	t.Parallel()
	const text = "a@example.com </textarea><script>alert(1)</script>"
	for name, test := range map[string]struct {
		change func(s *stage)
		status int
		says   string
		leads  string // to what comes first, in a new tab
	}{
		"no right any more":     {func(s *stage) { s.as(nurse()) }, http.StatusForbidden, "You may not invite users any more", ""},
		"paused":                {func(s *stage) { s.entry.Step = extension.StepPaused }, http.StatusForbidden, "Your access has changed", "/next"},
		"new terms":             {func(s *stage) { s.entry.Step = extension.StepAgree }, http.StatusForbidden, "Your access has changed", "/next"},
		"no right, not in":      {func(s *stage) { s.as(nurse()); s.entry.Step = extension.StepAgree }, http.StatusForbidden, "Your access has changed", "/next"},
		"the organisation left": {func(s *stage) { s.entry.Organisation.Slug = "moved" }, http.StatusNotFound, "You have no access here any more", ""},
		"no area any more":      {func(s *stage) { s.choices.Areas = nil }, http.StatusConflict, "no service area or no role", ""},
		"no role any more":      {func(s *stage) { s.choices.Roles = nil }, http.StatusConflict, "no service area or no role", ""},
		"switched off":          {func(s *stage) { s.session = extension.ErrDisabled }, http.StatusForbidden, "This account is switched off", ""},
		"the choices went":      {func(s *stage) { s.noChoices = extension.ErrForbidden }, http.StatusForbidden, "You may not invite users any more", ""},
	} {
		s := setup(t)
		form := filled(t, s.Get(t, invitePath), order(text))
		test.change(s)
		got := s.send(t, form)
		if got.Status != test.status || !strings.Contains(got.Text(), test.says) || !strings.Contains(got.Text(), "Nothing was sent") || len(s.asked) != 0 {
			t.Errorf("%s: %d %s", name, got.Status, got.Text())
		}
		if got.One(t, "textarea").Text() != text || got.Has("main script") {
			t.Errorf("%s: the list is now %q", name, got.One(t, "textarea").Text())
		}
		for _, field := range []string{"form", "area", "role"} {
			if value := got.One(t, "main form [name="+field+"]").Attr("value"); value != form.Get(field) {
				t.Errorf("%s: %s is now %q", name, field, value)
			}
		}
		if leads := got.Has(".notice a[target=_blank][href=" + test.leads + "]"); leads != (test.leads != "") {
			t.Errorf("%s: it does not lead to %q first: %s", name, test.leads, got.Text())
		}
	}
}

func TestAnOutageBeforeTheFormKeepsTheListToo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	form := filled(t, s.Get(t, invitePath), order("a@example.com"))
	s.session = fmt.Errorf("ask Kratos: %w", extension.ErrUnavailable)
	got := s.Post(t, invitePath, form)
	if got.Status != http.StatusServiceUnavailable || got.One(t, "textarea").Text() != "a@example.com" || !strings.Contains(got.Text(), "does not answer") {
		t.Errorf("the answer is %d %s", got.Status, got.Text())
	}
}
