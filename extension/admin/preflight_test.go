package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/web/webtest"
)

// Preview is the verb's own, over the stage's choices and the people whom it knows.
func (s *stage) Preview(ctx context.Context, actor extension.Actor, order invite.Order) (invite.Preflight, error) {
	if s.noPreview != nil {
		return invite.Preflight{}, s.noPreview
	}
	service := invite.New(invite.Options{Store: knowing{s: s}, Now: now})
	return service.Preview(ctx, actor, order)
}

// knowing is the part of a store that a preview asks.
type knowing struct {
	invite.Store
	s *stage
}

func (k knowing) Choices(context.Context, extension.OrganisationID) (extension.Choices, error) {
	return extension.Choices{Areas: slices.Clone(k.s.choices.Areas), Roles: slices.Clone(k.s.choices.Roles)}, nil
}

func (k knowing) Known(_ context.Context, _ extension.Actor, keys []string, _ time.Time) (map[string]extension.Outcome, int, error) {
	known, renewable := map[string]extension.Outcome{}, 0
	for _, key := range keys {
		if outcome, ok := k.s.known[key]; ok {
			known[key] = outcome
			if outcome == extension.OutcomeAlreadyExpired {
				renewable++
			}
		}
	}
	return known, renewable, nil
}

// mixed is a paste with one piece of every kind, and those of it who are known.
const mixed = "new@example.com, pending@example.com, member@example.com\nexpired@example.com\ninactive@example.com\nbounced@example.com\n" +
	"bob@gmial.com\nalice@exаmple.com\nanna@gmail.com, an.na@gmail.com\n~odd@example.com\nnew@example.com\nfoo@@bar.com\no’brien@example.com\nGood morning"

func (s *stage) knows() {
	s.known = map[string]extension.Outcome{
		"pending@example.com": extension.OutcomeAlreadyPending, "member@example.com": extension.OutcomeAlreadyMember,
		"expired@example.com": extension.OutcomeAlreadyExpired, "inactive@example.com": extension.OutcomeInactive,
		"bounced@example.com": extension.OutcomeUndeliverable,
	}
}

func TestEveryGroupIsShownBeforeInvite(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.knows()
	got := s.check(t, s.Get(t, invitePath), mixed, nil)
	if got.One(t, "[data-count-plan]").Text() != "Invite will send 6 invitations." {
		t.Errorf("the plan says %q", got.One(t, "[data-count-plan]").Text())
	}
	for list, want := range map[string]string{
		"queued":             "6 new They get an invitation. new@example.com",
		"already_expired":    "1 invited before, Expired Their links have run out. They get nothing unless you choose to invite them again. expired@example.com",
		"already_pending":    "1 already invited, Pending Their links still work, or are on their way. They get nothing more. pending@example.com",
		"already_member":     "1 already in this organisation They are Active and get no invitation. member@example.com",
		"inactive":           "1 in this organisation, but Inactive",
		"undeliverable":      "1 undeliverable An earlier message to them bounced or was reported as spam, so they get nothing.",
		"rejected":           "2 pieces not recognised foo@@bar.com There is more than one @.",
		"probable_typo":      "1 probable typing mistake bob@gmial.com The domain looks mistyped. Check it before you send. Use bob@gmail.com",
		"lookalike_domain":   "1 look-alike domain",
		"same_mailbox_maybe": "1 address of perhaps the same mailbox an.na@gmail.com",
		"unusual_name":       "1 unusual address ~odd@example.com",
		"repeated":           "1 repetition left out new@example.com",
		"ignored":            "1 other word ignored Good morning",
	} {
		if text := got.One(t, "[data-count-list="+list+"]").Text(); !strings.HasPrefix(text, want) {
			t.Errorf("%s says %q, want %q", list, text, want)
		}
	}
	again := got.One(t, "[data-expired]")
	if got.Has("[data-expired] [checked]") || again.Text() != "Invite them again; they get this service area and role in addition to what they had" || got.Has("[data-expired][hidden]") {
		t.Errorf("the choice about the Expired says %q", again.Text())
	}
	included := s.check(t, got, mixed, map[string]string{"expired": "on"})
	if included.One(t, "[data-count-plan]").Text() != "Invite will send 7 invitations." || !included.Has("[data-expired] [checked]") {
		t.Errorf("with the Expired the plan says %q", included.One(t, "[data-count-plan]").Text())
	}
	if len(s.asked) != 0 {
		t.Errorf("checking asked %q", s.asked)
	}
}

