package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/web"
)

// settling is what the page of the sending settings asks of the verb.
type settling interface {
	ChangeSending(ctx context.Context, actor extension.Actor, seen, wanted extension.Sending) error
}

// mountSending puts the page of the sending settings below an organisation.
func (p *Pages) mountSending(organisation fiber.Router) {
	organisation.Get("/sending", p.read(p.administrators(p.editSending)))
	organisation.Post("/sending", p.change(p.administrators(p.changeSending)))
}

// administrators keeps inviters out of a page.
func (p *Pages) administrators(page handler) handler {
	return func(c *fiber.Ctx, v visit) error {
		if !v.Actor.Administrates() {
			return extension.ErrForbidden
		}
		return page(c, v)
	}
}

// sendingView is what the page shows.
type sendingView struct {
	visit
	page   web.Page
	seen   string // the settings as they were when the page was loaded
	undo   string
	first  string
	second string
	stop   string
	after  string
	faults []extension.FieldError
	notice string // what stands in the way beside the fields
}

// sendingOf fills the page with settings.
func sendingOf(v visit, s extension.Sending) sendingView {
	view := sendingView{
		visit: v, seen: sendingText(s), undo: strconv.Itoa(int(s.UndoDelay / time.Second)),
		stop: strconv.Itoa(s.StopLoss.Percent), after: strconv.Itoa(s.StopLoss.After),
	}
	if len(s.Reminders) > 0 {
		view.first = strconv.Itoa(s.Reminders[0])
	}
	if len(s.Reminders) > 1 {
		view.second = strconv.Itoa(s.Reminders[1])
	}
	return view
}

// editSending shows the settings.
func (p *Pages) editSending(c *fiber.Ctx, v visit) error {
	return p.showSending(c, http.StatusOK, sendingOf(v, v.Organisation.Sending))
}

// changeSending takes the press of Save.
func (p *Pages) changeSending(c *fiber.Ctx, v visit) error {
	view := sendingView{
		visit: v, seen: web.Posted(c, "seen"), undo: oneLine(web.Posted(c, "undo")),
		first: oneLine(web.Posted(c, "first")), second: oneLine(web.Posted(c, "second")),
		stop: oneLine(web.Posted(c, "percent")), after: oneLine(web.Posted(c, "after")),
	}
	wanted, faults := view.wanted()
	if len(faults) > 0 {
		view.faults = faults
		return p.showSending(c, http.StatusUnprocessableEntity, view)
	}
	seen, err := parseSending(view.seen)
	if err != nil {
		return p.sendingChanged(c, view)
	}
	err = p.inviter.ChangeSending(c.UserContext(), v.Actor, seen, wanted)
	var refused *extension.InvalidError
	switch {
	case errors.As(err, &refused):
		view.faults = fieldsOfSending(refused.Fields)
		return p.showSending(c, http.StatusUnprocessableEntity, view)
	case errors.Is(err, extension.ErrConflict):
		return p.sendingChanged(c, view)
	case err != nil:
		return err
	}
	if err := p.shell.SetFlash(c, web.Flash{Kind: web.NoticeSuccess, Text: "The sending settings are saved."}); err != nil {
		return err
	}
	return c.Redirect(v.path("/users"), fiber.StatusSeeOther)
}

// sendingChanged says that somebody else was faster. What was typed stays; saving once more puts it in the place of what
// is so now.
func (p *Pages) sendingChanged(c *fiber.Ctx, view sendingView) error {
	now := view.Organisation.Sending
	view.seen = sendingText(now)
	view.notice = "They are now: " + now.String() + ". What you entered is still below and was not saved. Save again to put it in their place."
	return p.showSending(c, http.StatusConflict, view)
}

func (p *Pages) showSending(c *fiber.Ctx, status int, view sendingView) error {
	view.page = p.page(c, view.visit, web.Page{
		Title: "Sending settings", Crumbs: crumbs(view.visit), Narrow: true,
		Lead: "How invitations of " + view.Organisation.Name + " are sent.",
	})
	return p.shell.Render(c, status, p.sendingPage(view))
}

// wanted reads what was typed. Numbers that are none become faults; the verb judges the others.
func (v sendingView) wanted() (extension.Sending, []extension.FieldError) {
	var faults []extension.FieldError
	read := func(field, text, sentence string) int {
		n, err := strconv.Atoi(text)
		if err != nil {
			faults = append(faults, extension.FieldError{Field: field, Message: sentence})
		}
		return n
	}
	s := extension.Sending{
		UndoDelay: time.Duration(read("undo", v.undo, "Choose one of the undo delays.")) * time.Second,
		StopLoss: extension.StopLoss{
			Percent: read("percent", v.stop, "The share of bounces is a whole number, such as 3."),
			After:   read("after", v.after, "The number of messages is a whole number, such as 50."),
		},
	}
	for _, day := range []struct{ field, text string }{{"first", v.first}, {"second", v.second}} {
		if day.text != "" {
			s.Reminders = append(s.Reminders, read(day.field, day.text, "A day is a whole number, such as 3, or is left empty."))
		}
	}
	return s, faults
}

// fieldsOfSending puts faults of the reminders, which are one thing to the verb, at the first of their two fields.
func fieldsOfSending(fields []extension.FieldError) []extension.FieldError {
	for i := range fields {
		if fields[i].Field == "reminders" {
			fields[i].Field = "first"
		}
	}
	return fields
}

// sendingText writes settings into the form, to tell later whether somebody else has changed them since.
func sendingText(s extension.Sending) string {
	numbers := append([]int{int(s.UndoDelay / time.Second), s.StopLoss.Percent, s.StopLoss.After}, s.Reminders...)
	return strings.Trim(fmt.Sprint(numbers), "[]")
}

// parseSending reads what sendingText wrote.
func parseSending(text string) (extension.Sending, error) {
	var numbers []int
	for field := range strings.FieldsSeq(text) {
		n, err := strconv.Atoi(field)
		if err != nil {
			return extension.Sending{}, fmt.Errorf("read settings: %w", err)
		}
		numbers = append(numbers, n)
	}
	if len(numbers) < 3 {
		return extension.Sending{}, errors.New("read settings: too few")
	}
	s := extension.Sending{
		UndoDelay: time.Duration(numbers[0]) * time.Second,
		StopLoss:  extension.StopLoss{Percent: numbers[1], After: numbers[2]},
	}
	if len(numbers) > 3 {
		s.Reminders = numbers[3:]
	}
	return s, nil
}

// delays are the undo delays that are offered, and the one that is set when it is another.
func (v sendingView) delays() []web.Option {
	offered := []int{0, 30, 60, 300, 900, 3600}
	if set, err := strconv.Atoi(v.undo); err == nil && set > 0 && time.Duration(set)*time.Second <= extension.MaxUndoDelay {
		if !slices.Contains(offered, set) {
			offered = append(offered, set)
		}
	}
	options := make([]web.Option, 0, len(offered))
	for _, seconds := range offered {
		label := "Off: sending begins at once"
		if seconds > 0 {
			label = duration(time.Duration(seconds) * time.Second)
		}
		options = append(options, web.Option{Value: strconv.Itoa(seconds), Label: label})
	}
	return options
}

// reminderHint says which days are possible.
func (v sendingView) reminderHint() string {
	last := extension.LastReminder(v.Organisation.LinkLifetime)
	if last == 0 {
		return "The links of this organisation are too short-lived for reminders."
	}
	return "From 1 to " + strconv.Itoa(last) + ". Empty: none."
}
