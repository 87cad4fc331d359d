package admin

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/roster"
	"paperplane/extension/web"
)

// listing is what the users list asks of the verbs.
type listing interface {
	List(ctx context.Context, actor extension.Actor, filter extension.Filter) (roster.List, error)
	Person(ctx context.Context, actor extension.Actor, user extension.UserID) (roster.Person, error)
	Find(ctx context.Context, actor extension.Actor, user extension.UserID) (extension.User, error)
}

// mountUsers puts the users list and what its rows do below an organisation.
func (p *Pages) mountUsers(organisation fiber.Router) {
	organisation.Get("/users", p.read(p.listUsers))
	p.mountPerson(organisation)
	organisation.Post("/users/:user/pause", p.change(p.pause))
	organisation.Post("/users/:user/resume", p.change(p.resume))
	organisation.Post("/users/:user/resend", p.change(p.resend))
}

// usersPerPage is how many rows one page of the list shows.
const usersPerPage = 50

// place is where in the users list somebody stands. It travels in the address, and with every action back to it.
type place struct {
	search string
	status extension.Status        // empty: all
	letter extension.DeliveryState // of the newest message; empty: any
	cursor extension.Cursor
}

// placeIn reads a place. What makes no sense is left out, so that an old or mistyped address still shows the list.
func placeIn(query url.Values) place {
	at := place{search: oneLine(query.Get("q")), cursor: parseCursor(query.Get("at"))}
	for _, status := range extension.Statuses() {
		if strings.EqualFold(query.Get("status"), string(status)) {
			at.status = status
		}
	}
	for _, letter := range extension.DeliveryStates() {
		if query.Get("letter") == string(letter) {
			at.letter = letter
		}
	}
	return at
}

// query writes a place for an address.
func (a place) query() string {
	query := url.Values{}
	if a.search != "" {
		query.Set("q", a.search)
	}
	if a.status != "" {
		query.Set("status", strings.ToLower(string(a.status)))
	}
	if a.letter != "" {
		query.Set("letter", string(a.letter))
	}
	if a.cursor.Key != "" {
		query.Set("at", cursorText(a.cursor))
	}
	return query.Encode()
}

// filter is whom the list shows at a place, on all its pages.
func (a place) filter() extension.Filter {
	return extension.Filter{Search: a.search, Status: a.status, Letter: a.letter}
}

// with is the first page of the same search and message under another status.
func (a place) with(status extension.Status) place {
	return place{search: a.search, status: status, letter: a.letter}
}

// withLetter is the first page of the same search and status under another state of the message.
func (a place) withLetter(letter extension.DeliveryState) place {
	return place{search: a.search, status: a.status, letter: letter}
}

// at is another page of the same search and filters; nil when there is none.
func (a place) at(cursor *extension.Cursor) *place {
	if cursor == nil {
		return nil
	}
	a.cursor = *cursor
	return &a
}

// The directions of a cursor as they stand in an address.
const (
	forward  = '>'
	backward = '<'
)

func cursorText(cursor extension.Cursor) string {
	direction := string(forward)
	if cursor.Before {
		direction = string(backward)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(direction + string(cursor.User) + cursor.Key))
}

// parseCursor reads a cursor; anything else is the start of the list.
func parseCursor(text string) extension.Cursor {
	const head = 1 + 36 // direction and user id
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) <= head || raw[0] != forward && raw[0] != backward {
		return extension.Cursor{}
	}
	user, err := extension.ParseID[extension.UserID](string(raw[1:head]))
	key := string(raw[head:])
	if err != nil || key != oneLine(key) {
		return extension.Cursor{}
	}
	return extension.Cursor{Key: key, User: user, Before: raw[0] == backward}
}

// usersView is what the users page shows.
type usersView struct {
	visit
	page  web.Page
	place place
	list  roster.List
	all   int // users under every status of this search
}

// listUsers shows the users list.
func (p *Pages) listUsers(c *fiber.Ctx, v visit) error {
	view := usersView{visit: v, place: placeIn(valuesOf(c.Request().URI().QueryString()))}
	filter := view.place.filter()
	filter.Cursor, filter.Limit = view.place.cursor, usersPerPage
	var err error
	view.list, err = p.roster.List(c.UserContext(), v.Actor, filter)
	if err != nil {
		return err
	}
	for _, n := range view.list.Counts {
		view.all += n
	}
	view.page = p.page(c, v, web.Page{
		Title: "Users", Crumbs: []web.Crumb{{Text: "Access management"}}, Actions: addMenu(v),
		Lead: "Who has access to " + v.Organisation.Name + ", and who is invited.",
	})
	if err := p.offerUndo(c, &view); err != nil {
		return err
	}
	return p.shell.Render(c, fiber.StatusOK, p.usersPage(view))
}

