package onboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"paperplane/extension"
)

// SendCode has Kratos send a code by text message or e-mail, to show one of the person's own factors or to set one up, and
// gives what Confirm needs with the code: it names the flow, which nobody else may learn. Call it for a POST only.
// CooldownError says that one was sent too recently, StepError that another step is due.
func (s *Service) SendCode(
	ctx context.Context, session extension.Session, browser extension.Browser, way extension.Factor,
) (string, extension.Reply, error) {
	k, err := s.look(ctx, session)
	if err != nil {
		return "", extension.Reply{}, err
	}
	m, err := s.mayShow(k, way)
	if err != nil {
		return "", extension.Reply{}, err
	}
	sending, reply, err := s.sendCode(ctx, m, session, browser, way)
	return sending, reply, s.stumbled(ctx, m.User.ID, s.step(k, m), err)
}

func (s *Service) sendCode(
	ctx context.Context, m extension.Member, session extension.Session, browser extension.Browser, way extension.Factor,
) (string, extension.Reply, error) {
	address := addressOf(way, m.User, session)
	if address == "" {
		return "", extension.Reply{}, extension.Invalid("way", "There is no number that a code can be sent to. Choose another way.")
	}
	// Before Kratos is asked: what it sends cannot be taken back.
	if err := s.allowCode(ctx, session.Identity, way); err != nil {
		return "", extension.Reply{}, err
	}
	form, reply, err := s.secondStep.SendCode(ctx, browser, way, address, "")
	if err != nil {
		return "", reply, codeInPlainWords(way, fmt.Errorf("send a code by %s: %w", way, err))
	}
	sending := attempt{Identity: session.Identity, Session: session.ID, Flow: form.ID, Way: way, Address: sentTo(form, way)}
	return seal(s.sealers.sending, sending), reply, nil
}

// allowCode refuses a code that was asked for too soon, or that nobody would look at.
func (s *Service) allowCode(ctx context.Context, id extension.IdentityID, way extension.Factor) error {
	err := s.store.AllowCode(ctx, id, way)
	if errors.Is(err, extension.ErrGuessesSpent) {
		return extension.Invalid("way", guessesSpent)
	}
	if _, ok := errors.AsType[*extension.CooldownError](err); ok {
		guesses, unknown := s.store.Guesses(ctx, id)
		if unknown != nil {
			return fmt.Errorf("find wrong codes of identity %s: %w", id, unknown)
		}
		if _, closed := guesses.Closed[way]; closed {
			return extension.Invalid("way", guessesPaused)
		}
	}
	if err != nil {
		return fmt.Errorf("allow a code by %s: %w", way, err)
	}
	return nil
}

// addressOf is where codes go, as Kratos spells it; empty when they cannot.
func addressOf(way extension.Factor, user extension.User, session extension.Session) string {
	switch way {
	case extension.FactorSMS:
		return user.Mobile
	case extension.FactorEmail:
		return session.Email
	case extension.FactorTOTP, extension.FactorWebAuthn, extension.FactorRecovery:
	}
	return ""
}

// Confirm takes a code to Kratos: of an authenticator app, from a message, or a recovery code. What counts is not Kratos'
// word but our own record, which Kratos' hook makes while it takes the code (Witness). A wrong code is an InvalidError about
// the field code. ErrFlowExpired says that the code which was sent does not work any more, StepError that another step is
// due, ErrUnavailable that the code was right and could not be recorded: nothing has changed, and another one will do.
func (s *Service) Confirm(
	ctx context.Context, session extension.Session, browser extension.Browser, c Confirmation,
) (extension.Reply, error) {
	k, err := s.look(ctx, session)
	if err != nil {
		return extension.Reply{}, err
	}
	m, err := s.mayConfirm(k, c.Way)
	if err != nil {
		return extension.Reply{}, err
	}
	reply, err := s.confirmWith(ctx, session, browser, c)
	return reply, s.stumbled(ctx, m.User.ID, s.step(k, m), err)
}

// mayConfirm is mayShow for what Kratos can check while somebody signs in: an app is set up in the settings.
func (s *Service) mayConfirm(k known, way extension.Factor) (extension.Member, error) {
	m, err := s.mayShow(k, way)
	if err != nil {
		return extension.Member{}, err
	}
	kratosOnly := slices.Contains(extension.KratosFactors(), way)
	if kratosOnly && !slices.Contains(m.User.Factors, way) || way == extension.FactorWebAuthn {
		return extension.Member{}, s.elsewhere(k)
	}
	return m, nil
}

func (s *Service) confirmWith(ctx context.Context, session extension.Session, browser extension.Browser, c Confirmation) (extension.Reply, error) {
	c.Code = tidyCode(c.Code)
	if c.Code == "" {
		return extension.Reply{}, extension.Invalid(fieldCode, "Enter the code.")
	}
	if err := s.store.AllowGuess(ctx, session.Identity, c.Way); err != nil {
		return extension.Reply{}, tooManyGuesses(err)
	}
	reply, err := s.tryCode(ctx, session, browser, c)
	if err == nil {
		err = s.proven(ctx, session, c.Way)
	} else if errors.Is(err, extension.ErrCodeUsed) {
		err = s.usedTwice(ctx, session)
	}
	if err == nil {
		return reply, s.forgetGuesses(ctx, session.Identity)
	}
	if !guessed(err) {
		// One that is not given back is one wrong code more, which the next right one takes away.
		_ = s.store.ReturnGuess(context.WithoutCancel(ctx), session.Identity, c.Way)
	}
	return reply, codeInPlainWords(c.Way, err)
}

