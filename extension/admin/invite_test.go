package admin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
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

const invitePath = "/o/elsewhere/invite"

// filled is the invite page's form as it would be sent, with other values in some fields.
func filled(t *testing.T, page webtest.Answer, with map[string]string) url.Values {
	t.Helper()
	form := url.Values{"press": {"invite"}}
	for _, input := range page.All("main form [type=hidden]") {
		form.Set(input.Attr("name"), input.Attr("value"))
	}
	for name, value := range with {
		form.Set(name, value)
	}
	return form
}

func order(text string) map[string]string {
	return map[string]string{"addresses": text, "area": string(leipzig().ID), "role": string(nurse().ID)}
}

func TestTheInvitePageAsksForAddressesAreaAndRole(t *testing.T) {
	t.Parallel()
	got := setup(t).Get(t, invitePath)
	if got.One(t, "h1").Text() != "Invite users" || got.One(t, "label[for=field-addresses]").Text() != "Email addresses" {
		t.Errorf("the page says %s", got.Text())
	}
	if got.One(t, ".button-primary").Text() != "Invite" || !got.Has(".button-primary .icon-paper-plane") {
		t.Error("the primary button is not Invite with the paper plane")
	}
	if !strings.Contains(got.One(t, "#field-addresses-hint").Text(), "Up to 100,000 addresses or 4 MB of text at once.") {
		t.Error("the page does not state its limit")
	}
	if got.One(t, "[data-count]").Attr("role") != "status" || got.One(t, "[data-count]").Text() != "0 addresses recognised" {
		t.Errorf("the count says %q", got.One(t, "[data-count]").Text())
	}
	if got.One(t, "#field-area [selected]").Attr("value") != "" || got.One(t, "#field-role [selected]").Attr("value") != "" {
		t.Error("an area or a role is chosen though there are several")
	}
	if form := got.One(t, "main form"); form.Attr("enctype") != "multipart/form-data" || form.Attr("method") != "post" {
		t.Error("the form is not multipart")
	}
}

func TestTheInvitePageSaysHowLongTheLinkWorks(t *testing.T) {
	t.Parallel()
	for lifetime, says := range map[time.Duration]string{
		7 * 24 * time.Hour: "7 days.", 36 * time.Hour: "36 hours.", 90 * time.Minute: "90 minutes.", time.Hour: "1 hour.",
	} {
		s := setup(t)
		s.entry.Organisation.LinkLifetime = lifetime
		if text := s.Get(t, invitePath).Text(); !strings.Contains(text, "The link works for "+says) {
			t.Errorf("%s: the page says %s", lifetime, text)
		}
	}
}

func TestASingleChoiceIsChosenAlready(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.choices = extension.Choices{Areas: []extension.ServiceArea{hamburg()}, Roles: []extension.Role{nurse()}}
	got := s.Get(t, invitePath)
	if got.One(t, "#field-area [selected]").Text() != "Hamburg" || got.One(t, "#field-role [selected]").Text() != "Nurse" {
		t.Error("the only area or role is not chosen")
	}
}

func TestWithoutAreasThePageSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.choices.Areas = nil
	for _, want := range []string{"no service area or no role yet", "Ask an administrator"} {
		got := s.Get(t, invitePath)
		if !strings.Contains(got.Text(), want) || got.Has("textarea") {
			t.Errorf("the page says %q", got.Text())
		}
		s.inviter()
	}
}

func TestInviteSendsTheOrderAndShowsItsBatch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	form := filled(t, s.Get(t, invitePath), order("a@example.com,\r\nb@example.com"))
	got := s.Post(t, invitePath, form)
	want := invite.Order{Batch: s.order.Batch, Text: "a@example.com,\nb@example.com", Area: leipzig().ID, Role: nurse().ID}
	if diff := cmp.Diff(want, s.order); diff != "" {
		t.Errorf("the verb was asked (-want +got):\n%s", diff)
	}
	if _, err := extension.ParseID[extension.BatchID](string(s.order.Batch)); err != nil {
		t.Errorf("the batch's id is %q", s.order.Batch)
	}
	if got.Status != http.StatusSeeOther || got.Location() != "/o/elsewhere/batches/"+string(s.order.Batch) {
		t.Errorf("it ends with %d at %q", got.Status, got.Location())
	}
}

