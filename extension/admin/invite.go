package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/web"
)

// ordering is what the invite page asks of the verb.
type ordering interface {
	Choices(ctx context.Context, actor extension.Actor) (extension.Choices, error)
	Send(ctx context.Context, actor extension.Actor, order invite.Order) (extension.BatchID, error)
}

// mountInvite puts the invite page below an organisation.
func (p *Pages) mountInvite(organisation fiber.Router) {
	organisation.Get("/invite", p.read(p.newInvite))
	organisation.Post("/invite", p.sendInvite) // enters by itself: what was typed outlives a lost session or right
	organisation.Post("/invite/recognise", p.read(p.countAddresses))
}

// typed is what somebody has put into the invite form. It comes back with every answer that is not the batch's page.
type typed struct {
	form string // made when the form was shown
	text string
	area string
	role string
}

// typedIn reads the posted form. Browsers end lines of a posted text with CR LF; without CR it is as long as on the page.
func typedIn(c *fiber.Ctx) typed {
	form, err := extension.ParseID[string](web.Posted(c, "form"))
	if err != nil {
		form = extension.NewID[string]()
	}
	return typed{
		form: form, area: web.Posted(c, "area"), role: web.Posted(c, "role"),
		text: strings.ReplaceAll(web.Posted(c, "addresses"), "\r\n", "\n"),
	}
}

// order is the press of Invite. The batch's id comes from the form and its content: pressing twice, in two tabs or
// with the back button, is one batch, and the same form with other addresses is another one, never swallowed.
func (t typed) order() invite.Order {
	hash := sha256.New()
	for _, part := range []string{t.form, t.area, t.role, t.text} {
		hash.Write([]byte(part + "\x00"))
	}
	raw := hash.Sum(nil)[:16]
	raw[6] = raw[6]&0x0f | 0x80 // UUID version 8: made by a rule of our own (RFC 9562 §5.8)
	raw[8] = raw[8]&0x3f | 0x80
	id := hex.EncodeToString(raw)
	return invite.Order{
		Batch: extension.BatchID(id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]),
		Text:  t.text, Area: extension.AreaID(t.area), Role: extension.RoleID(t.role),
	}
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

// sendInvite takes the press of Invite, or of Check addresses. Whatever goes wrong, what was typed comes back.
func (p *Pages) sendInvite(c *fiber.Ctx) error {
	input := typedIn(c)
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
	return p.takeInvite(c, inviteView{visit: v, choices: choices, typed: input})
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
	batch, err := p.inviter.Send(c.UserContext(), view.Actor, view.typed.order())
	var refused *extension.InvalidError
	switch {
	case err == nil:
		return c.Redirect(view.path("/batches/"+string(batch)), fiber.StatusSeeOther)
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

// showInvite shows the form with what was recognised in its text. When that is too much, the page says so whatever else
// it was to say.
func (p *Pages) showInvite(c *fiber.Ctx, status int, view inviteView) error {
	view.count = countOf(view.typed.text)
	if view.count.Fault != "" && len(view.faults) == 0 {
		status = http.StatusRequestEntityTooLarge
		view.faults = []extension.FieldError{{Field: "addresses", Message: view.count.Fault}}
	}
	view.page = p.page(c, view.visit, web.Page{
		Title: "Invite users", Crumbs: crumbs(view.visit), Narrow: true, Scripts: []string{"invite.js"},
		Lead: "Everybody on the list gets an email with a link to register themselves. The link works for " +
			lifetime(view.Organisation.LinkLifetime) + ".",
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
