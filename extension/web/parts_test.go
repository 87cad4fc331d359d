package web_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// show renders a component inside the layout, in a page of its own.
func (b *bench) show(page web.Page, parts ...templ.Component) {
	b.shell.App().Get("/show", func(c *fiber.Ctx) error {
		return b.shell.Render(c, http.StatusOK, templ.Join(append([]templ.Component{b.shell.Layout(page)}, parts...)...))
	})
}

// inside renders parts as a page's own content, within its layout.
func inside(layout templ.Component, parts ...templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return layout.Render(templ.WithChildren(ctx, templ.Join(parts...)), w)
	})
}

func TestAWrongFieldIsJoinedToItsHintAndItsError(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	faults := []extension.FieldError{{Field: "mobile", Message: "That is no number."}, {Message: "Something else."}}
	b.show(web.Page{Title: "Form"},
		web.Mistakes(faults),
		web.Field(web.Input{Name: "mobile", Label: "Mobile number", Hint: "With + and country.", Error: web.ErrorAt(faults, "mobile"), Type: "tel", Autocomplete: "tel", Required: true}),
		web.TextArea(web.Area{Name: "text", Label: "Text", Value: "</textarea><script>", Rows: "3"}),
		web.Select(web.Selection{Name: "area", Label: "Area", Placeholder: "Choose", Options: []web.Option{{Value: "1", Label: "One"}}}),
	)
	got := b.Get(t, "/show")

	input := got.One(t, "#field-mobile")
	if input.Attr("aria-invalid") != "true" || input.Attr("autocomplete") != "tel" {
		t.Errorf("the wrong field is not told to be wrong: %s", got.Body)
	}
	for id := range strings.FieldsSeq(input.Attr("aria-describedby")) {
		got.One(t, "#"+id)
	}
	if got.One(t, "label[for=field-mobile]").Text() != "Mobile number" {
		t.Error("the label does not name its field")
	}
	if got.One(t, "[role=alert] a").Attr("href") != "#field-mobile" || !strings.Contains(got.One(t, "[role=alert]").Text(), "Something else.") {
		t.Errorf("the summary does not lead to the field: %s", got.One(t, "[role=alert]").Text())
	}
	if text := got.One(t, "#field-text"); text.Text() != "</textarea><script>" || text.Attr("aria-invalid") != "" {
		t.Errorf("the text is %q", text.Text())
	}
	if got.One(t, "#field-area option[selected]").Text() != "Choose" {
		t.Error("something is chosen already")
	}
}

func TestTheMenuBehindTheInitialsLeadsAdministratorsOn(t *testing.T) {
	t.Parallel()
	for _, leads := range []bool{false, true} {
		b := setup(t, "https://paperplane.test")
		user := extension.User{
			FirstName: "Ada", LastName: "Berg<script>", Address: "ada@example.com",
			Assignments: []extension.Assignment{{Role: extension.Role{Right: extension.RightAdministrator}}},
		}
		organisation := extension.Organisation{Slug: "acme", Name: "Acme & Sons"}
		b.show(web.Page{Title: "Page", Menu: true, User: &user, Organisation: &organisation, CSRF: "token", Administers: leads})
		got := b.Get(t, "/show")

		menu := got.One(t, "details.menu")
		if !strings.HasPrefix(menu.Text(), "AB") || !strings.Contains(menu.Text(), "Ada Berg<script>") || !strings.Contains(menu.Text(), "ada@example.com") {
			t.Errorf("the menu says %q", menu.Text())
		}
		if got.Has("details.menu a[href=/o/acme/users]") != leads || strings.Contains(menu.Text(), "Access management") != leads {
			t.Errorf("of somebody who administers (%v) the menu says %q", leads, menu.Text())
		}
		if got.Has("a.brand[href=/o/acme]") != leads {
			t.Errorf("of somebody who administers (%v) the organisation's name leads elsewhere", leads)
		}
		if got.One(t, "form[action=/logout] input").Attr("value") != "token" || got.One(t, "form[action=/logout]").Attr("method") != "post" {
			t.Error("Sign out is no form of this session")
		}
		if got.One(t, "title").Text() != "Page · Acme & Sons · Paperplane" || got.One(t, "html").Attr("lang") != "en" || !got.Has("a.skip[href=#main]") {
			t.Errorf("the frame is not complete: %s", got.Body)
		}
	}
}

