package onboard

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"paperplane/extension"
)

// Register takes the registration form to Kratos: profile first, then the password. Both go through Kratos' settings
// flow in the invitee's own session, so Kratos' rules and guards apply. Every field that is wrong comes back at once as
// an InvalidError with the fields first_name, last_name, mobile, email and password. The reply's cookies belong to the
// browser even when an error comes with them.
func (s *Service) Register(ctx context.Context, session extension.Session, browser extension.Browser, r Registration) (extension.Reply, error) {
	place, err := s.Next(ctx, session)
	if err != nil {
		return extension.Reply{}, err
	}
	if place.Step != extension.StepRegister {
		return extension.Reply{}, fmt.Errorf("register: %w", extension.ErrConflict)
	}
	reply, err := s.register(ctx, place, session, browser, r)
	return reply, inPlainWords(s.stumbled(ctx, place.User.ID, extension.StepRegister, err))
}

func (s *Service) register(ctx context.Context, place Place, session extension.Session, browser extension.Browser, r Registration) (extension.Reply, error) {
	r.FirstName, r.LastName = extension.TidyName(r.FirstName), extension.TidyName(r.LastName)
	mobile, err := s.check(place, r)
	if err != nil {
		return extension.Reply{}, err
	}
	r.Mobile = mobile

	form, reply, err := s.settings.SettingsForm(ctx, browser, "")
	if err != nil {
		return reply, fmt.Errorf("begin registration: %w", err)
	}
	if form.Identity != session.Identity {
		return reply, fmt.Errorf("begin registration: %w", extension.ErrNoSession)
	}
	browser = browser.With(reply)

	traits := form.Traits
	traits.FirstName, traits.LastName, traits.Mobile = r.FirstName, r.LastName, r.Mobile
	form, saved, err := s.settings.SubmitProfile(ctx, browser, form, traits)
	reply = reply.And(saved)
	if err != nil {
		return reply, err
	}
	_, saved, err = s.settings.SubmitPassword(ctx, browser.With(saved), form, r.Password)
	return reply.And(saved), err
}

// check refuses what is wrong before Kratos is asked, all at once, and gives the mobile in E.164.
func (s *Service) check(place Place, r Registration) (string, error) {
	var refused extension.InvalidError
	refuse := func(field, sentence string) {
		if sentence != "" {
			refused.Fields = append(refused.Fields, extension.FieldError{Field: field, Message: sentence})
		}
	}
	refuse("first_name", extension.NameRefusal(r.FirstName, "first name"))
	refuse("last_name", extension.NameRefusal(r.LastName, "last name"))
	mobile, err := s.mobiles(r.Mobile, place.Organisation.Region)
	if invalid, ok := errors.AsType[*extension.InvalidError](err); ok {
		refused.Fields = append(refused.Fields, invalid.Fields...)
	} else if err != nil {
		return "", fmt.Errorf("read mobile number: %w", err)
	}
	if !strings.EqualFold(r.Email, place.User.Address) {
		refuse("email", "The email address cannot be changed: the invitation is for "+place.User.Address+".")
	}
	if r.Password == "" {
		refuse("password", "Choose a password.")
	}
	if len(refused.Fields) > 0 {
		return "", &refused
	}
	return mobile, nil
}

// The ids of Kratos' messages that registration can meet. They are stable; the texts are not.
const (
	kratosTaken          = 4000007
	kratosPasswordSimple = 4000031
	kratosPasswordShort  = 4000032
	kratosPasswordLong   = 4000033
	kratosPasswordLeaked = 4000034
	kratosPhone          = 4000041
)

// inPlainWords turns a form that Kratos refused into sentences at our fields; other errors pass.
func inPlainWords(err error) error {
	var form *extension.RefusedError
	switch invalid, ok := errors.AsType[*extension.InvalidError](err); {
	case ok:
		return invalid
	case err == nil:
		return nil
	case !errors.As(err, &form):
		return fmt.Errorf("register: %w", err)
	}
	var refused extension.InvalidError
	for _, m := range form.Form.Errors() {
		field, sentence := plain(m)
		refused.Fields = append(refused.Fields, extension.FieldError{Field: field, Message: sentence})
	}
	if len(refused.Fields) == 0 {
		refused.Fields = []extension.FieldError{{Message: "Your details were not accepted. Check them and try again."}}
	}
	return &refused
}

// plain words one message of Kratos and finds the field of ours it belongs to.
func plain(m extension.FieldMessage) (field, sentence string) {
	switch m.ID {
	case kratosTaken:
		return "mobile", "This mobile number belongs to another account. Enter your own number, or ask your administrator to free it."
	case kratosPasswordSimple:
		return "password", "This password is too similar to your email address. Choose another one."
	case kratosPasswordShort, kratosPasswordLong:
		return "password", m.Text
	case kratosPasswordLeaked:
		return "password", "This password has appeared in a data breach and is not safe. Choose another one."
	case kratosPhone:
		return "mobile", "This is not a mobile number. Start with + and the country code."
	}
	fields := map[string]string{
		"traits.name.first": "first_name", "traits.name.last": "last_name", "traits.phone": "mobile",
		"traits.email": "email", "password": "password",
	}
	return fields[m.Field], m.Text
}
