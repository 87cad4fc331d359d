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
	"paperplane/extension/onboard"
	"paperplane/extension/roster"
	"paperplane/extension/web"
)

// doorStage stands in for the verbs about the second factor and the terms.
type doorStage struct {
	affected     int
	secure       roster.Security
	terms        roster.Terms
	saved        extension.TermsDraft
	savedOver    string // what was seen when it was saved
	evidence     []extension.Evidence
	evidenceMore int64 // pages that begin below it have one after them
	held         roster.Holding
	others       bool // the account is used in another organisation too
	sealed       string
	grace        time.Duration
}

func (s *stage) Affected(context.Context, extension.Actor, roster.Security) (int, error) {
	return s.affected, nil
}

func (s *stage) ChangeSecurity(_ context.Context, _ extension.Actor, seen, wanted roster.Security) error {
	if s.refuse == nil && !seen.Equal(roster.SecurityOf(s.entry.Organisation)) {
		return extension.ErrConflict
	}
	s.asked, s.secure = append(s.asked, "change security"), wanted
	return s.refuse
}

func (s *stage) Terms(context.Context, extension.Actor) (roster.Terms, error) { return s.terms, nil }

func (s *stage) Version(_ context.Context, _ extension.Actor, number int) (extension.TermsVersion, error) {
	for _, version := range s.terms.Versions {
		if version.Version == number {
			return version, nil
		}
	}
	return extension.TermsVersion{}, extension.ErrNotFound
}

func (s *stage) Draft(_ context.Context, _ extension.Actor, language string) (extension.TermsDraft, error) {
	if draft := s.terms.Draft(language); draft != nil {
		return *draft, nil
	}
	return extension.TermsDraft{Language: language, Title: "Terms", Text: "The current text."}, nil
}

func (s *stage) SaveDraft(_ context.Context, _ extension.Actor, draft extension.TermsDraft, seen string) error {
	s.asked, s.saved, s.savedOver = append(s.asked, "save draft "+draft.Language), draft, seen
	return s.refuse
}

func (s *stage) DropDraft(_ context.Context, _ extension.Actor, language, seen string) error {
	s.asked, s.savedOver = append(s.asked, "drop draft "+language), seen
	return s.refuse
}

func (s *stage) Publication(context.Context, extension.Actor) (roster.Publication, error) {
	return roster.Publication{Terms: s.terms, Seal: roster.Seal(s.terms.Drafts), Active: 1200, OnTheWay: 1}, nil
}

func (s *stage) Publish(_ context.Context, _ extension.Actor, seal string, grace time.Duration) (int, error) {
	s.asked, s.sealed, s.grace = append(s.asked, "publish"), seal, grace
	return 3, s.refuse
}

func (s *stage) Evidence(_ context.Context, _ extension.Actor, _ int, after int64) ([]extension.Evidence, bool, error) {
	return s.evidence, after < s.evidenceMore, nil
}

func (s *stage) EachEvidence(_ context.Context, _ extension.Actor, _ int, f func(extension.Evidence) error) error {
	for _, e := range s.evidence {
		if err := f(e); err != nil {
			return err
		}
	}
	return s.refuse
}

func (s *stage) Holding(context.Context, extension.Actor, extension.UserID) (roster.Holding, error) {
	return s.held, nil
}

func (s *stage) EvidenceOf(_ context.Context, _ extension.Actor, user extension.UserID) ([]extension.Evidence, error) {
	var own []extension.Evidence
	for _, e := range s.evidence {
		if e.User == user {
			own = append(own, e)
		}
	}
	return own, nil
}

func (s *stage) SharedWithOthers(context.Context, extension.Actor, extension.UserID) (bool, error) {
	return s.others, nil
}

func (s *stage) ResetFactors(_ context.Context, _ extension.Actor, user extension.UserID) error {
	s.asked = append(s.asked, "reset factors "+string(user))
	return s.refuse
}

func (s *stage) FreeMobile(_ context.Context, _ extension.Actor, user extension.UserID, number string) error {
	s.asked = append(s.asked, "free mobile "+number+" for "+string(user))
	return s.refuse
}

