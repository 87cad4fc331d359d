package admin

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/roster"
	"paperplane/extension/web"
)

// agreeing is what the pages of the terms ask of the verb.
type agreeing interface {
	Terms(ctx context.Context, actor extension.Actor) (roster.Terms, error)
	Version(ctx context.Context, actor extension.Actor, number int) (extension.TermsVersion, error)
	Draft(ctx context.Context, actor extension.Actor, language string) (extension.TermsDraft, error)
	SaveDraft(ctx context.Context, actor extension.Actor, draft extension.TermsDraft, seen string) error
	DropDraft(ctx context.Context, actor extension.Actor, language, seen string) error
	Publication(ctx context.Context, actor extension.Actor) (roster.Publication, error)
	Publish(ctx context.Context, actor extension.Actor, seal string, grace time.Duration) (int, error)
	Evidence(ctx context.Context, actor extension.Actor, version int, after int64) (rows []extension.Evidence, more bool, err error)
	EachEvidence(ctx context.Context, actor extension.Actor, version int, f func(extension.Evidence) error) error
}

// mountTerms puts the pages of the terms below an organisation.
func (p *Pages) mountTerms(organisation fiber.Router) {
	organisation.Get("/terms", p.read(p.administrators(p.listTerms)))
	organisation.Get("/terms/versions/:version", p.read(p.administrators(p.showVersion)))
	organisation.Get("/terms/versions/:version/evidence.csv", p.read(p.administrators(p.versionTable)))
	organisation.Get("/terms/versions/:version/evidence.json", p.read(p.administrators(p.versionList)))
	organisation.Get("/terms/drafts", p.read(p.administrators(p.beginDraft)))
	organisation.Get("/terms/drafts/:language", p.read(p.administrators(p.editDraft)))
	organisation.Post("/terms/drafts/:language", p.writeDraft) // enters by itself: what was typed outlives a lost session or right
	organisation.Get("/terms/drafts/:language/delete", p.read(p.administrators(p.confirmDrop)))
	organisation.Post("/terms/drafts/:language/delete", p.change(p.administrators(p.dropDraft)))
	organisation.Get("/terms/publish", p.read(p.administrators(p.confirmPublish)))
	organisation.Post("/terms/publish", p.change(p.administrators(p.publish)))
}

// termsCrumbs is the way to a page below the terms.
func termsCrumbs(v visit) []web.Crumb {
	return append(crumbs(v), web.Crumb{Text: "Terms and conditions", Href: v.path("/terms")})
}

// termsView is what the page of all texts shows.
type termsView struct {
	visit
	page  web.Page
	terms roster.Terms
	now   time.Time
}

// listTerms shows what was published and what is being written.
func (p *Pages) listTerms(c *fiber.Ctx, v visit) error {
	terms, err := p.policy.Terms(c.UserContext(), v.Actor)
	if err != nil {
		return err
	}
	view := termsView{visit: v, terms: terms, now: p.shell.Now()}
	view.page = p.page(c, v, web.Page{
		Title: "Terms and conditions", Crumbs: crumbs(v), Styles: []string{"admin.css"},
		Lead: "The text (EULA) that everybody accepts before they enter " + v.Organisation.Name + ", and who has accepted it.",
	})
	return p.shell.Render(c, http.StatusOK, p.termsPage(view))
}

// versionPath is the page of a version, below the organisation.
func versionPath(number int) string { return "/terms/versions/" + strconv.Itoa(number) }

// draftPath is the page of a draft, below the organisation.
func draftPath(language string) string { return "/terms/drafts/" + language }

// left says which languages the next version would be without; empty when there is no next one, or none is missing.
func left(terms roster.Terms) string {
	missing := terms.Left()
	if len(terms.Drafts) == 0 || len(missing) == 0 {
		return ""
	}
	return "The current version is also in " + languageNames(missing) + ". The next one will be without, because there is no draft."
}

// ownMissing tells whether there are drafts, but none in the organisation's own language.
func ownMissing(v visit, terms roster.Terms) bool {
	return len(terms.Drafts) > 0 && terms.Draft(v.Organisation.Language) == nil
}

// foreign tells whether the current version has no text in the organisation's own language.
func (v termsView) foreign() bool {
	current := v.terms.Current()
	return current != nil && !slices.ContainsFunc(current.Texts, func(t extension.Terms) bool { return t.Language == v.Organisation.Language })
}

// unwritten are the languages that a draft can be begun in.
func (v termsView) unwritten() []web.Option {
	inUse := []string{v.Organisation.Language}
	if current := v.terms.Current(); current != nil {
		for _, text := range current.Texts {
			inUse = append(inUse, text.Language)
		}
	}
	return slices.DeleteFunc(languageOptions(inUse...), func(o web.Option) bool { return v.terms.Draft(o.Value) != nil })
}

// graceWords says how long people may go on with an earlier version.
func graceWords(version extension.TermsVersion, now time.Time) string {
	until := version.Published.Add(version.Grace)
	switch {
	case version.Grace == 0:
		return "none"
	case now.Before(until):
		return duration(version.Grace) + ", until " + moment(until)
	}
	return duration(version.Grace) + ", over since " + moment(until)
}