// proven fails unless a code that Kratos has taken was recorded.
func (s *Service) proven(ctx context.Context, session extension.Session, way extension.Factor) error {
	proofs, err := s.proofs(ctx, session)
	switch {
	case err != nil || slices.Contains(proofs, way):
		return err
	case sent(way): // Kratos did not say where it went (see shown)
		return extension.Invalid(fieldCode, "The code was right, but it cannot be told where it was sent. Ask for a new one and enter that.")
	}
	return &extension.TroubleError{Sentence: "The code was right, but that could not be recorded. Try again in a moment."}
}

// guessed tells whether a code counts as a wrong one: Kratos has refused it, or it took so long that it may yet be taken.
// Otherwise Kratos has not looked at it, or it was right.
func guessed(err error) bool {
	_, refused := errors.AsType[*extension.RefusedError](err)
	return refused || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// forgetGuesses begins the count of wrong codes anew. Call it only once a code has proven something: Kratos also takes a
// code that went to an address which is no factor of theirs, and whoever reads that mailbox could guess another for ever.
func (s *Service) forgetGuesses(ctx context.Context, id extension.IdentityID) error {
	if err := s.store.ForgetGuesses(ctx, id); err != nil {
		return fmt.Errorf("forget wrong codes of identity %s: %w", id, err)
	}
	return nil
}

// tooManyGuesses words the pause after many wrong codes, and the end after too many; other errors pass.
func tooManyGuesses(err error) error {
	if errors.Is(err, extension.ErrGuessesSpent) {
		return extension.Invalid(fieldCode, guessesSpent)
	}
	if _, ok := errors.AsType[*extension.CooldownError](err); ok {
		return extension.Invalid(fieldCode, guessesPaused)
	}
	return fmt.Errorf("allow a code to be looked at: %w", err)
}

// tryCode submits a code in the flow that it was sent in, or in a new one where codes belong to the identity.
func (s *Service) tryCode(ctx context.Context, session extension.Session, browser extension.Browser, c Confirmation) (reply extension.Reply, err error) {
	a := attempt{Identity: session.Identity, Session: session.ID, Way: c.Way}
	switch c.Way {
	case extension.FactorTOTP:
		err = s.once(ctx, session.Identity, c.Code, func(code string) (err error) {
			a.Code = code
			reply, err = s.submitCode(ctx, browser, a, c.Code)
			return err
		})
	case extension.FactorRecovery:
		// Kratos takes one as often as it comes before the first is marked as used.
		err = s.store.Exclusive(ctx, extension.RecoveryLock(session.Identity), func(ctx context.Context) error {
			proofs, err := s.proofs(ctx, session)
			if err != nil || slices.Contains(proofs, extension.FactorRecovery) { // the button was pressed twice
				return err
			}
			reply, err = s.submitCode(ctx, browser, a, c.Code)
			return err
		})
	case extension.FactorSMS, extension.FactorEmail, extension.FactorWebAuthn:
		var sent bool
		if a, sent = unseal(s.sealers.sending, c.Sent, session.Identity, session.ID); !sent || a.Way != c.Way {
			return reply, fmt.Errorf("confirm by %s: %w", c.Way, extension.ErrFlowExpired)
		}
		reply, err = s.submitCode(ctx, browser, a, c.Code)
	}
	return reply, err
}

// submitCode is one submit of the second step. The ticket tells our hook that it came by our pages, where wrong codes are
// counted.
func (s *Service) submitCode(ctx context.Context, browser extension.Browser, a attempt, code string) (extension.Reply, error) {
	form, reply, err := s.secondStep.ConfirmForm(ctx, browser, a.Flow)
	if err != nil {
		return reply, fmt.Errorf("confirm by %s: %w", a.Way, err)
	}
	a.Flow = form.ID
	method, field := methodOf(a.Way), "code"
	switch a.Way {
	case extension.FactorTOTP:
		field = "totp_code"
	case extension.FactorRecovery:
		field = method
	case extension.FactorSMS, extension.FactorEmail, extension.FactorWebAuthn:
	}
	submitted, err := s.secondStep.SubmitLogin(ctx, browser.With(reply), form.ID, map[string]string{
		"method": method, field: code, "csrf_token": form.Hidden("csrf_token"), extension.TicketField: seal(s.sealers.ticket, a),
	})
	reply = reply.And(submitted)
	if err != nil {
		return reply, fmt.Errorf("confirm by %s: %w", a.Way, err)
	}
	return reply, nil
}

// methodCode is Kratos' word for codes that are sent.
const methodCode = "code"

// sent tells whether codes of this kind are sent, and so belong to the flow that sent them.
func sent(way extension.Factor) bool {
	return way == extension.FactorSMS || way == extension.FactorEmail
}

// tidyCode takes out the spaces and hyphens with which codes are written down. Kratos writes recovery codes in lower case.
func tidyCode(typed string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(typed, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}), ""))
}
