package kratos_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"paperplane/extension"
)

// person is a browser and the identity that a test made for it.
type person struct {
	*stack

	identity extension.IdentityID
	address  string
	cookies  map[string]string
}

// address makes an e-mail address that nobody else has.
func address(name string) string {
	return name + "." + extension.NewID[string]()[:13] + "@example.com"
}

// invited makes an identity as an invitation does: inactive and without a credential.
func (s *stack) invited(t *testing.T) *person {
	t.Helper()
	p := &person{stack: s, address: address("Guest"), cookies: map[string]string{}}
	made, err := s.client.CreateIdentities(t.Context(), []extension.NewIdentity{{User: extension.NewID[extension.UserID](), Address: p.address}})
	if err != nil || made[0].ID == "" {
		t.Fatalf("create: %v %+v", err, made)
	}
	p.identity = made[0].ID
	return p
}

// started goes on to the press of Start.
func (s *stack) started(t *testing.T) *person {
	t.Helper()
	p := s.invited(t)
	if err := s.client.Enable(t.Context(), p.identity, p.address); err != nil {
		t.Fatal(err)
	}
	p.admit(t)
	return p
}

// registered goes on to a name and a password.
func (s *stack) registered(t *testing.T) *person {
	t.Helper()
	p := s.started(t)
	form := p.settings(t)
	_, reply, err := s.client.SubmitPassword(t.Context(), p.browser(), form, password)
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	return p
}

const password = "correct horse battery staple"

func (p *person) admit(t *testing.T) extension.Reply {
	t.Helper()
	reply, err := p.client.Admit(t.Context(), p.identity, p.browser())
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	return reply
}

func (p *person) settings(t *testing.T) extension.Form {
	t.Helper()
	form, reply, err := p.client.SettingsForm(t.Context(), p.browser(), "")
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	return form
}

// login fetches a sign-in form and submits it.
func (p *person) login(t *testing.T, identifier, password string) error {
	t.Helper()
	form, reply, err := p.client.LoginForm(t.Context(), p.browser(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	p.take(reply)
	reply, err = p.client.SubmitLogin(t.Context(), p.browser(), form.ID, map[string]string{
		"csrf_token": form.Hidden("csrf_token"), "identifier": identifier, "password": password, "method": "password",
	})
	p.take(reply)
	return err
}

func (p *person) browser() extension.Browser {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(p.cookies)) {
		pairs = append(pairs, name+"="+p.cookies[name])
	}
	return extension.Browser{Cookies: strings.Join(pairs, "; "), UserAgent: "Paperplane test browser", IP: "203.0.113.7"}
}

// anotherBrowser is the same person without cookies.
func (p *person) anotherBrowser() *person {
	return &person{stack: p.stack, identity: p.identity, address: p.address, cookies: map[string]string{}}
}

// take obeys Set-Cookie lines as a browser does.
func (p *person) take(reply extension.Reply) {
	for _, line := range reply.SetCookies {
		cookie, err := http.ParseSetCookie(line)
		switch {
		case err != nil:
		case cookie.MaxAge < 0 || cookie.Value == "":
			delete(p.cookies, cookie.Name)
		default:
			p.cookies[cookie.Name] = cookie.Value
		}
	}
}

// freshMobile makes a number that Kratos takes for a valid one and that nobody else here has.
func freshMobile() string {
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return '0' + r%10
		}
		return r
	}, strings.ReplaceAll(extension.NewID[string](), "-", ""))
	return "+49151" + digits[:8]
}
