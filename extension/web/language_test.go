package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/web"
)

// greet mounts a page in the reader's language, which an invitation in another one leads to.
func (b *bench) greet() {
	page := func(c *fiber.Ctx) error {
		return b.shell.Render(c, http.StatusOK, b.shell.Layout(web.Page{Title: "Page", Language: b.shell.Language(c)}))
	}
	b.shell.App().Get("/page", page)
	b.shell.App().Get("/o/acme/page", page)
	b.shell.App().Get("/join", func(c *fiber.Ctx) error {
		b.shell.Remember(c, c.Query("language"))
		return page(c)
	})
}

func TestAPageSpeaksTheLanguageThatIsKnownBest(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.greet()
	spoken := func(path string) string { t.Helper(); return b.Get(t, path).One(t, "html").Attr("lang") }

	if got := spoken("/page"); got != "en" {
		t.Errorf("without any preference: %s", got)
	}
	b.Header = http.Header{"Accept-Language": {"sv-SE,sv;q=0.9"}}
	if got := spoken("/page"); got != "sv" {
		t.Errorf("the browser's language: %s", got)
	}
	if got := spoken("/join?language=ja"); got != "sv" {
		t.Errorf("after an invitation in a language without translation: %s", got)
	}
	if got := spoken("/join?language=de-CH"); got != "de" {
		t.Errorf("the page of the invitation itself: %s", got)
	}
	if got := spoken("/page"); got != "de" {
		t.Errorf("the page after it: %s", got)
	}
	b.Post(t, "/language", url.Values{"language": {"fr"}})
	if got := spoken("/join?language=de"); got != "fr" {
		t.Errorf("after a choice of one's own: %s", got)
	}
	if got := spoken("/o/acme/page"); got != "en" {
		t.Errorf("an administrators' page: %s", got)
	}
	b.Cookies["__Host-pp_language"] = "<script>"
	if got := spoken("/page"); got != "de" {
		t.Errorf("after a choice that cannot be read: %s", got)
	}
}

func TestTheChoiceOfALanguageLeadsBack(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.greet()
	got := b.Get(t, "/page")
	form := got.One(t, "footer form")
	if form.Attr("action") != "/language" || form.Attr("method") != "post" || form.Attr("aria-label") != "Language" {
		t.Errorf("the form is not complete: %s", got.Body)
	}
	for _, language := range locale.Languages() {
		button := got.One(t, "footer button[value="+string(language)+"]")
		if button.Text() != language.Name() || button.Attr("lang") != string(language) || (button.Attr("aria-current") == "true") != (language == locale.English) {
			t.Errorf("the button of %s says %s", language, button.Text())
		}
	}
	if b.Get(t, "/o/acme/page").Has("footer") {
		t.Error("an administrators' page offers other languages")
	}

	for referer, want := range map[string]string{
		"https://paperplane.test/page?a=b": "/page?a=b", "https://evil.test/page": "/next", "": "/next",
	} {
		b.Header = http.Header{"Referer": {referer}}
		if answer := b.Post(t, "/language", url.Values{"language": {"sv"}}); answer.Status != http.StatusSeeOther || answer.Location() != want {
			t.Errorf("from %q it leads to %d %q", referer, answer.Status, answer.Location())
		}
	}
	b.Cookies = map[string]string{}
	if answer := b.Post(t, "/language", url.Values{"language": {"ja"}}); answer.Status != http.StatusUnprocessableEntity || len(b.Cookies) != 0 {
		t.Errorf("a language without translation is taken: %d %v", answer.Status, b.Cookies)
	}
}

func TestTheShellAndItsPartsSpeakThePagesLanguage(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	user := extension.User{FirstName: "Ada", LastName: "Berg", Address: "ada@example.com"}
	page := web.Page{
		Title: "Seite", Language: locale.German, Menu: true, Switch: true, User: &user, Organisation: &extension.Organisation{Name: "Acme"},
		Flash: &web.Flash{Kind: web.NoticeSuccess, Text: "Gespeichert."},
	}
	b.shell.App().Get("/show", func(c *fiber.Ctx) error {
		return b.shell.Render(c, http.StatusOK, inside(b.shell.Layout(page),
			web.Mistakes([]extension.FieldError{{Message: "Falsch."}}),
			web.Field(web.Input{Name: "password", Label: "Passwort", Type: "password"}),
		))
	})
	got := b.Get(t, "/show")
	for selector, want := range map[string]string{
		"a.skip": "Zum Inhalt springen", "a[href=/organisations]": "Organisation wechseln", "form[action=/logout] button": "Abmelden",
		".notice-success .unseen": "Erledigt:", ".notice-error .unseen": "Problem:",
	} {
		if text := got.One(t, selector).Text(); text != want {
			t.Errorf("%s says %q, want %q", selector, text, want)
		}
	}
	if got.One(t, "#field-password").Attr("data-show-field") != "Passwort anzeigen" {
		t.Errorf("the field says %q", got.One(t, "#field-password").Attr("data-show-field"))
	}
}

func TestErrorsAreToldInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	fail := func(*fiber.Ctx) error { return extension.ErrNotFound }
	b.shell.App().Get("/fail", fail)
	b.shell.App().Get("/o/acme/fail", fail)
	b.Header = http.Header{"Accept-Language": {"sv"}}
	if got := b.Get(t, "/fail"); got.One(t, "html").Attr("lang") != "sv" || got.One(t, "h1").Text() == "There is no such page" {
		t.Errorf("the page says %s", got.Text())
	}
	if got := b.Get(t, "/o/acme/fail"); got.One(t, "html").Attr("lang") != "sv" || got.One(t, "h1").Text() == "There is no such page" {
		t.Errorf("among administrators' pages it says %s", got.Text())
	}
	b.shell.App().Get("/o/acme/conflict", func(*fiber.Ctx) error { return extension.ErrConflict })
	if got := b.Get(t, "/o/acme/conflict"); got.One(t, "html").Attr("lang") != "en" || got.One(t, "h1").Text() != "Something has changed meanwhile" {
		t.Errorf("the administrators' page says %s", got.Text())
	}
}

func TestARequestThatCannotBeReadIsAnsweredInEveryLanguage(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.shell.App().Get("/fail", func(*fiber.Ctx) error { return fiber.ErrRequestHeaderFieldsTooLarge })
	got := b.Get(t, "/fail")
	for _, language := range locale.Languages() {
		title := language.Say("Your browser sends too many cookies")
		if !strings.Contains(got.Text(), title) || len(got.All("section[lang="+string(language)+"]")) != 1 {
			t.Errorf("%s: the page says %s", language, got.Text())
		}
	}
	if len(got.All("form")) != 0 {
		t.Error("the page offers a language to choose")
	}
}

func TestSentencesAboutFieldsAreSaidInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	fields := []extension.FieldError{{Field: "a", Message: "Nothing was changed."}, {Message: "“%s” is nothing that is known."}}
	said := web.Said(locale.German, fields)
	if len(said) != 2 || said[0].Field != "a" || said[0].Message == fields[0].Message || said[1] != fields[1] {
		t.Errorf("said is %v", said)
	}
	if !strings.HasPrefix(fields[0].Message, "Nothing") {
		t.Error("what was handed in has changed")
	}
}
