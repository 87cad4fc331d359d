package admin

import (
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/invite"
	"paperplane/extension/web"
)

// typed is what somebody has put into the invite form. It comes back with every answer that is not the batch's page.
type typed struct {
	form    string // made when the form was shown
	text    string
	area    string
	role    string
	expired bool   // invite people whose invitation has Expired again
	starts  string // a time in UTC as the browser writes it; empty for now
}

// typedIn reads the posted form. Browsers end lines of a posted text with CR LF; without CR it is as long as on the page.
func typedIn(c *fiber.Ctx) typed {
	form, err := extension.ParseID[string](web.Posted(c, "form"))
	if err != nil {
		form = extension.NewID[string]()
	}
	return typed{
		form: form, area: web.Posted(c, "area"), role: web.Posted(c, "role"),
		text:    strings.ReplaceAll(web.Posted(c, "addresses"), "\r\n", "\n"),
		expired: web.Posted(c, "expired") != "", starts: strings.TrimSpace(web.Posted(c, "starts")),
	}
}

// order is the press of Invite.
func (t typed) order() (invite.Order, error) {
	starts, err := parseMoment(t.starts)
	return invite.Order{
		Batch: batchOfPress(t.form, t.area, t.role, strconv.FormatBool(t.expired), t.starts, t.text),
		Text:  t.text, Area: extension.AreaID(t.area), Role: extension.RoleID(t.role), Expired: t.expired, Starts: starts,
	}, err
}

// parseMoment reads a time in UTC as browsers write that of a field (HTML, "valid local date and time string"), or as
// people type it where a browser has no such field; zero for none.
func parseMoment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, extension.Invalid("starts", "This is no date and time. Write it like 2026-11-30 08:00, in UTC, or leave the field empty to send now.")
}