// accepted is what Anna, a user who is gone, and somebody before Emil's address was corrected have accepted.
func accepted() []extension.Evidence {
	first := extension.TermsHash("# Be kind")
	return []extension.Evidence{
		{
			Acceptance: extension.Acceptance{User: annaID, Terms: "00000000-0000-4000-8000-0000000000f1", At: now(), IP: "192.0.2.7", UserAgent: "=cmd|' /C calc'!A0"},
			Number:     7, Version: 1, Language: "en", Title: "Terms", SHA256: first, Confirmed: now().Add(time.Second), Address: "anna@example.com", Name: "Anna Berg",
		},
		{
			Acceptance: extension.Acceptance{User: batchID, Terms: "00000000-0000-4000-8000-0000000000f1", At: now().Add(time.Minute), IP: "2001:db8::1", UserAgent: "Firefox"},
			Number:     8, Version: 1, Language: "de", Title: "Bedingungen", SHA256: first,
		},
		{
			Acceptance: extension.Acceptance{User: emilID, Terms: "00000000-0000-4000-8000-0000000000f1", At: now().Add(time.Minute), IP: "192.0.2.9", UserAgent: "Safari"},
			Number:     9, Version: 1, Language: "en", Title: "Terms", SHA256: first, Disowned: now().Add(time.Hour),
		},
	}
}

func TestThePageOfAPersonShowsTheirSecondFactorsAndWhatTheyAccepted(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.evidence = accepted()
	s.users[0].Declined = now()
	s.held = roster.Holding{
		Factors: []extension.ProvenFactor{
			{Kind: extension.FactorTOTP, At: now()},
			{Kind: extension.FactorEmail, Address: "anna@xn--mller-kva.de", At: now().Add(-time.Hour)},
		},
		Recovery: roster.RecoveryKept,
	}
	got := s.Get(t, "/o/elsewhere/users/"+annaID)
	for place, want := range map[string]string{
		"[data-factor=totp]":          "Authenticator app – 23 Nov 2026, 09:30 UTC",
		"[data-factor=email]":         "Email anna@müller.de 23 Nov 2026, 08:30 UTC",
		"[data-factor=lookup_secret]": "Recovery codes – kept",
		"[data-evidence=1]": "23 Nov 2026, 09:30 UTC confirmed 23 Nov 2026, 09:30 UTC Version 1English " +
			extension.TermsHash("# Be kind") + " 192.0.2.7 =cmd|' /C calc'!A0",
	} {
		if text := got.One(t, place).Text(); strings.ReplaceAll(text, " ", "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s says %q", place, text)
		}
	}
	if !strings.Contains(got.One(t, ".person").Text(), "declined the terms on 23 Nov 2026, 09:30 UTC") {
		t.Errorf("that they declined is not said: %s", got.One(t, ".person").Text())
	}
	if !strings.Contains(rowOf(t, s.Get(t, "/o/elsewhere/users"), annaID), "declined the terms on") {
		t.Error("the list does not say that they declined")
	}

	s.held = roster.Holding{Recovery: roster.RecoveryUnknown}
	if got := s.Get(t, "/o/elsewhere/users/"+annaID); !strings.Contains(got.Text(), "Ory Kratos does not answer") {
		t.Errorf("while Kratos is down the page says %s", got.Text())
	}
	s.held = roster.Holding{Recovery: roster.RecoveryNone}
	if got := s.Get(t, "/o/elsewhere/users/"+annaID); got.Has("a[href=/o/elsewhere/users/" + annaID + "/second-factor/reset]") {
		t.Error("there is nothing to reset, and it is offered")
	}

	s.inviter()
	if got := s.Get(t, "/o/elsewhere/users/"+annaID); got.Has("#factors") || strings.Contains(got.Text(), "192.0.2.7") {
		t.Error("an inviter is shown where people were")
	}
}

func TestAnAdministratorResetsASecondFactor(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.held = roster.Holding{Factors: []extension.ProvenFactor{{Kind: extension.FactorTOTP, At: now()}}}
	page := "/o/elsewhere/users/" + annaID
	link := s.Get(t, page).One(t, "a[href="+page+"/second-factor/reset]")
	asked := s.Get(t, link.Attr("href"))
	for _, words := range []string{"Every second factor is removed, and so are the recovery codes.", "signed out everywhere", "their password is enough"} {
		if !strings.Contains(asked.Text(), words) {
			t.Errorf("the page does not say %q: %s", words, asked.Text())
		}
	}
	s.entry.Organisation.TwoFactor = extension.TwoFactorRequired
	if asked = s.Get(t, link.Attr("href")); !strings.Contains(asked.Text(), "sign in with their password and set up a new second factor") || len(s.asked) != 0 {
		t.Errorf("where one is required: %s", asked.Text())
	}
	got := s.press(t, asked.One(t, "main form").Attr("action"), nil)
	if got.Status != http.StatusSeeOther || got.Location() != page || cmp.Diff([]string{"reset factors " + annaID}, s.asked) != "" {
		t.Fatalf("%d to %q, asked %q", got.Status, got.Location(), s.asked)
	}
	want := "Done: The second factor of anna@example.com is reset, and they are signed out everywhere. They set up a new one at their next entry."
	if told := s.Get(t, page).One(t, ".notice").Text(); told != want {
		t.Errorf("the notice says %q", told)
	}

	s.refuse = extension.ErrConflict
	got = s.press(t, page+"/second-factor/reset", nil)
	if got.Status != http.StatusConflict || !strings.Contains(got.Text(), "paperplane user reset-factor") || got.Has("main form") {
		t.Errorf("of an account of two organisations: %d %s", got.Status, got.Text())
	}
	s.others = true
	before := s.Get(t, page+"/second-factor/reset")
	if before.Status != http.StatusOK || !strings.Contains(before.Text(), "paperplane user reset-factor") || before.Has("[href$=/second-factor/reset]") ||
		before.Has("form[action="+page+"/second-factor/reset]") {
		t.Errorf("it is not said beforehand who can reset it: %s", before.Text())
	}
	if person := s.Get(t, page); strings.Contains(person.Text(), "another organisation") || !person.Has("a[href="+page+"/second-factor/reset]") {
		t.Errorf("the page of a person says that others know them: %s", person.Text())
	}
}

