package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/web"
)

// ordering is what the invite page asks of the verb.
type ordering interface {
	Choices(ctx context.Context, actor extension.Actor) (extension.Choices, error)
	Preview(ctx context.Context, actor extension.Actor, order invite.Order) (invite.Preflight, error)
	Send(ctx context.Context, actor extension.Actor, order invite.Order) (extension.BatchID, error)
}

// mountInvite puts the invite page below an organisation.
func (p *Pages) mountInvite(organisation fiber.Router) {
	organisation.Get("/invite", p.read(p.newInvite))
	organisation.Post("/invite", p.sendInvite) // enters by itself: what was typed outlives a lost session or right
	organisation.Post("/invite/recognise", p.read(p.countAddresses))
	organisation.Post("/invite/file", p.read(p.readFile))
	organisation.Get("/invite/template.csv", p.read(p.tableTemplate))
}

// inviteView is what the invite page shows.
type inviteView struct {
	visit
	page    web.Page
	typed   typed
	choices extension.Choices
	count   count
	faults  []extension.FieldError
	problem *web.Problem // what stands in the way beside the fields
	told    string       // what has just been done to the text
	now     time.Time
}

// newInvite shows the empty form.
func (p *Pages) newInvite(c *fiber.Ctx, v visit) error {
	choices, err := p.inviter.Choices(c.UserContext(), v.Actor)
	if err != nil {
		return err
	}
	return p.showInvite(c, http.StatusOK, inviteView{
		visit: v, choices: choices, typed: typed{form: extension.NewID[string]()},
	})
}

// sendInvite takes the press of Invite, or of a button that only changes the text. Whatever goes wrong, what was typed
// comes back, and so does a file that was chosen.
func (p *Pages) sendInvite(c *fiber.Ctx) error {
	input, told, faults := withFile(c, typedIn(c))
	v, err := p.enter(c)
	if err == nil {
		err = v.admission()
	}
	if err != nil {
		return p.keep(c, input, err)
	}
	choices, err := p.inviter.Choices(c.UserContext(), v.Actor)
	if err == nil && (len(choices.Areas) == 0 || len(choices.Roles) == 0) {
		err = errNoChoice
	}
	if err != nil {
		return p.keep(c, input, err)
	}
	view := inviteView{visit: v, choices: choices, typed: input, told: told, faults: faults}
	switch {
	case len(faults) > 0:
		return p.showInvite(c, http.StatusUnprocessableEntity, view)
	case told != "":
		return p.showInvite(c, http.StatusOK, view)
	case web.Posted(c, "fix") != "":
		return p.fixAddress(c, view)
	}
	return p.takeInvite(c, view)
}

// takeInvite sends the order of somebody who may, or shows the form again.
func (p *Pages) takeInvite(c *fiber.Ctx, view inviteView) error {
	if web.Posted(c, "press") == "check" || len(view.typed.text) > invite.MaxPaste {
		return p.showInvite(c, http.StatusOK, view) // changes nothing, so it needs no form token
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		view.problem = &web.Problem{Title: "Please press Invite again", Sentences: []string{
			"You have signed in again since this form was loaded. Nothing was sent, and what you typed is still here.",
		}}
		return p.showInvite(c, http.StatusForbidden, view)
	}
	var batch extension.BatchID
	order, err := view.typed.order()
	if err == nil {
		batch, err = p.inviter.Send(c.UserContext(), view.Actor, order)
	}
	var refused *extension.InvalidError
	switch {
	case err == nil:
		return c.Redirect(view.batchPath(batch, ""), fiber.StatusSeeOther)
	case errors.As(err, &refused):
		view.faults = refused.Fields
		return p.showInvite(c, http.StatusUnprocessableEntity, view)
	}
	problem := p.shell.Explain(c, err)
	problem.Sentences = append(problem.Sentences, "What you typed is still here. Pressing Invite again never invites anybody twice.")
	view.problem = &problem
	retryAfter(c, problem)
	return p.showInvite(c, problem.Status, view)
}

// showInvite shows the form with what would become of its text. When that is too much, the page says so whatever else
// it was to say.
func (p *Pages) showInvite(c *fiber.Ctx, status int, view inviteView) error {
	order, _ := view.typed.order() // of a time that makes no sense, the text is counted all the same
	view.count = p.countOf(c, view.visit, order, opened)
	if view.count.TooMuch && len(view.faults) == 0 {
		status, view.told = http.StatusRequestEntityTooLarge, ""
		view.faults = []extension.FieldError{{Field: "addresses", Message: view.count.Fault}}
	}
	view.now = p.shell.Now()
	view.page = p.page(c, view.visit, web.Page{
		Title: "Invite users", Crumbs: crumbs(view.visit), Narrow: true, Scripts: []string{"invite.js"},
		Lead: "Everybody on the list gets an email with a link to register themselves. The link works for " +
			duration(view.Organisation.LinkLifetime) + ".",
	})
	return p.shell.Render(c, status, p.invitePage(view))
}

// selected is the chosen value as long as it is offered; a single choice is chosen already.
func selected(value string, options []web.Option) string {
	if len(options) == 1 {
		return options[0].Value
	}
	for _, option := range options {
		if option.Value == value {
			return value
		}
	}
	return ""
}

func areaOptions(areas []extension.ServiceArea) []web.Option {
	options := make([]web.Option, 0, len(areas))
	for _, area := range areas {
		options = append(options, web.Option{Value: string(area.ID), Label: area.Name})
	}
	return options
}

func roleOptions(roles []extension.Role) []web.Option {
	options := make([]web.Option, 0, len(roles))
	for _, role := range roles {
		options = append(options, web.Option{Value: string(role.ID), Label: role.Name})
	}
	return options
}
