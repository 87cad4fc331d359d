package flows

import (
	"errors"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// agreement is the page of the terms as it is shown.
type agreement struct {
	reader
	place     onboard.Place
	waits     time.Time    // until when they may be put off; zero when they are due
	languages []string     // in which this version can be read
	refusal   string       // why it is shown again: the terms have changed
	problem   *web.Problem // why the acceptance could not be recorded
	flash     *web.Flash
}

// agreePath is the page of the terms that are to be accepted; what becomes of a no, or of no answer, stands below it.
const (
	agreePath    = "/agree"
	declinedPath = "/agree/declined"
	laterPath    = "/agree/later"
)

// laterCookie remembers which terms somebody has put off, and laterTime how long they are not asked again.
const (
	laterCookie = "terms_later"
	laterTime   = 24 * time.Hour
)

// mayWait tells until when the terms of a place may be put off; zero when they are due, or accepted.
func (p *Pages) mayWait(place onboard.Place) time.Time {
	return extension.Member{Organisation: place.Organisation, User: place.User, Terms: place.Terms}.MayWait(p.shell.Now())
}

// asks tells whether the terms of a place are to be accepted: now, or within their grace period.
func (p *Pages) asks(place onboard.Place) bool {
	return place.Step == extension.StepAgree || place.Step == extension.StepIn && !p.mayWait(place).IsZero()
}

// asksFirst tells whether somebody who may still wait with new terms is shown them before they go on: at every entry until
// they have said later, and once a day from then on.
func (p *Pages) asksFirst(c *fiber.Ctx, place onboard.Place) bool {
	return !p.mayWait(place).IsZero() && p.shell.ReadCookie(c, laterCookie, "/") != string(place.Terms.ID)
}

// putOff lets somebody go on without an answer while the grace period lasts.
func (p *Pages) putOff(c *fiber.Ctx) error {
	_, place, err := p.place(c)
	if err != nil {
		return err
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		return p.agreeAfresh(c)
	}
	if !p.mayWait(place).IsZero() {
		p.shell.SetCookie(c, web.Cookie{Name: laterCookie, Value: string(place.Terms.ID), Path: "/", Until: p.shell.Now().Add(laterTime)})
	}
	return onward(c)
}

// placeToAgree is place with the terms in the language that was chosen on their page.
func (p *Pages) placeToAgree(c *fiber.Ctx) (extension.Session, onboard.Place, error) {
	wish := p.wish(c)
	wish.Language = p.readIn(c)
	return p.placeAt(c, wish)
}

// terms shows the current terms.
func (p *Pages) terms(c *fiber.Ctx) error {
	_, place, err := p.placeToAgree(c)
	if err != nil {
		return err
	}
	if !p.asks(place) {
		return onward(c)
	}
	return p.showTerms(c, fiber.StatusOK, agreement{reader: p.reader(c), place: place, flash: p.takeFlash(c)})
}

func (p *Pages) showTerms(c *fiber.Ctx, status int, page agreement) error {
	page.waits = p.mayWait(page.place)
	var err error
	if page.languages, err = p.onboarding.TermsLanguages(c.UserContext(), page.place); err != nil {
		return err
	}
	return p.shell.Render(c, status, p.agreePage(page))
}

// agree accepts the version that the person has read, and no other.
func (p *Pages) agree(c *fiber.Ctx) error {
	session, err := p.session(c)
	if err != nil {
		return err
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		return p.agreeAfresh(c)
	}
	terms := extension.TermsID(web.Posted(c, "terms"))
	reply, err := p.onboarding.Agree(c.UserContext(), session, p.shell.Browser(c), terms)
	p.shell.Relay(c, reply)
	switch {
	case err == nil:
		return c.Redirect(nextPath+"?"+arrived+"=1", fiber.StatusSeeOther)
	case errors.Is(err, extension.ErrConflict): // accepted in another tab
		return onward(c)
	case errors.Is(err, extension.ErrStaleSession):
		return signInAgain(c, agreePath)
	}
	return p.agreeAgain(c, err, session, reply)
}

// agreeAfresh loads the page anew for somebody whose form is older than the session's cookie.
func (p *Pages) agreeAfresh(c *fiber.Ctx) error {
	err := p.setFlash(c, web.Flash{
		Kind: web.NoticeWarning, Text: p.shell.Language(c).Say("The page was open for too long, so nothing was accepted or declined yet. Press the button again."),
	})
	if err != nil {
		return err
	}
	return c.Redirect(agreePath, fiber.StatusSeeOther)
}

// agreeAgain shows the terms again: new ones when they have changed meanwhile, the same ones when a part is down.
func (p *Pages) agreeAgain(c *fiber.Ctx, err error, session extension.Session, reply extension.Reply) error {
	page := agreement{reader: p.readerAfter(c, reply)}
	page.refusal = page.refusalOf(err)
	if page.refusal == "" && !errors.Is(err, extension.ErrUnavailable) {
		return err
	}
	wish := p.wish(c)
	wish.Language = p.readIn(c)
	var lost error
	if page.place, lost = p.onboarding.Next(c.UserContext(), session, wish); lost != nil {
		return err
	}
	if !p.asks(page.place) {
		return onward(c)
	}
	if page.refusal != "" {
		return p.showTerms(c, fiber.StatusUnprocessableEntity, page)
	}
	problem := p.shell.Explain(c, err)
	problem.Sentences = []string{
		problem.Sentences[0], page.l.Say("You are registered, and nothing that you entered is lost."),
		page.l.Say("Wait a moment, then press the button again."),
	}
	page.problem = &problem
	retryAfter(c, problem)
	return p.showTerms(c, problem.Status, page)
}

// refusalOf gives the sentences of a refusal by the verb or, through Kratos, by its guard; empty when err is none.
func (r reader) refusalOf(err error) string {
	var words []string
	var invalid *extension.InvalidError
	var refused *extension.RefusedError
	switch {
	case errors.As(err, &invalid):
		for _, fault := range web.Said(r.l, invalid.Fields) {
			words = append(words, fault.Message)
		}
	case errors.As(err, &refused):
		for _, message := range refused.Form.Errors() {
			words = append(words, wording(r.l, message.Message, message.Field))
		}
	}
	return strings.Join(words, " ")
}

// decline records a no. It can be taken back by accepting, as long as the invitation lasts.
func (p *Pages) decline(c *fiber.Ctx) error {
	session, err := p.session(c)
	if err != nil {
		return err
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		return p.agreeAfresh(c)
	}
	err = p.onboarding.Decline(c.UserContext(), session, extension.TermsID(web.Posted(c, "terms")))
	switch {
	case err == nil:
		return c.Redirect(declinedPath, fiber.StatusSeeOther)
	case errors.Is(err, extension.ErrConflict): // accepted in another tab
		return onward(c)
	}
	return p.agreeAgain(c, err, session, extension.Reply{})
}

// declined says what a no means, and how to come back.
func (p *Pages) declined(c *fiber.Ctx) error {
	_, place, err := p.place(c)
	if err != nil {
		return err
	}
	if !p.asks(place) {
		return onward(c)
	}
	return p.shell.Render(c, fiber.StatusOK, p.declinedPage(p.stopAt(c, place), p.mayWait(place)))
}
