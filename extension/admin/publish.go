package admin

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/roster"
	"paperplane/extension/web"
)

// otherGrace is the choice of a number of days that is not offered.
const otherGrace = "other"

// publishView is what the page shows that asks whether the drafts are to be published.
type publishView struct {
	visit
	page   web.Page
	next   roster.Publication
	grace  string // one of graces, or otherGrace
	days   string // of otherGrace, as typed
	faults []extension.FieldError
	notice string // what has changed since the page was shown
}

// graces are the times that are offered to read a new version, in days.
func graces() []int { return []int{0, 7, 14, 30, 90} }

// confirmPublish shows what publishing would do.
func (p *Pages) confirmPublish(c *fiber.Ctx, v visit) error {
	return p.askPublish(c, http.StatusOK, publishView{visit: v, grace: "14"})
}

func (p *Pages) askPublish(c *fiber.Ctx, status int, view publishView) error {
	var err error
	if view.next, err = p.policy.Publication(c.UserContext(), view.Actor); err != nil {
		return err
	}
	if len(view.next.Drafts) == 0 {
		flash := web.Flash{Kind: web.NoticeWarning, Text: "There is no draft to publish: none was written, or somebody has published or deleted it meanwhile."}
		if err := p.shell.SetFlash(c, flash); err != nil {
			return err
		}
		return c.Redirect(view.path("/terms"), fiber.StatusSeeOther)
	}
	view.page = p.page(c, view.visit, web.Page{
		Title: "Publish version " + strconv.Itoa(view.number()) + "?", Crumbs: termsCrumbs(view.visit), Narrow: true, Styles: []string{"admin.css"},
		Lead: "A published version never changes and cannot be taken back.",
	})
	return p.shell.Render(c, status, p.publishPage(view))
}

// publish takes the press of Publish.
func (p *Pages) publish(c *fiber.Ctx, v visit) error {
	view := publishView{visit: v, grace: web.Posted(c, "grace"), days: oneLine(web.Posted(c, "days"))}
	grace, err := view.wanted()
	number := 0
	if err == nil {
		number, err = p.policy.Publish(c.UserContext(), v.Actor, web.Posted(c, "seal"), grace)
	}
	var refused *extension.InvalidError
	switch {
	case errors.As(err, &refused):
		view.faults = refused.Fields
		return p.askPublish(c, http.StatusUnprocessableEntity, view)
	case errors.Is(err, extension.ErrConflict):
		view.notice = "Nothing was published. Below are the drafts as they are now: look at them again, then publish them."
		return p.askPublish(c, http.StatusConflict, view)
	case err != nil:
		return err
	}
	flash := web.Flash{Kind: web.NoticeSuccess, Text: "Version " + strconv.Itoa(number) + " is published. " + askedWhen(grace)}
	if err := p.shell.SetFlash(c, flash); err != nil {
		return err
	}
	return c.Redirect(v.path(versionPath(number)), fiber.StatusSeeOther)
}

// askedWhen says when those who accepted an earlier version are asked.
func askedWhen(grace time.Duration) string {
	if grace == 0 {
		return "Active users are asked to accept it at their next entry."
	}
	return "Active users are asked to accept it within " + duration(grace) + "."
}

// wanted reads the time that was chosen. The verb judges its length.
func (v publishView) wanted() (time.Duration, error) {
	text := v.grace
	if text == otherGrace {
		text = v.days
	}
	days, err := strconv.Atoi(text)
	if err != nil {
		return 0, extension.Invalid("grace", "Choose how long people have to read it: a whole number of days from 0 to 90.")
	}
	const most = int(extension.MaxGrace / (24 * time.Hour))
	if days < 0 || days > most {
		days = most + 1 // refused by the verb, and safe to multiply
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// number is that of the version that would be published.
func (v publishView) number() int {
	if current := v.next.Current(); current != nil {
		return current.Version + 1
	}
	return 1
}

// unchanged tells whether the drafts say what the current version says, so that people would be asked for nothing new.
func (v publishView) unchanged() bool {
	current := v.next.Current()
	if current == nil || len(current.Texts) != len(v.next.Drafts) {
		return false
	}
	for _, text := range current.Texts {
		draft := v.next.Draft(text.Language)
		if draft == nil || draft.Title != text.Title || extension.TermsHash(draft.Text) != text.SHA256 {
			return false
		}
	}
	return true
}

// active says what is asked of those who are in.
func (v publishView) active() string {
	if v.next.Active == 1 {
		return "1 Active user is asked to accept it."
	}
	return number(v.next.Active) + " Active users are asked to accept it."
}

// onTheWay says what is asked of those who are not in yet.
func (v publishView) onTheWay() string {
	if v.next.OnTheWay == 1 {
		return "1 invited user, Pending or Expired, is asked for this version instead of the one before, on their way in."
	}
	return number(v.next.OnTheWay) + " invited users, Pending or Expired, are asked for this version instead of the one before, on their way in."
}