// check presses Check addresses.
func (s *stage) check(t *testing.T, page webtest.Answer, text string, with map[string]string) webtest.Answer {
	t.Helper()
	form := filled(t, page, order(text))
	form.Set("press", "check")
	for name, value := range with {
		form.Set(name, value)
	}
	return s.send(t, form)
}

func TestTheLiveCountListsFewAndTheCheckMany(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var text strings.Builder
	for i := range 1003 {
		fmt.Fprintf(&text, "p%04d@example.com\n", i)
	}
	var answer struct {
		Plan  string
		Lists []struct {
			Name, Title, Note, More string
			Items                   []struct{ Text string }
		}
	}
	if err := json.Unmarshal([]byte(s.count(t, text.String()).Body), &answer); err != nil {
		t.Fatal(err)
	}
	if group := answer.Lists[0]; group.Name != "queued" || group.Title != "1,003 new" || len(group.Items) != 50 || group.More != "and 953 more" {
		t.Errorf("the live group is %q with %d, %q", group.Title, len(group.Items), group.More)
	}
	page := s.check(t, s.Get(t, invitePath), text.String(), nil)
	group := page.One(t, "[data-count-list=queued]")
	if n := len(page.All("[data-count-list=queued] li")); n != 1000 || !strings.HasSuffix(group.Text(), "and 3 more") {
		t.Errorf("%d are listed after a check", n)
	}
}

func TestATableSaysWhereEverybodyIsInvitedTo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const text = "Email,Service area,Role,Phone\na@example.com,hamburg,NURSE,1\nb@example.com,Berlin,Nurse,2\nc@example.com,Leipzig,Chief,3"
	got := s.check(t, s.Get(t, invitePath), text, map[string]string{"area": "", "role": ""})
	for list, want := range map[string]string{
		"queued":   "1 new They get an invitation. a@example.com Hamburg, Nurse",
		"unplaced": "2 rows with a service area or role that is unknown b@example.com: “Berlin” There is no service area of this name",
		"columns":  "1 column is not used Column “Phone” is not used",
	} {
		if got := got.One(t, "[data-count-list="+list+"]").Text(); !strings.HasPrefix(got, want) {
			t.Errorf("%s says %q", list, got)
		}
	}
	if got.Has("#field-area[required]") || got.One(t, "#field-area [selected]").Text() != "As the rows of the table say" {
		t.Error("an area is asked for though every row names one")
	}
	mixedRows := s.check(t, got, text+"\nd@example.com,,Nurse,", nil)
	if !mixedRows.Has("#field-area[required]") || mixedRows.Has("#field-role[required]") {
		t.Error("the area is not asked for though a row names none, or the role is")
	}
}

func TestAHeaderThatMixesSeparatorsIsSaidBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	s := setup(t)
	form := filled(t, s.Get(t, invitePath), order("Email;Service area,Role\na@example.com;Hamburg,Nurse"))
	form.Set("press", "check")
	page := s.press(t, invitePath, form)
	const says = "The header of the table mixes separators, so “Service area,Role” is one column. Put the same separator between all its headings"
	if text := page.One(t, ".counted").Text(); !strings.Contains(text, says) || strings.Contains(text, "Invite will send") {
		t.Errorf("it says %s", text)
	}
}

func TestAnOfferedAddressIsTakenByOnePress(t *testing.T) {
	t.Parallel()
	s := setup(t)
	text := "jbob@gmial.com, bob@gmial.com\no’brien@example.com"
	page := s.check(t, s.Get(t, invitePath), text, map[string]string{"expired": "on", "starts": "2026-11-30T08:00"})
	for _, fix := range []struct{ press, text string }{
		{"Use bob@gmail.com", "jbob@gmial.com, bob@gmail.com\no’brien@example.com"},
		{"Use o'brien@example.com", "jbob@gmial.com, bob@gmail.com\no'brien@example.com"},
		{"Use jbob@gmail.com", "jbob@gmail.com, bob@gmail.com\no'brien@example.com"},
	} {
		page = s.takeFix(t, page, fix.press, text)
		text = fix.text
		if page.Status != http.StatusOK || !strings.Contains(page.One(t, ".counted-told").Text(), "Nothing is sent yet") {
			t.Fatalf("%s: %d %s", fix.press, page.Status, page.Text())
		}
		assertKeptWith(t, page, text)
	}
	if page.Has("button[name=fix]") || len(s.asked) != 0 {
		t.Errorf("something is still offered, or was sent: %q", s.asked)
	}
	gone := filled(t, page, order("somebody@example.com"))
	gone.Del("press")
	gone.Set("fix", url.Values{"from": {"nobody@gmial.com"}, "to": {"nobody@gmail.com"}}.Encode())
	if got := s.send(t, gone); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.One(t, "#field-addresses-error").Text(), "Change it by hand") {
		t.Errorf("a fix that does not fit is %d", got.Status)
	}
}

