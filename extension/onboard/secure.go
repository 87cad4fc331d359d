package onboard

import (
	"context"
	"errors"
	"fmt"

	"paperplane/extension"
)

// TOTP opens the form that sets an authenticator app up: its nodes hold the picture and the secret. A flow that has run
// out, or none, begins a new one, with another secret. StepError says that another step is due.
func (s *Service) TOTP(
	ctx context.Context, session extension.Session, browser extension.Browser, flow string,
) (extension.Form, extension.Reply, error) {
	if err := s.checkAdding(ctx, session, extension.FactorTOTP); err != nil {
		return extension.Form{}, extension.Reply{}, err
	}
	form, reply, err := s.settingsForm(ctx, session, browser, flow)
	if flow == "" || !errors.Is(err, extension.ErrFlowExpired) {
		return form, reply, err
	}
	form, begun, err := s.settingsForm(ctx, session, browser.With(reply), "")
	return form, reply.And(begun), err
}

// checkAdding refuses a session in which this factor may not be set up now.
func (s *Service) checkAdding(ctx context.Context, session extension.Session, way extension.Factor) error {
	k, err := s.look(ctx, session)
	if err != nil {
		return err
	}
	_, err = s.mayAdd(k, way)
	return err
}

// EnrolTOTP sets the authenticator app up with a code that it shows for the secret of the flow. Kratos asks our guard before
// it saves, which records that this session has shown it. A wrong code is an InvalidError about the field code; ErrFlowExpired
// says that the secret does not count any more, so that the app needs the new one that TOTP gives.
func (s *Service) EnrolTOTP(
	ctx context.Context, session extension.Session, browser extension.Browser, flow, code string,
) (extension.Reply, error) {
	k, err := s.look(ctx, session)
	if err != nil {
		return extension.Reply{}, err
	}
	m, err := s.mayAdd(k, extension.FactorTOTP)
	if err != nil {
		return extension.Reply{}, err
	}
	reply, err := s.enrolTOTP(ctx, session, browser, flow, tidyCode(code))
	if err != nil {
		return reply, s.stumbled(ctx, m.User.ID, s.step(k, m), err)
	}
	return reply, s.observe(ctx, session.Identity, k.members, Evidence{})
}

func (s *Service) enrolTOTP(
	ctx context.Context, session extension.Session, browser extension.Browser, flow, code string,
) (extension.Reply, error) {
	switch {
	case code == "":
		return extension.Reply{}, extension.Invalid(fieldCode, "Enter the code.")
	case flow == "":
		return extension.Reply{}, fmt.Errorf("set up an authenticator app: %w", extension.ErrFlowExpired)
	}
	form, reply, err := s.settingsForm(ctx, session, browser, flow)
	if err != nil {
		return reply, err
	}
	err = s.once(ctx, session.Identity, code, func(ticket string) error {
		_, saved, err := s.settings.SubmitTOTP(ctx, browser.With(reply), form, code)
		reply = reply.And(saved)
		if err == nil {
			// The app is saved whatever comes now. A code that is not taken stays reserved, and as good as used.
			_ = s.store.TakeAppCode(context.WithoutCancel(ctx), session.Identity, ticket)
		}
		return err
	})
	if errors.Is(err, extension.ErrCodeUsed) {
		return reply, s.usedTwice(ctx, session)
	}
	if err != nil {
		return reply, codeInPlainWords(extension.FactorTOTP, fmt.Errorf("set up an authenticator app: %w", err))
	}
	return reply, nil
}

// RecoveryCodes has Kratos make new recovery codes and gives them with the flow that they belong to. They count, and the
// ones before stop to, once KeepRecoveryCodes is called for the flow. StepError says that another step is due.
func (s *Service) RecoveryCodes(
	ctx context.Context, session extension.Session, browser extension.Browser,
) (string, []string, extension.Reply, error) {
	form, reply, err := s.openCodes(ctx, session, browser, "")
	if err != nil {
		return "", nil, reply, err
	}
	form, codes, made, err := s.settings.NewRecoveryCodes(ctx, browser.With(reply), form)
	reply = reply.And(made)
	if err != nil {
		return "", nil, reply, fmt.Errorf("make recovery codes: %w", err)
	}
	return form.ID, codes, reply, nil
}

// KeepRecoveryCodes makes the codes of a flow count: their holder has them on paper. ErrFlowExpired says that they were
// shown too long ago, so that new ones must be made.
func (s *Service) KeepRecoveryCodes(
	ctx context.Context, session extension.Session, browser extension.Browser, flow string,
) (extension.Reply, error) {
	if flow == "" {
		return extension.Reply{}, fmt.Errorf("keep recovery codes: %w", extension.ErrFlowExpired)
	}
	form, reply, err := s.openCodes(ctx, session, browser, flow)
	if err != nil {
		return reply, err
	}
	_, kept, err := s.settings.ConfirmRecoveryCodes(ctx, browser.With(reply), form)
	reply = reply.And(kept)
	if err != nil {
		return reply, fmt.Errorf("keep recovery codes: %w", err)
	}
	return reply, nil
}

// openCodes opens the form of the recovery codes. They stand in for a factor, so they are changed like one.
func (s *Service) openCodes(
	ctx context.Context, session extension.Session, browser extension.Browser, flow string,
) (extension.Form, extension.Reply, error) {
	k, err := s.look(ctx, session)
	if err != nil {
		return extension.Form{}, extension.Reply{}, err
	}
	if _, err := s.mayAdd(k, extension.FactorRecovery); err != nil {
		return extension.Form{}, extension.Reply{}, err
	}
	// The guard asks this too, but only once the codes have been shown.
	elsewhere, err := s.store.OpenElsewhere(ctx, session.Identity, session.ID)
	if err != nil {
		return extension.Form{}, extension.Reply{}, fmt.Errorf("find open settings of identity %s: %w", session.Identity, err)
	}
	if !extension.CodesWait(k.members, elsewhere).IsZero() {
		return extension.Form{}, extension.Reply{}, extension.Invalid("", extension.CodesMustWait)
	}
	return s.settingsForm(ctx, session, browser, flow)
}
