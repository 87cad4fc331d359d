package flows

import (
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// preferenceTime is how long a browser remembers which organisation was chosen.
const preferenceTime = 365 * 24 * time.Hour

// organisations lists where the person belongs, with how they stand there and what is due.
func (p *Pages) organisations(c *fiber.Ctx) error {
	_, place, err := p.place(c)
	if err != nil {
		return err
	}
	return p.shell.Render(c, fiber.StatusOK, p.organisationsPage(p.stopAt(c, place)))
}

// chooseOrganisation keeps the choice as a preference and goes on there.
func (p *Pages) chooseOrganisation(c *fiber.Ctx) error {
	_, place, err := p.place(c)
	if err != nil {
		return err
	}
	if err := p.shell.CheckToken(c, p.shell.SessionValue(c)); err != nil {
		return c.Redirect("/organisations", fiber.StatusSeeOther) // an old page: choose again
	}
	slug := web.Posted(c, "organisation")
	if !belongs(place, slug) {
		return extension.ErrNotFound
	}
	p.choose(c, slug)
	p.shell.DropCookie(c, returnCookie, "/") // whoever chooses another organisation no longer wants what they were led here for
	return onward(c)
}

// belongs tells whether the person has a user in the organisation.
func belongs(place onboard.Place, slug string) bool {
	for _, standing := range place.Standings {
		if standing.Organisation.Slug == slug {
			return true
		}
	}
	return false
}

// choose keeps which organisation the browser looks at.
func (p *Pages) choose(c *fiber.Ctx, slug string) {
	p.shell.SetCookie(c, web.Cookie{Name: organisationCookie, Value: slug, Path: "/", Until: p.shell.Now().Add(preferenceTime)})
}

// several tells whether there is another organisation to switch to. An invitation that nobody has accepted is none.
func several(place onboard.Place) bool {
	return slices.ContainsFunc(place.Standings, func(s onboard.Standing) bool { return s.Begun && s.Organisation.ID != place.Organisation.ID })
}

// administers tells whether the session may enter the administration of the organisation where it stands.
func administers(place onboard.Place) bool {
	return place.Step == extension.StepIn && extension.ActorOf(place.User).Elevated()
}

// due says in a sentence what a standing asks of the person.
func due(l locale.Language, step extension.Step) string {
	switch step {
	case extension.StepPaused:
		return l.Say("Your access is paused. Ask an administrator.")
	case extension.StepExpired:
		return l.Say("Your invitation has expired. Ask for a new one.")
	case extension.StepStart:
		return l.Say("You are invited. Open the link in the email.")
	case extension.StepRegister:
		return l.Say("Your registration is not finished.")
	case extension.StepSecure:
		return l.Say("A second factor must be set up.")
	case extension.StepConfirm:
		return l.Say("Your second factor is asked for.")
	case extension.StepAgree:
		return l.Say("The terms and conditions wait for you.")
	case extension.StepIn:
		return l.Say("You are in.")
	}
	return ""
}

// statusWord is a status in the reader's language.
func statusWord(l locale.Language, status extension.Status) string {
	switch status {
	case extension.Active:
		return l.Say("Active")
	case extension.Inactive:
		return l.Say("Inactive")
	case extension.Pending:
		return l.Say("Pending")
	case extension.Expired:
		return l.Say("Expired")
	}
	return string(status)
}
