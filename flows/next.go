package flows

import (
	"errors"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
)

// next is the one dispatcher: it sends a session to the page that is due, or says why there is none.
func (p *Pages) next(c *fiber.Ctx) error {
	session, place, err := p.place(c)
	if session.Identity != "" && errors.Is(err, extension.ErrNotFound) {
		return p.shell.Render(c, fiber.StatusForbidden, p.noAccessPage(session, p.token(c, extension.Reply{})))
	}
	if err != nil {
		return err
	}
	switch place.Step {
	case extension.StepRegister:
		return c.Redirect("/register", fiber.StatusSeeOther)
	case extension.StepAgree:
		return c.Redirect("/agree", fiber.StatusSeeOther)
	case extension.StepIn:
		return p.home(c, session, place)
	case extension.StepPaused:
		return p.shell.Render(c, fiber.StatusForbidden, p.pausedPage(place, p.token(c, extension.Reply{})))
	case extension.StepExpired:
		return p.shell.Render(c, fiber.StatusGone, p.expiredPage(place, p.token(c, extension.Reply{})))
	case extension.StepStart:
		return p.shell.Render(c, fiber.StatusForbidden, p.linkNeededPage(place, p.token(c, extension.Reply{})))
	case extension.StepSecure:
		return c.Redirect("/secure", fiber.StatusSeeOther)
	case extension.StepConfirm:
		return c.Redirect("/confirm", fiber.StatusSeeOther)
	}
	return fmt.Errorf("find the page of step %q of user %s", place.Step, place.User.ID)
}

// arrived marks the way to the dispatcher of somebody who has just done the last step: they are told that they are in
// before anything else.
const arrived = "arrived"

// home is where somebody who is in begins: elevated users with the users, everybody else with the welcome.
func (p *Pages) home(c *fiber.Ctx, session extension.Session, place onboard.Place) error {
	if c.Query(arrived) != "" {
		return c.Redirect("/welcome", fiber.StatusSeeOther)
	}
	desks, err := p.desks(c, session)
	if err != nil {
		return err
	}
	for _, desk := range desks {
		if desk.Organisation.ID == place.Organisation.ID {
			return c.Redirect(usersPath(desk), fiber.StatusSeeOther)
		}
	}
	if len(desks) > 0 {
		return c.Redirect(usersPath(desks[0]), fiber.StatusSeeOther)
	}
	return c.Redirect("/welcome", fiber.StatusSeeOther)
}

// desks are the organisations that the session may enter as an elevated user.
func (p *Pages) desks(c *fiber.Ctx, session extension.Session) ([]gate.Entry, error) {
	entries, err := p.gate.Home(c.UserContext(), session)
	if err != nil {
		return nil, err
	}
	var desks []gate.Entry
	for _, entry := range entries {
		if entry.Step == extension.StepIn && entry.Actor.Elevated() {
			desks = append(desks, entry)
		}
	}
	return desks, nil
}

func usersPath(entry gate.Entry) string { return "/o/" + entry.Organisation.Slug + "/users" }

// welcome says that the person is in and what to do next.
func (p *Pages) welcome(c *fiber.Ctx) error {
	session, place, err := p.place(c)
	if err != nil {
		return err
	}
	if place.Step != extension.StepIn {
		return onward(c)
	}
	desks, err := p.desks(c, session)
	if err != nil {
		return err
	}
	return p.shell.Render(c, fiber.StatusOK, p.welcomePage(place, desks, p.token(c, extension.Reply{})))
}
