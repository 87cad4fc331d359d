package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// The demonstration organisation of `paperplane dev`.
const (
	demoSlug          = "harbour"
	demoAdministrator = "ada.admin@harbour.example"
)

// demoTerms are short on purpose: the real ones are an organisation's own.
const demoTerms = `These terms and conditions are an example. They say what a person agrees to before using the applications of Harbour Care.

Use the applications for your work only, keep your password to yourself, and tell your administrator at once if you think that somebody else knows it.

What you see about other people stays between you and your colleagues who need it.`

// seed founds the demonstration organisation once and brings its administrator in through the same doors as everybody:
// invitation, Start, registration, terms.
func seed(ctx context.Context, s *server, password string) error {
	organisation, err := s.roster.Organisation(ctx, demoSlug)
	if errors.Is(err, extension.ErrNotFound) {
		charter := demoCharter()
		if err := found(ctx, s, charter, demoAdministrator); err != nil {
			return fmt.Errorf("seed: %w", err)
		}
		organisation = charter.Organisation
	} else if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	user, err := awaitSent(ctx, s, organisation)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	if !user.Facts.Activated.IsZero() {
		return nil
	}
	if err := bringIn(ctx, s, user, password); err != nil {
		return fmt.Errorf("seed: an earlier start was interrupted, RESET=1 starts afresh: %w", err)
	}
	return nil
}

func demoCharter() extension.Charter {
	organisation := extension.Organisation{
		ID: extension.NewID[extension.OrganisationID](), Slug: demoSlug, Name: "Harbour Care", TwoFactor: extension.TwoFactorOff, Ways: extension.Ways(),
		LinkLifetime: extension.DefaultLinkLifetime, Language: "en", Region: "SE",
	}
	charter := extension.Charter{
		Organisation: organisation,
		Terms:        extension.NewTerms(organisation.ID, organisation.Language, "Terms and conditions (EULA)", demoTerms),
	}
	for _, name := range []string{"North Pier", "South Pier", "Lighthouse"} {
		charter.Areas = append(charter.Areas, extension.ServiceArea{ID: extension.NewID[extension.AreaID](), Name: name})
	}
	for _, role := range []extension.Role{
		{Name: "Administrator", Right: extension.RightAdministrator},
		{Name: "Team lead", Right: extension.RightInviter},
		{Name: "Carer", Right: extension.RightNone},
	} {
		role.ID = extension.NewID[extension.RoleID]()
		charter.Roles = append(charter.Roles, role)
	}
	return charter
}

// awaitSent waits until the administrator's invitation was sent.
func awaitSent(ctx context.Context, s *server, organisation extension.Organisation) (extension.User, error) {
	actor := extension.System(organisation.ID, organisation.Name)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := s.roster.List(ctx, actor, extension.Filter{Search: demoAdministrator})
		if err != nil {
			return extension.User{}, err
		}
		for _, user := range list.Page.Users {
			if !user.Facts.Sent.IsZero() {
				return user, nil
			}
			if user.Refused != "" {
				return extension.User{}, fmt.Errorf("the administrator's invitation was not sent (%s); RESET=1 starts afresh", user.Refused)
			}
		}
		select {
		case <-ctx.Done():
			return extension.User{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// bringIn plays the invitee.
func bringIn(ctx context.Context, s *server, user extension.User, password string) error {
	token, err := s.links.Token(s.links.Current(), user.Invitation)
	if err != nil {
		return err
	}
	browser := extension.Browser{UserAgent: "paperplane dev", IP: "127.0.0.1"}
	reply, err := s.onboard.Start(ctx, token, extension.Session{}, browser)
	if err != nil {
		return err
	}
	browser = browser.With(reply)
	session, err := s.kratos.Session(ctx, browser)
	if err != nil {
		return err
	}
	reply, err = s.onboard.Register(ctx, session, browser, onboard.Registration{
		FirstName: "Ada", LastName: "Admin", Mobile: "+46 70 174 06 05", Email: user.Address, Password: password,
	})
	if err != nil {
		return err
	}
	browser = browser.With(reply)
	place, err := s.onboard.Next(ctx, session, onboard.Wish{})
	if err != nil {
		return err
	}
	if _, err := s.onboard.Agree(ctx, session, browser, place.Terms.ID); err != nil {
		return err
	}
	if place, err = s.onboard.Next(ctx, session, onboard.Wish{}); err != nil {
		return err
	}
	if place.Step != extension.StepIn {
		return fmt.Errorf("the administrator is at step %s", place.Step)
	}
	// This browser is gone, and nobody else has seen what it opened: recovery codes need not wait for it.
	return s.db.ForgetOpenings(ctx, session.Identity)
}
