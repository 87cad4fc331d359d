package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/roster"
	"paperplane/extension/web"
)

// correcting is what the page of a person asks of the verb that invites.
type correcting interface {
	Readdress(ctx context.Context, actor extension.Actor, user extension.UserID, correction invite.Correction) (extension.BatchID, error)
	MailAnyway(ctx context.Context, actor extension.Actor, user extension.UserID) (extension.BatchID, error)
}

// mountPerson puts the page of one user, and what it does, below an organisation.
func (p *Pages) mountPerson(organisation fiber.Router) {
	organisation.Get("/users/:user", p.read(p.showPerson))
	organisation.Post("/users/:user/readdress", p.change(p.readdress))
	organisation.Post("/users/:user/anyway", p.change(p.mailAnyway))
	p.mountDoor(organisation)
}

// personPath is the page of one user, below the organisation.
func personPath(user extension.UserID) string { return "/users/" + string(user) }

// personView is what the page of one user shows.
type personView struct {
	usersView // of this one user, so that the same words and actions apply

	user     extension.User
	postings []extension.Posting
	deeds    []extension.Audit
	door     *doorView // nil for whoever is no administrator
	typed    invite.Correction
	number   string // the mobile number that is to be freed, as typed
	faults   []extension.FieldError
}

// showPerson shows what is known of one user.
func (p *Pages) showPerson(c *fiber.Ctx, v visit) error {
	id, err := extension.ParseID[extension.UserID](c.Params("user"))
	if err != nil {
		return err
	}
	return p.renderPerson(c, v, id, http.StatusOK, personView{})
}

// renderPerson shows the page, after a correction that was refused with what was typed and why.
func (p *Pages) renderPerson(c *fiber.Ctx, v visit, id extension.UserID, status int, view personView) error {
	person, err := p.roster.Person(c.UserContext(), v.Actor, id)
	if err != nil {
		return err
	}
	view.user, view.postings, view.deeds = person.User, person.Postings, person.Deeds
	view.usersView = usersView{visit: v, list: roster.List{Now: person.Now}}
	if view.door, err = p.door(c, v, person.User); err != nil {
		return err
	}
	title := person.User.Name()
	if title == person.User.Address {
		title = personOf(person.User)
	}
	view.page = p.page(c, v, web.Page{
		Title: title, Crumbs: crumbs(v), Styles: []string{"admin.css"}, Lead: "How far they have come, and what became of every message to them.",
	})
	return p.shell.Render(c, status, p.personPage(view))
}

// readdress corrects somebody's address and invites the new one.
func (p *Pages) readdress(c *fiber.Ctx, v visit) error {
	user, err := p.user(c, v)
	if err != nil {
		return err
	}
	typed := invite.Correction{Address: oneLine(web.Posted(c, "address")), Sure: web.Posted(c, "sure") != ""}
	_, err = p.inviter.Readdress(c.UserContext(), v.Actor, user.ID, typed)
	if refused, ok := errors.AsType[*extension.InvalidError](err); ok {
		return p.renderPerson(c, v, user.ID, fiber.StatusUnprocessableEntity, personView{typed: typed, faults: refused.Fields})
	}
	if err != nil {
		return err
	}
	corrected, err := p.user(c, v)
	if err != nil {
		return err
	}
	err = p.shell.SetFlash(c, web.Flash{
		Kind: web.NoticeSuccess,
		Text: "A new invitation is on its way to " + personOf(corrected) + ". The link that was sent to " + personOf(user) + " no longer works.",
	})
	if err != nil {
		return err
	}
	return c.Redirect(v.path(personPath(user.ID)), fiber.StatusSeeOther)
}

// mailAnyway sends an invitation to an address that gets no more mail by itself.
func (p *Pages) mailAnyway(c *fiber.Ctx, v visit) error {
	return p.act(c, v, func(user extension.User) (web.Flash, error) {
		_, err := p.inviter.MailAnyway(c.UserContext(), v.Actor, user.ID)
		return invitedAgain(user), err
	})
}

// mayFix tells whether the address can still be corrected: whoever has registered keeps theirs.
func (v personView) mayFix() bool {
	return onTheWay(v.status(v.user)) && v.user.Facts.Registered.IsZero() && v.user.Delivery() != extension.DeliveryWaiting
}

// fault is what was wrong with a field of the correction.
func (v personView) fault(field string) string { return web.ErrorAt(v.faults, field) }

// doubtful tells whether the address was doubted, so that the page asks whether it is meant.
func (v personView) doubtful() bool { return v.fault("sure") != "" || v.typed.Sure }

// postingName says what a message is.
func postingName(posting extension.Posting) string {
	switch posting.Kind {
	case extension.BatchResend:
		return "Invited again"
	case extension.BatchReminder:
		return "Reminded"
	case extension.BatchInvite:
	}
	return "Invited"
}

func postedBy(posting extension.Posting) string {
	if posting.Kind == extension.BatchReminder || posting.By == "" {
		return ""
	}
	return " by " + posting.By
}

// linkWords says what the link in a message is worth now.
func (v personView) linkWords(posting extension.Posting) string {
	switch {
	case posting.Revoked:
		return "ended by a newer invitation"
	case posting.Expires.IsZero():
		return "not sent"
	case !v.user.Facts.Registered.IsZero():
		return "has done its work"
	case !v.list.Now.Before(posting.Expires):
		return "has run out"
	}
	return "works until " + moment(posting.Expires)
}

// postingDetail is why a message has the state that it has; empty when its state says it all.
func postingDetail(posting extension.Posting) string {
	if posting.Refused != "" {
		return refusal(posting.Refused, posting.Detail)
	}
	switch posting.State() {
	case extension.DeliveryBounced, extension.DeliveryDelayed:
		return strings.TrimSpace(posting.Facts.Detail)
	case extension.DeliveryWaiting, extension.DeliverySent, extension.DeliveryDelivered, extension.DeliveryComplained, extension.DeliveryRefused:
	}
	return ""
}
