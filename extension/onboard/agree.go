package onboard

import (
	"context"
	"fmt"

	"paperplane/extension"
)

// Agree accepts the terms for the person in the session. The evidence row comes first, because the trait in Kratos is
// only a claim; then Kratos takes the version, and its guard checks it. InvalidError says that the terms have changed
// since the page was shown.
func (s *Service) Agree(ctx context.Context, session extension.Session, browser extension.Browser, terms extension.TermsID) (extension.Reply, error) {
	place, err := s.Next(ctx, session)
	if err != nil {
		return extension.Reply{}, err
	}
	if place.Step != extension.StepAgree {
		return extension.Reply{}, fmt.Errorf("accept terms: %w", extension.ErrConflict)
	}
	reply, err := s.agree(ctx, place, session, browser, terms)
	return reply, s.stumbled(ctx, place.User.ID, extension.StepAgree, err)
}

func (s *Service) agree(
	ctx context.Context, place Place, session extension.Session, browser extension.Browser, terms extension.TermsID,
) (extension.Reply, error) {
	if place.Terms.ID != terms {
		return extension.Reply{}, extension.Invalid("", "The terms have changed since you opened this page. Read the new ones and accept them.")
	}
	now := s.now()
	err := s.store.RecordAcceptance(ctx, extension.Acceptance{
		User: place.User.ID, Terms: terms, At: now, IP: browser.IP, UserAgent: browser.UserAgent,
	})
	if err != nil {
		return extension.Reply{}, fmt.Errorf("record acceptance of user %s: %w", place.User.ID, err)
	}

	form, reply, err := s.settings.SettingsForm(ctx, browser, "")
	if err != nil {
		return reply, fmt.Errorf("begin acceptance: %w", err)
	}
	if form.Identity != session.Identity {
		return reply, fmt.Errorf("begin acceptance: %w", extension.ErrNoSession)
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
