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
	at       int // which page of the evidence, from 1
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
	view := versionView{visit: v, at: 1}
	if view.version, err = p.policy.Version(c.UserContext(), v.Actor, number); err != nil {
		return err
	}
	if at, err := strconv.Atoi(c.Query("page")); err == nil && at > 1 {
		view.at = at
	}
	if view.evidence, view.more, err = p.policy.Evidence(c.UserContext(), v.Actor, number, view.at); err != nil {
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
func (v versionView) address(language string, at int) string {
	query := url.Values{}
	if len(v.version.Texts) > 1 {
		query.Set("language", language)
	}
	if at > 1 {
		query.Set("page", strconv.Itoa(at))
	}
	address := v.path(versionPath(v.version.Version))
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address
}

// whoAccepted is how a row of evidence calls the user: by name, by address, or by the id alone when the user was deleted or
// has another address by now.
func whoAccepted(e extension.Evidence) string {
	switch {
	case e.Name != "" && e.Name != e.Address:
		return e.Name
	case e.Address != "":
		return recognise.Display(e.Address)
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