func TestEveryStatusIsAWord(t *testing.T) {
	t.Parallel()
	for _, status := range extension.Statuses() {
		b := setup(t, "https://paperplane.test")
		b.show(web.Page{Title: "Page"}, web.StatusLabel(status))
		if got := b.Get(t, "/show").One(t, ".status").Text(); got != string(status) {
			t.Errorf("%s is shown as %q", status, got)
		}
	}
}

func TestEveryIconIsDrawn(t *testing.T) {
	t.Parallel()
	for _, name := range []web.IconName{
		web.IconPaperPlane, web.IconPause, web.IconPlay, web.IconPlus, web.IconSearch,
		web.IconCheck, web.IconInfo, web.IconWarning, web.IconBack, web.IconForward,
		web.IconCopy, web.IconSave, web.IconPrint, web.IconSwitch, web.IconPerson,
	} {
		b := setup(t, "https://paperplane.test")
		b.show(web.Page{}, web.Icon(name, "what it means"))
		got := b.Get(t, "/show")
		if len(got.All("svg.icon-"+string(name)+" path")) == 0 || !strings.Contains(got.Text(), "what it means") {
			t.Errorf("%s is not drawn or not named", name)
		}
		if got.All("svg.icon-" + string(name) + " path")[0].Attr("d") == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestTheStepsTellWhereSomebodyIs(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.show(web.Page{Title: "Page"}, web.Steps(1, []string{"Your details", "Second factor", "Terms"}))
	got := b.Get(t, "/show")
	if got.One(t, "nav.steps").Attr("aria-label") != "Step 2 of 3" || len(got.All("nav.steps ol li")) != 3 {
		t.Errorf("the steps are %s", got.One(t, "nav.steps").Text())
	}
	if got.One(t, "[aria-current=step]").Text() != "Second factor" || got.One(t, "li.step-done").Text() != "Your details (done)" {
		t.Errorf("the steps are %s", got.One(t, "nav.steps").Text())
	}
}

func TestAFieldForACodeHelpsPhonesAndPasswordManagers(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.show(web.Page{Title: "Page"}, web.CodeField(web.Input{Name: "code", Label: "Code", Hint: "Six digits.", Required: true}))
	field := b.Get(t, "/show").One(t, "#field-code")
	for name, want := range map[string]string{
		"inputmode": "numeric", "autocomplete": "one-time-code", "type": "text", "spellcheck": "false", "maxlength": "", "aria-describedby": "field-code-hint",
	} {
		if got := field.Attr(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestWhatNeedsJavaScriptIsNotThereWithout(t *testing.T) {
	t.Parallel()
	b := setup(t, "https://paperplane.test")
	b.show(web.Page{Title: "Page"}, web.Copy("codes", "Copy"), web.Print("Print"))
	got := b.Get(t, "/show")
	for selector, says := range map[string]string{"[data-copy=codes]": "Copy", "[data-print]": "Print"} {
		if button := got.One(t, "button"+selector); !got.Has("button[hidden]"+selector) || button.Attr("type") != "button" || button.Text() != says {
			t.Errorf("the button is %q, or is shown without JavaScript", button.Text())
		}
	}
}

func TestOnlyAPageThatAsksForThemHoldsInlineImages(t *testing.T) {
	t.Parallel()
	for asked, want := range map[bool]string{true: "img-src 'self' data:;", false: "img-src 'self';"} {
		b := setup(t, "https://paperplane.test")
		b.show(web.Page{Title: "Page", InlineImages: asked})
		policy := b.Get(t, "/show").Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, want) || !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("the policy is %s, want %s", policy, want)
		}
	}
}
