package flows

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// codeCookie is the cookie of what SendCode gave for the newest code by one way, so that somebody who goes back or comes from
// another page can still type the code that they have.
func codeCookie(kind extension.Factor) string { return "code_" + string(kind) }

// codeTime is how long such a cookie lives: longer than any code.
const codeTime = time.Hour

// sendCode has Kratos send a code, and leads to where it is typed.
func (p *Pages) sendCode(c *fiber.Ctx, d door) error {
	w, due, err := p.come(c, d)
	if err != nil || !due {
		return err
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		return p.afresh(c, d)
	}
	w, open := w.through(web.Posted(c, wayField))
	if !open || !sent(w.way.Kind) {
		return c.Redirect(d.path, fiber.StatusSeeOther)
	}
	var reply extension.Reply
	w.sent, reply, err = p.onboarding.SendCode(c.UserContext(), w.session, p.shell.Browser(c), w.way.Kind)
	p.shell.Relay(c, reply)
	if err != nil {
		w.reader = p.readerAfter(c, reply)
		return p.notSent(c, w, err)
	}
	p.shell.SetCookie(c, web.Cookie{Name: codeCookie(w.way.Kind), Value: w.sent, Path: d.path, Until: p.shell.Now().Add(codeTime)})
	return c.Redirect(d.path+"/code?"+wayField+"="+string(w.way.Kind), fiber.StatusSeeOther)
}

// afresh loads the choice of ways anew for somebody whose form is older than the session's cookie.
func (p *Pages) afresh(c *fiber.Ctx, d door) error {
	err := p.setFlash(c, web.Flash{
		Kind: web.NoticeWarning, Text: p.shell.Language(c).Say("The page was open for too long, so nothing was sent or saved. Try again."),
	})
	if err != nil {
		return err
	}
	return c.Redirect(d.path, fiber.StatusSeeOther)
}

// notSent says why no code went out. Whoever has an earlier one can still type it.
func (p *Pages) notSent(c *fiber.Ctx, w doorway, err error) error {
	if errors.Is(err, extension.ErrConflict) { // done in another tab
		return onward(c)
	}
	if _, ok := errors.AsType[*extension.InvalidError](err); ok {
		if w = p.afterWrong(c, w); w.shut(w.way) {
			return p.shutOut(c, w)
		}
	}
	problem, known := p.codeProblem(c, err)
	if !known {
		return err
	}
	if cooldown, ok := errors.AsType[*extension.CooldownError](err); ok {
		w.way.Next = cooldown.Until
		if at := slices.IndexFunc(w.ways, func(way onboard.Way) bool { return way.Kind == w.way.Kind }); at >= 0 {
			w.ways[at].Next = cooldown.Until
		}
	}
	w.problem = &problem
	retryAfter(c, problem)
	if typing, ok := p.expecting(c, w, string(w.way.Kind)); ok {
		if problem.Status == fiber.StatusTooManyRequests {
			problem.Sentences[len(problem.Sentences)-1] = w.l.Say("If you have a code, type it. Otherwise wait, or choose another way.")
		}
		return p.shell.Render(c, problem.Status, p.codePage(typing))
	}
	return p.shell.Render(c, problem.Status, p.waysPage(w))
}

// enterCode takes a code to the verb. A wrong one is said at its field.
func (p *Pages) enterCode(c *fiber.Ctx, d door) error {
	w, due, err := p.come(c, d)
	if err != nil || !due {
		return err
	}
	if p.shell.CheckToken(c, p.shell.SessionValue(c)) != nil {
		return p.afresh(c, d)
	}
	w, expected := p.expecting(c, w, web.Posted(c, wayField))
	if !expected {
		return c.Redirect(d.path, fiber.StatusSeeOther)
	}
	code := tidyCode(web.Posted(c, codeField))
	if code == "" {
		return p.codeAgain(c, w, extension.Invalid(codeField, "Type the code."))
	}
	reply, err := p.onboarding.Confirm(c.UserContext(), w.session, p.shell.Browser(c), onboard.Confirmation{
		Way: w.way.Kind, Sent: w.sent, Code: code,
	})
	p.shell.Relay(c, reply)
	if err != nil {
		w.reader = p.readerAfter(c, reply)
		return p.codeAgain(c, p.afterWrong(c, w), err)
	}
	if w.sent != "" {
		p.shell.DropCookie(c, codeCookie(w.way.Kind), d.path)
	}
	if w.after != d.after {
		p.shell.DropCookie(c, confirmForCookie, "/")
	}
	return c.Redirect(w.after, fiber.StatusSeeOther)
}

