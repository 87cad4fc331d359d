package admin

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/roster"
	"paperplane/extension/web"
)

// draftView is what the page of a draft shows.
type draftView struct {
	visit
	page    web.Page
	draft   extension.TermsDraft
	seen    string // the seal of the draft as it was when the page was loaded; empty when there was none
	preview bool
	faults  []extension.FieldError
	problem *web.Problem // what stands in the way beside the fields
	other   *extension.TermsDraft
}

// sealOf names the draft that somebody was shown; one that was never saved has none.
func sealOf(draft extension.TermsDraft) string {
	if draft.By == "" {
		return ""
	}
	return roster.Seal([]extension.TermsDraft{draft})
}

// beginDraft leads to the draft in the language that was chosen.
func (p *Pages) beginDraft(c *fiber.Ctx, v visit) error {
	language := c.Query("language")
	if language == "" {
		return c.Redirect(v.path("/terms"), fiber.StatusSeeOther)
	}
	return c.Redirect(v.path(draftPath(url.PathEscape(language))), fiber.StatusSeeOther)
}

// editDraft shows a draft, or the current text to begin one from.
func (p *Pages) editDraft(c *fiber.Ctx, v visit) error {
	draft, err := p.policy.Draft(c.UserContext(), v.Actor, c.Params("language"))
	if err != nil {
		return err
	}
	return p.showDraft(c, http.StatusOK, draftView{visit: v, draft: draft, seen: sealOf(draft)})
}

// writeDraft takes the press of Save or of Preview. Whatever goes wrong, what was typed comes back.
func (p *Pages) writeDraft(c *fiber.Ctx) error {
	view := draftView{
		seen: web.Posted(c, "seen"), preview: web.Posted(c, "press") == "preview",
		draft: extension.TermsDraft{Language: c.Params("language"), Title: web.Posted(c, "title"), Text: web.Posted(c, "text")},
	}
	var err error
	if view.visit, err = p.enter(c); err == nil {
		err = view.admission()
	}
	if err == nil && !view.Actor.Administrates() {
		err = extension.ErrForbidden
	}
	if err != nil {
		return p.keepDraft(c, view, err)
	}
	if view.preview {
		return p.showDraft(c, http.StatusOK, view) // changes nothing, so it needs no form token
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		view.problem = &web.Problem{Title: "Please press Save again", Sentences: []string{
			"You have signed in again since this page was loaded. Nothing was saved, and what you typed is still here.",
		}}
		return p.showDraft(c, http.StatusForbidden, view)
	}
	return p.saveDraft(c, view)
}

// saveDraft keeps the draft of somebody who may, or shows the page again.
func (p *Pages) saveDraft(c *fiber.Ctx, view draftView) error {
	err := p.policy.SaveDraft(c.UserContext(), view.Actor, view.draft, view.seen)
	var refused *extension.InvalidError
	switch {
	case err == nil:
		err := p.shell.SetFlash(c, web.Flash{Kind: web.NoticeSuccess, Text: "The draft in " + languageName(view.draft.Language) + " is saved. Nobody sees it before it is published."})
		if err != nil {
			return err
		}
		return c.Redirect(view.path("/terms"), fiber.StatusSeeOther)
	case errors.As(err, &refused):
		view.faults = refused.Fields
		return p.showDraft(c, http.StatusUnprocessableEntity, view)
	case errors.Is(err, extension.ErrConflict):
		return p.draftChanged(c, view)
	}
	problem := p.shell.Explain(c, err)
	problem.Sentences = append(problem.Sentences, "What you typed is still here.")
	view.problem = &problem
	retryAfter(c, problem)
	return p.showDraft(c, problem.Status, view)
}

// draftChanged says that somebody else was faster, and shows theirs below what was typed. Saving once more puts that in
// its place.
func (p *Pages) draftChanged(c *fiber.Ctx, view draftView) error {
	held, err := p.policy.Draft(c.UserContext(), view.Actor, view.draft.Language)
	if err != nil {
		return p.keepDraft(c, view, err)
	}
	view.seen = sealOf(held)
	problem := web.Problem{Title: "Somebody else has changed this draft meanwhile", Sentences: []string{
		"What you typed is still here and was not saved.",
	}}
	if view.seen == "" {
		problem.Sentences = append(problem.Sentences, "They have published or deleted the draft. Save again to begin a new one from your text.")
	} else {
		view.other = &held
		problem.Sentences = append(problem.Sentences, "Their text is below yours: take over what you need. Save again to put your text in its place.")
	}
	view.problem = &problem
	return p.showDraft(c, http.StatusConflict, view)
}

