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
	m, err := s.registering(ctx, session)
	if err != nil {
		return extension.Reply{}, err
	}
	reply, err := s.register(ctx, m, session, browser, r)
	return reply, inPlainWords(s.stumbled(ctx, m.User.ID, extension.StepRegister, err))
}

// RegisterWith is Register with an account at a provider instead of a password. It saves the profile, begins to link the
// account, and gives the provider's address for the browser to go to; r.Password is not looked at. Kratos links the account
// when the browser comes back, and Next finds it.
func (s *Service) RegisterWith(
	ctx context.Context, session extension.Session, browser extension.Browser, r Registration, provider string,
) (string, extension.Reply, error) {
	m, err := s.registering(ctx, session)
	if err != nil {
		return "", extension.Reply{}, err
	}
	location, reply, err := s.registerWith(ctx, m, session, browser, r, provider)
	return location, reply, inPlainWords(s.stumbled(ctx, m.User.ID, extension.StepRegister, err))
}

func (s *Service) registering(ctx context.Context, session extension.Session) (extension.Member, error) {
	k, err := s.look(ctx, session)
	if err != nil {
		return extension.Member{}, err
	}
	return s.at(k, extension.StepRegister)
}

func (s *Service) register(ctx context.Context, m extension.Member, session extension.Session, browser extension.Browser, r Registration) (extension.Reply, error) {
	traits, faults, err := s.check(m, r)
	if err != nil {
		return extension.Reply{}, err
	}
	if r.Password == "" {
		faults = append(faults, extension.FieldError{Field: "password", Message: "Choose a password."})
	}
	form, reply, err := s.saveProfile(ctx, session, browser, traits, faults)
	if err != nil {
		return reply, err
	}
	_, saved, err := s.settings.SubmitPassword(ctx, browser.With(reply), form, r.Password)
	return reply.And(saved), err
}

func (s *Service) registerWith(
	ctx context.Context, m extension.Member, session extension.Session, browser extension.Browser, r Registration, provider string,
) (string, extension.Reply, error) {
	traits, faults, err := s.check(m, r)
	if err != nil {
		return "", extension.Reply{}, err
	}
	form, reply, err := s.saveProfile(ctx, session, browser, traits, faults)
	if err != nil {
		return "", reply, err
	}
	location, begun, err := s.settings.LinkProvider(ctx, browser.With(reply), form, provider)
	return location, reply.And(begun), err
}

// saveProfile takes the details to Kratos, unless there are faults, and gives the form for the credential.
func (s *Service) saveProfile(
	ctx context.Context, session extension.Session, browser extension.Browser, typed extension.Traits, faults []extension.FieldError,
) (extension.Form, extension.Reply, error) {
	if len(faults) > 0 {
		return extension.Form{}, extension.Reply{}, &extension.InvalidError{Fields: faults}
	}
	form, reply, err := s.settingsForm(ctx, session, browser, "")
	if err != nil {
		return extension.Form{}, reply, err
	}
	traits := form.Traits
	traits.FirstName, traits.LastName, traits.Mobile = typed.FirstName, typed.LastName, typed.Mobile
	form, saved, err := s.settings.SubmitProfile(ctx, browser.With(reply), form, traits)
	return form, reply.And(saved), err
}

// settingsForm reads or begins the settings of the session's own identity. The browser may have changed hands since the
// session was read: then there is no session for what was asked.
func (s *Service) settingsForm(
	ctx context.Context, session extension.Session, browser extension.Browser, flow string,
) (extension.Form, extension.Reply, error) {
	form, reply, err := s.settings.SettingsForm(ctx, browser, flow)
	if err != nil {
		return extension.Form{}, reply, fmt.Errorf("open settings: %w", err)
	}
	if form.Identity != session.Identity {
		return extension.Form{}, reply, fmt.Errorf("open settings: %w", extension.ErrNoSession)
	}
	return form, reply, nil
}

// check finds what is wrong with the details before Kratos is asked, all at once, and gives them in their stored spelling.
func (s *Service) check(m extension.Member, r Registration) (extension.Traits, []extension.FieldError, error) {
	var faults []extension.FieldError
	refuse := func(field, sentence string) {
		if sentence != "" {
			faults = append(faults, extension.FieldError{Field: field, Message: sentence})
		}
	}
	typed := extension.Traits{FirstName: extension.TidyName(r.FirstName), LastName: extension.TidyName(r.LastName)}
	refuse("first_name", extension.NameRefusal(typed.FirstName, "first name"))
	refuse("last_name", extension.NameRefusal(typed.LastName, "last name"))
	var err error
	typed.Mobile, err = s.mobiles(r.Mobile, m.Organisation.Region)
	if invalid, ok := errors.AsType[*extension.InvalidError](err); ok {
		faults = append(faults, invalid.Fields...)
	} else if err != nil {
		return extension.Traits{}, nil, fmt.Errorf("read mobile number: %w", err)
	}
	refuse("password", extension.PasswordRefusal(r.Password))
	if !strings.EqualFold(r.Email, m.User.Address) {
		refuse("email", "The email address cannot be changed: it is the one that the invitation was sent to.")
	}
	return typed, faults, nil
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

// StumbleNumberTaken is what an invitee is told, and an administrator sees as their Stumble, whose mobile number belongs to
// another account: FreeMobile is for them.
const StumbleNumberTaken = "This mobile number belongs to another account. Enter your own number, or ask your administrator to free it."

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
		return "mobile", StumbleNumberTaken
	case kratosPasswordSimple:
		return "password", "This password is too similar to your email address. Choose another one."
	case kratosPasswordShort:
		return "password", "This password is too short. Choose a longer one."
	case kratosPasswordLong:
		return "password", "This password is too long: 72 characters are the most."
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
