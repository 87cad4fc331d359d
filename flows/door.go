package flows

import (
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// door is one of the two places at which a code is typed: where a second factor is set up, and where it is shown. They have
// the same pages, and differ in when they are due and in what a right code leads to. Nothing is ever sent by looking at
// one: a code goes out when its button is pressed.
type door struct {
	path  string // of its choice of ways; the other pages are below it
	step  extension.Step
	after string // where a right code leads
}

func (p *Pages) setUp() door {
	return door{path: "/secure", step: extension.StepSecure, after: codesPath}
}

func (p *Pages) confirmation() door {
	return door{path: "/confirm", step: extension.StepConfirm, after: nextPath}
}

// mountDoor puts the pages of a door on the app.
func (p *Pages) mountDoor(app *fiber.App, d door) {
	back := func(c *fiber.Ctx) error { return c.Redirect(d.path, fiber.StatusSeeOther) }
	app.Get(d.path, func(c *fiber.Ctx) error { return p.ways(c, d) })
	app.Get(d.path+"/send", back)
	app.Post(d.path+"/send", func(c *fiber.Ctx) error { return p.sendCode(c, d) })
	app.Get(d.path+"/code", func(c *fiber.Ctx) error { return p.codeForm(c, d) })
	app.Post(d.path+"/code", func(c *fiber.Ctx) error { return p.enterCode(c, d) })
}

// doorway is a page of a door as it is shown.
type doorway struct {
	reader
	door
	session extension.Session
	place   onboard.Place
	ways    []onboard.Way
	way     onboard.Way // whose code is asked for; zero on the choice of ways
	sent    string      // what SendCode gave for the newest code by the way; empty when none was sent to this browser
	now     time.Time
	faults  []extension.FieldError
	problem *web.Problem
	flash   *web.Flash
}

// come brings somebody to a door. False says that its step is not due: then they have been sent on.
func (p *Pages) come(c *fiber.Ctx, d door) (doorway, bool, error) {
	session, place, err := p.place(c)
	if err != nil {
		return doorway{}, false, err
	}
	if back := p.confirmedFor(c); back != "" && d.step == extension.StepConfirm {
		d.after = back
		if place, err = p.accountPlace(c, session, place); err != nil {
			return doorway{}, false, err
		}
		if unconfirmedIn(place) && place.Step == extension.StepIn {
			place.Step = d.step // the account asks for it, whatever the organisations do
		}
	}
	if place.Step != d.step {
		return doorway{}, false, onward(c)
	}
	ways, err := p.onboarding.Ways(c.UserContext(), session, place)
	if err != nil {
		return doorway{}, false, err
	}
	return doorway{reader: p.reader(c), door: d, session: session, place: place, ways: ways, now: p.shell.Now()}, true, nil
}

// through picks the way that the page is about. False says that it is none of those that are open here.
func (w doorway) through(kind string) (doorway, bool) {
	at := slices.IndexFunc(w.ways, func(way onboard.Way) bool { return string(way.Kind) == kind })
	if at >= 0 {
		w.way = w.ways[at]
	}
	return w, at >= 0
}

// others are the ways beside the one that the page is about.
func (w doorway) others() []onboard.Way {
	return slices.DeleteFunc(slices.Clone(w.ways), func(way onboard.Way) bool { return way.Kind == w.way.Kind })
}

// shut tells whether none of a way's codes is looked at, after too many wrong ones. Those by which an app is set up are
// always: their secret is on the page.
func (w doorway) shut(way onboard.Way) bool {
	return (way.Spent || !way.Closed.IsZero()) && (w.step == extension.StepConfirm || sent(way.Kind))
}

func (w doorway) open(way onboard.Way) bool { return !w.shut(way) }

// closed is how long a way is shut.
func (w doorway) closed(way onboard.Way) time.Duration { return max(0, way.Closed.Sub(w.now)) }

// leads tells whether a way is the first that is open, beside the one that the page is about.
func (w doorway) leads(way onboard.Way) bool {
	first := slices.IndexFunc(w.others(), w.open)
	return first >= 0 && w.others()[first].Kind == way.Kind
}

// sent tells whether codes of this kind are sent by Kratos, to a number or an address.
func sent(kind extension.Factor) bool {
	return kind == extension.FactorSMS || kind == extension.FactorEmail
}

// asking tells whether it is for another organisation that a second factor is shown.
func (w doorway) asking() bool {
	asking := w.place.Asking
	return w.step == extension.StepConfirm && asking.ID != w.place.Organisation.ID && asking.TwoFactor == extension.TwoFactorRequired
}

// rescuer is the organisation whose administrators can reset the second factor: the only one that has a say in the account,
// which need not be the one that it is shown for. False says that there are several, so that none of them can.
func (w doorway) rescuer() (extension.Organisation, bool) {
	begun := slices.DeleteFunc(slices.Clone(w.place.Standings), func(s onboard.Standing) bool { return !s.Begun })
	switch len(begun) {
	case 0:
		return w.place.Organisation, true
	case 1:
		return begun[0].Organisation, true
	}
	return extension.Organisation{}, false
}

// ways offers the ways. At a confirmation the code of an app is asked for at once: nothing need be sent for it.
func (p *Pages) ways(c *fiber.Ctx, d door) error {
	w, due, err := p.come(c, d)
	if err != nil || !due {
		return err
	}
	w.flash = p.takeFlash(c)
	if app, ok := w.through(string(extension.FactorTOTP)); ok && d.step == extension.StepConfirm {
		return p.shell.Render(c, fiber.StatusOK, p.codePage(app))
	}
	if spent := slices.IndexFunc(w.ways, func(way onboard.Way) bool { return way.Spent }); spent >= 0 && !slices.ContainsFunc(w.ways, w.open) {
		w.way = w.ways[spent]
		return p.shell.Render(c, fiber.StatusOK, p.shutPage(w))
	}
	return p.shell.Render(c, fiber.StatusOK, p.waysPage(w))
}

// codeForm asks for a code. One that was never sent is sent first, from the choice of ways.
func (p *Pages) codeForm(c *fiber.Ctx, d door) error {
	w, due, err := p.come(c, d)
	if err != nil || !due {
		return err
	}
	w, expected := p.expecting(c, w, c.Query(wayField))
	if !expected {
		return c.Redirect(d.path, fiber.StatusSeeOther)
	}
	w.flash = p.takeFlash(c)
	return p.shell.Render(c, fiber.StatusOK, p.codePage(w))
}

// wayField names the way in forms and addresses.
const wayField = "way"

// expecting picks a way whose code can be typed at the door now: an app's and one from paper always, another one once it
// was sent to this browser. False says that this way's cannot.
func (p *Pages) expecting(c *fiber.Ctx, w doorway, kind string) (doorway, bool) {
	w, open := w.through(kind)
	if !open || w.step == extension.StepSecure && !sent(w.way.Kind) {
		return w, false
	}
	w.sent = p.shell.ReadCookie(c, codeCookie(w.way.Kind), w.path)
	return w, w.sent != "" || !sent(w.way.Kind)
}
