package flows

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/gate"
	"paperplane/extension/onboard"
)

// next is the one dispatcher: it sends a session to the page that is due, or says why there is none.
func (p *Pages) next(c *fiber.Ctx) error {
	session, place, err := p.place(c)
	if session.Identity != "" && errors.Is(err, extension.ErrNotFound) {
		return p.shell.Render(c, fiber.StatusForbidden, p.noAccessPage(p.shell.Language(c), session, p.token(c, extension.Reply{})))
	}
	if err != nil {
		return err
	}
	switch place.Step {
	case extension.StepRegister, extension.StepSecure, extension.StepConfirm, extension.StepAgree:
		return p.leadTo(c, place.Step)
	case extension.StepIn:
		return p.home(c, session, place)
	case extension.StepPaused:
		return p.shell.Render(c, fiber.StatusForbidden, p.pausedPage(p.stopAt(c, place)))
	case extension.StepExpired:
		return p.shell.Render(c, fiber.StatusGone, p.expiredPage(p.stopAt(c, place)))
	case extension.StepStart:
		return p.shell.Render(c, fiber.StatusForbidden, p.linkNeededPage(p.stopAt(c, place)))
	}
	return fmt.Errorf("find the page of step %q of user %s", place.Step, place.User.ID)
}

// leadTo sends the browser to the page of a step: ours, or the installation's own where it has one.
func (p *Pages) leadTo(c *fiber.Ctx, step extension.Step) error {
	if p.own != nil {
		switch step {
		case extension.StepRegister, extension.StepSecure:
			return p.leave(c, p.leads(p.own.Settings, nil))
		case extension.StepConfirm:
			return p.leave(c, p.leads(p.own.Login, url.Values{"aal": {string(extension.AAL2)}}))
		case extension.StepPaused, extension.StepExpired, extension.StepStart, extension.StepAgree, extension.StepIn:
		}
	}
	return c.Redirect("/"+string(step), fiber.StatusSeeOther)
}

// arrived marks the way to the dispatcher of somebody who has just done the last step: they are told that they are in
// before anything else.
const arrived = "arrived"

// home is where somebody who is in begins: elevated users with the users, everybody else with the welcome.
func (p *Pages) home(c *fiber.Ctx, session extension.Session, place onboard.Place) error {
	if p.asksFirst(c, place) {
		return c.Redirect(agreePath, fiber.StatusSeeOther)
	}
	if back := p.wayBack(c); back != "" {
		p.shell.DropCookie(c, returnCookie, "/") // the way in gives it again if it is still wanted: never in a circle
		return p.leave(c, back)
	}
	if c.Query(arrived) != "" {
		return c.Redirect("/welcome", fiber.StatusSeeOther)
	}
	desks, err := p.desks(c, session)
	if err != nil {
		return err
	}
	for _, desk := range desks {
		if desk.Organisation.ID == place.Organisation.ID {
			return c.Redirect(usersPath(desk.Organisation), fiber.StatusSeeOther)
		}
	}
	if len(desks) > 0 && p.wish(c).Slug != place.Organisation.Slug {
		return c.Redirect(usersPath(desks[0].Organisation), fiber.StatusSeeOther)
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

func usersPath(organisation extension.Organisation) string {
	return "/o/" + organisation.Slug + "/users"
}

// welcome says that the person is in and what to do next.
func (p *Pages) welcome(c *fiber.Ctx) error {
	_, place, err := p.place(c)
	if err != nil {
		return err
	}
	if place.Step != extension.StepIn {
		return onward(c)
	}
	return p.shell.Render(c, fiber.StatusOK, p.welcomePage(p.stopAt(c, place)))
}

// stop is a page at which the way ends, for now or for good.
type stop struct {
	reader
	place onboard.Place
}

func (p *Pages) stopAt(c *fiber.Ctx, place onboard.Place) stop {
	return stop{reader: p.reader(c), place: place}
}
