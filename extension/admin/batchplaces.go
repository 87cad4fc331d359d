package admin

import (
	"context"
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// assigning changes where the people of a batch work.
type assigning interface {
	Assign(ctx context.Context, actor extension.Actor, batch extension.BatchID, user extension.UserID) (extension.Given, error)
	Move(ctx context.Context, actor extension.Actor, batch extension.BatchID, area extension.AreaID, role extension.RoleID) (extension.Moved, error)
}

// mountPlaces puts what changes service areas and roles of a batch's people below an organisation.
func (p *Pages) mountPlaces(organisation fiber.Router) {
	organisation.Post("/batches/:batch/assign", p.change(p.assign))
	organisation.Get("/batches/:batch/move", p.read(p.askMove))
	organisation.Post("/batches/:batch/move", p.change(p.move))
}

// assign gives one person, or all, whom a batch met as users already the service area and role that they were pasted for.
func (p *Pages) assign(c *fiber.Ctx, v visit) error {
	id, err := batchOf(c)
	if err != nil {
		return err
	}
	user := extension.UserID("")
	if text := web.Posted(c, "user"); text != "" {
		if user, err = extension.ParseID[extension.UserID](text); err != nil {
			return err
		}
	}
	given, err := p.roster.Assign(c.UserContext(), v.Actor, id, user)
	if err != nil {
		return err
	}
	return p.backToBatch(c, v, id, web.Flash{Kind: givenKind(given), Text: givenWords(given)})
}

func givenKind(given extension.Given) web.NoticeKind {
	if given.Beyond > 0 || given.Hidden > 0 {
		return web.NoticeWarning
	}
	return web.NoticeSuccess
}

// givenWords says what became of giving people a place beside those they have.
func givenWords(given extension.Given) string {
	var parts []string
	if given.Given > 0 {
		parts = append(parts, counted(given.Given, "person has", "people have")+" this service area and role too now. Nobody was written to.")
	}
	if given.Had > 0 {
		parts = append(parts, counted(given.Had, "person", "people")+" had them already.")
	}
	if given.Beyond > 0 {
		parts = append(parts, counted(given.Beyond, "person was", "people were")+
			" left out, because the service area was archived or you may not give it or the role.")
	}
	if given.Hidden > 0 {
		parts = append(parts, counted(given.Hidden, "person was", "people were")+
			" left out, because they are in none of your service areas: ask an administrator to give it to them.")
	}
	if len(parts) == 0 {
		return "There was nobody to give it to."
	}
	return strings.Join(parts, " ")
}

// moveView is the page that moves a batch's people.
type moveView struct {
	visit
	page    web.Page
	report  extension.Report
	choices extension.Choices
	faults  []extension.FieldError
	area    string
	role    string
}

func (p *Pages) askMove(c *fiber.Ctx, v visit) error {
	id, err := batchOf(c)
	if err != nil {
		return err
	}
	return p.showMove(c, v, id, moveView{visit: v})
}

// showMove shows the form with what was chosen and what is wrong with it.
func (p *Pages) showMove(c *fiber.Ctx, v visit, id extension.BatchID, view moveView) error {
	var err error
	if view.report, err = p.inviter.Report(c.UserContext(), v.Actor, id); err != nil {
		return err
	}
	if view.choices, err = p.inviter.Choices(c.UserContext(), v.Actor); err != nil {
		return err
	}
	view.page = p.page(c, v, web.Page{
		Title: "Move to another area or role", Narrow: true,
		Lead:   "Corrects where the people of this batch were invited to, without a new message.",
		Crumbs: crumbsBelow(v, view.report.Batch),
	})
	status := fiber.StatusOK
	if len(view.faults) > 0 {
		status = fiber.StatusUnprocessableEntity
	}
	return p.shell.Render(c, status, p.movePage(view))
}

func (p *Pages) move(c *fiber.Ctx, v visit) error {
	id, err := batchOf(c)
	if err != nil {
		return err
	}
	area, role := web.Posted(c, "area"), web.Posted(c, "role")
	moved, err := p.roster.Move(c.UserContext(), v.Actor, id, extension.AreaID(area), extension.RoleID(role))
	if refused, ok := errors.AsType[*extension.InvalidError](err); ok {
		return p.showMove(c, v, id, moveView{visit: v, faults: refused.Fields, area: area, role: role})
	}
	if err != nil {
		return err
	}
	kind := web.NoticeSuccess
	if moved.Moved == 0 {
		kind = web.NoticeInfo
	}
	return p.backToBatch(c, v, id, web.Flash{Kind: kind, Text: movedWords(moved)})
}

// movedWords says how many were moved, and how many not and why.
func movedWords(moved extension.Moved) string {
	text := "Nobody was moved."
	if moved.Moved > 0 {
		text = counted(moved.Moved, "person was", "people were") + " moved. Nobody was written to."
	}
	var left []string
	for _, part := range []struct {
		n   int
		why string
	}{
		{moved.Active, "Active by now: they keep what they have"},
		{moved.Inactive, "Inactive"},
		{moved.There, "there already"},
		{moved.Changed, "given another place since"},
		{moved.Beyond, "in an area or role that you may not change"},
	} {
		if part.n > 0 {
			left = append(left, number(part.n)+" "+part.why)
		}
	}
	if len(left) > 0 {
		text += " Left as they are: " + strings.Join(left, "; ") + "."
	}
	return text
}

// backToBatch returns to a batch's page with a notice.
func (p *Pages) backToBatch(c *fiber.Ctx, v visit, id extension.BatchID, flash web.Flash) error {
	if err := p.shell.SetFlash(c, flash); err != nil {
		return err
	}
	return c.Redirect(v.batchPath(id, ""), fiber.StatusSeeOther)
}
