package flows

import (
	"cmp"
	"errors"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/locale"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// registration is the form as it is shown: what was typed, never the password, and what is wrong with it.
type registration struct {
	l          locale.Language
	place      onboard.Place // its organisation is empty while it cannot be asked for
	typed      onboard.Registration
	invitation string // leads back to Start when the session ends before the form is sent
	faults     []extension.FieldError
	problem    *web.Problem
	token      string
}

// registration shows the form, with what Kratos already knows from an interrupted one, or what was typed into one whose
// session had ended.
func (p *Pages) registration(c *fiber.Ctx) error {
	_, place, err := p.place(c)
	if errors.Is(err, extension.ErrNoSession) {
		return p.tooLate(c, "", false)
	}
	if err != nil {
		return err
	}
	if place.Step != extension.StepRegister {
		return onward(c)
	}
	user, l := place.User, p.shell.Language(c)
	before, _ := p.recall(c, keptRegistration(), user.Address)
	problem, reply := p.stillUnlinked(c, l)
	return p.shell.Render(c, fiber.StatusOK, p.registerPage(registration{
		l: l, place: place, token: p.token(c, reply), invitation: string(user.Invitation), problem: problem,
		typed: onboard.Registration{
			FirstName: cmp.Or(before.FirstName, user.FirstName), LastName: cmp.Or(before.LastName, user.LastName),
			Mobile: cmp.Or(before.Mobile, user.Mobile),
		},
	}))
}

// register hands the form to the verb. Whatever goes wrong, the form comes back with what was typed.
func (p *Pages) register(c *fiber.Ctx) error {
	form := registration{l: p.shell.Language(c), invitation: web.Posted(c, "invitation"), typed: onboard.Registration{
		FirstName: web.Posted(c, "first_name"), LastName: web.Posted(c, "last_name"), Mobile: web.Posted(c, "mobile"),
		Email: web.Posted(c, "email"), Password: web.Posted(c, "password"),
	}}
	session, err := p.session(c)
	if err == nil {
		err = p.shell.CheckToken(c, p.shell.SessionValue(c))
	}
	var location string
	var reply extension.Reply
	if err == nil {
		location, reply, err = p.handIn(c, session, form.typed)
		p.shell.Relay(c, reply)
	}
	switch {
	case err == nil && location != "":
		return p.leave(c, location)
	case err == nil, errors.Is(err, extension.ErrConflict): // a conflict: registered in another tab
		p.forget(c, keptRegistration())
		return onward(c)
	case errors.Is(err, extension.ErrNoSession), errors.Is(err, extension.ErrStaleSession):
		typed := extension.Traits{FirstName: form.typed.FirstName, LastName: form.typed.LastName, Mobile: form.typed.Mobile}
		if err := p.keep(c, keptRegistration(), form.typed.Email, typed); err != nil {
			return err
		}
		return p.tooLate(c, form.invitation, true)
	}
	form.token = p.token(c, reply)
	return p.registerAgain(c, err, form, session)
}

// handIn registers with the password, or with the social sign-in whose button was pressed: then it gives the address of
// its provider.
func (p *Pages) handIn(c *fiber.Ctx, session extension.Session, typed onboard.Registration) (string, extension.Reply, error) {
	browser, provider := p.shell.Browser(c), web.Posted(c, "provider")
	if provider == "" {
		reply, err := p.onboarding.Register(c.UserContext(), session, browser, typed)
		return "", reply, err
	}
	if !slices.ContainsFunc(p.providers, func(known Provider) bool { return known.ID == provider }) {
		return "", extension.Reply{}, extension.Invalid("", "This way of signing in is not offered here. Choose a password, or one of the buttons below.")
	}
	typed.Password = ""
	return p.onboarding.RegisterWith(c.UserContext(), session, browser, typed, provider)
}

// registerAgain shows the form with what was typed and what stood in the way. The organisation's name is left out when
// it cannot be asked for now: keeping what was typed is worth more.
func (p *Pages) registerAgain(c *fiber.Ctx, cause error, form registration, session extension.Session) error {
	if session.Identity != "" {
		if place, err := p.onboarding.Next(c.UserContext(), session, p.wish(c)); err == nil {
			if place.Step != extension.StepRegister {
				return onward(c)
			}
			form.place = place
		}
	}
	status := fiber.StatusUnprocessableEntity
	if invalid, ok := errors.AsType[*extension.InvalidError](cause); ok {
		form.faults = web.Said(form.l, invalid.Fields)
	} else {
		problem := p.registerProblem(c, cause)
		retryAfter(c, problem)
		form.problem, status = &problem, problem.Status
	}
	return p.shell.Render(c, status, p.registerPage(form))
}

// registerProblem says what stood in the way when it is not something that the invitee typed.
func (p *Pages) registerProblem(c *fiber.Ctx, err error) web.Problem {
	l, problem := p.shell.Language(c), p.shell.Explain(c, err)
	kept := l.Say("What you typed stands below; only the password must be typed again.")
	switch {
	case errors.Is(err, extension.ErrUnavailable):
		problem.Sentences = []string{problem.Sentences[0], kept, l.Say("Wait a moment, then press the button again.")}
	case errors.Is(err, extension.ErrFlowExpired), errors.Is(err, web.ErrStaleForm):
		problem.Title = l.Say("This page was open for too long")
		problem.Sentences = []string{l.Say("Nothing was saved."), kept, l.Say("Look through it and press the button again.")}
	default:
		problem.Sentences = append(problem.Sentences, kept)
	}
	return problem
}

// tooLate answers an invitee whose session has run out before there is a password to sign in with: only the link in the
// letter leads back, or its page, which this browser may still have the cookie of.
func (p *Pages) tooLate(c *fiber.Ctx, invitation string, typed bool) error {
	back := ""
	if id, err := extension.ParseID[extension.InvitationID](invitation); err == nil {
		back = joinPath(id)
	}
	return p.shell.Render(c, fiber.StatusForbidden, p.tooLatePage(p.shell.Language(c), back, typed))
}

// retryAfter tells programs how long to wait, as the shell's own error pages do.
func retryAfter(c *fiber.Ctx, problem web.Problem) {
	if problem.Retry > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(problem.Retry.Seconds()))))
	}
}
