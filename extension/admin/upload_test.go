package admin_test

import (
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/web/webtest"
)

// upload posts the invite form with a file, as a browser does.
func (s *stage) upload(t *testing.T, form url.Values, name, content string) webtest.Answer {
	t.Helper()
	var body strings.Builder
	writer := multipart.NewWriter(&body)
	for field := range form {
		if err := writer.WriteField(field, form.Get(field)); err != nil {
			t.Fatal(err)
		}
	}
	part, err := writer.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+invitePath, strings.NewReader(body.String()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {writer.FormDataContentType()}, "Sec-Fetch-Site": {"same-origin"}, "Accept": {"text/html"}}
	return s.Do(t, request)
}

func TestAFileIsReadIntoTheFieldAndNothingIsSent(t *testing.T) {
	t.Parallel()
	const csv = "Email;Service area\r\n\xe5sa@example.com, a@example.com;Hamburg\r\n"
	for _, press := range []string{"upload", "invite", "check"} {
		s := setup(t)
		form := filled(t, s.Get(t, invitePath), order(""))
		form.Set("press", press)
		got := s.upload(t, form, "list.csv", csv)
		if got.Status != http.StatusOK || len(s.asked) != 0 || !strings.Contains(got.One(t, ".counted-told").Text(), "The file was read into the field") {
			t.Errorf("%s: %d %s", press, got.Status, got.Text())
		}
		assertKept(t, got, "Email;Service area åsa@example.com, a@example.com;Hamburg")
		if got.One(t, "[data-count]").Attr("data-count") != "1" {
			t.Errorf("%s: the count says %q", press, got.One(t, "[data-count]").Text())
		}
	}
}

func TestAFileOfTooManyAddressesIsNotToldOfAsIfAllWereWell(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var list strings.Builder
	for i := range invite.MaxPieces + 1 {
		fmt.Fprintf(&list, "a%d@example.com\n", i)
	}
	form := filled(t, s.Get(t, invitePath), order(""))
	form.Set("press", "upload")
	got := s.upload(t, form, "list.csv", list.String())
	if got.Status != http.StatusRequestEntityTooLarge || !strings.Contains(got.Text(), invite.TooMuch()) || got.Has(".counted-told") {
		t.Errorf("%d, and the page says that the file was read: %v", got.Status, got.Has(".counted-told"))
	}
}

func TestAFileThatCannotBeUsedIsToldOfAtTheField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ typed, name, content, says string }{
		"no file":         {"", "", "", "Choose a file first"},
		"an empty file":   {"", "list.csv", " \r\n", "The file is empty."},
		"a workbook":      {"", "list.xlsx", "PK\x03\x04", "This is a workbook and not a CSV file."},
		"a picture":       {"", "list.csv", "\x89PNG\r\n\x1a\n\x00", "not a text file"},
		"no header":       {"", "list.csv", "a@example.com,Hamburg\nb@example.com,Leipzig", "Put a first line above them that names the column of the addresses “Email”"},
		"a wrong header":  {"", "list.csv", "Postfach,Ort\na@example.com,Hamburg\nb@example.com,Leipzig", "have no names that are known here"},
		"200,000 rows":    {"", "list.csv", "Email,Area\n" + strings.Repeat("somebody@example.com,Hamburg\n", 200_000), invite.TooMuch()},
		"text is in it":   {"typed@example.com", "list.csv", "Email,Area\na@example.com,Hamburg", "the field holds text already"},
		"a press of none": {"typed@example.com", "", "", "Choose a file first"},
	} {
		s := setup(t)
		form := filled(t, s.Get(t, invitePath), order(c.typed))
		form.Set("press", "upload")
		got := s.upload(t, form, c.name, c.content)
		if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.One(t, "#field-file-error").Text(), c.says) || len(s.asked) != 0 {
			t.Errorf("%s: %d %s", name, got.Status, got.Text())
		}
		assertKept(t, got, c.typed)
		if !got.Has("details.from-file[open]") {
			t.Errorf("%s: the fault is hidden", name)
		}
	}
}

func TestAFileOutlivesALostSession(t *testing.T) {
	t.Parallel()
	s := setup(t)
	form := filled(t, s.Get(t, invitePath), order(""))
	form.Set("press", "upload")
	s.session = extension.ErrNoSession
	if kept := s.upload(t, form, "list.csv", "a@example.com"); kept.Status != http.StatusUnauthorized || kept.One(t, "textarea").Text() != "a@example.com" {
		t.Errorf("the answer is %d %s", kept.Status, kept.Text())
	}
}

func TestTheScriptGetsTheTextOfAFile(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for content, want := range map[string]struct {
		status      int
		text, fault string
	}{
		"\xff\xfea\x00@\x00b\x00.\x00o\x00r\x00g\x00\r\x00\n\x00": {http.StatusOK, "a@b.org\n", ""},
		"PK\x03\x04": {http.StatusUnprocessableEntity, "", "This is a workbook and not a CSV file. Save it as CSV (in Excel: Save as, CSV UTF-8), or copy its cells and paste them into the field."},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin+invitePath+"/file", strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"Accept": {"application/json"}, "Content-Type": {"application/octet-stream"}, "Sec-Fetch-Site": {"same-origin"}}
		got := s.Do(t, request)
		var answer struct{ Text, Fault string }
		if err := json.Unmarshal([]byte(got.Body), &answer); err != nil {
			t.Fatal(err)
		}
		if got.Status != want.status || answer.Text != want.text || answer.Fault != want.fault {
			t.Errorf("%q: %d %+v", content, got.Status, answer)
		}
	}
}

func TestTheTemplateIsATableThatIsRead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	page := s.Get(t, invitePath)
	got := s.Get(t, page.One(t, "a[download]").Attr("href"))
	if got.Status != http.StatusOK || got.Header.Get("Content-Disposition") != `attachment; filename="invite-users.csv"` || got.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("the template is %d %v", got.Status, got.Header)
	}
	form := filled(t, page, order(""))
	form.Set("press", "upload")
	answer := s.upload(t, form, "invite-users.csv", got.Body+"a@example.com,Hamburg,Nurse\r\n")
	if text := answer.One(t, "[data-count-list=queued]").Text(); !strings.Contains(text, "a@example.com Hamburg, Nurse") {
		t.Errorf("the filled template is read as %q", text)
	}
}