func TestTheSameFormWithTheSameContentIsTheSameBatch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	page := s.Get(t, invitePath)
	batch := func(page webtest.Answer, text string) extension.BatchID {
		t.Helper()
		s.Post(t, invitePath, filled(t, page, order(text)))
		return s.order.Batch
	}
	first := batch(page, "a@example.com")
	if batch(page, "a@example.com") != first {
		t.Error("pressing twice is two batches")
	}
	if batch(page, "b@example.com") == first {
		t.Error("other addresses on the same form are swallowed")
	}
	if batch(s.Get(t, invitePath), "a@example.com") == first {
		t.Error("a new form is the old batch")
	}
}

func TestAMultipartFormIsReadTheSame(t *testing.T) {
	t.Parallel()
	s := setup(t)
	got := s.send(t, filled(t, s.Get(t, invitePath), order("ä@x\r\na@example.com")))
	if got.Status != http.StatusSeeOther || s.order.Text != "ä@x\na@example.com" || s.order.Area != leipzig().ID {
		t.Errorf("it ends with %d, and the order is %+v", got.Status, s.order)
	}
}

// send posts the invite form as a browser does.
func (s *stage) send(t *testing.T, form url.Values) webtest.Answer {
	t.Helper()
	var body strings.Builder
	writer := multipart.NewWriter(&body)
	for name := range form {
		if err := writer.WriteField(name, form.Get(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+invitePath, strings.NewReader(body.String()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{
		"Content-Type": {writer.FormDataContentType()}, "Sec-Fetch-Site": {"same-origin"}, "Accept": {"text/html"},
	}
	return s.Do(t, request)
}

func TestCheckAddressesCountsWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := setup(t)
	with := order("Anna Berg <anna@example.com>\nanna@example.com\nfoo@@bar.com\nbob@gmial.com")
	with["press"] = "check"
	got := s.Post(t, invitePath, filled(t, s.Get(t, invitePath), with))
	if got.Status != http.StatusOK || len(s.asked) != 0 {
		t.Fatalf("checking is %d and asked %q", got.Status, s.asked)
	}
	count := got.One(t, "[data-count]")
	if count.Attr("data-count") != "2" || count.Text() != "2 addresses recognised, 1 repetition left out" {
		t.Errorf("the count says %q", count.Text())
	}
	for list, want := range map[string]string{
		"rejected":      "1 piece not recognised foo@@bar.com There is more than one @.",
		"probable_typo": "1 probable typing mistake bob@gmial.com The domain looks mistyped.",
		"ignored":       "1 other word ignored Anna Berg",
		"repeated":      "1 repetition left out anna@example.com",
		"queued":        "2 new They get an invitation. anna@example.com bob@gmial.com",
	} {
		if text := got.One(t, "[data-count-list="+list+"]").Text(); !strings.HasPrefix(text, want) {
			t.Errorf("%s says %q", list, text)
		}
	}
	assertKept(t, got, with["addresses"])
}

// assertKept checks that what was typed is still in the form.
func assertKept(t *testing.T, page webtest.Answer, text string) {
	t.Helper()
	if got := page.One(t, "textarea").Text(); got != strings.Join(strings.Fields(text), " ") {
		t.Errorf("the text is now %.200q", got)
	}
	if page.One(t, "#field-area [selected]").Attr("value") != string(leipzig().ID) || page.One(t, "#field-role [selected]").Attr("value") != string(nurse().ID) {
		t.Error("the area or the role is not chosen any more")
	}
}

func TestNothingTypedIsLostOnAnError(t *testing.T) {
	t.Parallel()
	const text = "a@example.com </textarea><script>alert(1)</script>"
	for name, test := range map[string]struct {
		refuse error
		status int
		says   string
	}{
		"a field is wrong": {
			&extension.InvalidError{Fields: []extension.FieldError{{Field: "addresses", Message: "Type one."}, {Field: "role", Message: "Choose one."}}},
			http.StatusUnprocessableEntity, "Type one.",
		},
		"the form is wrong":    {extension.Invalid("", "This page is too old."), http.StatusUnprocessableEntity, "This page is too old."},
		"the mail is down":     {&extension.TroubleError{Sentence: "The database is being restarted."}, http.StatusServiceUnavailable, "The database is being restarted."},
		"the role was lowered": {extension.ErrForbidden, http.StatusForbidden, "Your role does not allow it"},
		"a bug":                {errors.New("nil pointer"), http.StatusInternalServerError, "went wrong on our side"},
	} {
		s := setup(t)
		page := s.Get(t, invitePath)
		s.refuse = test.refuse
		got := s.Post(t, invitePath, filled(t, page, order(text)))
		if got.Status != test.status || !strings.Contains(got.One(t, "[role=alert]").Text(), test.says) {
			t.Errorf("%s: %d %s", name, got.Status, got.Text())
		}
		if got.Has("main script") {
			t.Errorf("%s: the text became a part of the page", name)
		}
		assertKept(t, got, text)
		if got.One(t, "[name=form]").Attr("value") != page.One(t, "[name=form]").Attr("value") {
			t.Errorf("%s: pressing again would be another batch", name)
		}
	}
}

func TestARefusedFieldIsNamedAtTheField(t *testing.T) {
	t.Parallel()
	s := setup(t)
	page := s.Get(t, invitePath)
	s.refuse = extension.Invalid("area", "Choose one of your service areas.")
	got := s.Post(t, invitePath, filled(t, page, map[string]string{"addresses": "a@example.com", "area": "forged", "role": ""}))
	if got.One(t, "#field-area").Attr("aria-invalid") != "true" || !strings.Contains(got.One(t, "#field-area-error").Text(), "Choose one of your service areas.") {
		t.Error("the area is not told to be wrong")
	}
	if got.One(t, "[role=alert] a").Attr("href") != "#field-area" || got.One(t, "#field-area [selected]").Text() != "Choose a service area" {
		t.Error("the summary does not lead to the area, or a forged area is chosen")
	}
}

func TestFiveMegabytesAreRefusedWithTheLimitAndKept(t *testing.T) {
	t.Parallel()
	s := setup(t)
	with := order(strings.Repeat("someone@example.com\n", (5<<20)/20))
	got := s.send(t, filled(t, s.Get(t, invitePath), with))
	if got.Status != http.StatusRequestEntityTooLarge || len(s.asked) != 0 || !strings.Contains(got.One(t, "#field-addresses-error").Text(), invite.TooMuch()) {
		t.Errorf("the answer is %d", got.Status)
	}
	assertKept(t, got, with["addresses"])
}

func TestTooManyAddressesAreSaidBeforeInvite(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var text strings.Builder
	for i := range invite.MaxPieces {
		fmt.Fprintf(&text, "a%d@b.org\n", i)
	}
	with := order(text.String() + "foo@@bar.com")
	with["press"] = "check"
	got := s.send(t, filled(t, s.Get(t, invitePath), with))
	if got.Status != http.StatusRequestEntityTooLarge || !strings.Contains(got.One(t, "#field-addresses-error").Text(), invite.TooMuch()) {
		t.Errorf("checking is %d", got.Status)
	}
	assertKept(t, got, with["addresses"])
	for list, want := range map[string]string{
		with["addresses"]: "100,000 addresses recognised. " + invite.TooMuch(),
		text.String():     "100,000 addresses recognised",
	} {
		var answer struct{ Sentence, Fault string }
		if err := json.Unmarshal([]byte(s.count(t, list).Body), &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Sentence != want || (answer.Fault != "") != strings.HasSuffix(want, invite.TooMuch()) {
			t.Errorf("the live count says %q, and as a fault %q", answer.Sentence, answer.Fault)
		}
	}
}

func TestTheLimitCountsLinesAsOnThePage(t *testing.T) {
	t.Parallel()
	s := setup(t)
	page := s.Get(t, invitePath)
	text := strings.Repeat("a\r\n", invite.MaxPaste/2) // exactly the limit once CR is gone
	if got := s.send(t, filled(t, page, order(text))); got.Status != http.StatusSeeOther || len(s.order.Text) != invite.MaxPaste {
		t.Errorf("a text of just the limit is %d with %d bytes", got.Status, len(s.order.Text))
	}
}

func TestAFormOfTheSessionBeforeIsKeptAndPressedAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	form := filled(t, s.Get(t, invitePath), order("a@example.com"))
	s.Cookies[sessionCookie] = "a new one"
	got := s.Post(t, invitePath, form)
	if got.Status != http.StatusForbidden || len(s.asked) != 0 || !strings.Contains(got.One(t, "[role=alert]").Text(), "Please press Invite again") {
		t.Fatalf("the answer is %d %s", got.Status, got.Text())
	}
	assertKept(t, got, "a@example.com")
	if again := s.Post(t, invitePath, filled(t, got, order("a@example.com"))); again.Status != http.StatusSeeOther {
		t.Errorf("pressing again is %d", again.Status)
	}
}

func TestTheLiveCountSaysTheSameAsTheForm(t *testing.T) {
	t.Parallel()
	s := setup(t)
	rejects := strings.Repeat("foo@@bar.com\n", 53)
	var answer struct {
		Count    int
		Sentence string
		Lists    []struct {
			Name, Title, More string
			Items             []struct{ Text, Why string }
		}
	}
	got := s.count(t, "anna@example.com, ANNA@example.com\n"+rejects)
	if err := json.Unmarshal([]byte(got.Body), &answer); err != nil || got.Status != http.StatusOK {
		t.Fatalf("the answer is %d %s: %v", got.Status, got.Body, err)
	}
	if answer.Count != 1 || answer.Sentence != "1 address recognised, 1 repetition left out" || len(answer.Lists) != 3 /* new, rejected, repeated */ {
		t.Errorf("the answer is %s", got.Body)
	}
	rejected := answer.Lists[1]
	if rejected.Name != "rejected" || rejected.Title != "53 pieces not recognised" || len(rejected.Items) != 50 || rejected.More != "and 3 more" {
		t.Errorf("the rejected are %q with %d, %q", rejected.Title, len(rejected.Items), rejected.More)
	}
	if rejected.Items[0].Text != "foo@@bar.com" || rejected.Items[0].Why == "" {
		t.Errorf("a rejected piece is %+v", rejected.Items[0])
	}
	if tooMuch := s.count(t, strings.Repeat("x", invite.MaxPaste+1)); tooMuch.Status != http.StatusRequestEntityTooLarge || !strings.Contains(tooMuch.Body, invite.TooMuch()) {
		t.Errorf("too much is counted: %d %s", tooMuch.Status, tooMuch.Body)
	}
	s.session = extension.ErrNoSession
	if lost := s.count(t, "a@example.com"); lost.Status != http.StatusUnauthorized || lost.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("without a session: %d", lost.Status)
	}
	s.session = nil
	s.as(nurse())
	if none := s.count(t, "a@example.com"); none.Status != http.StatusForbidden {
		t.Errorf("without a right: %d", none.Status)
	}
}

// count asks as the script of the page does.
func (s *stage) count(t *testing.T, text string) webtest.Answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+invitePath+"/recognise", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Accept": {"application/json"}, "Content-Type": {"text/plain;charset=utf-8"}, "Sec-Fetch-Site": {"same-origin"}}
	return s.Do(t, request)
}
