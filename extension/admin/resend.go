package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/web"
)

// resendingMany is what the page of a resend to many people asks of the verb.
type resendingMany interface {
	CountResend(ctx context.Context, actor extension.Actor, selection extension.Selection) (extension.ResendCount, error)
	ResendMany(ctx context.Context, actor extension.Actor, order invite.ResendOrder) (extension.BatchID, error)
}

// mountResend puts the page of a resend to many people below an organisation.
func (p *Pages) mountResend(organisation fiber.Router) {
	organisation.Get("/resend", p.read(p.newResend))
	organisation.Post("/resend", p.change(p.sendResend))
}

// asked is whom a page of a resend is about, as it stands in an address or a form.
type asked struct {
	form      string // made when the page was shown
	back      place  // of the users list, and the filter when it is about all that it shows
	selection extension.Selection
	expired   bool
	confirmed invite.Confirmed // the numbers that stood on the page
}

// askedIn reads what was asked. Ids that are none are left out, and so are repetitions.
func askedIn(values url.Values) asked {
	form, err := extension.ParseID[string](values.Get("form"))
	if err != nil {
		form = extension.NewID[string]()
	}
	a := asked{form: form, back: cameFrom(values.Get("back")), expired: values.Get("expired") != ""}
	// Numbers that are none confirm nothing.
	a.confirmed.Pending, _ = strconv.Atoi(values.Get("pending-shown"))
	a.confirmed.Expired, _ = strconv.Atoi(values.Get("expired-shown"))
	if values.Get("all") != "" {
		a.selection = extension.Selection{All: true, Filter: a.back.filter()}
		return a
	}
	for _, text := range values["user"] {
		id, err := extension.ParseID[extension.UserID](text)
		if err == nil && !slices.Contains(a.selection.Users, id) && len(a.selection.Users) < extension.MaxPage {
			a.selection.Users = append(a.selection.Users, id)
		}
	}
	return a
}

// order is the press of Resend.
func (a asked) order() invite.ResendOrder {
	return invite.ResendOrder{
		Batch: batchOfPress(a.form, a.query(), strconv.FormatBool(a.expired)), Selection: a.selection, Expired: a.expired,
		Confirmed: a.confirmed,
	}
}

// query is the address of a page of a resend without its path.
func (a asked) query() string {
	query := url.Values{"back": {a.back.query()}}
	if a.selection.All {
		query.Set("all", "yes")
	}
	for _, user := range a.selection.Users {
		query.Add("user", string(user))
	}
	return query.Encode()
}

// resendAll is the address of the page of a resend to everybody whom the list shows from a place on.
func resendAll(v visit, at place) string {
	all := asked{back: at.with(at.status), selection: extension.Selection{All: true}}
	return v.path("/resend?" + all.query())
}

// resendView is what the page of a resend shows.
type resendView struct {
	visit
	page   web.Page
	asked  asked
	count  extension.ResendCount
	faults []extension.FieldError
}

// newResend shows whom a press would write to.
func (p *Pages) newResend(c *fiber.Ctx, v visit) error {
	view := resendView{visit: v, asked: askedIn(valuesOf(c.Request().URI().QueryString()))}
	view.asked.expired = view.asked.selection.All && view.asked.selection.Filter.Status == extension.Expired // then nobody else was chosen
	return p.showResend(c, http.StatusOK, view)
}

// sendResend takes the press.
func (p *Pages) sendResend(c *fiber.Ctx, v visit) error {
	view := resendView{visit: v, asked: askedIn(web.PostedForm(c))}
	batch, err := p.inviter.ResendMany(c.UserContext(), v.Actor, view.asked.order())
	var refused *extension.InvalidError
	switch {
	case err == nil:
		return c.Redirect(v.batchPath(batch, ""), fiber.StatusSeeOther)
	case errors.As(err, &refused):
		view.faults = refused.Fields
		return p.showResend(c, http.StatusUnprocessableEntity, view)
	}
	return err
}

func (p *Pages) showResend(c *fiber.Ctx, status int, view resendView) error {
	var err error
	if view.count, err = p.inviter.CountResend(c.UserContext(), view.Actor, view.asked.selection); err != nil {
		return err
	}
	view.page = p.page(c, view.visit, web.Page{
		Title: "Resend invitations", Crumbs: crumbs(view.visit), Narrow: true,
		Lead: "Everybody below gets a new invitation with a new link. The link in the letter before stops working.",
	})
	return p.shell.Render(c, status, p.resendPage(view))
}