// takeFix presses the button of an offered address.
func (s *stage) takeFix(t *testing.T, page webtest.Answer, button, text string) webtest.Answer {
	t.Helper()
	for _, offer := range page.All("button[name=fix]") {
		if offer.Text() != button {
			continue
		}
		form := filled(t, page, order(text))
		form.Del("press")
		form.Set("fix", offer.Attr("value"))
		form.Set("expired", "on")
		form.Set("starts", "2026-11-30T08:00")
		return s.send(t, form)
	}
	t.Fatalf("no %q on %s", button, page.Text())
	return page
}

// assertKeptWith checks that the newer fields are as they were, beside those of assertKept.
func assertKeptWith(t *testing.T, page webtest.Answer, text string) {
	t.Helper()
	assertKept(t, page, text)
	if !page.Has("[data-expired] [checked]") || page.One(t, "#field-starts").Attr("value") != "2026-11-30T08:00" {
		t.Error("the choice about the Expired or the time to send is lost")
	}
}

func TestTheChoicesOfTheFormReachTheVerb(t *testing.T) {
	t.Parallel()
	s := setup(t)
	page := s.Get(t, invitePath)
	with := order("a@example.com")
	with["expired"], with["starts"] = "on", "2026-11-30T08:00"
	if got := s.send(t, filled(t, page, with)); got.Status != http.StatusSeeOther {
		t.Fatalf("the answer is %d %s", got.Status, got.Text())
	}
	first := s.order
	if !first.Expired || !first.Starts.Equal(time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("the order is %+v", first)
	}
	for field, value := range map[string]string{"expired": "", "starts": "2026-11-30T09:00"} {
		other := order("a@example.com")
		other["expired"], other["starts"] = "on", "2026-11-30T08:00"
		other[field] = value
		s.send(t, filled(t, page, other))
		if s.order.Batch == first.Batch {
			t.Errorf("another %s is the same batch", field)
		}
	}
	s.send(t, filled(t, page, with))
	if s.order.Batch != first.Batch {
		t.Error("the same content is another batch")
	}
	nonsense := order("a@example.com")
	nonsense["starts"] = "tomorrow"
	got := s.send(t, filled(t, page, nonsense))
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.One(t, "#field-starts-error").Text(), "no date and time") || got.One(t, "#field-starts").Attr("value") != "tomorrow" {
		t.Errorf("a time that is none: %d %s", got.Status, got.Text())
	}
	if !strings.Contains(page.One(t, "#field-starts-hint").Text(), "UTC, where it is now 23 Nov 2026, 09:30 UTC") {
		t.Errorf("the hint says %q", page.One(t, "#field-starts-hint").Text())
	}
}

func TestAnyWayOfLosingTheFormKeepsTheNewFieldsToo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	with := order("a@example.com")
	with["expired"], with["starts"] = "on", "2026-11-30T08:00"
	form := filled(t, s.Get(t, invitePath), with)
	s.session = extension.ErrNoSession
	kept := s.send(t, form)
	if kept.Status != http.StatusUnauthorized {
		t.Fatalf("without a session: %d", kept.Status)
	}
	s.session, s.Cookies[sessionCookie] = nil, "a new one"
	again := filled(t, kept, map[string]string{"addresses": "a@example.com", "press": "check"})
	assertKeptWith(t, s.send(t, again), "a@example.com")

	s.Cookies[sessionCookie] = "another one"
	stale := s.send(t, form)
	if stale.Status != http.StatusForbidden {
		t.Fatalf("a stale form is %d", stale.Status)
	}
	assertKeptWith(t, stale, "a@example.com")
}

func TestWithoutACountTheFormStillWorks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	page := s.Get(t, invitePath)
	s.noPreview = extension.ErrUnavailable
	got := s.check(t, page, "a@example.com", nil)
	if got.Status != http.StatusOK || got.One(t, "[data-count]").Text() != "The addresses cannot be counted right now. You can still press Invite." {
		t.Errorf("the answer is %d %s", got.Status, got.Text())
	}
	assertKept(t, got, "a@example.com")
	if sent := s.send(t, filled(t, got, order("a@example.com"))); sent.Status != http.StatusSeeOther {
		t.Errorf("inviting is %d", sent.Status)
	}
}
