package onboard_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"paperplane/extension"
	"paperplane/extension/onboard"
)

// refusingSettings is a Kratos that refuses every password with what a test says.
type refusingSettings struct {
	*door
	err error
}

func (r refusingSettings) SubmitPassword(context.Context, extension.Browser, extension.Form, string) (extension.Form, extension.Reply, error) {
	return extension.Form{}, extension.Reply{}, r.err
}

// kratosSays is a form that Kratos refused with one message.
func kratosSays(field string, id int64, text string) error {
	message := extension.Message{ID: id, Text: text, Error: true}
	if field == "" {
		return &extension.RefusedError{Form: extension.Form{Messages: []extension.Message{message}}}
	}
	return &extension.RefusedError{Form: extension.Form{Nodes: []extension.Node{{Name: field, Messages: []extension.Message{message}}}}}
}

func TestTheLastMistakeIsKeptWithoutAnythingThatWasTyped(t *testing.T) {
	t.Parallel()
	const typed = "T0psecret-typed"
	s := setup(t)
	s.started(t)
	good := onboard.Registration{FirstName: "Bob", LastName: "Builder", Mobile: "+46701740605", Email: address, Password: typed}
	for name, c := range map[string]struct {
		change func(*onboard.Registration)
		kratos error
		want   string
	}{
		"no name, no password": {
			func(r *onboard.Registration) { r.FirstName, r.Password = "", "" }, nil, "Enter your first name. Choose a password.",
		},
		"no number": {
			func(r *onboard.Registration) { r.Mobile = typed }, nil, "A mobile number has no letters. Write it in digits, for example +46 70 123 45 67.",
		},
		"a short password":  {nil, kratosSays("password", 4000032, "must be at least 12 characters long, but got 15"), "This password is too short. Choose a longer one."},
		"a long password":   {nil, kratosSays("password", 4000033, typed), "This password is too long: 72 characters are the most."},
		"a leaked password": {nil, kratosSays("password", 4000034, typed), "This password has appeared in a data breach and is not safe. Choose another one."},
		"a number of somebody else": {
			nil, kratosSays("", 4000007, typed),
			"This mobile number belongs to another account. Enter your own number, or ask your administrator to free it.",
		},
		"a text that quotes":  {nil, kratosSays("traits.name.first", 4000001, typed), "The first name was refused."},
		"a text about it all": {nil, kratosSays("", 4000001, typed), "The details were refused."},
		"our guard":           {nil, kratosSays("traits.phone", 9000004, "Confirm your second factor first, then change this."), "Confirm your second factor first, then change this."},
		"an old page":         {nil, extension.ErrFlowExpired, "The page had been open for too long, so nothing was saved."},
		"an old session":      {nil, extension.ErrStaleSession, "The session had ended before there was a password. Only the link in the letter leads back."},
		"Kratos is down":      {nil, &extension.TroubleError{Sentence: "Ory Kratos does not answer."}, "Ory Kratos does not answer."},
	} {
		verb := s.with(refusingSettings{door: s.door, err: c.kratos})
		form := good
		if c.change != nil {
			c.change(&form)
		}
		if _, err := verb.Register(t.Context(), s.session(), extension.Browser{}, form); err == nil {
			t.Fatalf("%s was taken", name)
		}
		got := s.user(t).Stumble
		if got.Sentence != c.want || got.Step != extension.StepRegister || !got.At.Equal(s.now) || strings.Contains(got.Sentence, typed) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	s.registers()
	s.accepts(t)
	if s.next(t) != extension.StepIn || s.user(t).Stumbled(s.now) != (extension.Stumble{}) {
		t.Errorf("whoever is in stumbles still: %+v", s.user(t).Stumble)
	}
}

func TestALinkThatAnAdministratorMustMendIsAMistakeAtStart(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.kratos.identity.Member = false
	_, err := s.start(t)
	wantLink(t, err, onboard.LinkForeign)
	if got := s.user(t).Stumbled(s.now); got.Step != extension.StepStart || got.Sentence != "The account in Ory Kratos is of another kind, or has another address by now." {
		t.Errorf("%+v", got)
	}
	s.kratos.before = func(string) error { return &extension.TroubleError{Sentence: "Ory Kratos does not answer."} }
	if _, err := s.start(t); !errors.Is(err, extension.ErrUnavailable) {
		t.Fatal(err)
	}
	if got := s.user(t).Stumble.Sentence; got != "Ory Kratos does not answer." {
		t.Errorf("%q", got)
	}
}
