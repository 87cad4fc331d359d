package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/recognise"
	"paperplane/extension/web"
)

// versionView is what the page of a version shows.
type versionView struct {
	visit
	page     web.Page
	version  extension.TermsVersion
	text     extension.Terms // the one that is shown in full
	evidence []extension.Evidence
	after    int64 // the page of the evidence begins above this number
	more     bool
	grace    string
}

// versionOf reads the number of a version from the address.
func versionOf(c *fiber.Ctx) (int, error) {
	number, err := strconv.Atoi(c.Params("version"))
	if err != nil || number < 1 {
		return 0, extension.ErrNotFound
	}
	return number, nil
}

// showVersion shows a version: its texts, and who has accepted it.
func (p *Pages) showVersion(c *fiber.Ctx, v visit) error {
	number, err := versionOf(c)
	if err != nil {
		return err
	}
	view := versionView{visit: v}
	if view.version, err = p.policy.Version(c.UserContext(), v.Actor, number); err != nil {
		return err
	}
	if after, err := strconv.ParseInt(c.Query("after"), 10, 64); err == nil && after > 0 {
		view.after = after
	}
	if view.evidence, view.more, err = p.policy.Evidence(c.UserContext(), v.Actor, number, view.after); err != nil {
		return err
	}
	if len(view.version.Texts) > 0 {
		shown := slices.IndexFunc(view.version.Texts, func(t extension.Terms) bool { return t.Language == c.Query("language") })
		view.text = view.version.Texts[max(shown, 0)]
	}
	view.grace = graceWords(view.version, p.shell.Now())
	view.page = p.page(c, v, web.Page{
		Title: "Version " + strconv.Itoa(number), Crumbs: termsCrumbs(v), Styles: []string{"admin.css"},
		Lead: "What was published, and who has accepted it. Neither can be changed.",
	})
	return p.shell.Render(c, http.StatusOK, p.versionPage(view))
}

// address is this page with another text or another page of the evidence.
func (v versionView) address(language string, after int64) string {
	query := url.Values{}
	if len(v.version.Texts) > 1 {
		query.Set("language", language)
	}
	if after > 0 {
		query.Set("after", strconv.FormatInt(after, 10))
	}
	address := v.path(versionPath(v.version.Version))
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

// next is the page of the evidence after this one.
func (v versionView) next() string {
	return v.address(v.text.Language, v.evidence[len(v.evidence)-1].Number)
}

// whoAccepted is how a row of evidence calls the user: by name, by address, or by the id alone when the user was deleted.
// Who accepted before the user's address was corrected was somebody else.
func whoAccepted(e extension.Evidence) string {
	switch {
	case e.Name != "" && e.Name != e.Address:
		return e.Name
	case e.Address != "":
		return recognise.Display(e.Address)
	case !e.Disowned.IsZero():
		return "Not user " + string(e.User) + ": somebody before them, until their address was corrected on " + moment(e.Disowned)
	}
	return "Former user " + string(e.User)
}

// confirmedWords says whether Kratos has taken an acceptance.
func confirmedWords(e extension.Evidence) string {
	if e.Confirmed.IsZero() {
		return "not confirmed by Ory Kratos"
	}
	return "confirmed " + moment(e.Confirmed)
}