// nobody tells whether there is nobody who can be written to.
func (v resendView) nobody() bool { return v.count.Pending+v.count.Expired == 0 }

// none tells whether nobody was asked for at all.
func (v resendView) none() bool { return !v.asked.selection.All && v.count.Asked() == 0 }

// nobodyWords is the sentence in the place of how many get an invitation.
func (v resendView) nobodyWords() string {
	if v.none() {
		return "Nobody is selected."
	}
	return "Nobody can be written to now."
}

// whose says whom the page is about.
func (v resendView) whose() string {
	if v.none() {
		return "Go back to the list and tick the people first."
	}
	if !v.asked.selection.All {
		return "You selected " + counted(v.count.Asked(), "user", "users") + "."
	}
	who := []string{"is Pending or Expired"}
	if v.asked.back.status != "" {
		who[0] = "is " + string(v.asked.back.status)
	}
	if v.asked.back.letter != "" {
		who = append(who, "has a newest message that is marked “"+deliveryWord(v.asked.back.letter)+"”")
	}
	if v.asked.back.search != "" {
		who = append(who, "matches “"+v.asked.back.search+"”")
	}
	return "This is about everybody who " + strings.Join(who, " and ") + "."
}

// pending says how many get a new invitation in any case.
func (v resendView) pending() string {
	return counted(v.count.Pending, "user who is Pending gets", "users who are Pending get") + " a new invitation."
}

// expiredToo says what the choice about Expired means.
func (v resendView) expiredToo() string {
	if v.count.Pending == 0 {
		return "Send a new invitation to " + counted(v.count.Expired, "user who is Expired", "users who are Expired")
	}
	return "Also send one to " + counted(v.count.Expired, "user who is Expired", "users who are Expired")
}

// leftOut says how many people are left out for which reason, in an order that stays.
func (v resendView) leftOut() []string {
	var all []string
	for _, reason := range []struct {
		outcome   extension.Outcome
		one, many string
	}{
		{extension.OutcomeOnItsWay, "has an invitation that is still on its way", "have an invitation that is still on its way"},
		{extension.OutcomeTooSoon, "was written to within " + hours(invite.ResendManyCooldown), "were written to within " + hours(invite.ResendManyCooldown)},
		{extension.OutcomeUndeliverable, "cannot be reached: a message came back or was reported as spam", "cannot be reached: a message came back or was reported as spam"},
		{extension.OutcomeRefused, "has an address that cannot be invited; the users list says why", "have addresses that cannot be invited; the users list says why"},
		{extension.OutcomeAlreadyMember, "is Active and needs no invitation", "are Active and need no invitation"},
		{extension.OutcomeInactive, "is Inactive; resume them first", "are Inactive; resume them first"},
	} {
		if n := v.count.LeftOut[reason.outcome]; n > 0 {
			all = append(all, counted(n, reason.one, reason.many))
		}
	}
	return all
}

// hours writes a cooldown.
func hours(d time.Duration) string {
	if d == time.Hour {
		return "the last hour"
	}
	return "the last " + duration(d)
}

// wait says how long the press can be taken back; empty when it cannot.
func (v resendView) wait() string {
	if delay := v.Organisation.Sending.UndoDelay; delay > 0 {
		return "Nothing is sent for the first " + duration(delay) + ", so that you can still take it back on the next page."
	}
	return ""
}

// resendAllLabel says to how many the link leads.
func (v usersView) resendAllLabel() string {
	return "Resend to all " + number(v.resendable()) + " shown by this filter"
}

// mayResendMany tells whether the list can hold anybody to resend to.
func (v usersView) mayResendMany() bool {
	return len(v.list.Page.Users) > 0 && v.resendable() > 0
}

// resendable counts whom the list shows, on all its pages, who is Pending or Expired.
func (v usersView) resendable() int {
	switch v.place.status {
	case extension.Pending, extension.Expired:
		return v.list.Counts[v.place.status]
	case extension.Active, extension.Inactive:
		return 0
	}
	return v.list.Counts[extension.Pending] + v.list.Counts[extension.Expired]
}
