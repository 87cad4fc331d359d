package flows

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// keptCodesCookie says that recovery codes were kept in a session, whose id it holds. They are shown once, also to whoever
// goes back.
const keptCodesCookie = "codes"

// sessionTime is how long a session lives at most, by the configuration that Kratos is given.
const sessionTime = 24 * time.Hour

// codeSheet is a set of new recovery codes that somebody is to keep, on whichever page.
type codeSheet struct {
	reader
	owner string // the address of whose they are
	codes []string
	again bool // those that were shown before were not kept, and do not work
}

// recovery is the page of the codes that follow a set-up.
type recovery struct {
	codeSheet
	before bool // there are codes from before, which count until these are kept
	place  onboard.Place
	flow   string
	faults []extension.FieldError
}

// file is the codes as a text file in an address, which browsers save without JavaScript.
func (s codeSheet) file() string {
	lines := append([]string{s.l.Say("Recovery codes for %s", s.owner), ""}, s.codes...)
	return "data:text/plain;charset=utf-8," + url.PathEscape(strings.Join(lines, "\r\n")+"\r\n")
}

// recoveryCodes shows new codes after a set-up. Looking at them changes nothing: they count only once they are said to be
// kept, and until then the codes from before do.
func (p *Pages) recoveryCodes(c *fiber.Ctx) error {
	session, place, err := p.place(c)
	if err != nil {
		return err
	}
	if len(place.Proofs) == 0 {
		return onward(c)
	}
	held, err := p.onboarding.HoldsRecoveryCodes(c.UserContext(), session)
	page := recovery{codeSheet: codeSheet{reader: p.reader(c)}, place: place, before: held}
	switch {
	case err != nil:
		return p.noCodes(c, page, err)
	case held && p.shell.ReadCookie(c, keptCodesCookie, codesPath) == string(session.ID):
		return p.shell.Render(c, fiber.StatusOK, p.codesKeptPage(p.stopAt(c, place)))
	case held && c.Query(newCodesField) == "":
		place.Step = extension.StepSecure // which this page is the end of, whatever is due next
		return p.shell.Render(c, fiber.StatusOK, p.codesHeldPage(p.stopAt(c, place)))
	}
	return p.showCodes(c, session, fiber.StatusOK, page)
}

// newCodesField asks for new codes where there are some from before.
const newCodesField = "new"

func (p *Pages) showCodes(c *fiber.Ctx, session extension.Session, status int, page recovery) error {
	flow, codes, reply, err := p.onboarding.RecoveryCodes(c.UserContext(), session, p.shell.Browser(c))
	p.shell.Relay(c, reply)
	page.reader = p.readerAfter(c, reply)
	if err != nil {
		return p.noCodes(c, page, err)
	}
	page.place.Step = extension.StepSecure // which this page is the end of, whatever is due next
	page.flow, page.owner, page.codes = flow, page.place.User.Address, codes
	return p.shell.Render(c, status, p.codesPage(page))
}

// noCodes says why there are no codes to keep. The second factor is set up whatever became of them.
func (p *Pages) noCodes(c *fiber.Ctx, page recovery, err error) error {
	page.place.Step = extension.StepSecure // which this page is the end of, whatever is due next
	switch {
	case errors.Is(err, extension.ErrConflict): // this session may not make any
		return onward(c)
	case errors.Is(err, extension.ErrStaleSession):
		return signInAgain(c, codesPath)
	case errors.Is(err, extension.ErrUnavailable):
		problem := p.shell.Explain(c, err)
		problem.Sentences = []string{
			problem.Sentences[0], page.l.Say("Your second factor is set up and safe."),
			page.l.Say("Load this page again in a moment, or go on and make recovery codes later in your settings."),
		}
		retryAfter(c, problem)
		return p.shell.Render(c, problem.Status, p.noCodesPage(page.reader, page.place, problem))
	}
	if invalid, ok := errors.AsType[*extension.InvalidError](err); ok { // not yet
		problem := web.Problem{Status: fiber.StatusConflict, Title: page.l.Say("Recovery codes have to wait")}
		for _, field := range web.Said(page.l, invalid.Fields) {
			problem.Sentences = append(problem.Sentences, field.Message)
		}
		return p.shell.Render(c, problem.Status, p.noCodesPage(page.reader, page.place, problem))
	}
	return err
}

// beforeField says that there are codes from before.
const beforeField = "before"

// keepCodes makes the codes count that were shown.
func (p *Pages) keepCodes(c *fiber.Ctx) error {
	session, place, err := p.place(c)
	if err != nil {
		return err
	}
	if len(place.Proofs) == 0 {
		return onward(c)
	}
	page := recovery{codeSheet: codeSheet{reader: p.reader(c), again: true}, place: place, before: web.Posted(c, beforeField) != ""}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		return p.showCodes(c, session, fiber.StatusForbidden, page)
	}
	if web.Posted(c, "kept") != "yes" {
		page.faults = []extension.FieldError{{Field: "kept", Message: page.l.Say("Tick the box once you have kept the codes.")}}
		return p.showCodes(c, session, fiber.StatusUnprocessableEntity, page)
	}
	reply, err := p.onboarding.KeepRecoveryCodes(c.UserContext(), session, p.shell.Browser(c), web.Posted(c, flowField))
	p.shell.Relay(c, reply)
	var refused *extension.RefusedError
	switch {
	case errors.Is(err, extension.ErrFlowExpired), errors.As(err, &refused):
		return p.showCodes(c, session, fiber.StatusGone, page)
	case errors.Is(err, extension.ErrStaleSession):
		return signInAgain(c, codesPath)
	case err != nil && !errors.Is(err, extension.ErrConflict): // a conflict: kept in another tab
		return err
	}
	p.shell.SetCookie(c, web.Cookie{
		Name: keptCodesCookie, Value: string(session.ID), Path: codesPath, Until: p.shell.Now().Add(sessionTime),
	})
	return onward(c)
}