func (p *Pages) showDraft(c *fiber.Ctx, status int, view draftView) error {
	view.page = p.page(c, view.visit, web.Page{
		Title: "Draft in " + languageName(view.draft.Language), Crumbs: termsCrumbs(view.visit), Narrow: true, Styles: []string{"admin.css"},
		Lead: "Nobody sees a draft before it is published.",
	})
	return p.shell.Render(c, status, p.draftPage(view))
}

// keepDraft answers a press that could not be taken at all, because nobody is signed in or something has changed since the
// page was loaded, with a page that holds what was typed.
func (p *Pages) keepDraft(c *fiber.Ctx, view draftView, err error) error {
	if web.WantsJSON(c) {
		return err
	}
	kept := keptView{action: c.Path()}
	switch {
	case errors.Is(err, errNotIn):
		kept.problem = web.Problem{Status: http.StatusForbidden, Title: "Your access has changed", Sentences: []string{
			"Since this page was loaded, something has become due, such as a second factor or new terms, or an administrator has deactivated you.",
		}}
		kept.first = web.Crumb{Text: "See what it is", Href: "/next"}
	case errors.Is(err, extension.ErrForbidden):
		kept.problem = web.Problem{Status: http.StatusForbidden, Title: "You may not write the terms any more", Sentences: []string{
			"Your role has changed since this page was loaded. Ask an administrator, then continue here, or hand the text on.",
		}}
	case errors.Is(err, extension.ErrNoSession):
		kept.problem = p.shell.Explain(c, err)
		kept.problem.Sentences = nil // the notice says it
		kept.first = web.Crumb{Text: "Sign in", Href: "/login?return_to=" + url.QueryEscape(c.Path())}
	default:
		kept.problem = p.shell.Explain(c, err)
	}
	retryAfter(c, kept.problem)
	return p.shell.Render(c, kept.problem.Status, p.keptDraft(kept, view))
}

// confirmDrop asks whether a draft is to be deleted.
func (p *Pages) confirmDrop(c *fiber.Ctx, v visit) error {
	draft, err := p.policy.Draft(c.UserContext(), v.Actor, c.Params("language"))
	if err != nil {
		return err
	}
	if draft.By == "" {
		return c.Redirect(v.path("/terms"), fiber.StatusSeeOther) // gone already
	}
	return p.askDrop(c, http.StatusOK, draftView{visit: v, draft: draft, seen: sealOf(draft)})
}

func (p *Pages) askDrop(c *fiber.Ctx, status int, view draftView) error {
	view.page = p.page(c, view.visit, web.Page{
		Title: "Delete the draft in " + languageName(view.draft.Language) + "?", Crumbs: termsCrumbs(view.visit), Narrow: true, Styles: []string{"admin.css"},
		Lead: "What was published stays as it is.",
	})
	return p.shell.Render(c, status, p.dropPage(view))
}

// dropDraft deletes the draft that was shown.
func (p *Pages) dropDraft(c *fiber.Ctx, v visit) error {
	language := c.Params("language")
	err := p.policy.DropDraft(c.UserContext(), v.Actor, language, web.Posted(c, "seen"))
	if errors.Is(err, extension.ErrConflict) {
		draft, err := p.policy.Draft(c.UserContext(), v.Actor, language)
		if err != nil {
			return err
		}
		return p.askDrop(c, http.StatusConflict, draftView{visit: v, draft: draft, seen: sealOf(draft), problem: &web.Problem{
			Title: "Somebody else has changed this draft meanwhile", Sentences: []string{"Nothing was deleted. This is the draft now."},
		}})
	}
	if err != nil {
		return err
	}
	if err := p.shell.SetFlash(c, web.Flash{Kind: web.NoticeSuccess, Text: "The draft in " + languageName(language) + " is deleted."}); err != nil {
		return err
	}
	return c.Redirect(v.path("/terms"), fiber.StatusSeeOther)
}
