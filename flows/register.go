package flows

import (
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"paperplane/extension"
	"paperplane/extension/onboard"
	"paperplane/extension/web"
)

// registration is the form as it is shown: what was typed, never the password, and what is wrong with it.
type registration struct {
	place   onboard.Place // its organisation is empty while it cannot be asked for
	typed   onboard.Registration
	faults  []extension.FieldError
	problem *web.Problem
	token   string
}

// registration shows the form, with what Kratos already knows from an interrupted one.
func (p *Pages) registration(c *fiber.Ctx) error {
	_, place, err := p.place(c)
	if errors.Is(err, extension.ErrNoSession) {
		return p.tooLate(c)
	}
	if err != nil {
		return err
	}
	if place.Step != extension.StepRegister {
		return onward(c)
	}
	return p.shell.Render(c, fiber.StatusOK, p.registerPage(registration{
		place: place, token: p.token(c, extension.Reply{}),
		typed: onboard.Registration{FirstName: place.User.FirstName, LastName: place.User.LastName, Mobile: place.User.Mobile},
	}))
}

// register hands the form to the verb. Whatever goes wrong, the form comes back with what was typed.
func (p *Pages) register(c *fiber.Ctx) error {
	typed := onboard.Registration{
		FirstName: web.Posted(c, "first_name"), LastName: web.Posted(c, "last_name"), Mobile: web.Posted(c, "mobile"),
		Email: web.Posted(c, "email"), Password: web.Posted(c, "password"),
	}
	session, err := p.session(c)
	if err == nil {
		err = p.shell.CheckToken(c, p.shell.SessionValue(c))
	}
	var reply extension.Reply
	if err == nil {
		reply, err = p.onboarding.Register(c.UserContext(), session, p.shell.Browser(c), typed)
		p.shell.Relay(c, reply)
	}
	switch {
	case err == nil, errors.Is(err, extension.ErrConflict): // a conflict: registered in another tab
		return onward(c)
	case errors.Is(err, extension.ErrNoSession), errors.Is(err, extension.ErrStaleSession):
		return p.tooLate(c)
	}
	return p.registerAgain(c, err, registration{typed: typed, token: p.token(c, reply)}, session)
}

// registerAgain shows the form with what was typed and what stood in the way. The organisation's name is left out when
// it cannot be asked for now: keeping what was typed is worth more.
func (p *Pages) registerAgain(c *fiber.Ctx, cause error, form registration, session extension.Session) error {
	if session.Identity != "" {
		if place, err := p.onboarding.Next(c.UserContext(), session); err == nil {
			if place.Step != extension.StepRegister {
				return onward(c)
			}
			form.place = place
		}
	}
	status := fiber.StatusUnprocessableEntity
	if invalid, ok := errors.AsType[*extension.InvalidError](cause); ok {
		form.faults = invalid.Fields
	} else {
		problem := p.registerProblem(c, cause)
		retryAfter(c, problem)
		form.problem, status = &problem, problem.Status
	}
	return p.shell.Render(c, status, p.registerPage(form))
}

// registerProblem says what stood in the way when it is not something that the invitee typed.
func (p *Pages) registerProblem(c *fiber.Ctx, err error) web.Problem {
	problem := p.shell.Explain(c, err)
	const kept = "What you typed stands below; only the password must be typed again."
	switch {
	case errors.Is(err, extension.ErrUnavailable):
		problem.Sentences = []string{problem.Sentences[0], kept, "Wait a moment, then press the button again."}
	case errors.Is(err, extension.ErrFlowExpired), errors.Is(err, web.ErrStaleForm):
		problem.Title = "This page was open for too long"
		problem.Sentences = []string{"Nothing was saved.", kept, "Look through it and press the button again."}
	default:
		problem.Sentences = append(problem.Sentences, kept)
	}
	return problem
}

// tooLate answers an invitee whose session has run out before there is a password to sign in with: only the link in the
// letter leads back.
func (p *Pages) tooLate(c *fiber.Ctx) error {
	return p.shell.Render(c, fiber.StatusForbidden, p.tooLatePage())
}

// retryAfter tells programs how long to wait, as the shell's own error pages do.
func retryAfter(c *fiber.Ctx, problem web.Problem) {
	if problem.Retry > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(problem.Retry.Seconds()))))
	}
}