// codeField is the field of a code.
const codeField = "code"

// tidyCode takes the spaces and hyphens out of a code, in which people write it down and some messages show it.
func tidyCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -\t\u00a0\u202f", r) {
			return -1
		}
		return r
	}, strings.TrimSpace(typed))
}

// afterWrong looks which ways are still open once a code was refused: it may have been the last of the window.
func (p *Pages) afterWrong(c *fiber.Ctx, w doorway) doorway {
	ways, err := p.onboarding.Ways(c.UserContext(), w.session, w.place)
	if err != nil {
		return w // what was wrong with the code is said all the same
	}
	w.ways = ways
	w, _ = w.through(string(w.way.Kind))
	return w
}

// codeAgain shows the field again with what was wrong with the code, or that there were too many.
func (p *Pages) codeAgain(c *fiber.Ctx, w doorway, err error) error {
	if w.shut(w.way) {
		return p.shutOut(c, w)
	}
	if faults := p.codeFaults(c, err); len(faults) > 0 {
		w.faults = faults
		return p.shell.Render(c, fiber.StatusUnprocessableEntity, p.codePage(w))
	}
	if errors.Is(err, extension.ErrConflict) { // done in another tab
		return onward(c)
	}
	problem, known := p.codeProblem(c, err)
	if !known {
		return err
	}
	w.problem = &problem
	retryAfter(c, problem)
	return p.shell.Render(c, problem.Status, p.codePage(w))
}

// shutOut answers somebody whose way has just been found shut.
func (p *Pages) shutOut(c *fiber.Ctx, w doorway) error {
	if !w.way.Spent {
		retryAfter(c, web.Problem{Retry: w.closed(w.way)})
	}
	return p.shell.Render(c, fiber.StatusTooManyRequests, p.shutPage(w))
}

// codeFaults are the sentences of a refusal by the verb or by Kratos, at the one field that there is.
func (p *Pages) codeFaults(c *fiber.Ctx, err error) []extension.FieldError {
	l := p.shell.Language(c)
	var faults []extension.FieldError
	if invalid, ok := errors.AsType[*extension.InvalidError](err); ok {
		faults = web.Said(l, invalid.Fields)
	} else if refused, ok := errors.AsType[*extension.RefusedError](err); ok {
		for _, message := range refused.Form.Errors() {
			faults = append(faults, extension.FieldError{Message: wording(l, message.Message, codeField)})
		}
		if len(faults) == 0 {
			faults = []extension.FieldError{{Message: l.Say("This code is not right. Check it and try again.")}}
		}
	}
	for i := range faults {
		faults[i].Field = codeField
	}
	return faults
}

// codeProblem words what stands in the way of a code and is no mistake; false when it has no words for it.
func (p *Pages) codeProblem(c *fiber.Ctx, err error) (web.Problem, bool) {
	l := p.shell.Language(c)
	var cooldown *extension.CooldownError
	switch {
	case errors.As(err, &cooldown):
		return web.Problem{
			Status: fiber.StatusTooManyRequests, Retry: max(time.Second, cooldown.Until.Sub(p.shell.Now())),
			Title: l.Say("Another code cannot be sent yet"),
			Sentences: []string{
				l.Say("A code was sent a short time ago, or several within the last hour. It can take a minute to arrive."),
				l.Say("Wait, or choose another way."),
			},
		}, true
	case errors.Is(err, extension.ErrFlowExpired):
		return web.Problem{
			Status: fiber.StatusGone, Title: l.Say("This code does not work any more"),
			Sentences: []string{
				l.Say("It is too old, or too many wrong ones were typed. Nothing else has happened."),
				l.Say("Ask for a new code, or choose another way."),
			},
		}, true
	case errors.Is(err, extension.ErrUnavailable):
		problem := p.shell.Explain(c, err)
		problem.Sentences = []string{
			problem.Sentences[0], l.Say("Nothing that you entered before is lost."), l.Say("Wait a moment, then press the button again."),
		}
		return problem, true
	}
	faults := p.codeFaults(c, err)
	problem := web.Problem{Status: fiber.StatusUnprocessableEntity, Title: l.Say("No code was sent")}
	for _, fault := range faults {
		problem.Sentences = append(problem.Sentences, fault.Message)
	}
	return problem, len(faults) > 0
}