func TestAnAdministratorFreesANumberThatSomebodyIsToldIsTaken(t *testing.T) {
	t.Parallel()
	s := setup(t)
	page := "/o/elsewhere/users/" + emilID
	s.emil(func(u *extension.User) {
		u.Facts.Started = now().Add(-time.Hour)
		u.Stumble = extension.Stumble{At: now(), Step: extension.StepRegister, Sentence: "The password is too short."}
	})
	if s.Get(t, page).Has("#field-mobile") {
		t.Error("there is no number to free, and it is offered")
	}
	s.users[1].Stumble.Sentence = onboard.StumbleNumberTaken
	form := s.Get(t, page).One(t, "form[action="+page+"/free-number]").Attr("action")

	got := s.press(t, form, url.Values{"mobile": {" +46 70 123 45 67\x00"}})
	if got.Location() != page || s.asked[0] != "free mobile +46 70 123 45 67 for "+emilID {
		t.Errorf("to %q, asked %q", got.Location(), s.asked)
	}
	if told := s.Get(t, page).One(t, ".notice").Text(); told != "Done: The number is free: the other account has lost it. Ask emil@müller.de to enter it once more." {
		t.Errorf("the notice says %q", told)
	}
	s.refuse = extension.Invalid("mobile", "It was proven, so it stays there.")
	got = s.press(t, form, url.Values{"mobile": {"0701234567"}})
	if got.Status != http.StatusUnprocessableEntity || got.One(t, "#field-mobile").Attr("value") != "0701234567" ||
		!strings.Contains(got.One(t, "#field-mobile-error").Text(), "It was proven, so it stays there.") {
		t.Errorf("refused: %d %s", got.Status, got.Text())
	}
	s.refuse = extension.ErrConflict
	s.press(t, form, url.Values{"mobile": {"0701234567"}})
	if told := s.Get(t, page).One(t, ".notice").Text(); !strings.Contains(told, "Nothing was freed") {
		t.Errorf("when they were told something else: %q", told)
	}
}

func TestTheDoorIsForAdministratorsWithTheirOwnForm(t *testing.T) {
	t.Parallel()
	changes := []string{
		"/settings/security", "/terms/publish", "/terms/drafts/en", "/terms/drafts/en/delete",
		"/users/" + annaID + "/second-factor/reset", "/users/" + annaID + "/free-number",
	}
	reads := []string{
		"/settings/security", "/terms", "/terms/publish", "/terms/drafts/en", "/terms/drafts/en/delete", "/terms/versions/1",
		"/terms/versions/1/evidence.csv", "/terms/versions/1/evidence.json",
		"/users/" + annaID + "/second-factor/reset", "/users/" + annaID + "/evidence.csv", "/users/" + annaID + "/evidence.json",
	}
	s := setup(t)
	s.terms = written()
	for _, path := range changes {
		if got := s.Post(t, "/o/elsewhere"+path, map[string][]string{web.TokenField: {"another's"}}); got.Status != http.StatusForbidden {
			t.Errorf("%s without the session's token: %d", path, got.Status)
		}
	}
	s.inviter()
	for _, path := range changes {
		if got := s.press(t, "/o/elsewhere"+path, nil); got.Status != http.StatusForbidden {
			t.Errorf("an inviter posts to %s: %d", path, got.Status)
		}
	}
	for _, path := range reads {
		if got := s.Get(t, "/o/elsewhere"+path); got.Status != http.StatusForbidden {
			t.Errorf("an inviter gets %s: %d", path, got.Status)
		}
	}
	if len(s.asked) != 0 {
		t.Errorf("something was done: %q", s.asked)
	}
	if got := s.Get(t, "/o/elsewhere/users"); got.Has(".head-actions a[href=/o/elsewhere/terms]") {
		t.Error("an inviter is led to the terms")
	}
}