// offerUndo puts Resume into the notice of a deactivation, as long as there is something to take back. The user need not
// be on this page of the list.
func (p *Pages) offerUndo(c *fiber.Ctx, view *usersView) error {
	if view.page.Flash == nil || view.page.Flash.About == "" {
		return nil
	}
	user, err := p.roster.Find(c.UserContext(), view.Actor, extension.UserID(view.page.Flash.About))
	if errors.Is(err, extension.ErrNotFound) {
		return nil // out of sight meanwhile
	}
	if err == nil && view.mayResume(user) {
		view.page.Undo = resumeForm(*view, user, web.ButtonSecondary)
	}
	return err
}

// address is the users list at a place.
func (v usersView) address(at place) string { return listAddress(v.visit, at) }

func listAddress(v visit, at place) string {
	if query := at.query(); query != "" {
		return v.path("/users?" + query)
	}
	return v.path("/users")
}

// tab is one status to filter by.
type tab struct {
	label   string
	count   int
	place   place
	current bool
}

func (v usersView) tabs() []tab {
	tabs := []tab{{label: "All", count: v.all, place: v.place.with(""), current: v.place.status == ""}}
	for _, status := range extension.Statuses() {
		tabs = append(tabs, tab{
			label: string(status), count: v.list.Counts[status], place: v.place.with(status), current: v.place.status == status,
		})
	}
	return tabs
}

// chip is one state of the newest message to filter by.
type chip struct {
	label   string
	count   int
	place   place
	current bool
}

// chips are the states that any user of the search and status has, and the one that was chosen. With one state alone
// there is nothing to choose.
func (v usersView) chips() []chip {
	var chips []chip
	all := 0
	for _, letter := range extension.DeliveryStates() {
		n := v.list.Letters[letter]
		all += n
		if n > 0 || v.place.letter == letter {
			chips = append(chips, chip{label: deliveryWord(letter), count: n, place: v.place.withLetter(letter), current: v.place.letter == letter})
		}
	}
	if len(chips) < 2 && v.place.letter == "" {
		return nil
	}
	all += v.list.Letters[""]
	return append([]chip{{label: "Any message", count: all, place: v.place.withLetter(""), current: v.place.letter == ""}}, chips...)
}

// status of a user at the moment for which the list was made.
func (v usersView) status(user extension.User) extension.Status { return user.Facts.Status(v.list.Now) }

// The actions that a row offers. The verbs refuse the others anyway.
func (v usersView) mayPause(user extension.User) bool {
	return v.Actor.Administrates() && user.ID != v.User.ID && v.status(user) != extension.Inactive
}

func (v usersView) mayResume(user extension.User) bool {
	return v.Actor.Administrates() && user.ID != v.User.ID && v.status(user) == extension.Inactive
}

// mayResend leaves out addresses that get no more mail: the person's page says what can be done about them.
func (v usersView) mayResend(user extension.User) bool {
	return onTheWay(v.status(user)) && user.Suppressed == ""
}

// onTheWay tells whether somebody is invited and not in yet.
func onTheWay(status extension.Status) bool {
	return status == extension.Pending || status == extension.Expired
}

// note is what stands under a status: words, and the moment that they end with.
type note struct {
	words string
	at    time.Time // zero when the words say it all
}

func (v usersView) note(user extension.User) note {
	switch v.status(user) {
	case extension.Inactive:
		return note{words: "since", at: user.Facts.Paused}
	case extension.Expired:
		return note{words: "link ended", at: user.Facts.Expires}
	case extension.Pending:
		switch {
		case !user.Facts.Registered.IsZero():
			return note{} // the link has done its work
		case user.Refused != "":
			return note{words: "not sent: " + refusal(user.Refused, "")}
		case user.Facts.Sent.IsZero():
			return note{words: "invitation on its way"}
		}
		return note{words: "link works until", at: user.Facts.Expires}
	case extension.Active:
	}
	return note{}
}
