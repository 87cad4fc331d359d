package onboard

import (
	"context"
	"fmt"

	"paperplane/extension"
)

// TermsLanguages lists the languages (BCP 47) in which the version of a place's terms can be read, the organisation's first.
func (s *Service) TermsLanguages(ctx context.Context, place Place) ([]string, error) {
	if place.Terms.ID == "" {
		return nil, nil
	}
	languages, err := s.store.TermsLanguages(ctx, place.Organisation.ID, place.Terms.Version)
	if err != nil {
		return nil, fmt.Errorf("find languages of terms %s: %w", place.Terms.ID, err)
	}
	return languages, nil
}

// Agree accepts the terms for the person in the session: the current version of one of their organisations, in whatever
// language it was read. The evidence row comes first, because the trait in Kratos is only a claim; then Kratos takes the
// version, and its guard checks it. InvalidError says that the terms have changed since the page was shown.
func (s *Service) Agree(ctx context.Context, session extension.Session, browser extension.Browser, terms extension.TermsID) (extension.Reply, error) {
	m, err := s.asked(ctx, session, terms)
	if m.User.ID == "" {
		return extension.Reply{}, err
	}
	if err != nil {
		return extension.Reply{}, s.stumbled(ctx, m.User.ID, extension.StepAgree, err)
	}
	reply, err := s.agree(ctx, m, session, browser, terms)
	return reply, s.stumbled(ctx, m.User.ID, extension.StepAgree, err)
}

// Decline keeps that the person in the session does not accept the terms, for administrators to see. It closes nothing: the
// page asks again the next time. The errors are those of Agree.
func (s *Service) Decline(ctx context.Context, session extension.Session, terms extension.TermsID) error {
	m, err := s.asked(ctx, session, terms)
	if err != nil {
		return err
	}
	if err := s.store.Decline(ctx, m.User.ID, terms, s.now()); err != nil {
		return fmt.Errorf("note that user %s declined: %w", m.User.ID, err)
	}
	return nil
}

// asked finds the user who is asked to accept these terms. With an InvalidError comes the user who is asked for others.
func (s *Service) asked(ctx context.Context, session extension.Session, terms extension.TermsID) (extension.Member, error) {
	k, err := s.look(ctx, session)
	if err != nil {
		return extension.Member{}, err
	}
	for _, m := range k.members {
		current, err := s.current(ctx, m, terms)
		switch {
		case err != nil:
			return extension.Member{}, err
		case current && s.mayAgree(k, m):
			return m, nil
		case current:
			return extension.Member{}, s.elsewhere(k)
		}
	}
	m, err := s.at(k, extension.StepAgree)
	if err != nil {
		return extension.Member{}, err
	}
	return m, extension.Invalid("", "The terms have changed since you opened this page. Read the new ones and accept them.")
}

// mayAgree tells whether the user is asked: because the step is due, or ahead of time, while an earlier version still does.
func (s *Service) mayAgree(k known, m extension.Member) bool {
	switch s.step(k, m) {
	case extension.StepAgree:
		return true
	case extension.StepIn:
		return m.User.Facts.Accepted.IsZero() && mayChange(k)
	case extension.StepPaused, extension.StepExpired, extension.StepStart, extension.StepRegister, extension.StepSecure, extension.StepConfirm:
	}
	return false
}

func (s *Service) agree(
	ctx context.Context, m extension.Member, session extension.Session, browser extension.Browser, terms extension.TermsID,
) (extension.Reply, error) {
	now := s.now()
	err := s.store.RecordAcceptance(ctx, extension.Acceptance{
		User: m.User.ID, Terms: terms, At: now, IP: browser.IP, UserAgent: browser.UserAgent,
	})
	if err != nil {
		return extension.Reply{}, fmt.Errorf("record acceptance of user %s: %w", m.User.ID, err)
	}
	form, reply, err := s.settingsForm(ctx, session, browser, "")
	if err != nil {
		return reply, err
	}
	traits := form.Traits
	traits.Terms = extension.AcceptedTerms{Version: terms, Accepted: now}
	_, saved, err := s.settings.SubmitProfile(ctx, browser.With(reply), form, traits)
	reply = reply.And(saved)
	if err != nil {
		return reply, fmt.Errorf("accept terms: %w", err)
	}
	return reply, nil
}
